/** The arguments of saxpy. */
export interface SaxpyArgs {
  /** array<f32> */
  x: Float32Array;
  /** read_write array<f32> */
  y: Float32Array;
  /** uniform Params */
  p: Params;
}

/** The results of saxpy. */
export type SaxpyOut = "y";

/** `Params` of saxpy. */
export interface Params {
  a: number;
  n: number;
}
