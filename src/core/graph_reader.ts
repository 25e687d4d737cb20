/**
 * The table of nodes back to a value, in two phases: every node's object is made, then filled.
 * Nothing of the table is trusted: each index, type and length is checked.
 */
import { ProtocolError } from "./host_errors.ts";
import { fillError, newError } from "./error_wire.ts";
import { NODE, VIEW_CLASSES } from "./nodes.ts";
import { LIMITS } from "./protocol.ts";
import { isSharedMemory } from "./shared_memory.ts";
import type { CodecExtension } from "./values.ts";

type Node = readonly unknown[];

/** Where the table comes from. */
export interface ReadOptions {
  readonly extensions: readonly CodecExtension[];
  readonly segments: readonly ArrayBufferLike[];
  /** Whether it never left this pool, so that nodes by reference are allowed. */
  readonly local: boolean;
}

function fail(what: string): never {
  throw new ProtocolError(`Malformed value: ${what}`);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Sets an own property, whatever it is called. */
function setOwn(target: object, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else {
    (target as Record<string, unknown>)[key] = value;
  }
}

function readBigInt(hex: unknown): bigint {
  if (typeof hex !== "string" || !/^-?[0-9a-f]+$/.test(hex)) return fail("a bigint");
  return hex.startsWith("-") ? -BigInt(`0x${hex.slice(1)}`) : BigInt(`0x${hex}`);
}

const UTF16_CHUNK = 4096;

function readUtf16(bytes: unknown): string {
  if (!(bytes instanceof Uint8Array) || bytes.length % 2 !== 0) return fail("a string");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = "";
  for (let at = 0; at < bytes.length; at += UTF16_CHUNK * 2) {
    const units: number[] = [];
    const end = Math.min(bytes.length, at + UTF16_CHUNK * 2);
    for (let i = at; i < end; i += 2) units.push(view.getUint16(i, true));
    text += String.fromCharCode(...units);
  }
  return text;
}

/**
 * An array of this length without items. Its elements are kept in a dictionary, because the length
 * is only a claim: setting it on an ordinary array would reserve that much memory.
 */
function sparseArray(length: number, entries: number): unknown[] {
  const array: unknown[] = [];
  if (length > 16 + 2 * entries) array[2 ** 32 - 2] = 0;
  array.length = length;
  return array;
}

class GraphReader {
  readonly #nodes: readonly unknown[];
  readonly #options: ReadOptions;
  readonly #values: unknown[] = [];
  /**
   * For each node, where to look for the next that is to be filled: itself as long as it is. What is
   * filled is never looked at twice, however often the nodes of extensions are asked for.
   */
  readonly #next: Uint32Array;
  readonly #claimed = new Set<number>();

  constructor(nodes: readonly unknown[], options: ReadOptions) {
    this.#nodes = nodes;
    this.#options = options;
    this.#next = new Uint32Array(nodes.length + 1);
    for (let i = 0; i <= nodes.length; i++) this.#next[i] = i;
  }

  read(root: unknown): unknown {
    const count = this.#nodes.length;
    for (let i = 0; i < count; i++) this.#values.push(this.#make(this.#node(i), i));
    if (this.#claimed.size !== this.#options.segments.length) fail("a segment that nothing uses");
    this.#fillRange(0, count, count);
    return this.#get(root, count);
  }

  #node(index: number): Node {
    const node = this.#nodes[index];
    return Array.isArray(node) && node.length > 0 ? node : fail("a node");
  }

  #fillRange(first: number, end: number, limit: number): void {
    for (let i = this.#unfilled(first); i < end; i = this.#unfilled(i)) {
      this.#next[i] = i + 1;
      this.#fill(this.#nodes[i] as Node, this.#values[i], limit);
    }
  }

  /** The first node from `at` on that is to be filled. Shortens the way for the next who asks. */
  #unfilled(at: number): number {
    const next = this.#next;
    let found = at;
    while (next[found] !== found) found = next[found]!;
    while (at !== found) {
      const after = next[at]!;
      next[at] = found;
      at = after;
    }
    return found;
  }

  /** A part's value; references must be below `limit`. */
  #get(part: unknown, limit: number): unknown {
    if (typeof part !== "object" || part === null) return part;
    return this.#values[this.#index(part, limit)];
  }

  #index(part: unknown, limit: number): number {
    if (!Array.isArray(part) || part.length !== 1) return fail("a part");
    const index = part[0];
    return isCount(index) && index < limit ? index : fail("a reference");
  }

  #text(part: unknown, limit: number): string {
    const text = this.#get(part, limit);
    return typeof text === "string" ? text : fail("a text");
  }

  /** The value of a node that has no parts to wait for, or an empty object for one that has. */
  #make(node: Node, index: number): unknown {
    switch (node[0]) {
      case NODE.undefined:
        return undefined;
      case NODE.negativeZero:
        return -0;
      case NODE.bigint:
        return readBigInt(node[1]);
      case NODE.string:
        return readUtf16(node[1]);
      case NODE.array:
        return [];
      case NODE.sparse:
        return this.#sparse(node);
      case NODE.object:
        return {};
      case NODE.map:
        return new Map();
      case NODE.set:
        return new Set();
      case NODE.date:
        return typeof node[1] === "number" ? new Date(node[1]) : fail("a date");
      case NODE.regexp:
        return new RegExp(this.#text(node[1], index), this.#text(node[2], index));
      case NODE.boxed:
        return this.#boxed(node, index);
      case NODE.bytes:
        return node[1] instanceof Uint8Array ? node[1].slice().buffer : fail("bytes");
      case NODE.segment:
        return this.#segment(node);
      case NODE.view:
        return this.#view(node, index);
      case NODE.error:
        return newError(this.#className(node));
      case NODE.extension:
        return this.#extension(node, index);
      case NODE.reference:
        return this.#options.local && node.length === 2 ? node[1] : fail("a reference");
      default:
        return fail("a type of node");
    }
  }

  #sparse(node: Node): unknown[] {
    const length = node[1];
    if (!isCount(length) || length > 2 ** 32 - 1) return fail("a length");
    return sparseArray(length, node.length);
  }

  #boxed(node: Node, index: number): object {
    const value = this.#get(node[1], index);
    const type = typeof value;
    if (type === "number" || type === "string" || type === "boolean" || type === "bigint") {
      return Object(value);
    }
    return fail("a boxed primitive");
  }

  #segment(node: Node): ArrayBufferLike {
    const number = node[1];
    const { segments } = this.#options;
    if (!isCount(number) || number >= segments.length || this.#claimed.has(number)) {
      return fail("a segment");
    }
    this.#claimed.add(number);
    return segments[number]!;
  }

  #view(node: Node, index: number): ArrayBufferView {
    const [, kind, part, offset, length] = node;
    const type = isCount(kind) ? VIEW_CLASSES[kind] : undefined;
    const buffer = this.#get(part, index);
    const isBuffer = buffer instanceof ArrayBuffer || isSharedMemory(buffer);
    if (type === undefined || !isBuffer || !isCount(offset) || !isCount(length)) {
      return fail("a view");
    }
    const size = type.BYTES_PER_ELEMENT ?? 1;
    if (offset % size !== 0 || offset + length * size > buffer.byteLength) return fail("a view");
    return new type(buffer, offset, length);
  }

  #className(node: Node): string {
    return typeof node[1] === "string" ? node[1] : "Error";
  }

  #extension(node: Node, index: number): object {
    const [, tag, data, first] = node;
    const extension = this.#options.extensions.find((known) => known.tag === tag);
    if (extension === undefined) return fail(`an extension ${JSON.stringify(tag)}`);
    if (!isCount(first) || first > index) return fail("an extension's data");
    this.#fillRange(first, index, index);
    return extension.fromWire(this.#get(data, index));
  }

  #fill(node: Node, value: unknown, limit: number): void {
    switch (node[0]) {
      case NODE.array:
        for (let i = 1; i < node.length; i++) (value as unknown[]).push(this.#get(node[i], limit));
        return;
      case NODE.sparse:
        return this.#properties(node, 2, value as object, limit);
      case NODE.object:
        return this.#properties(node, 1, value as object, limit);
      case NODE.map:
        if (node.length % 2 === 0) fail("a map");
        for (let i = 1; i < node.length; i += 2) {
          (value as Map<unknown, unknown>).set(
            this.#get(node[i], limit),
            this.#get(node[i + 1], limit),
          );
        }
        return;
      case NODE.set:
        for (let i = 1; i < node.length; i++) {
          (value as Set<unknown>).add(this.#get(node[i], limit));
        }
        return;
      case NODE.error:
        return this.#error(node, value as Error, limit);
    }
  }

  #properties(node: Node, first: number, target: object, limit: number): void {
    if ((node.length - first) % 2 !== 0) fail("properties");
    for (let i = first; i < node.length; i += 2) {
      const key = this.#text(node[i], limit);
      // An item past an array's length would make it grow; "length" is not ours to set.
      if (Array.isArray(target) && key === "length") fail("a property");
      setOwn(target, key, this.#get(node[i + 1], limit));
    }
  }

  #error(node: Node, error: Error, limit: number): void {
    if (node.length < 9 || node.length % 2 === 0) fail("an error");
    const fields: [string, unknown][] = [];
    for (let i = 9; i < node.length; i += 2) {
      fields.push([this.#text(node[i], limit), this.#get(node[i + 1], limit)]);
    }
    fillError(error, {
      name: this.#text(node[2], limit),
      message: node[3] === null ? undefined : this.#text(node[3], limit),
      stack: node[4] === null ? undefined : this.#text(node[4], limit),
      hasCause: node[5] === true,
      cause: this.#get(node[6], limit),
      hasErrors: node[7] === true,
      errors: this.#get(node[8], limit),
      fields,
    });
  }
}

/**
 * The value of a table `[root, nodes]`.
 *
 * @throws {ProtocolError} if it is not one. What an extension's `fromWire` throws passes through.
 */
export function readGraph(table: unknown, options: ReadOptions): unknown {
  if (!Array.isArray(table) || table.length !== 2 || !Array.isArray(table[1])) {
    return fail("a table");
  }
  const nodes: readonly unknown[] = table[1];
  if (nodes.length > LIMITS.nodes) return fail("too many nodes");
  return new GraphReader(nodes, options).read(table[0]);
}
