import { StatelessActor } from "../src/actor/actor.ts";
import type { DeviceArray, DeviceRef } from "../src/actor/device_ref.ts";
import { transfer } from "../src/core/transfer.ts";
import type { KernelEngine } from "./kernel_engine.ts";
import type { TypedArray } from "./typed_array.ts";

/** The key of what ends a {@linkcode KernelActor}: no message reaches it. */
export const END: unique symbol = Symbol("end");

/** No result has this number. */
const NO_ID = 0;

/** The names of the array arguments. */
export type Keys<A extends object> = {
  [K in keyof A]: A[K] extends TypedArray ? K : never;
}[keyof A];

/** What a call passes: for an array the array itself, or a DeviceRef; outputs are left out. */
export type KernelInputs<A extends object> = {
  readonly [K in keyof A]?: A[K] extends TypedArray ? A[K] | DeviceRef : A[K];
};

/** The same kind of array, in memory of its own. */
export type Owned<T> = T extends Float32Array ? Float32Array<ArrayBuffer>
  : T extends Float16Array ? Float16Array<ArrayBuffer>
  : T extends Int32Array ? Int32Array<ArrayBuffer>
  : T extends Uint32Array ? Uint32Array<ArrayBuffer>
  : T extends Uint8Array ? Uint8Array<ArrayBuffer>
  : DeviceArray;

/** The results of {@linkcode KernelActor.compute} by binding name. */
export type KernelArrays<A extends object, Out extends keyof A> = {
  readonly [K in Out]: Owned<A[K]>;
};

/** The results of {@linkcode KernelActor.run} by binding name. */
export type KernelRefs<A extends object, Out extends keyof A> = {
  readonly [K in Out]: DeviceRef<Owned<A[K]>>;
};

/** An actor that runs one kernel, on whatever device it was placed. Calls run concurrently. */
export class KernelActor<A extends object, Out extends Keys<A>> extends StatelessActor {
  readonly #engine: KernelEngine;

  /** Made by the kernel's type, with the engine of the pool's device. */
  constructor(engine: KernelEngine) {
    super();
    this.#engine = engine;
  }

  /**
   * Computes and leaves the results on the device: answers once the work is queued.
   *
   * @returns A DeviceRef for every read_write binding; dispose of each.
   * @throws {KernelArgumentError} naming the binding, what it is and what it got.
   */
  async run(args: KernelInputs<A>): Promise<KernelRefs<A, Out>> {
    const { context } = this;
    const kept = await this.#engine.run(args, context.address);
    const refs = kept.map(({ name, ...data }) => [name, context.deviceRef(data)]);
    return Object.fromEntries(refs);
  }

  /**
   * Computes and brings the results back: one upload, one dispatch, one readback.
   *
   * @returns A new array for every read_write binding.
   * @throws {KernelArgumentError} naming the binding, what it is and what it got.
   */
  async compute(args: KernelInputs<A>): Promise<KernelArrays<A, Out>> {
    const arrays = await this.#engine.compute(args, this.context.address);
    // Results that nobody else holds need not be copied on their way out.
    const moved = Object.entries(arrays).map(([name, array]) => [name, transfer(array)]);
    return Object.fromEntries(moved);
  }

  /** What `DeviceRef.read` calls, with the generation of the actor that made the ref. */
  async readBuffer(id: number, generation: number): Promise<DeviceArray> {
    const isOurs = generation === this.context.address.generation;
    return transfer(await this.#engine.read(isOurs ? id : NO_ID) as DeviceArray);
  }

  /** What `DeviceRef.dispose` calls, with the generation of the actor that made the ref. */
  releaseBuffer(id: number, generation: number): void {
    if (generation === this.context.address.generation) this.#engine.release(id);
  }

  /** Frees what it keeps. */
  [END](): void {
    this.#engine.close();
  }
}
