/** What runs on one device: one kernel, or several one after the other. */

import type { Signature } from "./chain.ts";
import type { GpuHandle } from "./device.ts";
import type { EnqueueOptions } from "./kernel_runner.ts";
import type { GpuSlot } from "./slot.ts";
import { readSlot } from "./slots.ts";
import type { TypedArray } from "./typed_array.ts";

/** Something that computes on one device. Its signature is known once it is prepared. */
export interface Runner extends Signature {
  /** For messages. */
  readonly name: string;
  /** Whether it runs on that device. */
  isOn(gpu: GpuHandle): boolean;
  /** The same on another device. */
  on(gpu: GpuHandle): Runner;
  /**
   * Compiles what calls are known to need, once.
   *
   * @throws {KernelCompileError | GpuDeviceLostError}
   */
  prepare(): Promise<void>;
  /**
   * Computes and leaves the results on the device: answers once the work is recorded.
   *
   * @returns A slot for every result; the caller releases each.
   */
  enqueue(args: object, options?: EnqueueOptions): Promise<Record<string, GpuSlot>>;
}

/** Reads slots, in one submit, and releases them. */
export async function readAll(
  gpu: GpuHandle,
  slots: Readonly<Record<string, GpuSlot>>,
): Promise<Record<string, TypedArray>> {
  const entries = Object.entries(slots);
  try {
    const arrays = await Promise.all(entries.map(([, slot]) => readSlot(gpu, slot)));
    return Object.fromEntries(entries.map(([name], i) => [name, arrays[i]!]));
  } finally {
    for (const [, slot] of entries) slot.release();
  }
}
