/** The numbers that the standard kernels compute with. */

/** A kind of number, by its WGSL name. */
export type ElementType = "f32" | "i32" | "u32";

/** The array that holds each kind of number. */
export interface ElementArrays {
  /** 32-bit floats. */
  readonly f32: Float32Array;
  /** Signed 32-bit integers. */
  readonly i32: Int32Array;
  /** Unsigned 32-bit integers. */
  readonly u32: Uint32Array;
}

/** An array of any of them. */
export type ElementArray = ElementArrays[ElementType];

/** A new array of zeroes. */
export function elements(type: ElementType, length: number): ElementArray {
  switch (type) {
    case "f32":
      return new Float32Array(length);
    case "i32":
      return new Int32Array(length);
    case "u32":
      return new Uint32Array(length);
    default:
      return type satisfies never;
  }
}
