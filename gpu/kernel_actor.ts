import type { DeviceArray, DeviceRef } from "../src/actor/device_ref.ts";
import { transfer } from "../src/core/transfer.ts";
import { StatelessActor } from "../src/actor/actor.ts";
import { KEPT, Kept, keptOf } from "./device_owner.ts";
import type { DeviceStore } from "./device_store.ts";
import type { KernelEngine } from "./kernel_engine.ts";
import type { KernelStats } from "./kernel_stats.ts";
import type { TypedArray } from "./typed_array.ts";

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

/**
 * An actor that runs one kernel, on whatever device it was placed. Calls run concurrently.
 *
 * @typeParam A The arguments by binding name.
 * @typeParam Out The names of the results.
 * @example A function that takes any kernel of that shape.
 * ```ts
 * import { type ActorRef, device, startHost, workerPool } from "@dramatis/dramatis";
 * import { type KernelActor, sum, type ReduceArgs } from "@dramatis/dramatis/gpu";
 *
 * async function mean(
 *   adder: ActorRef<KernelActor<ReduceArgs<"f32">, "out">>,
 *   x: Float32Array,
 * ): Promise<number> {
 *   return (await adder.compute({ x })).out[0]! / x.length;
 * }
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const adder = await host.createActor(sum, [], { place });
 * console.log(await mean(adder, Float32Array.of(1, 2, 6))); // 3
 * const { device: ran, times } = await adder.stats();
 * console.log(ran.kind, times.length); // cpu 0
 * ```
 */
export class KernelActor<A extends object, Out extends Keys<A>> extends StatelessActor {
  /** For messages of DeviceRefs. */
  readonly [KEPT]: object;
  readonly #engine: KernelEngine;

  /** Made by the kernel's type, with the engine of the pool's device. */
  constructor(store: DeviceStore, engine: KernelEngine) {
    super();
    this[KEPT] = new Kept(store, () => this.context);
    this.#engine = engine;
  }

  /**
   * Computes and leaves the results on the device: answers once the work is queued. What a call passes
   * never changes: a read_write binding gets a copy. `transfer(ref)` moves a DeviceRef instead, which
   * ends it: if it is the only one to its memory, that is written in place. A call that is refused moves
   * nothing.
   *
   * @returns A DeviceRef for every read_write binding; dispose of each. They are freed too when the actor
   * ends whose call it was, or its pool is lost, and at once if the caller has given up.
   * @throws {KernelArgumentError} naming the binding, what it is and what it got.
   * @throws {GpuOutOfMemoryError} when the device has no memory for the results.
   * @throws {GpuDeviceLostError} when the device is lost meanwhile; the next call has another.
   */
  async run(args: KernelInputs<A>): Promise<KernelRefs<A, Out>> {
    const { context } = this;
    const { address, signal } = context;
    const { holders, store } = keptOf(this);
    const holder = holders.current;
    const kept = await this.#engine.run(args, { address, holder });
    if (signal.aborted) { for (const { id } of kept) store.free(id); }
    const refs = kept.map((
      { name, ...data },
    ) => [name, context.deviceRef({ ...data, state: "made" })]);
    return Object.fromEntries(refs);
  }

  /**
   * Computes and brings the results back: one upload, one dispatch, one readback.
   *
   * @returns A new array for every read_write binding.
   * @throws As {@linkcode run} does.
   */
  async compute(args: KernelInputs<A>): Promise<KernelArrays<A, Out>> {
    const { address, sender: holder } = this.context;
    const arrays = await this.#engine.compute(args, { address, holder });
    // Results that nobody else holds need not be copied on their way out.
    const moved = Object.entries(arrays).map(([name, array]) => [name, transfer(array)]);
    return Object.fromEntries(moved);
  }

  /** What its calls run on, how long they take there, and why: also after a device was lost. */
  stats(): KernelStats {
    return this.#engine.stats();
  }
}
