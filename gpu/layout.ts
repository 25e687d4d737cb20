/** Plain JavaScript values as the bytes of WGSL types. */

import { KernelArgumentError } from "../src/core/gpu_errors.ts";
import { describeValue, type Scalar } from "./typed_array.ts";
import { typeName, type WgslType } from "./wgsl_types.ts";

/**
 * What a uniform takes: a number for a scalar, numbers in a list or typed array for vectors,
 * matrices (column by column, flat or nested) and arrays, an object with the field names for a struct.
 */
export type UniformValue =
  | number
  | readonly UniformValue[]
  | ArrayBufferView
  | { readonly [field: string]: UniformValue };

/** Where a value is written; `path` names it in errors, as in `p.inner.b[2]`. */
interface Target {
  readonly view: DataView;
  readonly kernel: string;
  readonly binding: string;
}

const INTEGER_RANGE: Readonly<Record<"i32" | "u32", readonly [number, number]>> = {
  i32: [-0x80000000, 0x7fffffff],
  u32: [0, 0xffffffff],
};

function refuse(target: Target, path: string, expected: string, value: unknown): never {
  const received = typeof value === "number" ? String(value) : describeValue(value);
  throw new KernelArgumentError(
    `${target.kernel}: "${path}" is ${expected}, got ${received}`,
    target.binding,
  );
}

function writeScalar(target: Target, path: string, at: number, scalar: Scalar, value: unknown) {
  if (typeof value !== "number") return refuse(target, path, `${scalar}: expected a number`, value);
  if (scalar === "f32") return target.view.setFloat32(at, value, true);
  if (scalar === "f16") return target.view.setFloat16(at, value, true);
  const [low, high] = INTEGER_RANGE[scalar];
  if (!Number.isInteger(value) || value < low || value > high) {
    return refuse(target, path, `${scalar}: expected an integer from ${low} to ${high}`, value);
  }
  if (scalar === "u32") target.view.setUint32(at, value, true);
  else target.view.setInt32(at, value, true);
}

/** The value as a list of exactly `length`, or an error. Views of other than numbers are refused later. */
function list(target: Target, path: string, type: WgslType, length: number, value: unknown) {
  const isList = Array.isArray(value) ||
    (ArrayBuffer.isView(value) && !(value instanceof DataView));
  if (!isList) {
    return refuse(target, path, `${typeName(type)}: expected a list of ${length}`, value);
  }
  const items = value as ArrayLike<unknown>;
  if (items.length !== length) {
    const expected = `${typeName(type)}: expected ${length} values`;
    throw new KernelArgumentError(
      `${target.kernel}: "${path}" is ${expected}, got ${items.length}`,
      target.binding,
    );
  }
  return items;
}

function write(target: Target, path: string, at: number, type: WgslType, value: unknown): void {
  switch (type.kind) {
    case "scalar":
      return writeScalar(target, path, at, type.scalar, value);
    case "vector": {
      const items = list(target, path, type, type.width, value);
      const step = type.size / type.width;
      for (let i = 0; i < type.width; i++) {
        writeScalar(target, `${path}[${i}]`, at + i * step, type.scalar, items[i]);
      }
      return;
    }
    case "matrix":
      return writeMatrix(target, path, at, type, value);
    case "array":
      return writeArray(target, path, at, type, value);
    case "struct":
      return writeStruct(target, path, at, type, value);
    default:
      return type satisfies never;
  }
}

/** Column by column: `[[c0r0, c0r1], [c1r0, c1r1]]` or the same numbers in one flat list. */
function writeMatrix(
  target: Target,
  path: string,
  at: number,
  type: WgslType & { kind: "matrix" },
  value: unknown,
): void {
  const { columns, rows, stride, scalar } = type;
  const nested = Array.isArray(value) && typeof value[0] === "object";
  const items = list(target, path, type, nested ? columns : columns * rows, value);
  const unit = scalar === "f16" ? 2 : 4;
  for (let c = 0; c < columns; c++) {
    const column = nested
      ? list(target, `${path}[${c}]`, { ...type, kind: "matrix" }, rows, items[c])
      : null;
    for (let r = 0; r < rows; r++) {
      const item = column === null ? items[c * rows + r] : column[r];
      const name = column === null ? `${path}[${c * rows + r}]` : `${path}[${c}][${r}]`;
      writeScalar(target, name, at + c * stride + r * unit, scalar, item);
    }
  }
}

/** One item per element; of vectors and scalars also a flat typed array of all their numbers. */
function writeArray(
  target: Target,
  path: string,
  at: number,
  type: WgslType & { kind: "array" },
  value: unknown,
): void {
  const { element, count, stride } = type;
  const width = element.kind === "vector" ? element.width : 1;
  if (width > 1 && ArrayBuffer.isView(value)) {
    const items = list(target, path, type, count * width, value);
    const step = element.size / width;
    for (let i = 0; i < count * width; i++) {
      const offset = at + Math.floor(i / width) * stride + (i % width) * step;
      writeScalar(
        target,
        `${path}[${i}]`,
        offset,
        (element as { scalar: Scalar }).scalar,
        items[i],
      );
    }
    return;
  }
  const items = list(target, path, type, count, value);
  for (let i = 0; i < count; i++) {
    write(target, `${path}[${i}]`, at + i * stride, element, items[i]);
  }
}

function writeStruct(
  target: Target,
  path: string,
  at: number,
  type: WgslType & { kind: "struct" },
  value: unknown,
): void {
  if (
    typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value)
  ) {
    return refuse(target, path, `${type.name}: expected an object with its fields`, value);
  }
  for (const field of type.fields) {
    if (!Object.hasOwn(value, field.name)) {
      throw new KernelArgumentError(
        `${target.kernel}: "${path}" is ${type.name}: field "${field.name}" ` +
          `(${typeName(field.type)}) is missing`,
        target.binding,
      );
    }
    const item = (value as Record<string, unknown>)[field.name];
    write(target, `${path}.${field.name}`, at + field.offset, field.type, item);
  }
  for (const name of Object.keys(value)) {
    if (type.fields.some((field) => field.name === name)) continue;
    const known = type.fields.map((field) => field.name).join(", ");
    throw new KernelArgumentError(
      `${target.kernel}: "${path}" is ${type.name}: it has no field "${name}", only ${known}`,
      target.binding,
    );
  }
}

/** Writes a value and says whether it was right; if not, what it wrote is of no use. */
type FastWriter = (view: DataView, at: number, value: unknown) => boolean;

/** For what most uniforms are, scalars, vectors and structs of them; it makes nothing, not even an error. */
function fastWriterOf(type: WgslType): FastWriter {
  switch (type.kind) {
    case "scalar":
      return fastScalarOf(type.scalar);
    case "vector": {
      const { width, size, scalar } = type;
      const one = fastScalarOf(scalar);
      return (view, at, value) => {
        if (!Array.isArray(value) || value.length !== width) return false;
        for (let i = 0; i < width; i++) {
          if (!one(view, at + i * (size / width), value[i])) return false;
        }
        return true;
      };
    }
    case "struct":
      return fastStructOf(type);
    case "matrix":
    case "array":
      return () => false;
    default:
      return type satisfies never;
  }
}

function fastScalarOf(scalar: Scalar): FastWriter {
  switch (scalar) {
    case "f32":
      return (view, at, value) => {
        if (typeof value !== "number") return false;
        view.setFloat32(at, value, true);
        return true;
      };
    case "u32":
      return (view, at, value) => {
        if (typeof value !== "number" || value !== value >>> 0) return false;
        view.setUint32(at, value, true);
        return true;
      };
    case "i32":
      return (view, at, value) => {
        if (typeof value !== "number" || value !== (value | 0)) return false;
        view.setInt32(at, value, true);
        return true;
      };
    case "f16":
      return (view, at, value) => {
        if (typeof value !== "number") return false;
        view.setFloat16(at, value, true);
        return true;
      };
    default:
      return scalar satisfies never;
  }
}

function fastStructOf({ fields }: WgslType & { kind: "struct" }): FastWriter {
  const writers = fields.map(({ type }) => fastWriterOf(type));
  return (view, at, value) => {
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
    if (Object.keys(value).length !== fields.length) return false;
    for (let i = 0; i < fields.length; i++) {
      const { name, offset } = fields[i]!;
      if (!Object.hasOwn(value, name)) return false;
      const item = (value as Record<string, unknown>)[name];
      if (!writers[i]!(view, at + offset, item)) return false;
    }
    return true;
  };
}

/** Writes the bytes of one value as `packUniform` makes them; the padding is to be zero before. */
export type UniformPacker = (view: DataView, at: number, value: unknown) => void;

/**
 * What packs the values of one uniform.
 *
 * @param kernel Name for error messages.
 * @param binding Name for error messages and the error's `binding`.
 */
export function uniformPacker(kernel: string, binding: string, type: WgslType): UniformPacker {
  const fast = fastWriterOf(type);
  return (view, at, value) => {
    if (!fast(view, at, value)) write({ view, kernel, binding }, binding, at, type, value);
  };
}

/**
 * The bytes of `value` as WGSL lays out `type`: padding is zero, numbers are little-endian.
 *
 * @param kernel Name for error messages.
 * @param binding Name for error messages and the error's `binding`.
 * @returns Exactly `type.size` bytes.
 * @throws {KernelArgumentError} Naming the field that is missing, unknown, of the wrong type or,
 * of an integer, out of range.
 */
export function packUniform(
  kernel: string,
  binding: string,
  type: WgslType,
  value: unknown,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(type.size);
  write({ view: new DataView(bytes.buffer), kernel, binding }, binding, 0, type, value);
  return bytes;
}
