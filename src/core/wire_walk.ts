/**
 * A look at MessagePack bytes from the network before they are decoded. The decoder makes arrays of
 * the lengths that the bytes claim, so every claim is checked first against the bytes that are there.
 */
import { ProtocolError } from "./host_errors.ts";
import { LIMITS } from "./protocol.ts";

/** The extension type of values that are not plain trees. Without data it is `undefined`. */
export const VALUE_EXT = 1;

/** The frame's own list of fields is a container too. */
const BODY_DEPTH = LIMITS.depth + 1;
/** `[root, [node, [reference]]]`: the reference is the fourth. */
const TABLE_DEPTH = 4;
/** Byte strings in a table are parts of nodes. */
const BYTES_DEPTH = 3;
/** Byte strings outside of tables are the call chain in a message's terms. */
const TERMS_FIELD = 3;
/** A part that is a reference is two items, and so is an empty node. */
const TABLE_ITEMS = 4 * LIMITS.nodes;

function fail(what: string): never {
  throw new ProtocolError(`Malformed frame: ${what}`);
}

/** Walks bodies; kept for a batch, so that its stacks are. */
export class WireWalk {
  readonly #view: DataView;
  /** Per open container: items still to come, and whether it is a map. */
  readonly #left: number[] = [];
  readonly #isMap: boolean[] = [];

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /**
   * Checks one body, whose value, if it has one, is its field number `valueField` (else -1).
   *
   * @throws {ProtocolError}
   */
  body(start: number, end: number, valueField: number): void {
    this.#walk(start, end, valueField, false);
  }

  #u8(at: number, end: number): number {
    return at + 1 <= end ? this.#view.getUint8(at) : fail("it ends early");
  }

  #u16(at: number, end: number): number {
    return at + 2 <= end ? this.#view.getUint16(at) : fail("it ends early");
  }

  #u32(at: number, end: number): number {
    return at + 4 <= end ? this.#view.getUint32(at) : fail("it ends early");
  }

  #walk(start: number, end: number, valueField: number, table: boolean): void {
    const left = this.#left;
    const isMap = this.#isMap;
    const maxDepth = table ? TABLE_DEPTH : BODY_DEPTH;
    const maxItems = table ? TABLE_ITEMS : LIMITS.nodes;
    let at = start;
    let depth = 0;
    let items = 0;
    let field = -1;
    /** Items claimed by open containers and not seen yet; each takes a byte at least. */
    let pending = 1;
    do {
      if (at >= end) fail("it ends early");
      if (++items > maxItems) fail("too many items");
      pending--;
      let isKey = false;
      if (depth > 0) {
        isKey = isMap[depth - 1]! && left[depth - 1]! % 2 === 0;
        left[depth - 1]!--;
        if (depth === 1) field++;
      }
      const head = this.#view.getUint8(at++);
      let count = -1;
      let map = false;
      if (head < 0x80 || head >= 0xe0) {
        // a small integer
      } else if (head < 0x90) {
        count = 2 * (head - 0x80);
        map = true;
      } else if (head < 0xa0) {
        count = head - 0x90;
      } else if (head < 0xc0) {
        at += head - 0xa0;
      } else {
        switch (head) {
          case 0xc0: // nil
          case 0xc2: // false
          case 0xc3: // true
            break;
          case 0xca: // float 32
          case 0xce: // uint 32
          case 0xd2: // int 32
            at += 4;
            break;
          case 0xcb: // float 64
          case 0xcf: // uint 64
          case 0xd3: // int 64
            at += 8;
            break;
          case 0xcc: // uint 8
          case 0xd0: // int 8
            at += 1;
            break;
          case 0xcd: // uint 16
          case 0xd1: // int 16
            at += 2;
            break;
          case 0xd9: // str 8
            at += 1 + this.#u8(at, end);
            break;
          case 0xda: // str 16
            at += 2 + this.#u16(at, end);
            break;
          case 0xdb: // str 32
            at += 4 + this.#u32(at, end);
            break;
          case 0xdc: // array 16
            count = this.#u16(at, end);
            at += 2;
            break;
          case 0xdd: // array 32
            count = this.#u32(at, end);
            at += 4;
            break;
          case 0xde: // map 16
            count = 2 * this.#u16(at, end);
            map = true;
            at += 2;
            break;
          case 0xdf: // map 32
            count = 2 * this.#u32(at, end);
            map = true;
            at += 4;
            break;
          default:
            if (head >= 0xc4 && head <= 0xc6) {
              const may = table ? depth === BYTES_DEPTH : depth === 2 && field === TERMS_FIELD;
              if (!may) fail("bytes where none may be");
              at = this.#bytes(head, at, end);
            } else {
              if (table || depth !== 1 || field !== valueField) fail("a value where none may be");
              at = this.#value(head, at, end);
            }
        }
      }
      if (at > end) fail("it ends early");
      if (isKey && !(head >= 0xa0 && head < 0xc0 || head >= 0xd9 && head <= 0xdb)) {
        fail("a key that is not a text");
      }
      if (count >= 0) {
        if (map && table) fail("a map where none may be");
        pending += count;
        if (pending > end - at) fail("more items claimed than there are bytes");
        if (depth === maxDepth) fail("containers too deep");
        left[depth] = count;
        isMap[depth++] = map;
      }
      while (depth > 0 && left[depth - 1] === 0) depth--;
    } while (depth > 0);
    if (at !== end) fail("bytes past its end");
  }

  #bytes(head: number, at: number, end: number): number {
    if (head === 0xc4) return at + 1 + this.#u8(at, end);
    if (head === 0xc5) return at + 2 + this.#u16(at, end);
    return at + 4 + this.#u32(at, end);
  }

  /** An extension: its type is checked, and its data is a table. */
  #value(head: number, at: number, end: number): number {
    let size: number;
    if (head >= 0xd4 && head <= 0xd8) {
      size = 1 << (head - 0xd4);
    } else if (head === 0xc7) {
      size = this.#u8(at, end);
      at += 1;
    } else if (head === 0xc8) {
      size = this.#u16(at, end);
      at += 2;
    } else if (head === 0xc9) {
      size = this.#u32(at, end);
      at += 4;
    } else {
      return fail("a byte that starts nothing");
    }
    if (this.#u8(at++, end) !== VALUE_EXT) fail("an extension type of another protocol");
    if (at + size > end) fail("it ends early");
    // The stacks may be shared: at depth 1 only the frame's own list is open.
    if (size > 0) {
      const open = this.#left[0]!;
      this.#walk(at, at + size, -1, true);
      this.#left[0] = open;
      this.#isMap[0] = false;
    }
    return at + size;
  }
}
