import type { Clock } from "../../core/clock.ts";

/** Waits of one piece of work, which can all be ended early. */
export class Pauses {
  readonly #clock: Clock;
  readonly #waiting = new Map<unknown, () => void>();
  #isOver = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether they have been ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves after so many milliseconds, or when the waits are ended. */
  wait(ms: number): Promise<void> {
    if (this.#isOver || ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#clock.setTimeout(() => {
        this.#waiting.delete(timer);
        resolve();
      }, ms);
      this.#waiting.set(timer, resolve);
    });
  }

  /** Nobody waits any more, now and later. */
  end(): void {
    this.#isOver = true;
    for (const [timer, resolve] of this.#waiting) {
      this.#clock.clearTimeout(timer);
      resolve();
    }
    this.#waiting.clear();
  }
}
