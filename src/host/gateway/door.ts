import type { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import { type Clock, SYSTEM_CLOCK } from "../../core/clock.ts";
import type { GatewayLimits } from "./limits.ts";
import { Problem } from "./problem.ts";

/** What a token lets its holder do: everything, or only look. */
export type Role = "owner" | "reader";

/** Who may come in. */
export interface DoorOptions {
  readonly token: string | null;
  readonly readToken: string | null;
  readonly limits: Readonly<Required<GatewayLimits>>;
  readonly clock?: Clock;
}

/** Decides who comes in, before anything of a request is looked at but its headers. */
export class Door {
  readonly #owner: Buffer | null;
  readonly #reader: Buffer | null;
  readonly #limits: Readonly<Required<GatewayLimits>>;
  readonly #clock: Clock;
  #requests = 0;
  #onEmpty: (() => void) | undefined;
  #links = 0;
  #handshakes: number;
  #refilledAt: number;

  constructor({ token, readToken, limits, clock = SYSTEM_CLOCK }: DoorOptions) {
    this.#owner = token === null ? null : digest(`Bearer ${token}`);
    this.#reader = readToken === null ? null : digest(`Bearer ${readToken}`);
    this.#limits = limits;
    this.#clock = clock;
    this.#handshakes = limits.handshakesPerSecond;
    this.#refilledAt = clock.now();
  }

  /** Requests under way. */
  get requests(): number {
    return this.#requests;
  }

  /** Links that other hosts have opened and that are open. */
  get links(): number {
    return this.#links;
  }

  /**
   * What the token of a request is for.
   *
   * @throws {Problem} if it has none, or a wrong one.
   */
  roleOf(headers: Headers): Role {
    if (this.#owner === null) return "owner";
    const given = digest(headers.get("authorization") ?? "");
    // Both always: how long it takes says nothing of which it was.
    const isOwner = timingSafeEqual(given, this.#owner);
    const isReader = this.#reader !== null && timingSafeEqual(given, this.#reader);
    if (isOwner) return "owner";
    if (isReader) return "reader";
    throw new Problem(
      401,
      "token",
      "This host wants its token: Authorization: Bearer … (hosts: start with the same)",
      { headers: { "www-authenticate": 'Bearer realm="dramatis"' } },
    );
  }

  /**
   * Only the token itself lets its holder change anything.
   *
   * @throws {Problem} for the token that is for reading.
   */
  checkOwner(role: Role): void {
    if (role === "owner") return;
    throw new Problem(403, "role", "The token for reading does not do for this");
  }

  /**
   * A request begins. To be ended by {@linkcode leave}.
   *
   * @throws {Problem} if there are too many.
   */
  enter(): void {
    if (this.#requests >= this.#limits.requests) throw busy("requests", this.#limits.requests);
    this.#requests++;
  }

  /** A request is over. */
  leave(): void {
    if (--this.#requests === 0) this.#onEmpty?.();
  }

  /** Waits until no request is under way, but not for longer; whether it came to that. */
  async empty(ms: number): Promise<boolean> {
    if (this.#requests === 0) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    const timer = this.#clock.setTimeout(resolve, ms);
    await promise;
    this.#clock.clearTimeout(timer);
    return this.#requests === 0;
  }

  /**
   * Another host opens a link. To be ended by {@linkcode unlink}.
   *
   * @throws {Problem} if there are too many, or too many a second.
   */
  link(): void {
    const { links, handshakesPerSecond: most } = this.#limits;
    if (this.#links >= links) throw busy("links", links);
    const now = this.#clock.now();
    this.#handshakes = Math.min(most, this.#handshakes + most * (now - this.#refilledAt) / 1000);
    this.#refilledAt = now;
    if (this.#handshakes < 1) {
      throw new Problem(429, "rate", `This host takes ${most} new links a second: try again`, {
        headers: { "retry-after": "1" },
      });
    }
    this.#handshakes--;
    this.#links++;
  }

  /** A link is over. */
  unlink(): void {
    this.#links--;
  }
}

function busy(what: string, most: number): Problem {
  return new Problem(503, "busy", `This host has ${most} ${what} already, which is its limit`, {
    headers: { "retry-after": "1" },
  });
}

/** Digests are compared, in a time that says nothing of where the texts differ. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
