/**
 * The table form of a value that is not a plain tree: `[root, [node, node, ...]]`.
 *
 * A node is `[type, ...parts]`. A part is a primitive that MessagePack keeps (null, boolean, number
 * but -0, well-formed string), or `[n]`, a reference to node `n`. Nodes that need another one to be
 * made (a view its buffer, a boxed bigint its bigint) come after it.
 */

/** The types of node; the numbers are on the wire. */
export const NODE = Object.freeze({
  /** `[type]` */
  undefined: 0,
  /** `[type]` */
  negativeZero: 1,
  /** `[type, hex]`, with a leading `-` if negative */
  bigint: 2,
  /** `[type, bytes]`: UTF-16 little-endian, for lone surrogates and leading byte order marks */
  string: 3,
  /** `[type, ...items]` */
  array: 4,
  /** `[type, length, key, value, ...]`: holes, or properties past the items */
  sparse: 5,
  /** `[type, key, value, ...]` */
  object: 6,
  /** `[type, key, value, ...]` */
  map: 7,
  /** `[type, ...members]` */
  set: 8,
  /** `[type, milliseconds]`, NaN if invalid */
  date: 9,
  /** `[type, source, flags]` */
  regexp: 10,
  /** `[type, primitive]` */
  boxed: 11,
  /** `[type, bytes]`: a small ArrayBuffer */
  bytes: 12,
  /** `[type, n]`: an ArrayBuffer or SharedArrayBuffer that is the frame's segment `n` */
  segment: 13,
  /** `[type, kind, buffer, byteOffset, length]`, kind by {@linkcode VIEW_KINDS}, length in elements */
  view: 14,
  /** `[type, class, name, message, stack, hasCause, cause, hasErrors, errors, key, value, ...]` */
  error: 15,
  /** `[type, tag, data, first]`: nodes `first` up to this one belong to the data alone */
  extension: 16,
  /** `[type, value]`: as it is; never on the wire, only in copies within a pool */
  reference: 17,
});

/** A reference to a node. */
export type NodeRef = readonly [number];

/** The views on byte buffers; the index is their code on the wire. */
export const VIEW_KINDS: readonly string[] = Object.freeze([
  "DataView",
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float16Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
]);

type ViewClass = {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): ArrayBufferView;
  readonly BYTES_PER_ELEMENT?: number;
};

/** The classes of {@linkcode VIEW_KINDS}, by the same index. */
export const VIEW_CLASSES: readonly ViewClass[] = Object.freeze([
  DataView,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float16Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
]);
