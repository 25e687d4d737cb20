/** Arrays to a device, back, and parts of them. */

import { KernelArgumentError } from "../src/core/errors.ts";
import type { GpuHandle } from "./device.ts";
import { GpuSlot } from "./slot.ts";
import {
  bytesPerScalar,
  describeValue,
  dtypeOf,
  type TypedArray,
  typedArrayOf,
} from "./typed_array.ts";
import { roundUp } from "./wgsl_types.ts";

/**
 * Copies an array to the device; it may change once this function has returned its promise.
 *
 * @throws {KernelArgumentError} When it is no array that a binding takes.
 * @throws {GpuOutOfMemoryError | GpuDeviceLostError}
 */
export async function uploadSlot(gpu: GpuHandle, array: TypedArray): Promise<GpuSlot> {
  const dtype = dtypeOf(array);
  if (dtype === null) {
    throw new KernelArgumentError(`cannot upload ${describeValue(array)}: expected a typed array`);
  }
  const { length, byteLength } = array;
  const { buffer, fresh, ready } = gpu.buffers.acquire(byteLength);
  gpu.lane.upload(buffer, array, fresh);
  if (ready !== null) await ready;
  gpu.guard.check();
  return new GpuSlot(gpu.guard, buffer, dtype, length, byteLength, (b) => gpu.lane.retire(b));
}

/**
 * Reads a slot, after all work recorded before; it stays as it is.
 *
 * @returns A new array of `slot.length` numbers.
 * @throws {GpuDeviceLostError} When its device is gone.
 * @throws {KernelArgumentError} When it was released, or lives on another device.
 * @throws What the kernel that had to fill it failed with.
 */
export async function readSlot(gpu: GpuHandle, slot: GpuSlot): Promise<TypedArray> {
  slot.use();
  if (!slot.isOn(gpu.guard)) throw new KernelArgumentError("the GpuSlot lives on another device");
  return typedArrayOf(slot.dtype, await gpu.lane.read(slot));
}

/**
 * Copies the numbers from `start` to before `end` into a slot of their own, on the device.
 *
 * @throws {RangeError} When they are not within the slot, or do not start at a multiple of 4 bytes.
 * @throws As `readSlot` does.
 */
export async function sliceSlot(
  gpu: GpuHandle,
  slot: GpuSlot,
  start: number,
  end: number = slot.length,
): Promise<GpuSlot> {
  slot.use();
  if (!slot.isOn(gpu.guard)) throw new KernelArgumentError("the GpuSlot lives on another device");
  const unit = bytesPerScalar(slot.dtype);
  const whole = Number.isSafeInteger(start) && Number.isSafeInteger(end);
  if (!whole || start < 0 || end < start || end > slot.length || (start * unit) % 4 !== 0) {
    throw new RangeError(
      `cannot take ${start} to ${end} of a slot of ${slot.length} ${slot.dtype}` +
        (start * unit % 4 === 0 ? "" : ": the start must be a multiple of 4 bytes"),
    );
  }
  const bytes = (end - start) * unit;
  const { buffer, ready } = gpu.buffers.acquire(bytes);
  slot.retain();
  try {
    if (ready !== null) await ready;
    const from = slot.use();
    const onRelease = gpu.lane.retire.bind(gpu.lane);
    const part = new GpuSlot(gpu.guard, buffer, slot.dtype, end - start, bytes, onRelease);
    const copy = { from, offset: start * unit, to: buffer, bytes: roundUp(bytes, 4) };
    const copies = bytes > 0 ? [copy] : [];
    const [inputs, outputs] = [[slot], [part]];
    gpu.lane.record({ label: "slice", clears: [], copies, dispatch: null, inputs, outputs });
    return part;
  } catch (error) {
    gpu.lane.retire(buffer);
    throw error;
  } finally {
    slot.release();
  }
}
