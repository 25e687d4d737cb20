/** What an object is, by its internal slots where they can be asked, never by a tag alone. */
import { isError } from "./error_wire.ts";
import { VIEW_KINDS } from "./nodes.ts";
import { sharedByteLength } from "./shared_memory.ts";

/** What kind of object a value is; `other` is anything that cannot travel. */
export type ObjectKind =
  | "array"
  | "object"
  | "map"
  | "set"
  | "date"
  | "regexp"
  | "boxed"
  | "buffer"
  | "shared"
  | "view"
  | "error"
  | "other";

type Getter = (this: unknown) => unknown;

function getter(prototype: object, key: string | symbol): Getter {
  return Object.getOwnPropertyDescriptor(prototype, key)!.get as Getter;
}

const mapSize = getter(Map.prototype, "size");
const setSize = getter(Set.prototype, "size");
const bufferLength = getter(ArrayBuffer.prototype, "byteLength");
const regexpSource = getter(RegExp.prototype, "source");
const typedArrayName = getter(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag);

/** Whether asking a value for an internal slot succeeds: it throws a TypeError if there is none. */
function has(ask: Getter, value: object): boolean {
  try {
    ask.call(value);
    return true;
  } catch {
    return false;
  }
}

/** An object's tag: `Promise`, `GPUBuffer`. May throw, for a Proxy. */
export function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** What WebGPU calls its objects, which have no tag of their own in Deno. */
const GPU_NAME = /^GPU(?:[A-Z]\w*)?$/;

/** What an object is, for people: its tag, or the name of its class if it is WebGPU's. May throw, for a Proxy. */
export function nameOf(value: object): string {
  const { constructor } = value;
  return isGpuClass(constructor) ? constructor.name : tagOf(value);
}

/** Whether it is one of the platform's: a class of the same kind of name that somebody has written is none. */
function isGpuClass(value: unknown): value is { readonly name: string } {
  return typeof value === "function" && GPU_NAME.test(value.name) &&
    /\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(value));
}

/** The code of a view in {@linkcode VIEW_KINDS}. */
export function viewKind(view: ArrayBufferView): number {
  const name = typedArrayName.call(view);
  return name === undefined ? 0 : VIEW_KINDS.indexOf(name as string);
}

/** The primitive in a boxed one. */
export function unbox(value: object): unknown {
  switch (tagOf(value)) {
    case "Boolean":
      return Boolean.prototype.valueOf.call(value);
    case "Number":
      return Number.prototype.valueOf.call(value);
    case "String":
      return String.prototype.valueOf.call(value);
    default:
      return BigInt.prototype.valueOf.call(value);
  }
}

/** Sorts an object that no extension claims. May throw what a Proxy's traps throw. */
export function classify(value: object): ObjectKind {
  if (Array.isArray(value)) return "array";
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return "object";
  if (ArrayBuffer.isView(value)) return "view";
  if (isError(value)) return "error";
  switch (tagOf(value)) {
    case "Object":
      return isGpuClass(value.constructor) ? "other" : "object";
    case "Arguments":
      return "object";
    case "Map":
      return has(mapSize, value) ? "map" : "other";
    case "Set":
      return has(setSize, value) ? "set" : "other";
    case "Date":
      return has(Date.prototype.getTime, value) ? "date" : "other";
    case "RegExp":
      return has(regexpSource, value) ? "regexp" : "other";
    case "Boolean":
    case "Number":
    case "String":
    case "BigInt":
      return has(() => unbox(value), value) ? "boxed" : "other";
    case "ArrayBuffer":
      return has(bufferLength, value) ? "buffer" : "other";
    case "SharedArrayBuffer":
      return sharedByteLength !== undefined && has(sharedByteLength, value) ? "shared" : "other";
    default:
      return "other";
  }
}
