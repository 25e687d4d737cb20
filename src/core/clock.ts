/** Time as calls, timers and heartbeats see it, so that tests need not wait for it. */
export interface Clock {
  /** Deadlines that are less than so many milliseconds apart may be looked after by one timer. */
  readonly tickMs: number;
  /** Milliseconds since some moment; never goes back. */
  now(): number;
  /** Calls back once after so many milliseconds, and answers what names the timer to `clearTimeout`. */
  setTimeout(callback: () => void, ms: number): unknown;
  /** Forgets a callback that has not come yet; `undefined` is no timer. */
  clearTimeout(timer: unknown): void;
}

/** The longest that a timer can wait, in milliseconds. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

/** The real time. */
export const SYSTEM_CLOCK: Clock = Object.freeze({
  // A deadline is kept this precisely.
  tickMs: 4,
  now: () => performance.now(),
  setTimeout: (callback: () => void, ms: number) => setTimeout(callback, ms),
  clearTimeout: (timer: unknown) => clearTimeout(timer as number | undefined),
});

/**
 * Checks an option that is a time.
 *
 * @throws {RangeError} that names it, unless it is more than none and has an end.
 */
export function checkDuration(name: string, ms: number): void {
  if (Number.isFinite(ms) && ms > 0) return;
  throw new RangeError(`${name} is a number of milliseconds above 0, got ${ms}`);
}
