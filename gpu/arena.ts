/** Uniforms and small uploads of one submit, written by one call. */

import type { PooledBuffer } from "./buffers.ts";
import type { DeviceGuard } from "./device_guard.ts";
import { roundUp } from "./wgsl_types.ts";

/** All that one dispatch can bind is 15 uniforms of 64 KiB; small ones take 256 bytes each. */
export const ARENA_BYTES = 2 * 1024 * 1024;

/** Up to here uniforms are copied byte by byte. */
const SMALL_BYTES = 64;

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
  readonly #bytes = new Uint8Array(ARENA_BYTES);
  #end = 0;
  /** Where the last small uniform is, and how many bytes it has: 0 if there is none. */
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
    return this.#end + footprint <= ARENA_BYTES;
  }

  /**
   * Keeps a copy of the data, zeroes behind it.
   *
   * @returns Its offset, valid for the submit being recorded.
   */
  put(data: ArrayBufferView): number {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const offset = this.#end;
    this.#end = offset + this.footprint(bytes.length);
    this.#bytes.set(bytes, offset);
    this.#bytes.fill(0, offset + bytes.length, this.#end);
    return offset;
  }

  /**
   * Keeps a copy of a uniform: whole multiples of 16 bytes. What is behind it nobody sees. One that is
   * as the last one has its place: then nothing has to be bound anew.
   *
   * @param start Where it is in `bytes`.
   * @returns As `put` does.
   */
  putUniform(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length > SMALL_BYTES) return this.put(bytes.subarray(start, end));
    if (this.#lastLength === length && this.#isLast(bytes, start)) return this.#last;
    const offset = this.#end;
    this.#end = offset + this.footprint(length);
    // A view of so few costs more than to copy them.
    for (let i = 0; i < length; i++) this.#bytes[offset + i] = bytes[start + i]!;
    this.#last = offset;
    this.#lastLength = length;
    return offset;
  }

  #isLast(bytes: Uint8Array, start: number): boolean {
    const last = this.#last;
    for (let i = 0; i < this.#lastLength; i++) {
      if (this.#bytes[last + i] !== bytes[start + i]) return false;
    }
    return true;
  }

  /** All that was put since the last time, and starts anew. */
  takeBytes(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes.slice(0, this.#end);
    this.#end = 0;
    this.#lastLength = 0;
    return bytes;
  }
}
