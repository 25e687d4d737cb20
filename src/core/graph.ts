/** Any value to the table of nodes described in `nodes.ts`, without recursion. */
import { BufferNodes } from "./buffer_nodes.ts";
import type { BufferUse, Destination } from "./buffers.ts";
import { classify, nameOf, unbox } from "./classify.ts";
import { takeError } from "./error_wire.ts";
import { NodeTable } from "./node_table.ts";
import { NODE, type NodeRef } from "./nodes.ts";
import { asRefusal, notSerializable, Refusal, refuseKind } from "./refusal.ts";
import { Shared, Transferred } from "./transfer.ts";
import { type CodecExtension, isWireString } from "./values.ts";

/** A value as a table. */
export interface Table {
  /** `[root, nodes]`. */
  readonly table: readonly [unknown, readonly (readonly unknown[])[]];
  /** The bytes that travel as segments, in order. */
  readonly segments: readonly BufferUse[];
  /** The buffers to be detached that do not travel as segments. */
  readonly detach: readonly ArrayBuffer[];
}

/** Extension data inside extension data, at most. */
const EXTENSION_DEPTH = 8;

/** What stands inside an error for what cannot be read. */
const UNREADABLE = "[unreadable]";

/** A string as UTF-16 bytes, little-endian. */
function utf16(text: string): Uint8Array {
  const view = new DataView(new ArrayBuffer(text.length * 2));
  for (let i = 0; i < text.length; i++) view.setUint16(i * 2, text.charCodeAt(i), true);
  return new Uint8Array(view.buffer);
}

/** Builds one table. */
export class GraphBuilder {
  readonly #extensions: readonly CodecExtension[];
  readonly #to: Destination;
  readonly #table = new NodeTable();
  readonly #buffers: BufferNodes;
  /** Nodes to visit. What only an error leads to waits: there, what cannot travel becomes a note. */
  #strict: number[] = [];
  #lenient: number[] = [];
  #forgiven: Set<number> | undefined;
  /** Whether what is being visited hangs on an error. */
  #forgiving: boolean;
  #depth = 0;
  #undefined: NodeRef | undefined;
  #negativeZero: NodeRef | undefined;

  /** @param forgiving Whether what cannot travel becomes a note instead of an error. */
  constructor(extensions: readonly CodecExtension[], to: Destination, forgiving = false) {
    this.#extensions = extensions;
    this.#to = to;
    this.#buffers = new BufferNodes(this.#table, to);
    this.#forgiving = forgiving;
  }

  /**
   * The table of a value; changes nothing in it. A builder builds once.
   *
   * @throws {NotSerializableError} with the path from `root` to what cannot travel.
   */
  build(value: unknown, root: string): Table {
    try {
      const part = this.#part(value);
      this.#drain();
      return { table: [part, this.#table.nodes], ...this.#buffers.place() };
    } catch (error) {
      throw notSerializable(this.#table.path(root), asRefusal(error));
    }
  }

  #drain(): void {
    const forgiving = this.#forgiving;
    for (let i = 0; i < this.#strict.length; i++) this.#visit(this.#strict[i]!);
    this.#strict = [];
    this.#forgiving = true;
    for (let i = 0; i < this.#lenient.length; i++) this.#visitLeniently(this.#lenient[i]!);
    this.#lenient = [];
    this.#forgiving = forgiving;
  }

  /** A value as a part of a node. */
  #part(value: unknown): unknown {
    if (!this.#forgiving) return this.#strictPart(value);
    try {
      return this.#strictPart(value);
    } catch (error) {
      return `[${asRefusal(error).found.replace(/^an? /, "")}]`;
    }
  }

  /** What `read` gives, as a part; a getter that throws counts as a value that cannot travel. */
  #partOf(source: object, key: string): unknown {
    if (!this.#forgiving) return this.#strictPart((source as Record<string, unknown>)[key]);
    let value: unknown;
    try {
      value = (source as Record<string, unknown>)[key];
    } catch {
      return UNREADABLE;
    }
    return this.#part(value);
  }

  #strictPart(value: unknown): unknown {
    this.#table.count();
    const local = this.#to === "local";
    switch (typeof value) {
      case "string":
        return local || isWireString(value) ? value : this.#table.add(NODE.string, utf16(value));
      case "number":
        if (local || value !== 0 || 1 / value > 0) return value;
        return this.#negativeZero ??= this.#table.add(NODE.negativeZero);
      case "boolean":
        return value;
      case "undefined":
        return local ? value : this.#undefined ??= this.#table.add(NODE.undefined);
      case "bigint":
        return local ? value : this.#table.add(NODE.bigint, value.toString(16));
      case "object":
        if (value === null) return null;
        return this.#again(value) ?? this.#object(value);
      case "function":
        return this.#again(value) ?? this.#extension(value) ?? refuse("function");
      default:
        return refuse(typeof value);
    }
  }

  /** The node of an object that was met before. */
  #again(value: object): NodeRef | undefined {
    const ref = this.#table.known.get(value);
    // Met inside an error only and now outside: refusals count again.
    if (ref !== undefined && !this.#forgiving && this.#forgiven?.delete(ref[0]) === true) {
      this.#strict.push(ref[0]);
      this.#table.adopt(ref[0]);
    }
    return ref;
  }

  /** A node whose parts are added when it is visited. */
  #container(source: object, type: number): NodeRef {
    const ref = this.#table.open(source, type);
    if (this.#forgiving) {
      this.#lenient.push(ref[0]);
      (this.#forgiven ??= new Set()).add(ref[0]);
    } else {
      this.#strict.push(ref[0]);
    }
    return ref;
  }

  #object(value: object): unknown {
    if (value instanceof Transferred) return this.#buffers.moved(value.value);
    if (value instanceof Shared) return this.#shared(value);
    const extension = this.#extension(value);
    if (extension !== undefined) return extension;
    switch (classify(value)) {
      case "array":
        return this.#container(value, NODE.array);
      case "object":
        return this.#container(value, NODE.object);
      case "map":
        return this.#container(value, NODE.map);
      case "set":
        return this.#container(value, NODE.set);
      case "error":
        return this.#container(value, NODE.error);
      case "date":
        return this.#table.keep(value, NODE.date, Date.prototype.getTime.call(value));
      case "regexp": {
        const { source, flags } = value as RegExp;
        return this.#table.keep(value, NODE.regexp, this.#strictPart(source), flags);
      }
      case "boxed":
        return this.#table.keep(value, NODE.boxed, this.#strictPart(unbox(value)));
      case "buffer":
        return this.#buffers.buffer(value as ArrayBuffer, false);
      case "shared":
        return this.#buffers.buffer(value as SharedArrayBuffer, false);
      case "view":
        return this.#buffers.view(value as ArrayBufferView, false);
      case "other":
        return refuse(nameOf(value));
    }
  }

  #shared(mark: Shared): unknown {
    let value: unknown = mark.value;
    while (value instanceof Shared) value = value.value;
    if (this.#to !== "local") return this.#strictPart(value);
    return this.#table.keep(mark, NODE.reference, value);
  }

  #extension(value: object): NodeRef | undefined {
    for (const extension of this.#extensions) {
      if (!extension.match(value)) continue;
      if (this.#to === "local") {
        return this.#table.keep(value, NODE.reference, extension.copy?.(value) ?? value);
      }
      return this.#extended(value, extension);
    }
    return undefined;
  }

  /** The data has a part of the table for itself, before the node that needs it whole. */
  #extended(value: object, extension: CodecExtension): NodeRef {
    if (this.#depth === EXTENSION_DEPTH) {
      throw new Refusal(
        `nested in the data of ${EXTENSION_DEPTH} other handles`,
        "make it flatter",
      );
    }
    this.#depth++;
    const table = this.#table;
    const { known, visiting } = table;
    const strict = this.#strict;
    const lenient = this.#lenient;
    const first = table.nodes.length;
    table.known = new Map();
    this.#strict = [];
    this.#lenient = [];
    let data: unknown;
    try {
      data = this.#strictPart(extension.toWire(value));
      this.#drain();
    } finally {
      table.known = known;
      table.visiting = visiting;
      this.#strict = strict;
      this.#lenient = lenient;
      this.#depth--;
    }
    return table.keep(value, NODE.extension, extension.tag, data, first);
  }

  #visit(index: number): void {
    const node = this.#table.nodes[index]!;
    const source = this.#table.visit(index);
    switch (node[0]) {
      case NODE.array:
        return this.#visitArray(node, source as unknown[]);
      case NODE.object:
        return this.#visitProperties(node, source, Object.keys(source));
      case NODE.map:
        for (const [key, value] of Map.prototype.entries.call(source)) {
          node.push(this.#part(key));
          node.push(this.#part(value));
        }
        return;
      case NODE.set:
        for (const member of Set.prototype.values.call(source)) node.push(this.#part(member));
        return;
      case NODE.error:
        return this.#visitError(node, source as Error);
    }
  }

  #visitLeniently(index: number): void {
    // Made strict meanwhile, and visited.
    if (!this.#table.isOpen(index)) return;
    try {
      this.#visit(index);
    } catch {
      const node = this.#table.nodes[index]!;
      node.splice(0, node.length, NODE.array, UNREADABLE);
    }
  }

  #visitArray(node: unknown[], list: readonly unknown[]): void {
    const { length } = list;
    const values = Object.values(list);
    let dense = values.length === length;
    // As many properties as items: there may still be a hole and, to make up for it, a named one.
    for (let i = 0; dense && i < length; i++) dense = i in list;
    if (!dense) {
      node[0] = NODE.sparse;
      node.push(length);
      return this.#visitProperties(node, list, Object.keys(list));
    }
    for (let i = 0; i < length; i++) node.push(this.#part(values[i]));
  }

  #visitProperties(node: unknown[], source: object, keys: readonly string[]): void {
    for (const key of keys) {
      node.push(this.#strictPart(key));
      node.push(this.#partOf(source, key));
    }
  }

  #visitError(node: unknown[], error: Error): void {
    const forgiving = this.#forgiving;
    this.#forgiving = true;
    const parts = takeError(error);
    node.push(
      this.#part(parts.className),
      this.#part(parts.name),
      this.#part(parts.message ?? null),
      this.#part(parts.stack ?? null),
      parts.hasCause,
      parts.hasCause ? this.#part(parts.cause) : null,
      parts.hasErrors,
      parts.hasErrors ? this.#part(parts.errors) : null,
    );
    for (const [key, value] of parts.fields) {
      node.push(this.#part(key));
      node.push(this.#part(value));
    }
    this.#forgiving = forgiving;
  }
}

function refuse(kind: string): never {
  throw refuseKind(kind);
}
