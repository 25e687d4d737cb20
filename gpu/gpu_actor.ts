import type { Device } from "../src/core/device.ts";
import { Actor } from "../src/actor/actor.ts";
import { type ActorType, TYPE_OF_BASE } from "../src/actor/actor_type.ts";
import type { DeviceRef } from "../src/actor/device_ref.ts";
import type { Kernel } from "./declaration.ts";
import { KEPT, type Kept, ownerType } from "./device_owner.ts";
import type { KernelArrays, KernelInputs, KernelRefs, Keys, Owned } from "./kernel_actor.ts";
import type { TypedArray } from "./typed_array.ts";

/**
 * A kernel that a {@linkcode GpuActor} runs in its own pool: no message goes anywhere.
 *
 * @example
 * ```ts
 * import { actor } from "@dramatis/dramatis";
 * import { GpuActor, type LoadedKernel, type ReduceArgs, sum } from "@dramatis/dramatis/gpu";
 *
 * @actor(import.meta)
 * export class Total extends GpuActor {
 *   #sum!: LoadedKernel<ReduceArgs<"f32">, "out">;
 *   override async postCreate(): Promise<void> {
 *     this.#sum = await this.gpu.kernel(sum);
 *   }
 *   async of(x: Float32Array): Promise<number> {
 *     return (await this.#sum.compute({ x })).out[0]!;
 *   }
 * }
 * ```
 */
export interface LoadedKernel<A extends object, Out extends Keys<A>> {
  /** As `KernelActor.run`; the results end with the actor at the latest. */
  run(args: KernelInputs<A>): Promise<KernelRefs<A, Out>>;
  /** As `KernelActor.compute`. */
  compute(args: KernelInputs<A>): Promise<KernelArrays<A, Out>>;
}

/**
 * How an array stays.
 *
 * @example An array that comes back after a device was lost.
 * ```ts
 * import { actor, device, startHost, workerPool } from "@dramatis/dramatis";
 * import { type ArrayOptions, type DeviceRef, GpuActor } from "@dramatis/dramatis/gpu";
 *
 * @actor(import.meta)
 * export class Table extends GpuActor {
 *   #squares!: DeviceRef<Float32Array<ArrayBuffer>>;
 *   override async postCreate(): Promise<void> {
 *     const restore = () => Float32Array.from({ length: 100 }, (_, i) => i * i);
 *     const options: ArrayOptions<Float32Array> = { restore };
 *     this.#squares = await this.gpu.array(restore(), options);
 *   }
 *   async square(i: number): Promise<number> {
 *     return (await this.#squares.read(i, i + 1))[0]!;
 *   }
 * }
 *
 * if (import.meta.main) {
 *   await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 *   const place = device({ prefer: "gpu", fallback: "cpu" });
 *   console.log(await (await host.createActor(Table, [], { place })).square(9)); // 81
 * }
 * ```
 */
export interface ArrayOptions<T extends TypedArray> {
  /**
   * Gives the content again for the next device, when this one was lost.
   * @default none: reading it then throws `GpuDeviceLostError`
   */
  readonly restore?: () => T | Promise<T>;
}

/** What a {@linkcode GpuActor} computes with. */
export interface GpuScope {
  /** What computes: the pool's GPU, or a CPU that runs the kernels' twins. */
  readonly device: Device;
  /**
   * Compiles a kernel for the device, once; on a CPU it finds the twin.
   *
   * @throws {KernelCompileError} with the compiler's lines.
   * @throws {GpuUnavailableError} if there is neither a device nor a twin.
   */
  kernel<A extends object, Out extends Keys<A>>(
    kernel: Kernel<A, Out>,
  ): Promise<LoadedKernel<A, Out>>;
  /**
   * Copies an array to the device, where it stays until it is disposed of, moved, or the actor ends.
   *
   * @throws {GpuOutOfMemoryError} if the device has no memory for it.
   * @throws {GpuDeviceLostError} if the device is lost, and there is no other.
   */
  array<T extends TypedArray>(data: T, options?: ArrayOptions<T>): Promise<DeviceRef<Owned<T>>>;
}

/**
 * The base of actors that live beside a device, with kernels and arrays on it as their state: stateful,
 * one message at a time, as any {@linkcode Actor}. They are placed in gpu pools, or where
 * `device({ fallback: "cpu" })` allows it, and there compute by twins; `this.gpu.device` says which.
 *
 * What they have on the device ends with them. Their DeviceRefs may be handed out, and are read without
 * waiting for the actor.
 *
 * @example
 * ```ts
 * import { actor, device, startHost, transfer, workerPool } from "@dramatis/dramatis";
 * import { type DeviceRef, GpuActor, type LoadedKernel, mapKernel } from "@dramatis/dramatis/gpu";
 *
 * export const half = mapKernel(import.meta, "half", {
 *   type: "f32",
 *   expression: "x / 2",
 *   cpu: (x) => x / 2,
 * });
 *
 * @actor(import.meta)
 * export class Decay extends GpuActor {
 *   #half!: LoadedKernel<{ x: Float32Array; out: Float32Array }, "out">;
 *   #x!: DeviceRef<Float32Array<ArrayBuffer>>;
 *   override async postCreate(): Promise<void> {
 *     this.#half = await this.gpu.kernel(half);
 *     this.#x = await this.gpu.array(new Float32Array(1000).fill(1));
 *   }
 *   async *steps(count: number): AsyncGenerator<number> {
 *     for (let i = 0; i < count; i++) {
 *       ({ out: this.#x } = await this.#half.run({ x: transfer(this.#x) }));
 *       yield (await this.#x.read(0, 1))[0]!;
 *     }
 *   }
 * }
 *
 * if (import.meta.main) {
 *   await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 *   const place = device({ prefer: "gpu", fallback: "cpu" });
 *   const decay = await host.createActor(Decay, [], { place });
 *   for await (const x of decay.steps(3)) console.log(x); // 0.5, 0.25, 0.125
 * }
 * ```
 */
export abstract class GpuActor extends Actor {
  #scope: GpuScope | undefined;
  #kept: Kept | undefined;

  /** For `@actor`: where its actors are at home, and how they are made. */
  static [TYPE_OF_BASE](type: ActorType<GpuActor>): ActorType<GpuActor> {
    return ownerType<GpuActor, unknown[]>({
      ...type,
      home: "gpu",
      async create(args, resources) {
        const actor = await type.create(args, resources);
        // Loaded by pools that such actors live in alone.
        const { gpuScope } = await import("./gpu_scope.ts");
        [actor.#kept, actor.#scope] = gpuScope(resources, () => actor.context);
        return actor;
      },
    });
  }

  /** For messages of DeviceRefs. */
  get [KEPT](): object {
    return this.#kept!;
  }

  /**
   * The device and what can be done on it.
   *
   * @throws {TypeError} in the constructor, where there is none yet; use `postCreate`.
   */
  protected get gpu(): GpuScope {
    if (this.#scope !== undefined) return this.#scope;
    throw new TypeError(`${this.constructor.name} has no gpu in its constructor: use postCreate`);
  }
}
