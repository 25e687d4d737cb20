/** Brings the data behind a DeviceRef from another pool or host. */

import { KernelArgumentError } from "../src/core/gpu_errors.ts";
import { type DeviceRef, PIECE_BYTES } from "../src/actor/device_ref.ts";
import { disposed } from "./device_store.ts";
import type { GpuHandle } from "./device.ts";
import type { GpuSlot } from "./slot.ts";
import { SlotFiller, uploadSlot } from "./slots.ts";
import { dtypeOf, type TypedArray, typedArrayOf } from "./typed_array.ts";

/** For people, and the binding's name. */
export type Where = readonly [what: string, binding: string];

/**
 * Copies what a ref stands for to a device: pieces of it are read, on their way and written at once.
 *
 * @throws {TypeError} When other numbers come than the ref says.
 * @throws What `DeviceRef.read` and `uploadSlot` throw.
 */
export async function fetchSlot(gpu: GpuHandle, ref: DeviceRef, where: Where): Promise<GpuSlot> {
  if (ref.byteLength <= PIECE_BYTES) return await uploadSlot(gpu, await fetchArray(ref, where));
  const filler = await SlotFiller.open(gpu, ref.dtype, ref.length);
  try {
    await fetchPieces(ref, where, (piece) => filler.put(piece));
    return filler.done();
  } catch (error) {
    filler.abandon();
    throw error;
  }
}

/**
 * Copies what a ref stands for to memory.
 *
 * @throws {TypeError} When other numbers come than the ref says.
 * @throws What `DeviceRef.read` throws.
 */
export async function fetchArray(ref: DeviceRef, where: Where): Promise<TypedArray> {
  if (ref.byteLength <= PIECE_BYTES) {
    const array = check(ref, await saying(where, ref.read()));
    if (array.length === ref.length) return array;
    throw new TypeError(`${array.length} numbers came, and not ${ref.length}`);
  }
  const array = typedArrayOf(ref.dtype, ref.length);
  let end = 0;
  await fetchPieces(ref, where, (piece) => {
    array.set(piece, end);
    end += piece.length;
  });
  if (end === ref.length) return array;
  throw new TypeError(`${end} numbers came, and not ${ref.length}`);
}

function fetchPieces(
  ref: DeviceRef,
  where: Where,
  put: (piece: TypedArray) => void,
): Promise<void> {
  const all = async () => {
    for await (const piece of ref.pieces()) put(check(ref, piece));
  };
  return saying(where, all());
}

/** Another host may send what it likes. */
function check(ref: DeviceRef, array: TypedArray): TypedArray {
  if (dtypeOf(array) === ref.dtype) return array;
  throw new TypeError(`a DeviceRef of ${ref.dtype} brought something else`);
}

/** Its owner knows that it was disposed of, but not what it is wanted for. */
async function saying<T>(where: Where, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof KernelArgumentError) disposed(...where);
    throw error;
  }
}
