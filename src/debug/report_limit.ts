import type { Clock } from "../core/clock.ts";

/** Reports of one pool in a second: a storm of them must not be what ends it. */
const PER_SECOND = 100;

/** Lets through so many reports a second, and counts the others. */
export class ReportLimit {
  readonly #clock: Clock;
  #secondEndsAt = -Infinity;
  #left = 0;
  #suppressed = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many were left out since the last one that was let through; `null` if this one is left out too. */
  next(): number | null {
    const now = this.#clock.now();
    if (now >= this.#secondEndsAt) {
      this.#secondEndsAt = now + 1000;
      this.#left = PER_SECOND;
    }
    if (this.#left === 0) {
      this.#suppressed++;
      return null;
    }
    this.#left--;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed;
  }
}
