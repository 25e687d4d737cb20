/** The typed arrays that bindings take, by the scalar type of their WGSL. */

/** A scalar that host and WGSL share; its size is 4 bytes, of `f16` 2. */
export type Scalar = "f32" | "i32" | "u32" | "f16";

/** What a slot or a binding holds: one scalar type, or `bytes` for structs that mix several. */
export type Dtype = Scalar | "bytes";

/** An array that a storage binding takes: its kind must be the one of the binding's scalar type. */
export type TypedArray = Float32Array | Int32Array | Uint32Array | Float16Array | Uint8Array;

/** A typed array's class, as `typedArrayOf` needs it. */
interface TypedArrayClass {
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): TypedArray;
  new (buffer: ArrayBuffer): TypedArray;
}

const CLASSES: Readonly<Record<Dtype, TypedArrayClass>> = Object.freeze({
  f32: Float32Array,
  i32: Int32Array,
  u32: Uint32Array,
  f16: Float16Array,
  bytes: Uint8Array,
});

/** Bytes of one number of this type. */
export function bytesPerScalar(dtype: Dtype): number {
  return CLASSES[dtype].BYTES_PER_ELEMENT;
}

/** The name of the class that a binding of this type takes, for messages: `Float32Array` for `f32`. */
export function arrayNameOf(dtype: Dtype): string {
  return CLASSES[dtype].name;
}

/** A new array of this type over `buffer` (all of it), or of `buffer` zeroes when it is a length. */
export function typedArrayOf(dtype: Dtype, buffer: ArrayBuffer | number): TypedArray {
  const Class = CLASSES[dtype];
  return typeof buffer === "number" ? new Class(buffer) : new Class(buffer);
}

/** Which type this array holds, or `null` when no binding takes it (`Float64Array`, `DataView`, …). */
export function dtypeOf(value: unknown): Dtype | null {
  if (value instanceof Float32Array) return "f32";
  if (value instanceof Uint32Array) return "u32";
  if (value instanceof Int32Array) return "i32";
  if (value instanceof Float16Array) return "f16";
  if (value instanceof Uint8Array) return "bytes";
  return null;
}

/** What a value is, in a word for error messages: `Uint8Array`, `string`, `null`, `Object`. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return typeof value;
  return (value as object).constructor?.name || "Object";
}
