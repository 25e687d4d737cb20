/** What becomes of the byte buffers of a value once it has been encoded. */
import type { BufferUse } from "./graph.ts";

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
    use.buffer instanceof SharedArrayBuffer || use.moved
      ? use.buffer
      : use.buffer.slice(use.start, use.start + use.length)
  );
  uses.forEach((use, i) => {
    if (use.moved && !(use.buffer instanceof SharedArrayBuffer)) segments[i] = take(use);
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
