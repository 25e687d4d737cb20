/** Names at the start of a body: uids and methods come again and again, so their texts are kept. */

/** A power of two: the slot is some bits of a hash. */
const SLOTS = 1024;

/** Longer texts are left to the decoder, and so is everything that is not ASCII. */
const MAX_BYTES = 31;
const FIXSTR = 0xa0;

interface Slot {
  readonly bytes: Uint8Array;
  readonly text: string;
}

function same(a: Uint8Array, bytes: Uint8Array, at: number, length: number): boolean {
  if (a.length !== length) return false;
  for (let i = 0; i < length; i++) if (a[i] !== bytes[at + i]) return false;
  return true;
}

/**
 * Reads short texts and remembers the last ones. A lookup takes a tenth of the time of making the
 * string again, and of a batch of calls, names are most of what has to be decoded.
 */
export class NameReader {
  readonly #slots: (Slot | undefined)[] = new Array(SLOTS).fill(undefined);
  /** Where the last text read ended. */
  end = 0;

  /** The text of up to 31 ASCII characters that starts at `at`; `undefined` if there is none. */
  read(bytes: Uint8Array, at: number): string | undefined {
    const length = bytes[at]! - FIXSTR;
    const start = at + 1;
    if (!(length >= 0 && length <= MAX_BYTES) || start + length > bytes.length) return undefined;
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

const FIXARRAY = 0x90;

/**
 * A whole short list of small integers, booleans and nulls, which is what most small calls and their
 * answers are made of; `undefined` if it is anything else, for the decoder to read.
 */
export function readFlatList(bytes: Uint8Array, at: number): unknown[] | undefined {
  const length = bytes[at]! - FIXARRAY;
  if (!(length >= 0 && length < 16) || at + 1 + length !== bytes.length) return undefined;
  const list: unknown[] = [];
  for (let i = at + 1; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte < 0x80) list.push(byte);
    else if (byte >= 0xe0) list.push(byte - 0x100);
    else if (byte === 0xc0) list.push(null);
    else if (byte === 0xc2) list.push(false);
    else if (byte === 0xc3) list.push(true);
    else return undefined;
  }
  return list;
}
