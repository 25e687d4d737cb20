import type { ActorAddress, PoolAddress } from "../src/core/address.ts";
import { CPU } from "../src/core/device.ts";
import { GpuUnavailableError } from "../src/core/gpu_errors.ts";
import type { Resources } from "../src/actor/actor_type.ts";
import type { DeviceRef } from "../src/actor/device_ref.ts";
import { ChoosingEngine } from "./choosing_engine.ts";
import { all, CallRefs, isMoved, isOwn, refsOf } from "./call_refs.ts";
import type { Declaration } from "./declaration.ts";
import type { GpuHandle } from "./device.ts";
import { ArrayStore, disposed, type RefData, SlotStore } from "./device_store.ts";
import { fetchArray, type Where } from "./fetch.ts";
import { gpuOf } from "./gpu_resource.ts";
import type { EnqueueOptions } from "./kernel_runner.ts";
import type { KernelStats } from "./kernel_stats.ts";
import { readAll, type Runner } from "./runner.ts";
import { runnerOf } from "./runner_of.ts";
import { type Twin, twinOf } from "./twin.ts";
import type { TypedArray } from "./typed_array.ts";

/** A call's arguments as they arrive: arrays, DeviceRefs, plain values for uniforms. */
type Args = object;

/** A result that stays: under which binding's name, and what a DeviceRef says of it. */
export type KeptResult = RefData & { readonly name: string };

/** Where a call runs and for whom. */
export interface CallPlace {
  /** The actor that runs it. */
  readonly address: ActorAddress;
  /** The pool that its results are kept for. */
  readonly holder: PoolAddress;
}

/** What runs the kernel of one actor. */
export interface KernelEngine {
  /** Computes and keeps the results. */
  run(args: Args, place: CallPlace): Promise<KeptResult[]>;
  /** Computes and returns new arrays by binding name. */
  compute(args: Args, place: CallPlace): Promise<Record<string, TypedArray>>;
  /** What it ran on, and how long that took. */
  stats(): KernelStats;
}

/** Where an actor of a pool keeps its data: on the device, if the pool has one. */
export function storeOf(resources: Resources): SlotStore | ArrayStore {
  const resource = gpuOf(resources);
  return resource === undefined ? new ArrayStore() : new SlotStore(resource);
}

/**
 * Compiles a kernel for the device that the data is kept on, or finds its twin.
 *
 * @param minWork From how much work on `compute` uses the device, instead of the twin.
 * @throws {KernelCompileError} with the compiler's lines.
 * @throws {GpuUnavailableError} if there is neither a device nor a twin, or no twin for small work.
 */
export async function openEngine(
  store: SlotStore | ArrayStore,
  declaration: Declaration,
  minWork: number | "auto" = 0,
): Promise<KernelEngine> {
  if (store instanceof ArrayStore) return new TwinEngine(store, twinOf(declaration));
  const runner = runnerOf(await store.resource.ready(), declaration);
  await runner.prepare();
  const engine = new DeviceEngine(store, runner);
  if (minWork === 0) return engine;
  return new ChoosingEngine(engine, twinFor(declaration), minWork);
}

function twinFor(declaration: Declaration): Twin {
  try {
    return twinOf(declaration);
  } catch (cause) {
    if (!(cause instanceof GpuUnavailableError)) throw cause;
    const message = `${declaration.name} has no \`cpu\` twin for calls that are less than minWork`;
    throw new GpuUnavailableError(message, { cause });
  }
}

/** Runs a kernel on a device. Calls that come in one turn are one submit. */
class DeviceEngine implements KernelEngine {
  readonly #store: SlotStore;
  /** On the device that was there last. */
  #runner: Runner;

  constructor(store: SlotStore, runner: Runner) {
    this.#store = store;
    this.#runner = runner;
  }

  async run(args: Args, place: CallPlace): Promise<KeptResult[]> {
    const slots = await this.#call(
      args,
      place,
      (_gpu, runner, bound, options) => runner.enqueue(bound, options),
    );
    return Object.entries(slots).map(([name, slot]) => (
      { name, ...this.#store.keep(slot, place.holder) }
    ));
  }

  async compute(args: Args, place: CallPlace): Promise<Record<string, TypedArray>> {
    return await this.#call(
      args,
      place,
      async (gpu, runner, bound, options) => readAll(gpu, await runner.enqueue(bound, options)),
    );
  }

  stats(): KernelStats {
    const { description: { kind, name }, generation, times } = this.#store.resource.gpu;
    const device = { kind, name };
    return { device, generation, times: times.list(this.#runner.name), choices: null };
  }

  /** Calls with slots in the place of DeviceRefs; whoever disposes of one now does not take it away. */
  async #call<T>(
    args: Args,
    { address }: CallPlace,
    call: (gpu: GpuHandle, runner: Runner, bound: Args, options: EnqueueOptions) => Promise<T>,
  ): Promise<T> {
    const { resource } = this.#store;
    const ready = resource.ready();
    const gpu = ready instanceof Promise ? await ready : ready;
    if (!this.#runner.isOn(gpu)) this.#runner = this.#runner.on(gpu);
    const runner = this.#runner;
    const refs = refsOf(runner.name, args);
    if (refs.length === 0) return await call(gpu, runner, args, {});
    const slots = new CallRefs(resource, address, refs);
    try {
      slots.hold();
      if (slots.hasFar) await slots.fetch(gpu);
      return await call(gpu, runner, slots.bind(args), slots.options);
    } finally {
      slots.release();
    }
  }
}

/** Runs a kernel's twin on a CPU. */
class TwinEngine implements KernelEngine {
  readonly #store: ArrayStore;
  readonly #twin: Twin;

  constructor(store: ArrayStore, twin: Twin) {
    this.#store = store;
    this.#twin = twin;
  }

  async run(args: Args, place: CallPlace): Promise<KeptResult[]> {
    return Object.entries(await this.compute(args, place)).map(([name, array]) => (
      { name, ...this.#store.keep(array, place.holder) }
    ));
  }

  stats(): KernelStats {
    const { kind, name } = CPU;
    return { device: { kind, name }, generation: 1, times: [], choices: null };
  }

  async compute(args: Args, { address }: CallPlace): Promise<Record<string, TypedArray>> {
    const refs = refsOf(this.#twin.name, args);
    const bound: Record<string, unknown> = { ...args };
    const coming = new Map<number, Promise<TypedArray>>();
    const fetch = (ref: DeviceRef, where: Where) => {
      // No two refs have the same number; what is bound twice comes once.
      const array = coming.get(ref.id) ?? fetchArray(ref, where);
      coming.set(ref.id, array);
      return array;
    };
    await all(refs.map(async ([ref, where]) => {
      bound[where[1]] = isOwn(ref, address)
        ? this.#store.get(ref.id) ?? disposed(...where)
        : await fetch(ref, where);
    }));
    const results = await this.#twin.compute(bound);
    for (const [ref] of refs) {
      if (!isMoved(ref)) continue;
      if (isOwn(ref, address)) this.#store.free(ref.id);
      else ref.dispose();
    }
    return results;
  }
}
