import type { Clock } from "../core/clock.ts";
import { settled } from "./settled.ts";

/** A callback that waits for its time. */
interface Waiting {
  readonly due: number;
  readonly callback: () => void;
}

/**
 * Time that goes on only when told. A test host that is given one keeps `after`, `every`, `timeoutMs`,
 * `callTimeoutMs` and heartbeats by it, to the millisecond.
 *
 * @example
 * ```ts
 * import { ManualClock } from "@dramatis/dramatis/testing";
 *
 * const clock = new ManualClock();
 * clock.setTimeout(() => console.log(clock.now()), 60_000); // 60000
 * await clock.advance(3_600_000);
 * ```
 */
export class ManualClock implements Clock {
  /** Every deadline is kept to the millisecond. */
  readonly tickMs: number = 1;
  #now = 0;
  #lastTimer = 0;
  #isAdvancing = false;
  readonly #timers = new Map<number, Waiting>();

  /** How many timers wait: heartbeats, deadlines of calls, messages that are sent later. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Milliseconds since it was made. */
  now(): number {
    return this.#now;
  }

  /** {@linkcode Clock.setTimeout} */
  setTimeout(callback: () => void, ms: number): number {
    const timer = ++this.#lastTimer;
    this.#timers.set(timer, { due: this.#now + (ms > 0 ? ms : 0), callback });
    return timer;
  }

  /** {@linkcode Clock.clearTimeout} */
  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as number);
  }

  /**
   * Lets so many milliseconds pass. What is due in them comes in order and in its own time, and all that
   * it leads to has {@linkcode settled} before the next.
   *
   * @throws {RangeError} if the time is not finite, or negative.
   * @throws {TypeError} if another advance has not ended: await each.
   */
  async advance(ms: number): Promise<void> {
    checkTime(ms);
    if (this.#isAdvancing) throw new TypeError("The clock is being advanced: await each advance");
    this.#isAdvancing = true;
    try {
      // What was sent before is to have set its timers.
      await settled();
      const end = this.#now + ms;
      for (let next; (next = this.#takeNext(end)) !== undefined;) {
        this.#now = Math.max(this.#now, next.due);
        next.callback();
        await settled();
      }
      this.#now = end;
    } finally {
      this.#isAdvancing = false;
    }
  }

  /**
   * Lets so many milliseconds pass at once, as if the isolate had been blocked: what is due in them comes
   * late, and nothing comes twice.
   *
   * @throws {RangeError} if the time is not finite, or negative.
   */
  stall(ms: number): void {
    checkTime(ms);
    this.#now += ms;
    // Timers that are set meanwhile are not late.
    const due = [...this.#timers].filter(([, timer]) => timer.due <= this.#now);
    for (const [timer, { callback }] of due.sort(byTime)) {
      if (this.#timers.delete(timer)) callback();
    }
  }

  #takeNext(end: number): Waiting | undefined {
    let first: [number, Waiting] | undefined;
    for (const entry of this.#timers) {
      if (entry[1].due <= end && (first === undefined || byTime(entry, first) < 0)) first = entry;
    }
    if (first !== undefined) this.#timers.delete(first[0]);
    return first?.[1];
  }
}

/** What is due at the same time comes in the order in which it was set: sorts are stable. */
function byTime([, a]: [number, Waiting], [, b]: [number, Waiting]): number {
  return a.due - b.due;
}

function checkTime(ms: number): void {
  if (Number.isFinite(ms) && ms >= 0) return;
  throw new RangeError(`Cannot let ${ms} ms pass: expected a number from 0 up`);
}
