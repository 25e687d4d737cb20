import type { Clock } from "../core/clock.ts";

/** A timer that is set again and again and does not keep the process alive. */
export class BackgroundTimer {
  readonly #clock: Clock;
  readonly #ring: (lateMs: number) => void;
  #timer: unknown;
  #dueAt = 0;

  /** @param ring Is told by how many milliseconds it is late. */
  constructor(clock: Clock, ring: (lateMs: number) => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Rings once in so many milliseconds. */
  set(ms: number): void {
    this.stop();
    this.#dueAt = this.#clock.now() + ms;
    const timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.#ring(Math.max(0, this.#clock.now() - this.#dueAt));
    }, ms);
    (timer as { unref?: () => void } | null)?.unref?.();
    this.#timer = timer;
  }

  /** Does not ring any more. */
  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
