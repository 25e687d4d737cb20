import { type ActorAddress, samePool } from "../core/address.ts";
import type { CodecExtension } from "../core/values.ts";
import type { Caller } from "./ref_method.ts";

/** The numbers of a DeviceRef; `bytes` are structs or atomics, as they lie in memory. */
export type DeviceRefType = "f32" | "f16" | "i32" | "u32" | "bytes";

/** The array that reading a DeviceRef gives. */
export type DeviceArray =
  | Float32Array<ArrayBuffer>
  | Float16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** Which data on which device: what travels. */
export interface DeviceRefData {
  /** The kernel actor that made it and keeps it. */
  readonly owner: ActorAddress;
  /** Its number in the owner's pool. */
  readonly id: number;
  /** What the numbers are. */
  readonly dtype: DeviceRefType;
  /** Numbers, in the units of `dtype`. */
  readonly length: number;
}

/**
 * An array that stays on the device that computed it. Plain data that travels in messages; given to a
 * kernel in the same pool it costs nothing, elsewhere it is fetched. The memory is held until
 * `dispose()`, or until the actor that made it ends.
 */
export class DeviceRef<T extends DeviceArray = DeviceArray> implements Disposable {
  /** The kernel actor that made it and keeps it. */
  readonly owner: ActorAddress;
  /** Its number in the owner's pool. */
  readonly id: number;
  /** What the numbers are. */
  readonly dtype: DeviceRefType;
  /** Numbers, in the units of `dtype`. */
  readonly length: number;
  readonly #caller: Caller;

  /** Made by kernels and by messages that bring one. */
  constructor(data: DeviceRefData, caller: Caller) {
    this.owner = data.owner;
    this.id = data.id;
    this.dtype = data.dtype;
    this.length = data.length;
    this.#caller = caller;
  }

  /** Numbers along each axis. */
  get shape(): readonly number[] {
    return [this.length];
  }

  /** Whether it lives in that pool. */
  isIn(pool: { readonly host: number; readonly pool: number }): boolean {
    return samePool(this.owner, pool);
  }

  /**
   * Copies the data to this pool's memory. The ref stays valid.
   *
   * @throws {GpuDeviceLostError} if the device was lost.
   * @throws {KernelArgumentError} if it was disposed of.
   * @throws {ActorNotFoundError} if the actor that made it is gone.
   */
  read(): Promise<T> {
    return this.#caller.call(this.owner, "readBuffer", [this.id, this.owner.generation]) as Promise<
      T
    >;
  }

  /** Frees the memory, for every holder. What is gone already, or with its actor, needs no freeing. */
  dispose(): void {
    // A tell would leave a dead letter behind whenever the actor has ended before.
    const { owner, id } = this;
    this.#caller.call(owner, "releaseBuffer", [id, owner.generation]).catch(() => {});
  }

  /** The same as {@linkcode dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

const TYPES: ReadonlySet<unknown> = new Set(["f32", "f16", "i32", "u32", "bytes"]);

/** How DeviceRefs travel: never their data. */
export function deviceRefExtension(caller: () => Caller): CodecExtension<DeviceRef> {
  return {
    tag: "device",
    match: (value): value is DeviceRef => value instanceof DeviceRef,
    toWire({ owner, id, dtype, length }) {
      return [owner.host, owner.pool, owner.uid, owner.generation, id, dtype, length];
    },
    fromWire(data) {
      if (!Array.isArray(data) || data.length !== 7) {
        throw new TypeError("a DeviceRef has 7 fields");
      }
      const [host, pool, uid, generation, id, dtype, length] = data;
      const numbers = [host, pool, generation, id, length];
      if (!numbers.every(Number.isSafeInteger) || typeof uid !== "string" || !TYPES.has(dtype)) {
        throw new TypeError("a DeviceRef is [host, pool, uid, generation, id, dtype, length]");
      }
      const owner = { host, pool, uid, generation };
      return new DeviceRef({ owner, id, dtype, length }, caller());
    },
  };
}
