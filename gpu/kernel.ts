import { type Kernel, kernelOf } from "./declaration.ts";
export type { Kernel } from "./declaration.ts";
import type { Keys } from "./kernel_actor.ts";
import type { KernelArgs, KernelOptions } from "./kernel_spec.ts";

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
  const declaration = { kind: "wgsl", name, options: options as KernelOptions<object> } as const;
  return kernelOf<A, Out>(meta, declaration);
}
