/** Milliseconds between two looks at the clock: a deadline is kept this precisely. */
const TICK_MS = 4;

/** The longest that a timer can wait, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Something with a time by which it must be done. */
export interface Deadline {
  /** On the clock of `performance.now()`. */
  readonly expiresAt: number;
  /** Time is up. */
  expired(): void;
}

/**
 * Many deadlines on one timer: a timer of its own for each call costs 2 µs. Deadlines of the same few
 * milliseconds share a bucket; the timer is set for the earliest bucket alone.
 */
export class Deadlines {
  readonly #buckets = new Map<number, Set<Deadline>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #next = Infinity;

  /** How many wait. */
  get size(): number {
    let size = 0;
    for (const bucket of this.#buckets.values()) size += bucket.size;
    return size;
  }

  /** Watches a deadline; `Infinity` is none. */
  add(deadline: Deadline): void {
    const tick = tickOf(deadline);
    if (tick === Infinity) return;
    let bucket = this.#buckets.get(tick);
    if (bucket === undefined) this.#buckets.set(tick, bucket = new Set());
    bucket.add(deadline);
    if (tick < this.#next) this.#arm(tick);
  }

  /** Forgets a deadline. */
  remove(deadline: Deadline): void {
    const tick = tickOf(deadline);
    const bucket = this.#buckets.get(tick);
    if (bucket === undefined || !bucket.delete(deadline) || bucket.size > 0) return;
    this.#buckets.delete(tick);
    // With nothing left to wait for, the timer must not keep the process alive.
    if (this.#buckets.size === 0) this.#disarm();
  }

  readonly #look = (): void => {
    this.#disarm();
    const now = performance.now();
    for (const [tick, bucket] of [...this.#buckets]) {
      if (tick * TICK_MS > now) continue;
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
    if (this.#timer === undefined && this.#buckets.size > 0) {
      this.#arm(Math.min(...this.#buckets.keys()));
    }
  };

  #arm(tick: number): void {
    clearTimeout(this.#timer);
    this.#next = tick;
    const wait = tick * TICK_MS - performance.now();
    this.#timer = setTimeout(this.#look, Math.min(Math.max(wait, 0), MAX_TIMER_MS));
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#next = Infinity;
  }
}

function tickOf({ expiresAt }: Deadline): number {
  return Math.ceil(expiresAt / TICK_MS);
}
