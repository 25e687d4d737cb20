/** Notices a pool whose thread waits for its device for too long: in there nobody can say so. */

import { clearInterval, setInterval } from "node:timers";
import { GpuDeviceLostError } from "../core/gpu_errors.ts";
import { PoolLostError } from "../core/host_errors.ts";
import type { PoolDescription } from "../core/protocol.ts";

/** How often to look, in milliseconds. */
const LOOK_MS = 250;

/** Places in the shared memory. */
const ALLOWED = 0;
const NUMBER = 1;

/** Where a pool writes that it waits for its device, for others to read. */
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

/** What is to be said of a pool whose kernel does not end. */
export function hungError({ name, device }: PoolDescription, ms: number): PoolLostError {
  const reason = `a kernel has not ended for ${(ms / 1000).toFixed(1)} s`;
  const cause = new GpuDeviceLostError(`the GPU device "${device.name}" hangs: ${reason}`);
  return new PoolLostError(`${name} was given up: ${reason}`, "killed", { cause });
}
