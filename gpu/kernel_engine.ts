import type { PoolAddress } from "../src/core/address.ts";
import { KernelArgumentError } from "../src/core/errors.ts";
import { DeviceRef, type DeviceRefData } from "../src/actor/device_ref.ts";
import { runTwin } from "./cpu_twin.ts";
import type { GpuResource } from "./gpu_resource.ts";
import { KernelRunner } from "./kernel_runner.ts";
import type { KernelOptions } from "./kernel_spec.ts";
import { type KernelInterface, reflectKernel } from "./reflection.ts";
import { dtypeOf, type TypedArray } from "./typed_array.ts";

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
  /** Copies a kept result. */
  read(id: number): Promise<TypedArray>;
  /** Frees a kept result. */
  release(id: number): void;
  /** Frees all. */
  close(): void;
}

/** Runs a kernel on a device. Calls that come in one turn are one submit. */
export class DeviceEngine implements KernelEngine {
  readonly #resource: GpuResource;
  readonly #runner: KernelRunner<object>;
  /** What this engine has made and keeps. */
  readonly #kept = new Set<number>();

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
    const runner = new KernelRunner<object>(resource.gpu, name, options);
    await runner.prepare();
    return new DeviceEngine(resource, runner);
  }

  async run(args: Args, pool: PoolAddress): Promise<KeptResult[]> {
    const slots = await this.#runner.enqueue(await this.#bind(args, pool));
    return Object.entries(slots).map(([name, slot]) => {
      const id = this.#resource.keep(slot);
      this.#kept.add(id);
      return { name, id, dtype: slot.dtype, length: slot.length };
    });
  }

  async compute(args: Args, pool: PoolAddress): Promise<Record<string, TypedArray>> {
    return await this.#runner.run(await this.#bind(args, pool));
  }

  async read(id: number): Promise<TypedArray> {
    return await this.#runner.read(this.#resource.get(id) ?? disposed(id));
  }

  release(id: number): void {
    if (this.#kept.delete(id)) this.#resource.release(id);
  }

  close(): void {
    for (const id of this.#kept) this.#resource.release(id);
    this.#kept.clear();
  }

  #bind(args: Args, pool: PoolAddress): Args | Promise<Args> {
    return bind(
      args,
      (ref) => ref.isIn(pool) ? this.#resource.get(ref.id) ?? disposed(ref.id) : ref.read(),
    );
  }
}

/** Runs a kernel's twin on a CPU. */
export class TwinEngine implements KernelEngine {
  readonly #name: string;
  readonly #options: KernelOptions<object>;
  readonly #interface: KernelInterface;
  readonly #kept = new Map<number, TypedArray>();
  #lastId = 0;

  /** @throws {KernelCompileError} if the WGSL does not parse: arguments are checked against it here too. */
  constructor(name: string, options: KernelOptions<object>) {
    this.#name = name;
    this.#options = options;
    this.#interface = reflectKernel(options.wgsl, options.entry);
  }

  async run(args: Args): Promise<KeptResult[]> {
    return Object.entries(await this.compute(args)).map(([name, array]) => {
      this.#kept.set(++this.#lastId, array);
      return { name, id: this.#lastId, dtype: dtypeOf(array)!, length: array.length };
    });
  }

  async compute(args: Args): Promise<Record<string, TypedArray>> {
    const bound = await bind(args, (ref) => ref.read());
    return await runTwin(this.#name, this.#options, bound, this.#interface);
  }

  read(id: number): Promise<TypedArray> {
    return Promise.resolve(this.#kept.get(id) ?? disposed(id));
  }

  release(id: number): void {
    this.#kept.delete(id);
  }

  close(): void {
    this.#kept.clear();
  }
}

/** Replaces DeviceRefs by what they stand for; at once if there are none to fetch. */
function bind(args: Args, resolve: (ref: DeviceRef) => unknown): Args | Promise<Args> {
  const values = Object.values(args);
  if (!values.some((value) => value instanceof DeviceRef)) return args;
  const bound = values.map((value) => value instanceof DeviceRef ? resolve(value) : value);
  const names = Object.keys(args);
  const named = (all: unknown[]) => Object.fromEntries(names.map((name, i) => [name, all[i]]));
  return bound.some((value) => value instanceof Promise)
    ? Promise.all(bound).then(named)
    : named(bound);
}

function disposed(id: number): never {
  throw new KernelArgumentError(`DeviceRef ${id} was disposed of, or its actor has ended`);
}
