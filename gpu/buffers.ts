/** Storage buffers, reused under a byte budget: the garbage collector does not see device memory. */

import { GpuOutOfMemoryError } from "../src/core/gpu_errors.ts";
import type { DeviceGuard } from "./device_guard.ts";
import { roundUp } from "./wgsl_types.ts";

/** Why 64 KiB: below it powers of two keep few classes; above it they would waste up to half. */
const POWER_OF_TWO_LIMIT = 64 * 1024;
const MIN_CAPACITY = 256;

/** Idle bytes that a pool keeps unless told otherwise. */
const DEFAULT_IDLE_BYTES = 256 * 1024 * 1024;

/** How much memory a pool of buffers may have. */
export interface BufferBudget {
  /** Bytes of idle buffers to keep. @default 256 MiB */
  readonly idleBudgetBytes?: number | undefined;
  /** Bytes of all buffers together. @default what the device gives */
  readonly memoryBytes?: number | undefined;
}

/** A storage buffer of the pool. */
export interface PooledBuffer {
  /** Unique in its pool, never reused. */
  readonly id: number;
  readonly raw: GPUBuffer;
  /** Bytes; a multiple of 4, at least what was asked for. */
  readonly capacity: number;
  /** The batch of the lane that wrote it last. */
  writtenIn: number;
}

/** A buffer just taken from the pool. */
export interface AcquiredBuffer {
  readonly buffer: PooledBuffer;
  /** Where an array in it starts. */
  readonly offset: 0;
  /** Whether it is new and so all zeroes; a reused one has old content. */
  readonly fresh: boolean;
  /** Rejects with `GpuOutOfMemoryError`; `null` for a reused buffer, which is there already. */
  readonly ready: Promise<void> | null;
}

/** Bytes as people read them. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  return `${(bytes / 1024 ** 3).toFixed(2)} GiB`;
}

/**
 * The capacity of the class that holds `bytes`: powers of two to 64 KiB, then eight steps per
 * doubling, so that at most one eighth is wasted; never past `max`.
 */
export function capacityFor(bytes: number, max: number): number {
  if (bytes <= POWER_OF_TWO_LIMIT) {
    return Math.max(MIN_CAPACITY, 2 ** Math.ceil(Math.log2(Math.max(bytes, 1))));
  }
  const step = 2 ** Math.floor(Math.log2(bytes)) / 8;
  return Math.max(roundUp(bytes, 4), Math.min(roundUp(bytes, step), max - (max % 4)));
}

/**
 * `queue.writeBuffer` as Deno survives it: zero-length, oversized and unpadded data end its process.
 * Data whose length is no multiple of 4 is padded with zeroes.
 *
 * @throws {RangeError} When the data does not fit behind `offset`, or `offset` is no multiple of 4.
 */
export function writeGuarded(
  device: GPUDevice,
  target: GPUBuffer,
  offset: number,
  data: ArrayBufferView,
): void {
  const { buffer, byteOffset, byteLength } = data;
  if (byteLength === 0) return;
  const end = offset + roundUp(byteLength, 4);
  if (offset < 0 || offset % 4 !== 0 || end > target.size) {
    throw new RangeError(
      `cannot write ${byteLength} bytes at ${offset} into a buffer of ${target.size} bytes`,
    );
  }
  const even = byteLength - (byteLength % 4);
  const given = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  // Dawn in Deno crashes on shared memory, and others would read it while somebody writes.
  const bytes = buffer instanceof ArrayBuffer ? given : given.slice();
  if (even > 0) device.queue.writeBuffer(target, offset, bytes.subarray(0, even));
  if (even === byteLength) return;
  const tail = new Uint8Array(4);
  tail.set(bytes.subarray(even));
  device.queue.writeBuffer(target, offset + even, tail);
}

/** The pool of one device. */
export class BufferPool {
  readonly #guard: DeviceGuard;
  readonly #idleBudget: number;
  readonly #memory: number;
  readonly #maxBufferBytes: number;
  /** Idle buffers by capacity; the last one given back is taken first, its memory is warm. */
  readonly #idle = new Map<number, PooledBuffer[]>();
  readonly #live = new Set<PooledBuffer>();
  #liveBytes = 0;
  #idleBytes = 0;
  #nextId = 1;
  #hits = 0;
  #misses = 0;

  constructor(guard: DeviceGuard, budget: BufferBudget = {}) {
    this.#guard = guard;
    this.#idleBudget = budget.idleBudgetBytes ?? DEFAULT_IDLE_BYTES;
    this.#memory = budget.memoryBytes ?? Infinity;
    this.#maxBufferBytes = guard.device.limits.maxBufferSize;
    guard.onLost(() => this.#forget());
  }

  /** How often a buffer was there already, and how often it was made. */
  get counts(): { readonly hits: number; readonly misses: number } {
    return { hits: this.#hits, misses: this.#misses };
  }

  /** Bytes of buffers that are in use. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Bytes of buffers that wait for reuse. */
  get idleBytes(): number {
    return this.#idleBytes;
  }

  /**
   * Takes a buffer of at least `bytes`.
   *
   * @throws {GpuDeviceLostError} When the device is gone.
   * @throws {GpuOutOfMemoryError} When no buffer of this device can be that large.
   */
  acquire(bytes: number): AcquiredBuffer {
    this.#guard.check();
    if (bytes > this.#maxBufferBytes) {
      throw new GpuOutOfMemoryError(
        `a buffer of ${formatBytes(bytes)} is past the ${formatBytes(this.#maxBufferBytes)} ` +
          `that "${this.#guard.name}" allows`,
      );
    }
    const capacity = capacityFor(bytes, this.#maxBufferBytes);
    const reused = this.#idle.get(capacity)?.pop();
    if (reused !== undefined) {
      this.#idleBytes -= capacity;
      this.#hits++;
      this.#take(reused);
      return { buffer: reused, offset: 0, fresh: false, ready: null };
    }
    this.#makeRoom(capacity);
    this.#misses++;
    const { buffer, ready } = this.#create(capacity);
    this.#take(buffer);
    return { buffer, offset: 0, fresh: true, ready };
  }

  /** Gives a buffer back; a second time does nothing. Past the idle budget it is destroyed. */
  release(buffer: PooledBuffer): void {
    if (!this.#live.delete(buffer)) return;
    this.#liveBytes -= buffer.capacity;
    if (this.#idleBytes + buffer.capacity > this.#idleBudget) {
      buffer.raw.destroy();
      return;
    }
    this.#idleBytes += buffer.capacity;
    const list = this.#idle.get(buffer.capacity);
    if (list === undefined) this.#idle.set(buffer.capacity, [buffer]);
    else list.push(buffer);
  }

  /** Destroys all idle buffers. */
  trim(): void {
    for (const list of this.#idle.values()) for (const buffer of list) buffer.raw.destroy();
    this.#idle.clear();
    this.#idleBytes = 0;
  }

  /** Keeps to what the pool may have: idle buffers go first. */
  #makeRoom(capacity: number): void {
    if (this.#liveBytes + this.#idleBytes + capacity <= this.#memory) return;
    this.trim();
    if (this.#liveBytes + capacity <= this.#memory) return;
    throw new GpuOutOfMemoryError(
      `${formatBytes(capacity)} beside ${formatBytes(this.#liveBytes)} in use are past the ` +
        `${formatBytes(this.#memory)} that the pool may have of "${this.#guard.name}"`,
    );
  }

  #take(buffer: PooledBuffer): void {
    this.#live.add(buffer);
    this.#liveBytes += buffer.capacity;
  }

  #create(capacity: number): { buffer: PooledBuffer; ready: Promise<void> } {
    const { device } = this.#guard;
    device.pushErrorScope("out-of-memory");
    device.pushErrorScope("validation");
    const raw = device.createBuffer({
      size: capacity,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    const buffer: PooledBuffer = { id: this.#nextId++, raw, capacity, writtenIn: 0 };
    const errors = Promise.all([device.popErrorScope(), device.popErrorScope()]);
    const ready = this.#guard.whileAlive(errors).then((found) => {
      const error = found.find((e) => e !== null);
      if (error === undefined || error === null) return;
      if (this.#live.delete(buffer)) this.#liveBytes -= capacity;
      raw.destroy();
      this.trim();
      throw new GpuOutOfMemoryError(
        `"${this.#guard.name}" has no memory for ${formatBytes(capacity)} beside ` +
          `${formatBytes(this.#liveBytes)} in use: ${error.message}`,
      );
    });
    ready.catch(() => {}); // whoever acquired it waits for it; it may have given up before
    return { buffer, ready };
  }

  /** The device is gone and its memory with it. */
  #forget(): void {
    this.trim();
    for (const buffer of this.#live) buffer.raw.destroy();
    this.#live.clear();
    this.#liveBytes = 0;
  }
}
