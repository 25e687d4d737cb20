import {
  ACTOR_TYPE,
  type ActorFactory,
  type ActorType,
  callableMethods,
} from "../src/actor/actor_type.ts";
import { GpuUnavailableError } from "../src/core/errors.ts";
import { gpuOf } from "./gpu_resource.ts";
import { END, KernelActor, type Keys } from "./kernel_actor.ts";
import type { KernelArgs, KernelOptions } from "./kernel_spec.ts";
import { NO_ADAPTER } from "./no_adapter.ts";

/** A kernel: `createActor` makes an actor of it. */
export type Kernel<A extends object = KernelArgs, Out extends Keys<A> = Keys<A>> = ActorFactory<
  KernelActor<A, Out>,
  []
>;

/**
 * Makes an actor type of a WGSL compute shader. What it binds, and how, is read from the WGSL; the
 * arguments of a call are named like the bindings.
 *
 * @typeParam A The arguments by binding name: typed arrays, and plain values for uniforms.
 * @typeParam Out The names of the read_write bindings among them.
 * @param meta The `import.meta` of the module that exports the kernel.
 * @param name The name under which the module exports it; also its name on other hosts.
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { gpuPool, kernel } from "@dramatis/dramatis/gpu";
 *
 * export const double = kernel<{ y: Float32Array }>(import.meta, "double", {
 *   wgsl: `
 *     @group(0) @binding(0) var<storage, read_write> y: array<f32>;
 *     @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3u) {
 *       if (g.x < arrayLength(&y)) { y[g.x] *= 2; }
 *     }`,
 *   cpu: ({ y }) => y.forEach((value, i) => y[i] = 2 * value),
 * });
 *
 * if (import.meta.main) {
 *   await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 *   const place = device({ prefer: "gpu", fallback: "cpu" });
 *   const doubler = await host.createActor(double, [], { place });
 *   const { y } = await doubler.run({ y: Float32Array.of(1, 2, 3) }); // stays on the device
 *   const twice = await doubler.compute({ y }); // comes back
 *   console.log(twice.y, host.poolOf(doubler).device.name); // Float32Array [ 4, 8, 12 ]
 *   y.dispose();
 * }
 * ```
 */
export function kernel<A extends object = KernelArgs, Out extends Keys<A> = Keys<A>>(
  meta: ImportMeta,
  name: string,
  options: KernelOptions<A>,
): Kernel<A, Out> {
  const type: ActorType<KernelActor<A, Out>, []> = {
    name: { module: meta.url, export: name, name, version: "" },
    home: "gpu",
    stateless: true,
    methods: callableMethods(KernelActor as never),
    async create(_args, resources) {
      // Loaded by pools that run kernels alone: every worker whose actors import this package loads this file.
      const { DeviceEngine, TwinEngine } = await import("./kernel_engine.ts");
      const gpu = gpuOf(resources);
      const declared = options as KernelOptions<object>;
      if (gpu !== undefined) return new KernelActor(await DeviceEngine.open(gpu, name, declared));
      if (options.cpu !== undefined) return new KernelActor(new TwinEngine(name, declared));
      throw new GpuUnavailableError(
        `${name} needs a GPU: it was placed in a pool without one and has no \`cpu\` twin. If ` +
          NO_ADAPTER,
      );
    },
    end: (actor) => actor[END](),
  };
  return Object.freeze({ [ACTOR_TYPE]: type }) as Kernel<A, Out>;
}
