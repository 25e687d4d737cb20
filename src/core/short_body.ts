/**
 * Bodies without the library: nearly all are read so, and those are written that are short. The bytes are the
 * same; anything else is left to the library.
 */
import { Lowered, UNDEFINED } from "./msgpack.ts";
import { VALUE_EXT } from "./wire_walk.ts";

const FIXMAP = 0x80, FIXARRAY = 0x90, FIXSTR = 0xa0;
const NIL = 0xc0, FALSE = 0xc2, TRUE = 0xc3;
const BIN8 = 0xc4, BIN16 = 0xc5, EXT8 = 0xc7, EXT16 = 0xc8;
const FLOAT64 = 0xcb, UINT8 = 0xcc, UINT16 = 0xcd, UINT32 = 0xce, UINT64 = 0xcf;
const INT8 = 0xd0, INT16 = 0xd1, INT32 = 0xd2;
const STR8 = 0xd9, STR16 = 0xda, ARRAY16 = 0xdc;
/** From here on a byte is a negative number. */
const NEGATIVE = 0xe0;

/** Longer texts are not kept: a UUID has 36 characters. */
const MAX_NAME_BYTES = 64;
/** Longer texts, lists and maps are left to the library. */
const MAX_TEXT = 0xff, MAX_ITEMS = 15;

/** A power of two: the slot is some bits of a hash. */
const SLOTS = 1024;

/** Texts that are long, or not ASCII. As in the library, a byte order mark stays. */
const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Uids, methods and keys come again and again: their texts are kept. */
class Texts {
  readonly #slots: string[] = new Array(SLOTS).fill("");
  /** For the codes of a text, by its length. */
  readonly #codes: number[][] = [];

  /** The text of these bytes. */
  read(bytes: Uint8Array, start: number, end: number): string {
    if (end - start > MAX_NAME_BYTES) return UTF8.decode(bytes.subarray(start, end));
    let hash = end - start;
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!;
      if (byte > 0x7f) return UTF8.decode(bytes.subarray(start, end));
      hash = Math.imul(hash, 31) + byte | 0;
    }
    const index = (hash ^ hash >>> 10) & (SLOTS - 1);
    const kept = this.#slots[index]!;
    if (isText(kept, bytes, start, end)) return kept;
    const codes = this.#codes[end - start] ??= new Array(end - start).fill(0);
    for (let i = start; i < end; i++) codes[i - start] = bytes[i]!;
    return this.#slots[index] = String.fromCharCode.apply(null, codes);
  }
}

function isText(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = start; i < end; i++) if (text.charCodeAt(i - start) !== bytes[i]) return false;
  return true;
}

/** Deeper ones are left to the library, which does not call itself. */
const MAX_DEPTH = 32;

/**
 * The uid and the method of the message before: most are for the same method of the same actor as that, and to
 * compare their bytes costs a quarter of reading them.
 */
export class LastNames {
  uid = "";
  method = "";
  /** Where they end, and what follows begins. */
  end = 0;
  /** The bytes before that: those of a list of three, whose first two are the names. */
  readonly #bytes = new Uint8Array(1 + 2 * (2 + MAX_NAME_BYTES));

  /** Whether a body begins with them. */
  areIn(bytes: Uint8Array): boolean {
    const { end } = this;
    if (end === 0 || bytes.length <= end) return false;
    for (let i = 0; i < end; i++) if (bytes[i] !== this.#bytes[i]) return false;
    return true;
  }

  /** Keeps the names of a message that has been read. */
  keep(bytes: Uint8Array, body: unknown): void {
    const end = bytes[0] === FIXARRAY + 3 ? textEnd(bytes, textEnd(bytes, 1)) : Infinity;
    if (!Array.isArray(body) || !(end <= this.#bytes.length)) return;
    this.end = end;
    this.uid = body[0];
    this.method = body[1];
    for (let i = 0; i < end; i++) this.#bytes[i] = bytes[i]!;
  }
}

/** Where the short text that begins at `at` ends; `NaN` or `Infinity` if there is none. */
function textEnd(bytes: Uint8Array, at: number): number {
  const tag = bytes[at]!;
  if (tag === STR8) return at + 2 + bytes[at + 1]!;
  return tag >= FIXSTR && tag < NIL ? at + 1 + tag - FIXSTR : Infinity;
}

/** Behind every body: where the reader goes from what is left to the library. */
const LEFT = Number.MAX_SAFE_INTEGER;

const NO_BYTES = new Uint8Array(0);

/** Reads bodies. It makes nothing but what is in them: the library makes twenty times a text to read it. */
export class BodyReader {
  readonly #texts = new Texts();
  readonly #float = new DataView(new ArrayBuffer(8));
  #bytes: Uint8Array = NO_BYTES;
  #at = 0;

  /** What the bytes say, from `at` to their end; `undefined` if it is left to the library. */
  read(bytes: Uint8Array, at = 0): unknown {
    this.#bytes = bytes;
    this.#at = at;
    const value = this.#value(0);
    this.#bytes = NO_BYTES;
    return this.#at === bytes.length ? value : undefined;
  }

  #value(depth: number): unknown {
    if (this.#at >= this.#bytes.length) return this.#leave();
    const tag = this.#bytes[this.#at++]!;
    if (tag < FIXMAP) return tag;
    if (tag < FIXARRAY) return this.#map(tag - FIXMAP, depth);
    if (tag < FIXSTR) return this.#list(tag - FIXARRAY, depth);
    if (tag < NIL) return this.#text(tag - FIXSTR);
    if (tag >= NEGATIVE) return tag - 0x100;
    switch (tag) {
      case NIL:
        return null;
      case FALSE:
        return false;
      case TRUE:
        return true;
      case UINT8:
        return this.#count(1);
      case UINT16:
        return this.#count(2);
      case UINT32:
        return this.#count(4);
      case UINT64:
        return this.#count(8);
      case INT8:
        return this.#count(1) << 24 >> 24;
      case INT16:
        return this.#count(2) << 16 >> 16;
      case INT32:
        return this.#count(4) | 0;
      case FLOAT64:
        return this.#number();
      case STR8:
        return this.#text(this.#count(1));
      case STR16:
        return this.#text(this.#count(2));
      case BIN8:
        return this.#view(this.#count(1));
      case BIN16:
        return this.#view(this.#count(2));
      case ARRAY16:
        return this.#list(this.#count(2), depth);
      case EXT8:
        return this.#lowered(this.#count(1));
      case EXT16:
        return this.#lowered(this.#count(2));
      default:
        return this.#leave();
    }
  }

  #leave(): undefined {
    this.#at = LEFT;
  }

  #list(length: number, depth: number): unknown {
    if (depth === MAX_DEPTH) return this.#leave();
    const list: unknown[] = [];
    for (let i = 0; i < length && this.#at < LEFT; i++) list.push(this.#value(depth + 1));
    return list;
  }

  #map(length: number, depth: number): unknown {
    if (depth === MAX_DEPTH) return this.#leave();
    const map: Record<string, unknown> = {};
    for (let i = 0; i < length && this.#at < LEFT; i++) {
      const key = this.#value(depth + 1);
      // The library refuses it.
      if (typeof key !== "string" || key === "__proto__") return this.#leave();
      map[key] = this.#value(depth + 1);
    }
    return map;
  }

  /** A number of so many bytes. */
  #count(size: number): number {
    let value = 0;
    for (const end = this.#at + size; this.#at < end;) {
      value = value * 256 + (this.#bytes[this.#at++] ?? 0);
    }
    return value;
  }

  #number(): number {
    for (let i = 0; i < 8; i++) this.#float.setUint8(i, this.#count(1));
    return this.#float.getFloat64(0);
  }

  /** Goes on behind so many bytes; returns where they start. */
  #skip(length: number): number {
    const start = this.#at;
    const end = start + length;
    if (end > this.#bytes.length) this.#leave();
    else this.#at = end;
    return start;
  }

  #text(length: number): string {
    const start = this.#skip(length);
    return this.#at === LEFT ? "" : this.#texts.read(this.#bytes, start, this.#at);
  }

  #view(length: number): Uint8Array {
    const start = this.#skip(length);
    return this.#bytes.subarray(start, start + length);
  }

  #lowered(length: number): unknown {
    return this.#count(1) === VALUE_EXT ? new Lowered(this.#view(length)) : this.#leave();
  }
}

/** Bytes that {@linkcode BodyWriter} takes at most: what is longer is left to the library, which is not slower then. */
export const SHORT_BODY_BYTES = 1024;

/** Behind the last place where anything but a text is begun: nothing else is longer. */
const ROOM_BYTES = 16;

/** Writes bodies that are short. What is in them is a plain tree, or bytes. */
export class BodyWriter {
  /** The bytes of names, by their texts. */
  readonly #names = new Map<string, Uint8Array>();
  #bytes: Uint8Array = NO_BYTES;
  #view: DataView = new DataView(NO_BYTES.buffer);
  #at = 0;
  #end = 0;

  /** Begins a body, which has {@linkcode SHORT_BODY_BYTES}. */
  begin(view: DataView, bytes: Uint8Array, at: number): void {
    this.#view = view;
    this.#bytes = bytes;
    this.#at = at;
    this.#end = at + SHORT_BODY_BYTES - ROOM_BYTES;
  }

  /** Where the body ends; -1 if it is left to the library. */
  get end(): number {
    return this.#at <= this.#end ? this.#at : -1;
  }

  /** Begins a list of a few items, which follow. */
  list(length: number): void {
    this.#bytes[this.#at++] = FIXARRAY + length;
  }

  /** Writes a value. */
  value(value: unknown): void {
    if (this.#at > this.#end) return;
    if (typeof value === "string") return this.text(value);
    if (typeof value === "number") return this.#number(value);
    if (value === null) this.#bytes[this.#at++] = NIL;
    else if (typeof value === "boolean") this.#bytes[this.#at++] = value ? TRUE : FALSE;
    else if (typeof value !== "object") this.#leave();
    else if (Array.isArray(value)) this.#items(value);
    else if (value instanceof Uint8Array) this.#bin(value);
    else if (value === UNDEFINED) this.#undefined();
    else this.#entries(value as Readonly<Record<string, unknown>>);
  }

  #leave(): void {
    this.#at = LEFT;
  }

  /** Writes a uid or a method: they come again and again, and to copy their bytes costs half of writing them. */
  name(text: string): void {
    const at = this.#at;
    if (at > this.#end) return;
    const kept = this.#names.get(text);
    if (kept === undefined) return this.#newName(text);
    this.#bytes.set(kept, at);
    this.#at = at + kept.length;
  }

  #newName(text: string): void {
    const start = this.#at;
    this.text(text);
    if (this.#at === LEFT || text.length > MAX_NAME_BYTES) return;
    if (this.#names.size === SLOTS) this.#names.clear();
    this.#names.set(text, this.#bytes.slice(start, this.#at));
  }

  /** Writes a text. */
  text(text: string): void {
    const { length } = text;
    if (length > MAX_TEXT || this.#at + length > this.#end) return this.#leave();
    const bytes = this.#bytes;
    let at = this.#at;
    if (length < 32) bytes[at++] = FIXSTR + length;
    else {
      bytes[at++] = STR8;
      bytes[at++] = length;
    }
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return this.#leave();
      bytes[at++] = code;
    }
    this.#at = at;
  }

  #items(list: readonly unknown[]): void {
    if (list.length > MAX_ITEMS) return this.#leave();
    this.list(list.length);
    for (let i = 0; i < list.length; i++) this.value(list[i]);
  }

  #entries(map: Readonly<Record<string, unknown>>): void {
    const start = this.#at++;
    let length = 0;
    // Faster than the list of its keys; a plain object inherits none.
    for (const key in map) {
      if (length++ === MAX_ITEMS) return this.#leave();
      this.value(key);
      this.value(map[key]);
    }
    this.#bytes[start] = FIXMAP + length;
  }

  #bin(from: Uint8Array): void {
    if (from.length > 0xff || this.#at + from.length > this.#end) return this.#leave();
    this.#bytes[this.#at++] = BIN8;
    this.#bytes[this.#at++] = from.length;
    this.#bytes.set(from, this.#at);
    this.#at += from.length;
  }

  #undefined(): void {
    this.#bytes[this.#at++] = EXT8;
    this.#bytes[this.#at++] = 0;
    this.#bytes[this.#at++] = VALUE_EXT;
  }

  #number(value: number): void {
    const view = this.#view;
    const at = this.#at;
    if (!Number.isInteger(value)) {
      view.setUint8(at, FLOAT64);
      view.setFloat64(at + 1, value);
      this.#at += 9;
    } else if (value < -32 || value >= 2 ** 53 || Object.is(value, -0)) {
      this.#leave();
    } else if (value < 0x80) {
      view.setInt8(at, value);
      this.#at++;
    } else if (value < 0x100) {
      view.setUint8(at, UINT8);
      view.setUint8(at + 1, value);
      this.#at += 2;
    } else if (value < 0x10000) {
      view.setUint8(at, UINT16);
      view.setUint16(at + 1, value);
      this.#at += 3;
    } else if (value < 2 ** 32) {
      view.setUint8(at, UINT32);
      view.setUint32(at + 1, value);
      this.#at += 5;
    } else {
      view.setUint8(at, UINT64);
      view.setUint32(at + 1, value / 2 ** 32);
      view.setUint32(at + 5, value >>> 0);
      this.#at += 9;
    }
  }
}
