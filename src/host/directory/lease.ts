import type { Clock } from "../../core/clock.ts";

/** What a lease is on, and who is to know when it is lost. */
export interface LeaseOptions {
  readonly clock: Clock;
  /** After so many milliseconds without renewal the other side gives it to others. */
  readonly ttlMs: number;
  /**
   * Takes the lease if it is not held, else prolongs it.
   *
   * @returns Whether it is held now; `false` if the other side has given it up.
   * @throws if nobody can say.
   */
  renew(isHeld: boolean): Promise<boolean>;
  /** It is held no more: once for each time that it was held. */
  onLost(): void;
}

/** A third: two renewals fall into the time in which the lease is held. */
const RENEWALS = 3;

/** How often a renewal that failed is tried again in the time between two. */
const RETRIES = 4;

/**
 * The part of its time for which a lease counts as held, from when its renewal was sent: the rest is for
 * ending what depends on it before others can take it.
 */
const HELD_PART = 3 / 4;

/** A lease that its holder gives up by itself before the other side does, whatever it hears from there. */
export class Lease {
  readonly #options: LeaseOptions;
  #isHeld = false;
  #until = 0;
  /** Counts the losses: a renewal that was sent before one cannot bring the lease back. */
  #term = 0;
  #renewal: unknown;
  #end: unknown;
  #isStopped = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Whether it is held, by the time: the timer that says so may be late. */
  get isHeld(): boolean {
    return this.#isHeld && this.#options.clock.now() < this.#until;
  }

  /** How often it has been lost. */
  get term(): number {
    return this.#term;
  }

  /** Loses it now if its time is over: after a standstill of the whole process the timer is late. */
  check(): void {
    if (this.#isHeld && !this.isHeld) this.#lose();
  }

  /**
   * Takes it, and renews it from then on.
   *
   * @throws if it cannot be taken.
   */
  async start(): Promise<void> {
    if (!await this.#attempt()) throw new TypeError("The lease was given to another");
    this.#schedule(this.#intervalMs);
  }

  /** Renews it no more. What depends on it is the caller's business. */
  stop(): void {
    this.#isStopped = true;
    this.#isHeld = false;
    this.#options.clock.clearTimeout(this.#renewal);
    this.#options.clock.clearTimeout(this.#end);
  }

  get #intervalMs(): number {
    return this.#options.ttlMs / RENEWALS;
  }

  #schedule(ms: number): void {
    if (this.#isStopped) return;
    this.#renewal = this.#options.clock.setTimeout(() => void this.#renew(), ms);
  }

  async #renew(): Promise<void> {
    let isHeld = false;
    try {
      isHeld = await this.#attempt();
    } catch {
      // It is tried again; what matters is whether it succeeds in time.
    }
    this.#schedule(isHeld ? this.#intervalMs : this.#intervalMs / RETRIES);
  }

  async #attempt(): Promise<boolean> {
    const { clock, ttlMs, renew } = this.#options;
    // From when it is sent: the other side counts from when it arrives, which is later.
    const until = clock.now() + ttlMs * HELD_PART;
    this.check();
    const term = this.#term;
    const isHeld = await renew(this.#isHeld);
    if (this.#isStopped || term !== this.#term) return false;
    if (!isHeld) {
      this.#lose();
      return false;
    }
    if (clock.now() >= until) return false;
    this.#isHeld = true;
    this.#until = until;
    clock.clearTimeout(this.#end);
    this.#end = clock.setTimeout(() => this.#lose(), until - clock.now());
    return true;
  }

  #lose(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#term++;
    this.#options.clock.clearTimeout(this.#end);
    this.#options.onLost();
  }
}
