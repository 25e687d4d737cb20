import { type Clock, MAX_TIMER_MS, SYSTEM_CLOCK } from "./clock.ts";

/** Something with a time by which it must be done. */
export interface Deadline {
  /** On the clock of those who watch it. */
  readonly expiresAt: number;
  /** Time is up. */
  expired(): void;
}

/**
 * Many deadlines on one timer: a timer of its own for each call costs 2 µs. Deadlines of the same few
 * milliseconds share a bucket; the timer is set for the earliest bucket alone.
 */
export class Deadlines {
  /** What time it is. */
  readonly clock: Clock;
  readonly #tickMs: number;
  readonly #buckets = new Map<number, Set<Deadline>>();
  #timer: unknown;
  #next = Infinity;
  #isResting = false;

  constructor(clock: Clock = SYSTEM_CLOCK) {
    this.clock = clock;
    this.#tickMs = clock.tickMs;
  }

  /** How many wait. */
  get size(): number {
    let size = 0;
    for (const bucket of this.#buckets.values()) size += bucket.size;
    return size;
  }

  /** Watches a deadline; `Infinity` is none. */
  add(deadline: Deadline): void {
    const tick = this.#tickOf(deadline);
    if (tick === Infinity) return;
    let bucket = this.#buckets.get(tick);
    if (bucket === undefined) this.#buckets.set(tick, bucket = new Set());
    bucket.add(deadline);
    if (tick < this.#next) this.#arm(tick);
  }

  /** Forgets a deadline. */
  remove(deadline: Deadline): void {
    const tick = this.#tickOf(deadline);
    const bucket = this.#buckets.get(tick);
    if (bucket === undefined || !bucket.delete(deadline) || bucket.size > 0) return;
    this.#buckets.delete(tick);
    if (this.#buckets.size > 0 || this.#isResting) return;
    // Not at once: of calls one after the other, each would set a timer and clear it, for 4 µs.
    this.#isResting = true;
    setImmediate(this.#rest);
  }

  /** With nothing left to wait for, the timer must not keep the process alive. */
  readonly #rest = (): void => {
    this.#isResting = false;
    if (this.#buckets.size === 0) this.#disarm();
  };

  readonly #look = (): void => {
    this.#disarm();
    const now = this.clock.now();
    for (const [tick, bucket] of [...this.#buckets].sort(([a], [b]) => a - b)) {
      if (tick * this.#tickMs > now) continue;
      this.#buckets.delete(tick);
      for (const deadline of bucket) {
        try {
          deadline.expired();
        } catch (error) {
          // A fault of ours: the others are not to wait for ever.
          reportError(error);
        }
      }
    }
    if (this.#timer !== undefined || this.#buckets.size === 0) return;
    let next = Infinity;
    for (const tick of this.#buckets.keys()) next = Math.min(next, tick);
    this.#arm(next);
  };

  #arm(tick: number): void {
    this.clock.clearTimeout(this.#timer);
    this.#next = tick;
    const wait = tick * this.#tickMs - this.clock.now();
    this.#timer = this.clock.setTimeout(this.#look, Math.min(Math.max(wait, 0), MAX_TIMER_MS));
  }

  #disarm(): void {
    this.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#next = Infinity;
  }

  #tickOf({ expiresAt }: Deadline): number {
    return Math.ceil(expiresAt / this.#tickMs);
  }
}
