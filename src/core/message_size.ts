/** Bytes that are asked of a message while it waits. Only their sum is bounded: an estimate will do. */
import { isSharedMemory } from "./shared_memory.ts";

/** A number, a boolean, a hole or a null: what its slot takes. */
const SLOT_BYTES = 8;
/** A value that is not looked into, such as a Map, an Error or a ref. */
const OPAQUE_BYTES = 64;

/** Shared memory is not the message's: it is there whether the message waits or not. */
function isOwned(value: object): boolean {
  return !isSharedMemory(value);
}

/** What an object holds besides the slot in which it stands; `depth` more levels are looked into. */
function sizeOfObject(value: object, depth: number): number {
  if (Array.isArray(value)) return depth > 0 ? sizeOfList(value, depth) : SLOT_BYTES * value.length;
  if (Object.getPrototypeOf(value) === Object.prototype) return sizeOfFields(value, depth);
  if (ArrayBuffer.isView(value)) return isOwned(value.buffer) ? value.byteLength : 0;
  if (value instanceof ArrayBuffer) return value.byteLength;
  return isOwned(value) ? OPAQUE_BYTES : 0;
}

function sizeOfFields(value: object, depth: number): number {
  let bytes = OPAQUE_BYTES;
  if (depth === 0) return bytes;
  try {
    for (const key in value) bytes += SLOT_BYTES + sizeOf((value as Fields)[key], depth - 1);
  } catch {
    // A getter of a value that is passed by reference.
  }
  return bytes;
}

type Fields = { readonly [key: string]: unknown };

function sizeOf(value: unknown, depth: number): number {
  if (typeof value === "string") return value.length;
  return typeof value === "object" && value !== null ? sizeOfObject(value, depth) : 0;
}

function sizeOfList(list: readonly unknown[], depth: number): number {
  let bytes = SLOT_BYTES * list.length;
  for (let i = 0; i < list.length; i++) {
    const value = list[i];
    if (typeof value !== "number") bytes += sizeOf(value, depth - 1);
  }
  return bytes;
}

/**
 * About how many bytes the arguments of a message hold that comes from the same pool, where nothing
 * is encoded: 8 for each value, the characters of strings, the bytes of buffers, for two levels: the
 * arguments, and what is in those that are lists or plain objects. Anything deeper, and every other
 * object, counts 64 bytes; shared memory counts none.
 *
 * A message from elsewhere has the bytes of its frame instead.
 *
 * @param isBatch Whether they are the argument lists of a batch, which are a level of their own.
 */
export function sizeOfArgs(args: readonly unknown[], isBatch: boolean): number {
  return sizeOfList(args, isBatch ? 3 : 2);
}

/** The bytes of a frame as it came, but for what is shared. */
export function sizeOfFrame(body: Uint8Array, segments: readonly ArrayBufferLike[]): number {
  let bytes = body.byteLength;
  for (const segment of segments) if (isOwned(segment)) bytes += segment.byteLength;
  return bytes;
}
