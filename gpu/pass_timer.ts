/** Times of single passes, by the device's own clock. */

import type { DeviceGuard } from "./device_guard.ts";

/** Passes of one submit that can be timed. */
export const TIMED_PASSES = 32;

/** A time stamp is a 64-bit number of nanoseconds. */
const STAMP_BYTES = 8;

/**
 * Stamps the begin and end of passes, if the device can. One set of stamps is enough: the queue runs
 * in order, and each submit copies its own away.
 */
export class PassTimer {
  readonly #guard: DeviceGuard;
  #stamps: { readonly set: GPUQuerySet; readonly resolved: GPUBuffer } | null = null;

  constructor(guard: DeviceGuard) {
    this.#guard = guard;
    guard.onLost(() => {
      this.#stamps?.set.destroy();
      this.#stamps?.resolved.destroy();
    });
  }

  /** Whether the device has stamps. */
  get isAble(): boolean {
    return this.#guard.device.features.has("timestamp-query");
  }

  /** What makes a pass stamp the places of number `index`. */
  pass(index: number): GPUComputePassDescriptor {
    return {
      timestampWrites: {
        querySet: this.#made.set,
        beginningOfPassWriteIndex: 2 * index,
        endOfPassWriteIndex: 2 * index + 1,
      },
    };
  }

  /** Records the copy of the first `passes` stamps to where they can be read from. */
  resolve(
    encoder: GPUCommandEncoder,
    passes: number,
  ): { readonly source: GPUBuffer; readonly offset: number; readonly bytes: number } {
    const { set, resolved } = this.#made;
    encoder.resolveQuerySet(set, 0, 2 * passes, resolved, 0);
    return { source: resolved, offset: 0, bytes: 2 * passes * STAMP_BYTES };
  }

  /** Milliseconds of each pass. */
  static milliseconds(stamps: ArrayBuffer): number[] {
    const times = new BigUint64Array(stamps);
    return Array.from({ length: times.length / 2 }, (_, i) => {
      return Math.max(0, Number(times[2 * i + 1]! - times[2 * i]!) / 1e6);
    });
  }

  get #made(): { readonly set: GPUQuerySet; readonly resolved: GPUBuffer } {
    const { device } = this.#guard;
    return this.#stamps ??= {
      set: device.createQuerySet({ label: "times", type: "timestamp", count: 2 * TIMED_PASSES }),
      resolved: device.createBuffer({
        label: "times",
        size: 2 * TIMED_PASSES * STAMP_BYTES,
        usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
      }),
    };
  }
}
