/**
 * Host-shareable WGSL types with their memory layout (WGSL §14.4.1). Sizes are computed here by the
 * rules of the language; wgsl_reflect only says how a type is written.
 */

import type { ArrayInfo, StructInfo, TemplateInfo, TypeInfo } from "wgsl_reflect";
import type { Dtype, Scalar } from "./typed_array.ts";

/** Sizes, alignments, offsets and strides are bytes. */
export type WgslType =
  | {
    readonly kind: "scalar";
    readonly scalar: Scalar;
    readonly size: number;
    readonly align: number;
  }
  | {
    readonly kind: "vector";
    readonly scalar: Scalar;
    readonly width: number;
    readonly size: number;
    readonly align: number;
  }
  | {
    readonly kind: "matrix";
    readonly scalar: Scalar;
    readonly columns: number;
    readonly rows: number;
    /** From one column to the next. */
    readonly stride: number;
    readonly size: number;
    readonly align: number;
  }
  | {
    readonly kind: "array";
    readonly element: WgslType;
    /** 0: sized at run time; `size` is 0 then. */
    readonly count: number;
    readonly stride: number;
    readonly size: number;
    readonly align: number;
  }
  | {
    readonly kind: "struct";
    readonly name: string;
    readonly fields: readonly WgslField[];
    /** Of a struct that ends in a run-time array: up to where that array starts, rounded up. */
    readonly size: number;
    readonly align: number;
  };

/** One member of a struct. */
export interface WgslField {
  readonly name: string;
  /** Bytes from the start of the struct. */
  readonly offset: number;
  readonly type: WgslType;
}

const SHORT: Readonly<Record<string, Scalar>> = { f: "f32", i: "i32", u: "u32", h: "f16" };

/** The next multiple of `step` (a power of two or not) that is at least `value`. */
export function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

function scalarOf(name: string): Scalar | null {
  return name === "f32" || name === "i32" || name === "u32" || name === "f16" ? name : null;
}

function vector(scalar: Scalar, width: number): WgslType {
  const unit = scalar === "f16" ? 2 : 4;
  return {
    kind: "vector",
    scalar,
    width,
    size: unit * width,
    align: unit * (width === 3 ? 4 : width),
  };
}

function matrix(scalar: Scalar, columns: number, rows: number): WgslType {
  const { size, align } = vector(scalar, rows);
  const stride = roundUp(size, align);
  return { kind: "matrix", scalar, columns, rows, stride, size: stride * columns, align };
}

function attribute(member: { attributes: unknown }, name: string): number | null {
  const list = member.attributes as { name: string; value: string | string[] }[] | null;
  const found = list?.find((a) => a.name === name);
  return found === undefined ? null : Number([found.value].flat()[0]);
}

function struct(info: StructInfo): WgslType {
  const fields: WgslField[] = [];
  let end = 0;
  let align = 1;
  for (const member of info.members) {
    const type = layoutOf(member.type);
    const memberAlign = attribute(member, "align") ?? type.align;
    const offset = roundUp(end, memberAlign);
    fields.push({ name: member.name, offset, type });
    end = offset + (attribute(member, "size") ?? type.size);
    align = Math.max(align, memberAlign);
  }
  return { kind: "struct", name: info.name, fields, size: roundUp(end, align), align };
}

/**
 * The layout of a type as wgsl_reflect describes it.
 *
 * @throws {TypeError} For a type that buffers cannot hold (`bool`, textures) or that is not known.
 */
export function layoutOf(info: TypeInfo): WgslType {
  if (info.isStruct) return struct(info as StructInfo);
  if (info.isArray) {
    const { format, count } = info as ArrayInfo;
    const element = layoutOf(format);
    const stride = roundUp(element.size, element.align);
    return { kind: "array", element, count, stride, size: stride * count, align: element.align };
  }
  const inner = (info as Partial<TemplateInfo>).format?.name ?? "";
  const scalar = scalarOf(info.name === "atomic" ? inner : info.name);
  if (scalar !== null) {
    const size = scalar === "f16" ? 2 : 4;
    return { kind: "scalar", scalar, size, align: size };
  }
  const m = /^(?:vec([234])|mat([234])x([234]))([fiuh]?)$/.exec(info.name);
  const element = m === null ? null : (m[4] ? SHORT[m[4]]! : scalarOf(inner));
  if (m === null || element === null) {
    throw new TypeError(`a buffer cannot hold ${info.getTypeName()}`);
  }
  return m[1] ? vector(element, Number(m[1])) : matrix(element, Number(m[2]), Number(m[3]));
}

/** The one scalar type that all parts of `type` have, or `bytes` when they differ. */
export function dtypeOfType(type: WgslType): Dtype {
  if (type.kind === "array") return dtypeOfType(type.element);
  if (type.kind !== "struct") return type.scalar;
  const [first, ...rest] = type.fields.map((field) => dtypeOfType(field.type));
  return first !== undefined && rest.every((dtype) => dtype === first) ? first : "bytes";
}

/** The type as WGSL writes it, for messages: `array<vec4<f32>>`, `Params`. */
export function typeName(type: WgslType): string {
  switch (type.kind) {
    case "scalar":
      return type.scalar;
    case "vector":
      return `vec${type.width}<${type.scalar}>`;
    case "matrix":
      return `mat${type.columns}x${type.rows}<${type.scalar}>`;
    case "array":
      return `array<${typeName(type.element)}${type.count > 0 ? `, ${type.count}` : ""}>`;
    case "struct":
      return type.name;
    default:
      return type satisfies never;
  }
}
