import { BufferNotFoundError } from "../core/message_errors.ts";
import { isSharedMemory } from "../core/shared_memory.ts";
import type { ByteWriter } from "../actor/buffer_ref.ts";

/** Where the bytes of copies go. */
export interface BufferSlot {
  /** How many bytes it has room for. */
  readonly byteLength: number;
  /**
   * Puts bytes in place.
   *
   * @throws {RangeError} if they do not fit.
   * @throws {BufferNotFoundError} if the memory is gone.
   */
  put(offset: number, bytes: Uint8Array): void | Promise<void>;
  /** Runs one copy: at once, or when those before it are over. */
  turn(copy: () => void | Promise<void>): Promise<void>;
}

/** Memory: copies write where they like, at the same time. */
export class MemorySlot implements BufferSlot {
  readonly byteLength: number;
  readonly #name: string;
  readonly #bytes: Uint8Array;

  /** @param name The buffer, for people. */
  constructor(name: string, bytes: Uint8Array) {
    this.#name = name;
    this.#bytes = bytes;
    this.byteLength = bytes.byteLength;
  }

  put(offset: number, bytes: Uint8Array): void {
    const { byteLength } = this;
    if (this.#bytes.byteLength !== byteLength) {
      throw new BufferNotFoundError(`The memory of ${this.#name} was moved away, or has shrunk`);
    }
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + bytes.length > byteLength) {
      throw new RangeError(
        `Cannot copy ${bytes.length} bytes to ${offset} of ${this.#name}, which has ${byteLength} bytes`,
      );
    }
    this.#bytes.set(bytes, offset);
  }

  async turn(copy: () => void | Promise<void>): Promise<void> {
    await copy();
  }
}

/** A file: copies go to its end, one after another. */
export class FileSlot implements BufferSlot {
  readonly byteLength = Infinity;
  readonly #file: ByteWriter;
  #last: Promise<unknown> = Promise.resolve();

  constructor(file: ByteWriter) {
    this.#file = file;
  }

  async put(_offset: number, bytes: Uint8Array): Promise<void> {
    // Shared memory may change before it is written, and not every file takes it.
    const own = isSharedMemory(bytes.buffer) ? bytes.slice() : bytes;
    for (let at = 0; at < own.length;) {
      const written = await this.#file.write(own.subarray(at));
      if (!(written > 0)) throw new Error(`The file took ${written} of ${own.length - at} bytes`);
      at += written;
    }
  }

  turn(copy: () => void | Promise<void>): Promise<void> {
    const turn = this.#last.then(copy);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
