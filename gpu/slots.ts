/** Arrays to a device, back, and parts of them. */

import { KernelArgumentError } from "../src/core/gpu_errors.ts";
import { type PooledBuffer, writeGuarded } from "./buffers.ts";
import type { GpuHandle } from "./device.ts";
import { GpuSlot } from "./slot.ts";
import {
  bytesPerScalar,
  describeValue,
  type Dtype,
  dtypeOf,
  type TypedArray,
  typedArrayOf,
} from "./typed_array.ts";

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
  return new GpuSlot(gpu.guard, buffer, dtype, length, byteLength, gpu.lane.onRelease);
}

/**
 * Reads a slot, or its numbers from `start` to before `end`, after all work recorded before; it stays
 * as it is.
 *
 * @returns A new array.
 * @throws {GpuDeviceLostError} When its device is gone.
 * @throws {KernelArgumentError} When it was released, or lives on another device.
 * @throws {RangeError} When the numbers are not within it, or do not start at a multiple of 4 bytes.
 * @throws What the kernel that had to fill it failed with.
 */
export async function readSlot(
  gpu: GpuHandle,
  slot: GpuSlot,
  start = 0,
  end: number = slot.length,
): Promise<TypedArray> {
  slot.use();
  if (!slot.isOn(gpu.guard)) throw new KernelArgumentError("the GpuSlot lives on another device");
  const { offset, bytes } = rangeOf(slot, start, end);
  return typedArrayOf(slot.dtype, await gpu.lane.read(slot, offset, bytes));
}

/**
 * The numbers from `start` to before `end` as a slot of their own, which shares the memory.
 *
 * @throws {RangeError} When they are not within the slot, or do not start at a multiple of 4 bytes.
 * @throws As `readSlot` does.
 */
export function sliceSlot(slot: GpuSlot, start: number, end: number = slot.length): GpuSlot {
  const { offset, bytes } = rangeOf(slot, start, end);
  return slot.part(offset, end - start, bytes);
}

/** A slot that is filled piece by piece, before any work that is recorded later. */
export class SlotFiller {
  readonly #gpu: GpuHandle;
  readonly #buffer: PooledBuffer;
  readonly #dtype: Dtype;
  readonly #length: number;
  readonly #bytes: number;
  #end = 0;

  private constructor(gpu: GpuHandle, buffer: PooledBuffer, dtype: Dtype, length: number) {
    this.#gpu = gpu;
    this.#buffer = buffer;
    this.#dtype = dtype;
    this.#length = length;
    this.#bytes = length * bytesPerScalar(dtype);
  }

  /**
   * Makes room for so many numbers.
   *
   * @throws {GpuOutOfMemoryError | GpuDeviceLostError}
   */
  static async open(gpu: GpuHandle, dtype: Dtype, length: number): Promise<SlotFiller> {
    const { buffer, ready } = gpu.buffers.acquire(length * bytesPerScalar(dtype));
    if (ready !== null) await ready;
    return new SlotFiller(gpu, buffer, dtype, length);
  }

  /**
   * Adds numbers behind those that are there; of all pieces but the last a multiple of 4 bytes.
   *
   * @throws {RangeError} When they are more than there is room for.
   * @throws {GpuDeviceLostError}
   */
  put(piece: TypedArray): void {
    const { guard } = this.#gpu;
    guard.check();
    const end = this.#end + piece.byteLength;
    if (end > this.#bytes) throw new RangeError(`${end} bytes came, and not ${this.#bytes}`);
    writeGuarded(guard.device, this.#buffer.raw, this.#end, piece);
    this.#end = end;
  }

  /**
   * The slot.
   *
   * @throws {RangeError} When bytes are missing.
   * @throws {GpuDeviceLostError}
   */
  done(): GpuSlot {
    const { guard, lane } = this.#gpu;
    guard.check();
    if (this.#end < this.#bytes) {
      throw new RangeError(`${this.#end} bytes came, and not ${this.#bytes}`);
    }
    const [dtype, length, bytes] = [this.#dtype, this.#length, this.#bytes];
    return new GpuSlot(guard, this.#buffer, dtype, length, bytes, lane.onRelease);
  }

  /** Gives its buffer back. */
  abandon(): void {
    this.#gpu.lane.retire(this.#buffer);
  }
}

/** Where numbers of a slot are, in bytes from its start. */
function rangeOf(slot: GpuSlot, start: number, end: number): { offset: number; bytes: number } {
  const unit = bytesPerScalar(slot.dtype);
  const isWhole = Number.isSafeInteger(start) && Number.isSafeInteger(end);
  if (!isWhole || start < 0 || end < start || end > slot.length || (start * unit) % 4 !== 0) {
    throw new RangeError(
      `cannot take ${start} to ${end} of a slot of ${slot.length} ${slot.dtype}` +
        (start * unit % 4 === 0 ? "" : ": the start must be a multiple of 4 bytes"),
    );
  }
  return { offset: start * unit, bytes: (end - start) * unit };
}
