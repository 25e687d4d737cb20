import {
  type ChainStep,
  declarationOf,
  type Kernel,
  kernelOf,
  type StepUniform,
} from "./declaration.ts";
import type { Keys } from "./kernel_actor.ts";
import type { KernelArgs } from "./kernel_spec.ts";

/**
 * A kernel as a step, and what it has there under other names.
 *
 * @example The mean: a uniform of a step is made of what is there by then.
 * ```ts
 * import { type ComposeStep, compose, mapKernel, sum } from "@dramatis/dramatis/gpu";
 *
 * export const scaled = mapKernel(import.meta, "scaled", {
 *   type: "f32",
 *   p: { by: "f32" },
 *   expression: "x * p.by",
 *   cpu: (x, _i, p) => x * p.by,
 * });
 *
 * const share = ({ x }: { x: { length: number } }) => ({ by: 1 / x.length });
 * const last: ComposeStep = { kernel: scaled, bind: { x: "out" }, uniforms: { p: share } };
 * export const mean = compose<{ x: Float32Array; out: Float32Array }, "out">(
 *   import.meta,
 *   "mean",
 *   [sum, last],
 * );
 * ```
 */
export interface ComposeStep {
  /** Made by `kernel` or `compose`. */
  readonly kernel: Kernel<never, never>;
  /** What its bindings are called in the composition: `{ x: "blurred" }`. @default the same */
  readonly bind?: Readonly<Record<string, string>>;
  /**
   * Values of its uniforms, which the composition then does not take: each a value, or a function of
   * all arguments and results so far, of whose arrays it sees the `length`.
   */
  readonly uniforms?: Readonly<Record<string, StepUniform>>;
}

/** What a composition may be told. */
export interface ComposeOptions {
  /** Which of all that its steps make it gives. @default what the last step makes */
  readonly results?: readonly string[];
}

/**
 * Makes one kernel of several: one message runs them all, one submit on the device, and what passes
 * between them never leaves it and is freed at once.
 *
 * Names say what goes where. A step takes what an earlier step has made under the name of its binding,
 * else it is an argument of the composition. What a step makes goes by the name of its binding, and
 * takes the place of what went by that name before; `bind` gives other names. A binding for which a
 * kernel has an `outputs` rule is always new memory. On a CPU the steps' twins run.
 *
 * @typeParam A The arguments by name, and the results.
 * @typeParam Out The names of the results.
 * @param meta The `import.meta` of the module that exports it.
 * @param name The name under which the module exports it.
 * @throws {TypeError} if there are no steps, or one is no kernel.
 * @example
 * ```ts
 * import { startHost, workerPool, device } from "@dramatis/dramatis";
 * import { compose, mapKernel, sum } from "@dramatis/dramatis/gpu";
 *
 * export const squares = mapKernel(import.meta, "squares", {
 *   type: "f32",
 *   expression: "x * x",
 *   cpu: (x) => x * x,
 * });
 *
 * export const sumOfSquares = compose<{ x: Float32Array; out: Float32Array }, "out">(
 *   import.meta,
 *   "sumOfSquares",
 *   [squares, { kernel: sum, bind: { x: "out" } }], // what squares makes is what sum takes
 * );
 *
 * if (import.meta.main) {
 *   await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 *   const place = device({ prefer: "gpu", fallback: "cpu" });
 *   const actor = await host.createActor(sumOfSquares, [], { place });
 *   const { out } = await actor.compute({ x: Float32Array.of(1, 2, 3) });
 *   console.log(out[0]); // 14
 * }
 * ```
 */
export function compose<A extends object = KernelArgs, Out extends Keys<A> = Keys<A>>(
  meta: ImportMeta,
  name: string,
  steps: readonly (Kernel<never, never> | ComposeStep)[],
  options: ComposeOptions = {},
): Kernel<A, Out> {
  if (steps.length === 0) throw new TypeError(`${name}: compose takes at least one kernel`);
  const chain: ChainStep[] = steps.map((step) => {
    const { kernel, bind = {}, uniforms = {} } = "kernel" in step ? step : { kernel: step };
    return { kernel: declarationOf(kernel), bind, uniforms };
  });
  return kernelOf<A, Out>(meta, { kind: "chain", name, steps: chain, results: options.results });
}
