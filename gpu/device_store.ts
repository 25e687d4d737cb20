/** The data behind the DeviceRefs of one actor: counted here, wherever the refs are. */

import { KernelArgumentError } from "../src/core/gpu_errors.ts";
import { transfer } from "../src/core/transfer.ts";
import type { DeviceRefData } from "../src/actor/device_ref.ts";
import { firstId } from "./first_id.ts";
import type { GpuResource, RestoreSlot } from "./gpu_resource.ts";
import type { Holder, Leases } from "./holders.ts";
import type { GpuSlot } from "./slot.ts";
import { readSlot, sliceSlot } from "./slots.ts";
import { dtypeOf, type TypedArray } from "./typed_array.ts";

/** What a DeviceRef says of the data. */
export type RefData = Pick<DeviceRefData, "id" | "dtype" | "length">;

/** What DeviceRefs ask the actor that keeps their data. */
export interface DeviceStore extends Leases {
  /** Copies numbers; the copy is the caller's. */
  read(id: number, start: number, end: number): Promise<TypedArray>;
  /** All numbers, in pieces of so many bytes, which are the caller's. */
  pieces(id: number, bytes: number): AsyncGenerator<TypedArray, void>;
  /** One more count of a part of the data, or of all of it, for a holder. */
  slice(id: number, start: number, end: number, holder: Holder): Promise<RefData>;
  /** Gives a count back. */
  free(id: number): void;
  /** Frees all. What still runs keeps nothing. */
  close(): void;
}

/** Data on a device. */
export class SlotStore implements DeviceStore {
  /** The device. */
  readonly resource: GpuResource;
  /** For whom each is kept. */
  readonly #holders = new Map<number, Holder>();
  #closed = false;

  constructor(resource: GpuResource) {
    this.resource = resource;
  }

  /**
   * Takes over one reference of a slot.
   *
   * @param restore Makes it again when the device is lost; without it, it is lost too.
   */
  keep(slot: GpuSlot, holder: Holder, restore?: RestoreSlot): RefData {
    const { dtype, length } = slot;
    const id = this.resource.keep(slot, restore, () => this.#holders.delete(id));
    if (this.#closed) this.resource.release(id);
    else this.#holders.set(id, holder);
    return { id, dtype, length };
  }

  async read(id: number, start: number, end: number): Promise<TypedArray> {
    const gpu = await this.resource.ready();
    return await readSlot(gpu, this.#slot(id), start, end);
  }

  async *pieces(id: number, bytes: number): AsyncGenerator<TypedArray, void> {
    checkPiece(bytes);
    const gpu = await this.resource.ready();
    // Whoever disposes of it now does not take it away from who fetches it.
    using slot = this.#slot(id).retain();
    const { length, byteLength } = slot;
    const step = bytes * length / byteLength;
    for (let start = 0; start < length; start += step) {
      yield transfer(await readSlot(gpu, slot, start, Math.min(start + step, length)));
    }
  }

  async slice(id: number, start: number, end: number, holder: Holder): Promise<RefData> {
    await this.resource.ready();
    const slot = this.#slot(id);
    slot.use(); // says so if it is lost
    const isAll = start === 0 && end === slot.length;
    return this.keep(isAll ? slot.retain() : sliceSlot(slot, start, end), holder);
  }

  free(id: number): void {
    if (this.#holders.delete(id)) this.resource.release(id);
  }

  lost(isGone: (holder: Holder) => boolean): void {
    for (const [id, holder] of [...this.#holders]) if (isGone(holder)) this.free(id);
  }

  keeps(isOf: (holder: Holder) => boolean): boolean {
    return this.#holders.values().some(isOf);
  }

  close(): void {
    this.#closed = true;
    this.lost(() => true);
  }

  #slot(id: number): GpuSlot {
    const slot = this.#holders.has(id) ? this.resource.get(id) : undefined;
    return slot ?? disposed(`DeviceRef ${id}`);
  }
}

interface KeptArray {
  readonly array: TypedArray;
  readonly holder: Holder;
}

/** Data of twins: in the memory of a pool without a device. */
export class ArrayStore implements DeviceStore {
  readonly #kept = new Map<number, KeptArray>();
  #lastId = firstId();
  #closed = false;

  /** Takes over an array. */
  keep(array: TypedArray, holder: Holder): RefData {
    const id = ++this.#lastId;
    if (!this.#closed) this.#kept.set(id, { array, holder });
    return { id, dtype: dtypeOf(array)!, length: array.length };
  }

  /** The array itself, if it is kept. */
  get(id: number): TypedArray | undefined {
    return this.#kept.get(id)?.array;
  }

  // deno-lint-ignore require-await -- what it throws has to be a rejection
  async read(id: number, start: number, end: number): Promise<TypedArray> {
    return this.#part(id, start, end).slice();
  }

  async *pieces(id: number, bytes: number): AsyncGenerator<TypedArray, void> {
    checkPiece(bytes);
    const array = this.#array(id);
    const step = bytes / array.BYTES_PER_ELEMENT;
    for (let start = 0; start < array.length; start += step) {
      yield transfer(array.slice(start, start + step));
    }
  }

  // deno-lint-ignore require-await -- what it throws has to be a rejection
  async slice(id: number, start: number, end: number, holder: Holder): Promise<RefData> {
    return this.keep(this.#part(id, start, end), holder);
  }

  free(id: number): void {
    this.#kept.delete(id);
  }

  lost(isGone: (holder: Holder) => boolean): void {
    for (const [id, { holder }] of [...this.#kept]) if (isGone(holder)) this.free(id);
  }

  keeps(isOf: (holder: Holder) => boolean): boolean {
    return this.#kept.values().some(({ holder }) => isOf(holder));
  }

  close(): void {
    this.#closed = true;
    this.#kept.clear();
  }

  #array(id: number): TypedArray {
    return this.get(id) ?? disposed(`DeviceRef ${id}`);
  }

  #part(id: number, start: number, end: number): TypedArray {
    const array = this.#array(id);
    const isWhole = Number.isSafeInteger(start) && Number.isSafeInteger(end);
    if (isWhole && start >= 0 && end >= start && end <= array.length) {
      return array.subarray(start, end);
    }
    throw new RangeError(`cannot take ${start} to ${end} of ${array.length} numbers`);
  }
}

/** Says that a ref is of no use any more. */
export function disposed(what: string, binding = ""): never {
  throw new KernelArgumentError(
    `${what} was disposed of or moved, or the actor that made it has ended`,
    binding,
  );
}

/** Another host may ask for what it likes. */
function checkPiece(bytes: number): void {
  if (Number.isSafeInteger(bytes) && bytes > 0 && bytes % 4 === 0) return;
  throw new RangeError(`a piece is a multiple of 4 bytes, got ${bytes}`);
}
