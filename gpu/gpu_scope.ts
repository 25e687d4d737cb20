/** What a GpuActor computes with, on a device and without. */

import { CPU, type Device } from "../src/core/device.ts";
import { KernelArgumentError } from "../src/core/gpu_errors.ts";
import { Transferred } from "../src/core/transfer.ts";
import type { Resources } from "../src/actor/actor_type.ts";
import type { ActorContext } from "../src/actor/context.ts";
import type { DeviceRef } from "../src/actor/device_ref.ts";
import { declarationOf, type Kernel } from "./declaration.ts";
import { Kept } from "./device_owner.ts";
import { ArrayStore, type RefData, type SlotStore } from "./device_store.ts";
import type { ArrayOptions, GpuScope, LoadedKernel } from "./gpu_actor.ts";
import type { KernelArrays, KernelInputs, KernelRefs, Keys, Owned } from "./kernel_actor.ts";
import { type CallPlace, type KernelEngine, openEngine, storeOf } from "./kernel_engine.ts";
import { uploadSlot } from "./slots.ts";
import { describeValue, dtypeOf, type TypedArray } from "./typed_array.ts";

/** The actor's context; there is none before it is in its cell. */
type Surroundings = () => ActorContext;

/** What an actor computes with, and what keeps its data. */
export function gpuScope(resources: Resources, context: Surroundings): [Kept, GpuScope] {
  const store = storeOf(resources);
  return [new Kept(store, context), new PoolScope(store, context)];
}

class PoolScope implements GpuScope {
  readonly #store: SlotStore | ArrayStore;
  readonly #context: Surroundings;

  constructor(store: SlotStore | ArrayStore, context: Surroundings) {
    this.#store = store;
    this.#context = context;
  }

  get device(): Device {
    const store = this.#store;
    return store instanceof ArrayStore ? CPU : store.resource.gpu.description;
  }

  async kernel<A extends object, Out extends Keys<A>>(
    kernel: Kernel<A, Out>,
  ): Promise<LoadedKernel<A, Out>> {
    return new EngineKernel(await openEngine(this.#store, declarationOf(kernel)), this.#context);
  }

  async array<T extends TypedArray>(
    data: T,
    options: ArrayOptions<T> = {},
  ): Promise<DeviceRef<Owned<T>>> {
    if (dtypeOf(data) === null) {
      const got = describeValue(data);
      throw new KernelArgumentError(
        `cannot keep ${got}: expected a typed array of 4 bytes a number`,
      );
    }
    return this.#context().deviceRef(await this.#keep(data, options));
  }

  async #keep<T extends TypedArray>(data: T, { restore }: ArrayOptions<T>): Promise<RefData> {
    const store = this.#store;
    const { address } = this.#context();
    if (store instanceof ArrayStore) return store.keep(data.slice(), address);
    const ready = store.resource.ready();
    // It may change from now on.
    const slot = ready instanceof Promise
      ? await uploadSlot(await ready, data.slice())
      : await uploadSlot(ready, data);
    const again = restore === undefined
      ? undefined
      : async (gpu: Parameters<typeof uploadSlot>[0]) => uploadSlot(gpu, await restore());
    return store.keep(slot, address, again);
  }
}

class EngineKernel<A extends object, Out extends Keys<A>> implements LoadedKernel<A, Out> {
  readonly #engine: KernelEngine;
  readonly #context: Surroundings;

  constructor(engine: KernelEngine, context: Surroundings) {
    this.#engine = engine;
    this.#context = context;
  }

  async run(args: KernelInputs<A>): Promise<KernelRefs<A, Out>> {
    const context = this.#context();
    const kept = await this.#engine.run(received(args), placeOf(context));
    return Object.fromEntries(
      kept.map(({ name, ...data }) => [name, context.deviceRef(data)]),
    ) as KernelRefs<A, Out>;
  }

  async compute(args: KernelInputs<A>): Promise<KernelArrays<A, Out>> {
    const place = placeOf(this.#context());
    return await this.#engine.compute(received(args), place) as KernelArrays<A, Out>;
  }
}

/** Arguments as if they had come in a message: arrays are copied, or moved if they are marked so. */
function received(args: object): object {
  const entries = Object.entries(args).map(([name, value]) => {
    if (value instanceof Transferred) return [name, value.value];
    return [name, dtypeOf(value) === null ? value : (value as TypedArray).slice()];
  });
  return Object.fromEntries(entries);
}

/** What it computes is its own: for its own pool. */
function placeOf({ address }: ActorContext): CallPlace {
  return { address, holder: address };
}
