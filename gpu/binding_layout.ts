/** Structs as plain objects, for bindings that hold them. */

import { KernelArgumentError } from "../src/core/gpu_errors.ts";
import { checkBytes } from "./arguments.ts";
import { packUniform } from "./layout.ts";
import type { KernelBinding } from "./reflection.ts";
import {
  arrayNameOf,
  describeValue,
  dtypeOf,
  type Scalar,
  type TypedArray,
  typedArrayOf,
} from "./typed_array.ts";
import { roundUp, typeName, type WgslType } from "./wgsl_types.ts";

/**
 * Turns plain values into the array that a storage binding takes, and back.
 *
 * @typeParam T Objects for structs, lists for arrays and vectors, lists of columns for matrices.
 */
export interface BindingLayout<T> {
  /**
   * The array for a call's argument: of the binding's type, `Uint8Array` when its structs mix several.
   *
   * @throws {KernelArgumentError} Naming the field that is missing, unknown or wrong.
   */
  pack(value: T): TypedArray;
  /**
   * The value that a result holds.
   *
   * @throws {KernelArgumentError} When the array is of another type, or no whole number of elements.
   */
  unpack(array: TypedArray): T;
}

/**
 * The layout of a storage binding, read from the WGSL: padding, alignment and all.
 *
 * @param wgsl The module's text.
 * @param name The binding's name.
 * @throws {KernelCompileError} When the WGSL's declarations do not parse.
 * @throws {KernelArgumentError} When it has no storage binding of that name.
 * @example
 * ```ts
 * import { bindingLayout } from "@dramatis/dramatis/gpu";
 *
 * const bodies = await bindingLayout<{ at: number[]; id: number }[]>(
 *   `struct Body { at: vec3f, id: u32 }
 *    @group(0) @binding(0) var<storage, read_write> bodies: array<Body>;
 *    @compute @workgroup_size(64) fn main() { bodies[0].id = 1; }`,
 *   "bodies",
 * );
 * const bytes = bodies.pack([{ at: [1, 2, 3], id: 7 }]);
 * console.log(bytes.length, bodies.unpack(bytes)); // 16 [ { at: [ 1, 2, 3 ], id: 7 } ]
 * ```
 */
export async function bindingLayout<T>(wgsl: string, name: string): Promise<BindingLayout<T>> {
  // Loaded when asked for: every worker whose actors import this package loads this file.
  const { reflectModule } = await import("./reflection.ts");
  const { bindings } = reflectModule(wgsl);
  const binding = bindings.find((one) => one.name === name && one.role !== "uniform");
  if (binding === undefined) {
    const known = bindings.filter(({ role }) => role !== "uniform").map((one) => one.name);
    throw new KernelArgumentError(
      `the WGSL has no storage binding "${name}", only ${known.join(", ") || "none"}`,
      name,
    );
  }
  return { pack: (value) => pack(binding, value), unpack: (array) => unpack(binding, array) as T };
}

/** The type with `count` elements in the array that is sized at run time. */
function sized(type: WgslType, count: number): WgslType {
  if (type.kind === "array") return { ...type, count, size: count * type.stride };
  if (type.kind !== "struct") return type;
  const fields = type.fields.with(-1, {
    ...type.fields.at(-1)!,
    type: sized(type.fields.at(-1)!.type, count),
  });
  const { offset, type: { size } } = fields.at(-1)!;
  return { ...type, fields, size: roundUp(offset + size, type.align) };
}

function pack(binding: KernelBinding, value: unknown): TypedArray {
  const { name, dtype, fixedBytes, headerBytes, stride } = binding;
  let { type } = binding;
  let bytes = fixedBytes;
  if (bytes === null) {
    const field = type.kind === "struct" ? type.fields.at(-1)!.name : null;
    const list = field === null ? value : (value as Record<string, unknown> | null)?.[field];
    if (!Array.isArray(list) && !ArrayBuffer.isView(list)) {
      const path = field === null ? name : `${name}.${field}`;
      throw new KernelArgumentError(`"${path}": expected a list, got ${describeValue(list)}`, name);
    }
    const count = (list as ArrayLike<unknown>).length;
    bytes = headerBytes + count * stride;
    type = sized(type, count);
  }
  const packed = packUniform("pack", name, type, value);
  return typedArrayOf(dtype, packed.buffer.slice(0, bytes));
}

function unpack(binding: KernelBinding, array: TypedArray): unknown {
  const { name, dtype, fixedBytes, headerBytes, stride, type } = binding;
  if (dtypeOf(array) !== dtype) {
    const text = `expected ${arrayNameOf(dtype)}, got ${describeValue(array)}`;
    throw new KernelArgumentError(`unpack: binding "${name}" is ${typeName(type)}: ${text}`, name);
  }
  checkBytes("unpack", binding, array.byteLength);
  const count = (array.byteLength - headerBytes) / stride;
  const view = new DataView(array.buffer, array.byteOffset, array.byteLength);
  return read(view, 0, fixedBytes === null ? sized(type, count) : type);
}

function scalarAt(view: DataView, at: number, scalar: Scalar): number {
  switch (scalar) {
    case "f32":
      return view.getFloat32(at, true);
    case "i32":
      return view.getInt32(at, true);
    case "u32":
      return view.getUint32(at, true);
    case "f16":
      return view.getFloat16(at, true);
    default:
      return scalar satisfies never;
  }
}

function read(view: DataView, at: number, type: WgslType): unknown {
  const list = (length: number, item: (i: number) => unknown) =>
    Array.from({ length }, (_, i) => item(i));
  switch (type.kind) {
    case "scalar":
      return scalarAt(view, at, type.scalar);
    case "vector": {
      const step = type.size / type.width;
      return list(type.width, (i) => scalarAt(view, at + i * step, type.scalar));
    }
    case "matrix": {
      const unit = type.scalar === "f16" ? 2 : 4;
      return list(
        type.columns,
        (c) => list(type.rows, (r) => scalarAt(view, at + c * type.stride + r * unit, type.scalar)),
      );
    }
    case "array":
      return list(type.count, (i) => read(view, at + i * type.stride, type.element));
    case "struct":
      return Object.fromEntries(
        type.fields.map(({ name, offset, type }) => [name, read(view, at + offset, type)]),
      );
    default:
      return type satisfies never;
  }
}
