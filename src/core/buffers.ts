/** The byte buffers of a value: where their bytes go, and what becomes of them once it is encoded. */
import { NODE } from "./nodes.ts";
import { LIMITS } from "./protocol.ts";
import { Refusal } from "./refusal.ts";
import { isSharedMemory } from "./shared_memory.ts";

/**
 * Where the table goes: `local`, a copy within this pool; `aside`, encoded, with segments in the
 * same process; `inline`, encoded into a byte stream.
 */
export type Destination = "local" | "aside" | "inline";

/** A range of bytes that the table needs, and what becomes of its buffer. */
export interface BufferUse {
  readonly buffer: ArrayBufferLike;
  readonly start: number;
  readonly length: number;
  /** Whether the buffer is to be detached once the frame has been encoded. */
  moved: boolean;
  readonly node: number;
}

/** The buffers that one table needs. */
export class BufferPlan {
  readonly #to: Destination;
  readonly #uses: BufferUse[] = [];
  #wholes: Map<ArrayBufferLike, BufferUse> | undefined;

  constructor(to: Destination) {
    this.#to = to;
  }

  /** @throws {Refusal} if these bytes cannot travel. */
  check(buffer: ArrayBufferLike, length: number): void {
    if (isSharedMemory(buffer)) {
      if (this.#to === "inline") {
        throw new Refusal(
          "a SharedArrayBuffer",
          "it is shared within one process only: send a copy",
        );
      }
    } else if (buffer.detached) {
      throw new Refusal(
        "a detached ArrayBuffer",
        "it has been transferred before: keep a copy if it is needed again",
      );
    }
    if (length > LIMITS.segmentBytes) {
      throw new Refusal("an ArrayBuffer of more than 4 GiB", "send it in parts");
    }
  }

  /** The use of all of a buffer, if it has been met before. */
  whole(buffer: ArrayBufferLike): BufferUse | undefined {
    return this.#wholes?.get(buffer);
  }

  /** Adds what node number `node` is made of: all of a buffer, or only a part of it. */
  add(node: number, buffer: ArrayBufferLike, start?: number, length?: number): BufferUse {
    const use: BufferUse = {
      buffer,
      start: start ?? 0,
      length: length ?? buffer.byteLength,
      moved: false,
      node,
    };
    this.#uses.push(use);
    if (start === undefined) (this.#wholes ??= new Map()).set(buffer, use);
    return use;
  }

  /**
   * Completes the nodes: small buffers go into them, large ones become segments.
   *
   * @throws {Refusal} if shared memory would have to be copied for want of segments.
   */
  place(nodes: readonly unknown[][]): { segments: BufferUse[]; detach: ArrayBuffer[] } {
    const segments: BufferUse[] = [];
    const detach: ArrayBuffer[] = [];
    for (const use of this.#uses) {
      const node = nodes[use.node]!;
      const { buffer, start, length } = use;
      const full = segments.length === LIMITS.segments;
      if (full && isSharedMemory(buffer)) {
        throw new Refusal(
          `one of more than ${LIMITS.segments} buffers`,
          "send it in parts, or use fewer and larger buffers",
        );
      }
      if (full || this.#isSmall(use)) {
        node.push(new Uint8Array(buffer, start, length));
        if (use.moved) detach.push(buffer as ArrayBuffer);
      } else {
        node[0] = NODE.segment;
        node.push(segments.length);
        segments.push(use);
      }
    }
    return { segments, detach };
  }

  #isSmall(use: BufferUse): boolean {
    return this.#to !== "local" && use.length <= LIMITS.inlineBytes &&
      !isSharedMemory(use.buffer);
  }
}

/** Takes a buffer from its owner; a copy where it cannot be detached (the memory of a WebAssembly module). */
function take(use: BufferUse): ArrayBuffer {
  const buffer = use.buffer as ArrayBuffer;
  try {
    return buffer.transferToFixedLength();
  } catch {
    return buffer.slice(use.start, use.start + use.length);
  }
}

/**
 * The segments of a value, owned by whoever asked: copies, moved buffers, and shared ones as they
 * are. All that can fail for want of memory comes before the first buffer is detached.
 */
export function takeSegments(uses: readonly BufferUse[]): ArrayBufferLike[] {
  const segments: ArrayBufferLike[] = uses.map((use) =>
    isSharedMemory(use.buffer) || use.moved
      ? use.buffer
      : use.buffer.slice(use.start, use.start + use.length)
  );
  uses.forEach((use, i) => {
    if (use.moved && !isSharedMemory(use.buffer)) segments[i] = take(use);
  });
  return segments;
}

/** Detaches buffers whose bytes have been copied, and frees their memory. */
export function detachAll(buffers: Iterable<ArrayBuffer>): void {
  for (const buffer of buffers) {
    try {
      buffer.transfer(0);
    } catch {
      // It cannot be detached; its bytes have been sent all the same.
    }
  }
}
