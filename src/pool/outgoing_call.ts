import type { ActorAddress } from "../core/address.ts";
import { formatActor } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Deadline, Deadlines } from "../core/deadlines.ts";
import { CallTimeoutError } from "../core/message_errors.ts";
import { type CallTerms, LIMITS } from "../core/protocol.ts";
import type { CallOptions, Child, Message, MessageTerms } from "../actor/message.ts";
import { dropResult } from "../actor/device_ref.ts";
import { isReserved } from "./host_service.ts";
import type { Waiter } from "./messages.ts";

/** A call that may end before it is answered: by its deadline, its signal, or the end of the call it was made from. */
export class OutgoingCall implements Waiter, Deadline, Child, MessageTerms {
  readonly to: ActorAddress;
  readonly method: string;
  readonly priority: number;
  readonly expiresAt: number;
  readonly clock: Clock;
  readonly chain: MessageTerms["chain"];
  /** Tells the other side that nobody waits any more; set once the message is on its way. */
  cancel: (reason: unknown) => void = () => {};
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #scope: Message | null;
  readonly #deadlines: Deadlines;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  #settled = false;

  constructor(
    to: ActorAddress,
    method: string,
    options: CallOptions,
    scope: Message | null,
    deadlines: Deadlines,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.to = to;
    this.method = method;
    this.#scope = scope;
    this.#deadlines = deadlines;
    this.clock = deadlines.clock;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = options.signal;
    this.priority = options.priority ?? 0;
    // The runtime's own actors wait for nobody.
    this.chain = scope === null || isReserved(to.uid) ? null : scope.ownChain;
    const { timeoutMs = Infinity } = options;
    const own = timeoutMs === Infinity ? Infinity : this.clock.now() + timeoutMs;
    this.expiresAt = Math.min(own, scope?.terms?.expiresAt ?? Infinity);
    this.#timeoutMs = this.expiresAt === own ? timeoutMs : this.expiresAt - this.clock.now();
    // Before the message goes, because it may fail at once, which takes all of these back.
    this.#signal?.addEventListener("abort", this.#onAbort);
    scope?.adopt(this);
    deadlines.add(this);
  }

  /** The terms as they travel. */
  get terms(): CallTerms | undefined {
    const { priority, chain, expiresAt, clock } = this;
    if (priority === 0 && chain === null && expiresAt === Infinity) return undefined;
    const budgetMs = expiresAt === Infinity ? null : Math.max(0, expiresAt - clock.now());
    return { budgetMs, priority, chain };
  }

  readonly resolve = (value: unknown): void => {
    if (this.#settle()) this.#resolve(value);
    else dropResult(value, "answered");
  };

  readonly reject = (error: unknown): void => {
    if (this.#settle()) this.#reject(error);
  };

  /** Rejects now, and lets the other side know. */
  giveUp(reason: unknown): void {
    if (!this.#settle()) return;
    this.cancel(reason);
    this.#reject(reason);
  }

  expired(): void {
    this.giveUp(
      new CallTimeoutError(
        `${this.method} of ${formatActor(this.to)} did not answer in ${
          Math.round(this.#timeoutMs)
        } ms`,
        this.#timeoutMs,
      ),
    );
  }

  readonly #onAbort = (): void => this.giveUp(this.#signal!.reason);

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#scope?.release(this);
    this.#deadlines.remove(this);
    return true;
  }
}

/**
 * Checks what a caller may have written.
 *
 * @throws {RangeError} that names the option.
 */
export function checkCallOptions({ timeoutMs, priority, window }: CallOptions): void {
  if (timeoutMs !== undefined && !(timeoutMs >= 0)) {
    throw new RangeError(`timeoutMs is a number of milliseconds from 0 up, got ${timeoutMs}`);
  }
  if (priority !== undefined && !Number.isSafeInteger(priority)) {
    throw new RangeError(`priority is a whole number, got ${priority}`);
  }
  const { streamWindow } = LIMITS;
  if (
    window !== undefined && !(Number.isInteger(window) && window >= 1 && window <= streamWindow)
  ) {
    throw new RangeError(
      `window is a whole number of items from 1 to ${streamWindow}, got ${window}`,
    );
  }
}
