import { type Clock, MAX_TIMER_MS } from "../core/clock.ts";
import type { Timer } from "../actor/ref_method.ts";

/** How a delayed message is sent. */
export interface DelayedTellOptions {
  /** Milliseconds until it is sent, and between two. */
  readonly ms: number;
  /** Whether to send it again and again. */
  readonly again: boolean;
  /** What time it is. */
  readonly clock: Clock;
  /** Sends it; resolves, never rejects, when it has run, to whether it may be sent again. */
  send(): Promise<boolean>;
  /** It will not be sent any more. */
  ended(timer: Timer): void;
}

/**
 * A message on a timer. A repeated one keeps to the times at which it began: one that takes longer than
 * its interval leaves turns out, so that they never pile up.
 *
 * @throws {RangeError} if the time is none that a timer can keep.
 */
export class DelayedTell implements Timer {
  readonly #options: DelayedTellOptions;
  readonly #startedAt: number;
  #timer: unknown;
  #over = false;
  /** The turn that it waits for, counted from 1. */
  #turn = 0;

  constructor(options: DelayedTellOptions) {
    const { ms, again } = options;
    if (!(ms >= (again ? 1 : 0) && ms <= MAX_TIMER_MS)) {
      const least = again ? 1 : 0;
      throw new RangeError(`expected ${least} to ${MAX_TIMER_MS} milliseconds, got ${ms}`);
    }
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#arm();
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.clock.clearTimeout(this.#timer);
    this.#options.ended(this);
  }

  [Symbol.dispose](): void {
    this.cancel();
  }

  #arm(): void {
    const { ms, clock } = this.#options;
    const passed = clock.now() - this.#startedAt;
    // A timer may fire a little before its time: its turn has been all the same.
    if (ms > 0) this.#turn = Math.max(this.#turn, Math.floor(passed / ms)) + 1;
    const wait = Math.max(0, this.#turn * ms - passed);
    this.#timer = clock.setTimeout(() => void this.#fire(), wait);
  }

  async #fire(): Promise<void> {
    const mayGoOn = await this.#options.send();
    if (this.#over) return;
    if (this.#options.again && mayGoOn) this.#arm();
    else this.cancel();
  }
}
