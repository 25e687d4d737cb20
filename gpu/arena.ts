/** Uniforms and small uploads of one submit, written by one call. */

import type { PooledBuffer } from "./buffers.ts";
import type { DeviceGuard } from "./device_guard.ts";
import { roundUp } from "./wgsl_types.ts";

/** All that one dispatch can bind is 15 uniforms of 64 KiB; small ones take 256 bytes each. */
export const ARENA_BYTES = 2 * 1024 * 1024;

/** Up to here uniforms are copied word by word. */
const SMALL_WORDS = 16;

/** Blocks that are kept for reuse: to make one for each submit would keep the garbage collector busy. */
const SPARE_BLOCKS = 8;

/** Memory for what one submit carries. */
export interface ArenaBlock {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array<ArrayBuffer>;
  /** How many bytes are used. */
  end: number;
}

/** A small array on its way from the arena to its buffer. */
export interface ArenaUpload {
  /** Bytes from the arena's start. */
  readonly offset: number;
  readonly to: PooledBuffer;
  /** A multiple of 4. */
  readonly bytes: number;
}

/**
 * Filled on the CPU while a submit is recorded, then taken and written just before it. The device's
 * buffer is used again by every submit: its queue runs writes and submits in order.
 */
export class Arena {
  readonly #guard: DeviceGuard;
  readonly #alignment: number;
  #block = newBlock();
  readonly #spare: ArenaBlock[] = [];
  /** Where the last small uniform is, and how many words it has: 0 if there is none. */
  #last = 0;
  #lastLength = 0;
  #buffer: GPUBuffer | null = null;

  constructor(guard: DeviceGuard) {
    this.#guard = guard;
    this.#alignment = guard.device.limits.minUniformBufferOffsetAlignment;
    guard.onLost(() => this.#buffer?.destroy());
  }

  /** The buffer that all uniforms are bound to. */
  get buffer(): GPUBuffer {
    return this.#buffer ??= this.#guard.device.createBuffer({
      label: "arena",
      size: ARENA_BYTES,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
  }

  /** Bytes that data of this length takes here. */
  footprint(bytes: number): number {
    return roundUp(Math.max(bytes, 16), this.#alignment); // a bound uniform is at least 16 bytes
  }

  /** Whether data of this footprint still fits. */
  fits(footprint: number): boolean {
    return this.#block.end + footprint <= ARENA_BYTES;
  }

  /**
   * Keeps a copy of the data, zeroes behind it.
   *
   * @returns Its offset, valid for the submit being recorded.
   */
  put(data: ArrayBufferView): number {
    const block = this.#block;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const offset = block.end;
    block.end = offset + this.footprint(bytes.length);
    block.bytes.set(bytes, offset);
    block.bytes.fill(0, offset + bytes.length, block.end);
    return offset;
  }

  /**
   * Keeps a copy of a uniform: whole multiples of 16 bytes. What is behind it nobody sees. One that is
   * as the last one has its place: then nothing has to be bound anew.
   *
   * @param start Where it is in `words`.
   * @returns As `put` does.
   */
  putUniform(words: Uint32Array, start: number, end: number): number {
    const length = end - start;
    if (length > SMALL_WORDS) return this.put(words.subarray(start, end));
    if (this.#lastLength === length && this.#isLast(words, start)) return this.#last;
    const block = this.#block;
    const offset = block.end;
    block.end = offset + this.footprint(4 * length);
    // A view of so few costs more than to copy them.
    const at = offset / 4;
    for (let i = 0; i < length; i++) block.words[at + i] = words[start + i]!;
    this.#last = offset;
    this.#lastLength = length;
    return offset;
  }

  #isLast(words: Uint32Array, start: number): boolean {
    const at = this.#last / 4;
    const { words: known } = this.#block;
    for (let i = 0; i < this.#lastLength; i++) {
      if (known[at + i] !== words[start + i]) return false;
    }
    return true;
  }

  /** All that was put since the last time, to be given back; starts anew. `null`: it was nothing. */
  take(): ArenaBlock | null {
    const block = this.#block;
    if (block.end === 0) return null;
    this.#block = this.#spare.pop() ?? newBlock();
    this.#lastLength = 0;
    return block;
  }

  /** Nobody needs a block any more. */
  giveBack(block: ArenaBlock): void {
    block.end = 0;
    if (this.#spare.length < SPARE_BLOCKS) this.#spare.push(block);
  }
}

function newBlock(): ArenaBlock {
  const bytes = new Uint8Array(ARENA_BYTES);
  return { bytes, words: new Uint32Array(bytes.buffer), end: 0 };
}
