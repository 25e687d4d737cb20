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

export interface SpinArgs {
  y: Uint32Array;
  p: { rounds: number };
}

/** Takes as long as one wants, by `rounds`. Two loops, as a device in software ends one after 65,536 rounds. */
export const spin: KernelOptions<SpinArgs> = {
  wgsl: `
    struct P { rounds: u32 }
    @group(0) @binding(0) var<storage, read_write> y: array<u32>;
    @group(0) @binding(1) var<uniform> p: P;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3u) {
      var v = g.x;
      for (var i = 0u; i < p.rounds; i++) {
        for (var j = 0u; j < 1000; j++) { v = v * 1664525u + 1013904223u; }
      }
      y[g.x] = v;
    }`,
};

/** 0, 1, 2, … */
export function count(length: number): Float32Array<ArrayBuffer> {
  const array = new Float32Array(length);
  for (let i = 0; i < length; i++) array[i] = i;
  return array;
}
