/** How a kernel is declared and called. */

import type { UniformValue } from "./layout.ts";
import type { GpuSlot } from "./slot.ts";
import type { TypedArray } from "./typed_array.ts";

/** One argument: an array for a storage binding, plain data for a uniform. */
export type KernelArgument = TypedArray | UniformValue;

/** A call's arguments by binding name. */
export type KernelArgs = Readonly<Record<string, KernelArgument>>;

/** Total invocations: of a 1-D kernel, or in x, y and z. */
export type Threads = number | readonly [number, number, number];

/**
 * Values of a module's `override` declarations, by name.
 *
 * @example
 * ```ts
 * import { kernel, type Overrides } from "@dramatis/dramatis/gpu";
 *
 * const overrides: Overrides = { FACTOR: 3, ROUND: true };
 * export const scaled = kernel<{ y: Float32Array }>(import.meta, "scaled", {
 *   wgsl: `
 *     override FACTOR: f32 = 1; override ROUND = false;
 *     @group(0) @binding(0) var<storage, read_write> y: array<f32>;
 *     @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3u) {
 *       if (g.x < arrayLength(&y)) { y[g.x] = select(y[g.x], round(y[g.x]), ROUND) * FACTOR; }
 *     }`,
 *   overrides,
 * });
 * ```
 */
export type Overrides = Readonly<Record<string, number | boolean>>;

/**
 * One dispatch of a call. What it leaves out is as in the declaration.
 *
 * @example Two buffers that swap places. The variables that no entry point uses give the call's
 * arrays their types.
 * ```ts
 * import { kernel, type KernelPass } from "@dramatis/dramatis/gpu";
 *
 * export const smooth = kernel<{ x: Float32Array; y: Float32Array }, "y">(import.meta, "smooth", {
 *   wgsl: `
 *     @group(0) @binding(0) var<storage, read> src: array<f32>;
 *     @group(0) @binding(1) var<storage, read_write> dst: array<f32>;
 *     @group(1) @binding(0) var<storage, read> x: array<f32>;
 *     @group(1) @binding(1) var<storage, read_write> y: array<f32>;
 *     @group(1) @binding(2) var<storage, read_write> tmp: array<f32>;
 *     @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3u) {
 *       let last = arrayLength(&src) - 1;
 *       if (g.x > last) { return; }
 *       dst[g.x] = (src[max(g.x, 1) - 1] + src[g.x] + src[min(g.x + 1, last)]) / 3;
 *     }`,
 *   passes: (): KernelPass[] => [
 *     { bind: { src: "x", dst: "tmp" } },
 *     { bind: { src: "tmp", dst: "y" } },
 *   ],
 *   scratch: { tmp: ({ x }) => x.length },
 *   outputs: { y: ({ x }) => x.length },
 * });
 * ```
 */
export interface KernelPass {
  /** The compute entry point. @default the kernel's `entry`, else the only one of the module */
  readonly entry?: string;
  /**
   * Total invocations, rounded up to whole workgroups.
   *
   * @default the number of elements of the longest array that this pass binds
   */
  readonly threads?: Threads;
  /** Workgroups in x, y and z, in the place of `threads`. */
  readonly workgroups?: Threads;
  /** Values of uniform bindings, for this pass alone. */
  readonly uniforms?: Readonly<Record<string, UniformValue>>;
  /** Which array this pass sees at a binding, by the binding's name: `{ source: "tmp", target: "y" }`. */
  readonly bind?: Readonly<Record<string, string>>;
  /** Values of overrides, for this pass alone. */
  readonly overrides?: Overrides;
}

/** What `threads`, `passes`, `outputs` and `scratch` see: of an array only its length, as it may be on the device. */
export type ArgumentShapes<A extends object> = {
  readonly [K in keyof A]: A[K] extends TypedArray ? { readonly length: number } : A[K];
};

/** What a call passes: per array the array itself or a slot; outputs are left out. */
export type KernelInput<A extends object> = {
  readonly [K in keyof A]?: A[K] | (Extract<A[K], TypedArray> extends never ? never : GpuSlot);
};

/** What a call on the CPU passes: as `KernelInput`, without slots. */
export type TwinInput<A extends object> = { readonly [K in keyof A]?: A[K] };

/**
 * A kernel's declaration.
 *
 * @typeParam A The arguments by binding name, so that the callbacks are checked.
 * @example An output that is sized by the arguments, and rules that calls must keep.
 * ```ts
 * import { kernel, type KernelOptions } from "@dramatis/dramatis/gpu";
 *
 * interface Args {
 *   x: Float32Array;
 *   pairs: Float32Array;
 * }
 *
 * const options: KernelOptions<Args> = {
 *   wgsl: `
 *     @group(0) @binding(0) var<storage, read> x: array<f32>;
 *     @group(0) @binding(1) var<storage, read_write> pairs: array<f32>;
 *     @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3u) {
 *       if (g.x < arrayLength(&pairs)) { pairs[g.x] = x[2 * g.x] + x[2 * g.x + 1]; }
 *     }`,
 *   check: ({ x }) => x.length % 2 === 0 ? undefined : "x must be pairs of numbers",
 *   outputs: { pairs: ({ x }) => x.length / 2 },
 *   threads: ({ x }) => x.length / 2,
 *   cpu: ({ x, pairs }) => pairs.forEach((_, i) => pairs[i] = x[2 * i]! + x[2 * i + 1]!),
 * };
 *
 * export const addPairs = kernel<Args, "pairs">(import.meta, "addPairs", options);
 * ```
 */
export interface KernelOptions<A extends object = KernelArgs> {
  /** The module's text. */
  readonly wgsl: string;
  /** The compute entry point. @default the only one of the module */
  readonly entry?: string;
  /** Values of the module's `override` declarations. @default those of the WGSL */
  readonly overrides?: Overrides;
  /**
   * The dispatches of one call, in order, each of which sees what those before it wrote; they are
   * one message and one submit. In the place of `threads`. None: nothing runs, outputs are zeroes.
   *
   * A binding that every pass fills by `uniforms` or `bind` is not an argument.
   *
   * @default one, of `entry` with `threads`
   */
  readonly passes?: (args: ArgumentShapes<A>) => readonly KernelPass[];
  /**
   * Total invocations for these arguments; the runner rounds up to whole workgroups, so the WGSL
   * checks bounds. Past the 65,535 workgroups that WebGPU runs in one dimension, the runner makes
   * several dispatches of it, in the order of their ids, which the WGSL does not notice.
   *
   * @default the number of elements of the longest array, outputs included
   */
  readonly threads?: (args: ArgumentShapes<A>) => Threads;
  /**
   * What is wrong with arguments that are of the right kinds but do not fit together, for example
   * `a must be m * k numbers`: calls are refused with it. Nothing when they fit.
   *
   * @default whatever the bindings take is accepted
   */
  readonly check?: (args: ArgumentShapes<A>) => string | undefined;
  /**
   * Elements (of `array<vec4f>`: vectors) of the read_write bindings that callers do not pass, by
   * binding name. They start as zeroes.
   */
  readonly outputs?: Readonly<Record<string, (args: ArgumentShapes<A>) => number>>;
  /**
   * Elements of the read_write bindings that are neither passed nor returned: memory of the device
   * for the time of the call. They start as zeroes. The twin does not get them.
   */
  readonly scratch?: Readonly<Record<string, (args: ArgumentShapes<A>) => number>>;
  /**
   * The same computation on the CPU, for hosts without a GPU and as the oracle of tests. Gets the
   * arguments by the same names, outputs allocated, and writes into the read_write arrays in place.
   */
  readonly cpu?: (args: A) => void | Promise<void>;
}
