import type { Kernel } from "../kernel.ts";
import { type ReduceArgs, reduceKernel, type ReduceOptions } from "./reduce.ts";

const add = (a: number, b: number): number => a + b;

/** How the reductions are declared, by their names. */
export const REDUCTIONS = {
  sum: { type: "f32", expression: "a + b", identity: 0, cpu: add },
  sumI32: { type: "i32", expression: "a + b", identity: 0, cpu: add },
  sumU32: { type: "u32", expression: "a + b", identity: 0, cpu: add },
  min: { type: "f32", expression: "min(a, b)", identity: Infinity, cpu: Math.min },
  minI32: { type: "i32", expression: "min(a, b)", identity: 0x7fffffff, cpu: Math.min },
  minU32: { type: "u32", expression: "min(a, b)", identity: 0xffffffff, cpu: Math.min },
  max: { type: "f32", expression: "max(a, b)", identity: -Infinity, cpu: Math.max },
  maxI32: { type: "i32", expression: "max(a, b)", identity: -0x80000000, cpu: Math.max },
  maxU32: { type: "u32", expression: "max(a, b)", identity: 0, cpu: Math.max },
} as const satisfies Record<string, ReduceOptions<"f32" | "i32" | "u32">>;

/**
 * The sum of all elements; 0 of none. Floats are added in a fixed order, so that the same elements give
 * the same sum.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { gpuPool, sum } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const adder = await host.createActor(sum, [], { place });
 * const { out } = await adder.compute({ x: Float32Array.of(1, 2, 3.5) });
 * console.log(out[0]); // 6.5
 * ```
 */
export const sum: Kernel<ReduceArgs<"f32">, "out"> = reduceKernel(
  import.meta,
  "sum",
  REDUCTIONS.sum,
);

/**
 * The sum of signed integers, which wraps around; 0 of none. Otherwise as {@linkcode sum}.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { sumI32 } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const adder = await host.createActor(sumI32, [], { place });
 * const { out } = await adder.compute({ x: Int32Array.of(3, -1, 2) });
 * console.log(out[0]); // 4
 * ```
 */
export const sumI32: Kernel<ReduceArgs<"i32">, "out"> = reduceKernel(
  import.meta,
  "sumI32",
  REDUCTIONS.sumI32,
);

/**
 * The sum of unsigned integers, which wraps around; 0 of none. Otherwise as {@linkcode sum}.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { sumU32 } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const adder = await host.createActor(sumU32, [], { place });
 * const { out } = await adder.compute({ x: Uint32Array.of(3, 1, 2) });
 * console.log(out[0]); // 6
 * ```
 */
export const sumU32: Kernel<ReduceArgs<"u32">, "out"> = reduceKernel(
  import.meta,
  "sumU32",
  REDUCTIONS.sumU32,
);

/**
 * The least of all elements; `Infinity` of none. NaN as in
 * {@linkcode reduceKernel}.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { gpuPool, min } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const finder = await host.createActor(min, [], { place });
 * const { out } = await finder.compute({ x: Float32Array.of(3, -1, 2) });
 * console.log(out[0]); // -1
 * ```
 */
export const min: Kernel<ReduceArgs<"f32">, "out"> = reduceKernel(
  import.meta,
  "min",
  REDUCTIONS.min,
);

/**
 * The least of signed integers; 2³¹ - 1 of none. Otherwise as {@linkcode min}.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { minI32 } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const finder = await host.createActor(minI32, [], { place });
 * const { out } = await finder.compute({ x: Int32Array.of(3, -1, 2) });
 * console.log(out[0]); // -1
 * ```
 */
export const minI32: Kernel<ReduceArgs<"i32">, "out"> = reduceKernel(
  import.meta,
  "minI32",
  REDUCTIONS.minI32,
);

/**
 * The least of unsigned integers; 2³² - 1 of none. Otherwise as {@linkcode min}.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { minU32 } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const finder = await host.createActor(minU32, [], { place });
 * const { out } = await finder.compute({ x: Uint32Array.of(3, 1, 2) });
 * console.log(out[0]); // 1
 * ```
 */
export const minU32: Kernel<ReduceArgs<"u32">, "out"> = reduceKernel(
  import.meta,
  "minU32",
  REDUCTIONS.minU32,
);

/**
 * The greatest of all elements; `-Infinity` of none. NaN as in
 * {@linkcode reduceKernel}.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { gpuPool, max } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const finder = await host.createActor(max, [], { place });
 * const { out } = await finder.compute({ x: Float32Array.of(3, -1, 2) });
 * console.log(out[0]); // 3
 * ```
 */
export const max: Kernel<ReduceArgs<"f32">, "out"> = reduceKernel(
  import.meta,
  "max",
  REDUCTIONS.max,
);

/**
 * The greatest of signed integers; -2³¹ of none. Otherwise as {@linkcode max}.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { maxI32 } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const finder = await host.createActor(maxI32, [], { place });
 * const { out } = await finder.compute({ x: Int32Array.of(-3, -1, -2) });
 * console.log(out[0]); // -1
 * ```
 */
export const maxI32: Kernel<ReduceArgs<"i32">, "out"> = reduceKernel(
  import.meta,
  "maxI32",
  REDUCTIONS.maxI32,
);

/**
 * The greatest of unsigned integers; 0 of none. Otherwise as {@linkcode max}.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { maxU32 } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const finder = await host.createActor(maxU32, [], { place });
 * const { out } = await finder.compute({ x: Uint32Array.of(3, 1, 2) });
 * console.log(out[0]); // 3
 * ```
 */
export const maxU32: Kernel<ReduceArgs<"u32">, "out"> = reduceKernel(
  import.meta,
  "maxU32",
  REDUCTIONS.maxU32,
);
