/**
 * The bodies that most frames have, written and read without the library: short names, and short
 * lists of numbers, booleans and nulls. The bytes are the same; anything else is left to the library.
 */

const FIXARRAY = 0x90;
const FIXSTR = 0xa0;
const STR8 = 0xd9;
const NIL = 0xc0, FALSE = 0xc2, TRUE = 0xc3;
const FLOAT64 = 0xcb, UINT8 = 0xcc, UINT16 = 0xcd, UINT32 = 0xce;

/** Names longer than this are left to the library: a UUID has 36. */
const MAX_NAME_BYTES = 64;
const MAX_ITEMS = 15;
/** Bytes of one item: a float and its tag. */
const ITEM_BYTES = 9;

/** Bytes that {@linkcode writeShortList} may write. */
export const SHORT_LIST_BYTES: number = 1 + MAX_ITEMS * ITEM_BYTES;

/** Bytes that {@linkcode NameWriter.write} may write. */
export const SHORT_NAME_BYTES: number = 2 + MAX_NAME_BYTES;

/** A power of two: the slot is some bits of a hash. */
const SLOTS = 1024;

interface Slot {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/** Uids and methods come again and again: their texts are kept by their bytes. */
export class NameReader {
  readonly #slots: (Slot | undefined)[] = new Array(SLOTS).fill(undefined);
  /** Where the last text read ended. */
  end = 0;

  /** The short ASCII text that starts at `at`; `undefined` if there is none. */
  read(bytes: Uint8Array, at: number): string | undefined {
    const tag = bytes[at]!;
    const start = tag === STR8 ? at + 2 : at + 1;
    const length = tag === STR8 ? bytes[at + 1]! : tag - FIXSTR;
    if (tag !== STR8 && (tag < FIXSTR || tag > FIXSTR + 31)) return undefined;
    if (length > MAX_NAME_BYTES || start + length > bytes.length) return undefined;
    let hash = length;
    for (let i = start; i < start + length; i++) {
      const byte = bytes[i]!;
      if (byte > 0x7f) return undefined;
      hash = Math.imul(hash, 31) + byte | 0;
    }
    this.end = start + length;
    const index = (hash ^ hash >>> 10) & (SLOTS - 1);
    const slot = this.#slots[index];
    if (slot !== undefined && same(slot.bytes, bytes, start, length)) return slot.text;
    const own = bytes.slice(start, start + length);
    const text = String.fromCharCode(...own);
    this.#slots[index] = { bytes: own, text };
    return text;
  }
}

function same(a: Uint8Array, bytes: Uint8Array, at: number, length: number): boolean {
  if (a.length !== length) return false;
  for (let i = 0; i < length; i++) if (a[i] !== bytes[at + i]) return false;
  return true;
}

/** The same the other way: the bytes of names are kept by their texts. */
export class NameWriter {
  readonly #names = new Map<string, Uint8Array>();

  /** Writes a short ASCII text; returns where it ends, or -1 if it is not one. */
  write(bytes: Uint8Array, at: number, text: string): number {
    const name = this.#names.get(text) ?? this.#add(text);
    if (name === undefined) return -1;
    bytes.set(name, at);
    return at + name.length;
  }

  #add(text: string): Uint8Array | undefined {
    // deno-lint-ignore no-control-regex
    if (text.length > MAX_NAME_BYTES || !/^[\x00-\x7f]*$/.test(text)) return undefined;
    const head = text.length < 32 ? [FIXSTR + text.length] : [STR8, text.length];
    const name = Uint8Array.from([...head, ...new TextEncoder().encode(text)]);
    if (this.#names.size >= SLOTS) this.#names.clear();
    this.#names.set(text, name);
    return name;
  }
}

/** Writes a whole short list; returns where it ends, or -1 if the library has to. */
export function writeShortList(view: DataView, at: number, list: readonly unknown[]): number {
  if (list.length > MAX_ITEMS) return -1;
  view.setUint8(at++, FIXARRAY + list.length);
  for (let i = 0; i < list.length; i++) {
    at = writeItem(view, at, list[i]);
    if (at < 0) return at;
  }
  return at;
}

function writeItem(view: DataView, at: number, item: unknown): number {
  if (typeof item === "number") return writeNumber(view, at, item);
  const tag = item === null ? NIL : item === true ? TRUE : item === false ? FALSE : -1;
  if (tag < 0) return -1;
  view.setUint8(at, tag);
  return at + 1;
}

function writeNumber(view: DataView, at: number, value: number): number {
  if (!Number.isInteger(value)) {
    view.setUint8(at, FLOAT64);
    view.setFloat64(at + 1, value);
    return at + ITEM_BYTES;
  }
  if (value < -32 || value >= 2 ** 32 || Object.is(value, -0)) return -1;
  if (value < 0x80) {
    view.setInt8(at, value);
    return at + 1;
  }
  if (value < 0x100) {
    view.setUint8(at, UINT8);
    view.setUint8(at + 1, value);
    return at + 2;
  }
  if (value < 0x10000) {
    view.setUint8(at, UINT16);
    view.setUint16(at + 1, value);
    return at + 3;
  }
  view.setUint8(at, UINT32);
  view.setUint32(at + 1, value);
  return at + 5;
}

/** Reads a whole short list that ends with the bytes; `undefined` if the library has to. */
export function readShortList(bytes: Uint8Array, at: number): unknown[] | undefined {
  const length = bytes[at]! - FIXARRAY;
  if (!(length >= 0 && length <= MAX_ITEMS)) return undefined;
  const list: unknown[] = [];
  let next = at + 1;
  for (let i = 0; i < length; i++) {
    const tag = bytes[next++]!;
    if (tag < 0x80) list.push(tag);
    else if (tag >= 0xe0) list.push(tag - 0x100);
    else if (tag === NIL) list.push(null);
    else if (tag === FALSE) list.push(false);
    else if (tag === TRUE) list.push(true);
    else {
      const size = tag === UINT8 ? 1 : tag === UINT16 ? 2 : tag === UINT32 ? 4 : 0;
      if (size === 0) return undefined;
      let value = 0;
      const end = next + size;
      while (next < end) value = value * 256 + bytes[next++]!;
      list.push(value);
    }
  }
  // Past the end every read was undefined, and so is the answer: NaN and undefined never get out.
  return next === bytes.length ? list : undefined;
}
