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
