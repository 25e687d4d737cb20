import { BufferPlan, type BufferUse, type Destination } from "./buffers.ts";
import { viewKind } from "./classify.ts";
import type { NodeTable } from "./node_table.ts";
import { NODE, type NodeRef } from "./nodes.ts";
import { isSharedMemory } from "./shared_memory.ts";

/** Adds the nodes of byte buffers and of views on them. */
export class BufferNodes {
  readonly #table: NodeTable;
  readonly #plan: BufferPlan;

  constructor(table: NodeTable, to: Destination) {
    this.#table = table;
    this.#plan = new BufferPlan(to);
  }

  /** See {@linkcode BufferPlan.place}. */
  place(): { segments: BufferUse[]; detach: ArrayBuffer[] } {
    return this.#plan.place(this.#table.nodes);
  }

  /** What is marked to be moved: a buffer, or a view and with it the whole of its buffer. */
  moved(value: ArrayBuffer | ArrayBufferView): NodeRef {
    if (!ArrayBuffer.isView(value)) return this.buffer(value, true);
    const known = this.#table.known.get(value);
    if (known === undefined) return this.view(value, true);
    // The view itself was met before its mark: if only its window was taken, that stays a copy.
    this.buffer(value.buffer, true);
    return known;
  }

  /** All of a buffer. */
  buffer(buffer: ArrayBufferLike, moved: boolean): NodeRef {
    const use = this.#plan.whole(buffer) ??
      this.#plan.add(this.#bytes(buffer, buffer.byteLength), buffer);
    if (moved) use.moved = true;
    const ref = this.#table.refOf(use.node);
    this.#table.known.set(buffer, ref);
    return ref;
  }

  /** A view, with its part of the buffer if all of it is not needed. */
  view(view: ArrayBufferView, moved: boolean): NodeRef {
    const { buffer } = view;
    // Asked first: a DataView on a detached buffer throws when asked for its length.
    if ((buffer as ArrayBuffer).detached === true) return this.buffer(buffer, moved);
    const { byteOffset, byteLength } = view;
    const whole = byteOffset === 0 && byteLength === buffer.byteLength;
    const window = !whole && !moved && !isSharedMemory(buffer);
    const part = window ? this.#window(buffer, byteOffset, byteLength) : this.buffer(buffer, moved);
    const offset = window ? 0 : byteOffset;
    return this.#table.keep(view, NODE.view, viewKind(view), part, offset, lengthOf(view));
  }

  #window(buffer: ArrayBufferLike, start: number, length: number): NodeRef {
    const node = this.#bytes(buffer, length);
    this.#plan.add(node, buffer, start, length);
    return this.#table.refOf(node);
  }

  /** A node for so many bytes of a buffer; returns its number. */
  #bytes(buffer: ArrayBufferLike, length: number): number {
    this.#plan.check(buffer, length);
    return this.#table.add(NODE.bytes)[0];
  }
}

/** Elements of a view; bytes of a DataView. */
function lengthOf(view: ArrayBufferView): number {
  return (view as ArrayBufferView & { readonly length?: number }).length ?? view.byteLength;
}
