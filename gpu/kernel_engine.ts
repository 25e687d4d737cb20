import type { PoolAddress } from "../src/core/address.ts";
import { KernelArgumentError } from "../src/core/errors.ts";
import { DeviceRef, type DeviceRefData } from "../src/actor/device_ref.ts";
import { runTwin } from "./cpu_twin.ts";
import type { GpuHandle } from "./device.ts";
import type { GpuResource } from "./gpu_resource.ts";
import { KernelPlan } from "./kernel_plan.ts";
import { KernelRunner } from "./kernel_runner.ts";
import type { KernelOptions } from "./kernel_spec.ts";
import type { GpuSlot } from "./slot.ts";
import { readSlot } from "./slots.ts";
import { describeValue, dtypeOf, type TypedArray } from "./typed_array.ts";

/** A call's arguments as they arrive: arrays, DeviceRefs, plain values for uniforms. */
type Args = object;

/** A result that stays: under which binding's name, and what a DeviceRef says of it. */
export type KeptResult = Omit<DeviceRefData, "owner"> & { readonly name: string };

/** What runs the kernel of one actor. */
export interface KernelEngine {
  /** Computes and keeps the results. `pool` is the actor's own: refs of it need no copy. */
  run(args: Args, pool: PoolAddress): Promise<KeptResult[]>;
  /** Computes and returns new arrays by binding name. */
  compute(args: Args, pool: PoolAddress): Promise<Record<string, TypedArray>>;
  /** Copies a kept result; the copy is the caller's. */
  read(id: number): Promise<TypedArray>;
  /** Frees a kept result. */
  release(id: number): void;
  /** Frees all. What still runs keeps nothing. */
  close(): void;
}

/** Runs a kernel on a device. Calls that come in one turn are one submit. */
export class DeviceEngine implements KernelEngine {
  readonly #resource: GpuResource;
  /** On the device that was there last. */
  #runner: KernelRunner<object>;
  /** What this engine has made and keeps. */
  readonly #kept = new Set<number>();
  #closed = false;

  private constructor(resource: GpuResource, runner: KernelRunner<object>) {
    this.#resource = resource;
    this.#runner = runner;
  }

  /**
   * Compiles the kernel.
   *
   * @throws {KernelCompileError} with the compiler's lines.
   */
  static async open(
    resource: GpuResource,
    name: string,
    options: KernelOptions<object>,
  ): Promise<DeviceEngine> {
    const runner = new KernelRunner<object>(await resource.ready(), name, options);
    await runner.prepare();
    return new DeviceEngine(resource, runner);
  }

  async run(args: Args, pool: PoolAddress): Promise<KeptResult[]> {
    const slots = await this.#withSlots(args, pool, (runner, bound) => runner.enqueue(bound));
    return Object.entries(slots).map(([name, slot]) => {
      const { dtype, length } = slot;
      const id = this.#resource.keep(slot);
      if (this.#closed) this.#resource.release(id);
      else this.#kept.add(id);
      return { name, id, dtype, length };
    });
  }

  async compute(args: Args, pool: PoolAddress): Promise<Record<string, TypedArray>> {
    return await this.#withSlots(args, pool, (runner, bound) => runner.run(bound));
  }

  async read(id: number): Promise<TypedArray> {
    const gpu = await this.#resource.ready();
    return await readSlot(gpu, this.#resource.get(id) ?? disposed(`DeviceRef ${id}`));
  }

  release(id: number): void {
    if (this.#kept.delete(id)) this.#resource.release(id);
  }

  close(): void {
    this.#closed = true;
    for (const id of this.#kept) this.#resource.release(id);
    this.#kept.clear();
  }

  /** Calls with slots in the place of DeviceRefs; whoever disposes of one now does not take it away. */
  async #withSlots<T>(
    args: Args,
    pool: PoolAddress,
    call: (runner: KernelRunner<object>, bound: Args) => Promise<T>,
  ): Promise<T> {
    const held: GpuSlot[] = [];
    try {
      const living = this.#living();
      const runner = living instanceof Promise ? await living : living;
      const bound = bind(runner.name, args, (ref, where) => {
        if (!ref.isIn(pool)) return fetch(ref, where);
        const slot = this.#resource.get(ref.id) ?? disposed(...where);
        held.push(slot.retain());
        return slot;
      });
      // The call takes its own hold of them before it waits for anything.
      return call(runner, bound instanceof Promise ? await bound : bound);
    } finally {
      for (const slot of held) slot.release();
    }
  }

  /** The kernel on a device that lives: after a loss on the next one, where it is compiled again. */
  #living(): KernelRunner<object> | Promise<KernelRunner<object>> {
    const gpu = this.#resource.ready();
    return gpu instanceof Promise ? gpu.then((next) => this.#on(next)) : this.#on(gpu);
  }

  #on(gpu: GpuHandle): KernelRunner<object> {
    if (!this.#runner.isOn(gpu)) this.#runner = this.#runner.on(gpu);
    return this.#runner;
  }
}

/** Runs a kernel's twin on a CPU. */
export class TwinEngine implements KernelEngine {
  readonly #name: string;
  readonly #options: KernelOptions<object>;
  readonly #plan: KernelPlan;
  readonly #kept = new Map<number, TypedArray>();
  #lastId = 0;
  #closed = false;

  /** @throws {KernelCompileError} if the WGSL does not parse: arguments are checked against it here too. */
  constructor(name: string, options: KernelOptions<object>) {
    this.#name = name;
    this.#options = options;
    this.#plan = new KernelPlan(name, options);
  }

  async run(args: Args): Promise<KeptResult[]> {
    return Object.entries(await this.compute(args)).map(([name, array]) => {
      const id = ++this.#lastId;
      if (!this.#closed) this.#kept.set(id, array);
      return { name, id, dtype: dtypeOf(array)!, length: array.length };
    });
  }

  async compute(args: Args): Promise<Record<string, TypedArray>> {
    const bound = await bind(this.#name, args, fetch);
    return await runTwin(this.#name, this.#options, bound, this.#plan);
  }

  // deno-lint-ignore require-await -- what it throws has to be a rejection
  async read(id: number): Promise<TypedArray> {
    return (this.#kept.get(id) ?? disposed(`DeviceRef ${id}`)).slice();
  }

  release(id: number): void {
    this.#kept.delete(id);
  }

  close(): void {
    this.#closed = true;
    this.#kept.clear();
  }
}

/** For people, and the binding's name. */
type Where = readonly [what: string, binding: string];

/** Replaces DeviceRefs by what they stand for; at once if there are none to fetch. */
function bind(
  kernel: string,
  args: unknown,
  resolve: (ref: DeviceRef, where: Where) => unknown,
): Args | Promise<Args> {
  if (typeof args !== "object" || args === null || Array.isArray(args)) {
    throw new KernelArgumentError(
      `${kernel} takes one object with its arguments by binding name, got ${describeValue(args)}`,
    );
  }
  const entries = Object.entries(args);
  if (!entries.some(([, value]) => value instanceof DeviceRef)) return args;
  const bound = entries.map(([name, value]) => {
    if (!(value instanceof DeviceRef)) return value;
    try {
      return resolve(value, [`${kernel}: the DeviceRef of binding "${name}"`, name]);
    } catch (error) {
      // Others may be on their way already, and somebody has to wait for them.
      return Promise.reject(error);
    }
  });
  const named = (all: unknown[]) => Object.fromEntries(entries.map(([name], i) => [name, all[i]]));
  return bound.some((value) => value instanceof Promise)
    ? Promise.all(bound).then(named)
    : named(bound);
}

/** Reads a DeviceRef that lives elsewhere. */
async function fetch(ref: DeviceRef, where: Where): Promise<TypedArray> {
  try {
    return await ref.read();
  } catch (error) {
    // Its actor knows that it was disposed of, but not for which binding it is wanted.
    if (error instanceof KernelArgumentError) disposed(...where);
    throw error;
  }
}

function disposed(what: string, binding = ""): never {
  throw new KernelArgumentError(
    `${what} was disposed of, or the actor that made it has ended`,
    binding,
  );
}
