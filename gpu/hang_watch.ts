/** Notices a kernel that does not end. On Deno its isolate is blocked meanwhile, so others must look. */

import { clearInterval, setInterval } from "node:timers";

/** What a kernel may take beyond its prediction, in milliseconds, unless a pool says otherwise. */
export const DEFAULT_HANG_MS = 2000;

/** A kernel that is not known yet is given the time of one that takes this long, in milliseconds. */
const UNKNOWN_MS = 2000;

/** Predictions are off by some factor when a machine is busy. */
const TOLERANCE = 4;

/** How often to look, in milliseconds. */
const LOOK_MS = 250;

/** What a timer can wait, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/** Places in the shared memory. */
const ALLOWED = 0;
const NUMBER = 1;

/** Milliseconds after which work must have ended. */
export function allowedMs(predictedMs: number | undefined, hangMs: number): number {
  return Math.min(TOLERANCE * (predictedMs ?? UNKNOWN_MS) + hangMs, LONGEST_MS);
}

/** Where a pool writes that it waits for its device, for its host to read. */
export class WaitMark {
  readonly #memory: Float64Array;

  /** @param memory Shared with the {@linkcode HangWatch}. */
  constructor(memory: SharedArrayBuffer) {
    this.#memory = new Float64Array(memory);
  }

  /** Memory for one. */
  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(2 * Float64Array.BYTES_PER_ELEMENT);
  }

  /** From now on the isolate may be blocked, for so long at most. */
  begin(allowedMs: number): void {
    this.#memory[NUMBER]!++;
    this.#memory[ALLOWED] = allowedMs;
  }

  /** It is not any more. */
  end(): void {
    this.#memory[ALLOWED] = 0;
  }
}

/** Looks at a pool's mark now and then. */
export class HangWatch {
  readonly #memory: Float64Array;
  readonly #timer: ReturnType<typeof setInterval>;
  #number = NaN;
  #since = 0;

  /** @param hung Called, once, with the milliseconds that it waits already. */
  constructor(memory: SharedArrayBuffer, hung: (ms: number) => void, lookMs: number = LOOK_MS) {
    this.#memory = new Float64Array(memory);
    this.#timer = setInterval(() => {
      const ms = this.#look(performance.now());
      if (ms === null) return;
      this.stop();
      hung(ms);
    }, lookMs);
    this.#timer.unref();
  }

  /** Looks no more. */
  stop(): void {
    clearInterval(this.#timer);
  }

  /** How long it waits, if that is too long. */
  #look(now: number): number | null {
    const number = this.#memory[NUMBER]!;
    const allowed = this.#memory[ALLOWED]!;
    if (number !== this.#number || allowed === 0) {
      this.#number = number;
      this.#since = now;
      return null;
    }
    return now - this.#since > allowed ? now - this.#since : null;
  }
}
