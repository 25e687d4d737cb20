import { type Kernel, kernel } from "../kernel.ts";
import type { Keys } from "../kernel_actor.ts";
import type { KernelOptions } from "../kernel_spec.ts";
import { type ElementArray, type ElementArrays, elements, type ElementType } from "./elements.ts";
import source from "./reduce.wgsl" with { type: "text" };

/** Invocations of a workgroup. */
const THREADS = 256;
/** Elements that an invocation combines before there are more workgroups. */
const ITEMS = 16;
/** Fills the largest devices; one workgroup combines their results. */
const MAX_WORKGROUPS = 1024;

/** How to declare a {@linkcode reduceKernel}. */
export interface ReduceOptions<T extends ElementType> {
  /** The elements. */
  readonly type: T;
  /** WGSL of `a` and `b`. Their order must not matter, nor how several are grouped. */
  readonly expression: string;
  /** Changes nothing that it is combined with; the result of no elements. */
  readonly identity: number;
  /** The same on the CPU; what it returns is rounded to the type. */
  readonly cpu?: (a: number, b: number) => number;
}

/** The arguments of a {@linkcode reduceKernel}. */
export interface ReduceArgs<T extends ElementType> {
  /** The elements. */
  readonly x: ElementArrays[T];
  /** One element: all of them combined. */
  readonly out: ElementArrays[T];
}

/** What the WGSL binds. */
interface AllArgs {
  readonly x: ElementArray;
  readonly out: ElementArray;
  readonly partial: ElementArray;
}

/**
 * Declares a kernel that combines all elements into one, `out[0]`, by a WGSL expression of two.
 *
 * The order is fixed by the number of elements: the same elements give the same result, also as
 * `f32`. Devices and the twin take the same order. With NaN among the elements the result may be any,
 * as WGSL lets devices take it that there is none.
 *
 * @param meta The `import.meta` of the module that exports the kernel.
 * @param name The name under which the module exports it.
 * @throws {KernelCompileError} From calls, when the expression does not compile; with its line.
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { gpuPool, reduceKernel } from "@dramatis/dramatis/gpu";
 *
 * export const anyBit = reduceKernel(import.meta, "anyBit", {
 *   type: "u32",
 *   expression: "a | b",
 *   identity: 0,
 *   cpu: (a, b) => a | b,
 * });
 *
 * if (import.meta.main) {
 *   await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 *   const place = device({ prefer: "gpu", fallback: "cpu" });
 *   const reducer = await host.createActor(anyBit, [], { place });
 *   const { out } = await reducer.compute({ x: Uint32Array.of(1, 4, 5) });
 *   console.log(out[0]); // 5
 * }
 * ```
 */
export function reduceKernel<T extends ElementType>(
  meta: ImportMeta,
  name: string,
  options: ReduceOptions<T>,
): Kernel<ReduceArgs<T>, "out" & Keys<ReduceArgs<T>>> {
  return kernel(meta, name, reduceOptions(options)) as never;
}

/** The declaration of a reduction. */
export function reduceOptions(options: ReduceOptions<ElementType>): KernelOptions<AllArgs> {
  const { type, expression, identity, cpu } = options;
  return {
    // The expression comes first, so that its lines count from 1.
    wgsl: `fn combine(a: T, b: T) -> T { return ${expression}\n; }\nalias T = ${type};\n${source}`,
    outputs: { out: () => 1 },
    scratch: { partial: ({ x }) => Math.max(workgroups(x.length), 1) },
    passes: ({ x }) => {
      const uniforms = { p: { n: x.length, identity } };
      return [
        { entry: "blocks", workgroups: workgroups(x.length), uniforms },
        { entry: "total", workgroups: 1, uniforms },
      ];
    },
    ...cpu && { cpu: ({ x, out }) => reduce(options, cpu, x, out) },
  };
}

/** Of `blocks`. */
function workgroups(n: number): number {
  return Math.min(Math.ceil(n / (THREADS * ITEMS)), MAX_WORKGROUPS);
}

/** Combines in the order of the WGSL, rounding as often. */
function reduce(
  { type, identity }: ReduceOptions<ElementType>,
  combine: (a: number, b: number) => number,
  x: ElementArray,
  out: ElementArray,
): void {
  const groups = workgroups(x.length);
  const partial = elements(type, groups);
  const lanes = elements(type, THREADS);
  const combined = (): number => {
    for (let half = THREADS / 2; half >= 1; half /= 2) {
      for (let t = 0; t < half; t++) lanes[t] = combine(lanes[t]!, lanes[t + half]!);
    }
    return lanes[0]!;
  };
  for (let group = 0; group < groups; group++) {
    lanes.fill(identity);
    for (let row = group * THREADS; row < x.length; row += groups * THREADS) {
      const end = Math.min(THREADS, x.length - row);
      for (let t = 0; t < end; t++) lanes[t] = combine(lanes[t]!, x[row + t]!);
    }
    partial[group] = combined();
  }
  lanes.fill(identity);
  for (let i = 0; i < groups; i++) {
    lanes[i % THREADS] = combine(lanes[i % THREADS]!, partial[i]!);
  }
  out[0] = combined();
}
