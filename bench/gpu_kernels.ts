/** The kernels that are measured. @module */
import { type Kernel, kernel, type KernelOptions } from "@dramatis/dramatis/gpu";
import { SAXPY } from "./gpu_raw.ts";

/** Arguments of {@linkcode saxpy}. */
export interface SaxpyArgs {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly p: { a: number; n: number };
}

/** The declaration of {@linkcode saxpy}. */
export const saxpyOptions: KernelOptions<SaxpyArgs> = {
  wgsl: SAXPY,
  threads: ({ x }) => x.length,
};

/** `y = a x + y`. */
export const saxpy: Kernel<SaxpyArgs, "y"> = kernel(import.meta, "saxpy", saxpyOptions);

/** Arguments of {@linkcode spinOptions}. */
export interface SpinArgs {
  readonly y: Uint32Array;
  readonly p: { rounds: number };
}

/** Takes as long as one wants. Two loops, as a device in software ends one after 65,536 rounds. */
export const spinOptions: KernelOptions<SpinArgs> = {
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
