import { type Clock, SYSTEM_CLOCK } from "../../core/clock.ts";
import { ReportLimit } from "../../debug/report_limit.ts";

/** Why the gateway lets a request in no further. */
export type RefusalReason =
  | "host"
  | "origin"
  | "token"
  | "role"
  | "rate"
  | "busy"
  | "body"
  | "handshake"
  | "protocol"
  | "message";

/**
 * A request that was refused at the door, a link that was cut off for what was said on it, or a message or
 * order of somebody who is in that nothing here can take.
 */
export interface GatewayRefusal {
  /** Its kind: what it is counted under. */
  readonly reason: RefusalReason;
  /** What was answered, for people. */
  readonly message: string;
  /** The HTTP status that was answered; 101 if a link was open before it was refused. */
  readonly status: number;
  /** The address that it came from; of a message on a link, the id of its host or client. */
  readonly from: string;
  /** Refusals that were not told of since the last one, because there were too many. */
  readonly suppressed: number;
}

/** Counts refusals and tells of them, of some if there are many: a storm of them must not fill the log. */
export class Refusals {
  readonly counts: Record<RefusalReason, number> = {
    host: 0,
    origin: 0,
    token: 0,
    role: 0,
    rate: 0,
    busy: 0,
    body: 0,
    handshake: 0,
    protocol: 0,
    message: 0,
  };
  readonly #tell: (refusal: GatewayRefusal) => void;
  readonly #limit: ReportLimit;

  constructor(tell: (refusal: GatewayRefusal) => void, clock: Clock = SYSTEM_CLOCK) {
    this.#tell = tell;
    this.#limit = new ReportLimit(clock);
  }

  /** One more. */
  add(refusal: Omit<GatewayRefusal, "suppressed">): void {
    this.counts[refusal.reason]++;
    const suppressed = this.#limit.next();
    if (suppressed === null) return;
    try {
      this.#tell({ ...refusal, suppressed });
    } catch (error) {
      // Whoever knocks must not end the host by what its owner has written.
      // deno-lint-ignore no-console
      console.error("dramatis: listen.onRefusal has thrown", error);
    }
  }
}

/** Characters of a message in a log. */
const LOGGED = 300;

/** A refusal as one line for people: who is refused has had a part in its words. */
export function formatRefusal({ from, status, message, suppressed }: GatewayRefusal): string {
  const left = suppressed === 0 ? "" : `; ${suppressed} more were left out`;
  const more = message.length > LOGGED ? "…" : "";
  // deno-lint-ignore no-control-regex -- a terminal obeys them, and a line end forges a line
  const said = message.slice(0, LOGGED).replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, "?");
  return `refused ${from}: ${status}: ${said}${more}${left}`;
}

/** Prints it on standard error. */
export function printRefusal(refusal: GatewayRefusal): void {
  // deno-lint-ignore no-console
  console.error(`dramatis: ${formatRefusal(refusal)}`);
}
