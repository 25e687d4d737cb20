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

/** What `threads` and `outputs` see: of an array only its length, as it may be on the device. */
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
 */
export interface KernelOptions<A extends object = KernelArgs> {
  /** The module's text. */
  readonly wgsl: string;
  /** The compute entry point. @default the only one of the module */
  readonly entry?: string;
  /**
   * Total invocations for these arguments; the runner rounds up to whole workgroups, so the WGSL
   * checks bounds. Per dimension at most 65,535 workgroups: past that give `[x, y, z]` and compute the
   * index from them in the WGSL, as WebGPU would silently run nothing.
   *
   * @default the number of elements of the longest array, outputs included
   */
  readonly threads?: (args: ArgumentShapes<A>) => Threads;
  /**
   * Elements (of `array<vec4f>`: vectors) of the read_write bindings that callers do not pass, by
   * binding name. They start as zeroes.
   */
  readonly outputs?: Readonly<Record<string, (args: ArgumentShapes<A>) => number>>;
  /**
   * The same computation on the CPU, for hosts without a GPU and as the oracle of tests. Gets the
   * arguments by the same names, outputs allocated, and writes into the read_write arrays in place.
   */
  readonly cpu?: (args: A) => void | Promise<void>;
}
