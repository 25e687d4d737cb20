/** Kernels that several tests run. */

import type { KernelOptions } from "../../gpu/kernel_spec.ts";
import saxpySource from "../../examples/kernel/saxpy.wgsl" with { type: "text" };
import sumBlocksSource from "../../gpu/kernels/sum_blocks.wgsl" with { type: "text" };

export interface SaxpyArgs {
  x: Float32Array;
  y: Float32Array;
  p: { a: number; n: number };
}

export const saxpy: KernelOptions<SaxpyArgs> = {
  wgsl: saxpySource,
  threads: ({ x }) => x.length,
  cpu: ({ x, y, p }) => {
    for (let i = 0; i < p.n; i++) y[i] = Math.fround(Math.fround(p.a * x[i]!) + y[i]!);
  },
};

export interface SumBlocksArgs {
  x: Float32Array;
  sums: Float32Array;
}

/** Elements of one block of `sum_blocks.wgsl`. */
export const BLOCK = 256;

export const sumBlocks: KernelOptions<SumBlocksArgs> = {
  wgsl: sumBlocksSource,
  threads: ({ x }) => x.length,
  outputs: { sums: ({ x }) => Math.ceil(x.length / BLOCK) },
  cpu: ({ x, sums }) => {
    for (let i = 0; i < x.length; i++) sums[Math.floor(i / BLOCK)]! += x[i]!;
  },
};

/** 0, 1, 2, … */
export function count(length: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length }, (_, i) => i);
}
