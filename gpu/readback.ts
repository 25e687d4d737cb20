/** Reading device memory: staging buffers, mapped the quick way where that works. */

import { GpuOutOfMemoryError } from "../src/core/gpu_errors.ts";
import type { DeviceGuard } from "./device_guard.ts";
import { capacityFor, formatBytes } from "./buffers.ts";

/** Idle staging bytes to keep; reads of one flush share one buffer, so few are needed: two of the largest. */
const IDLE_STAGING_BYTES = 160 * 1024 * 1024;
/** Ranges of a mapped buffer start at multiples of this (WebGPU). */
const MAP_ALIGNMENT = 8;

/** A read: `bytes` of `source` from its start, or from `offset` (a multiple of 4). */
export interface ReadRequest {
  readonly source: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/** A staging buffer with the copies for its reads recorded. */
export interface StagedReads {
  readonly staging: GPUBuffer;
  readonly ranges: readonly { readonly offset: number; readonly bytes: number }[];
}

/**
 * Reads back through staging buffers that are reused.
 *
 * Deno's `mapAsync` waits for the GPU when it is called and answers 10 ms later. The data is there
 * when the call returns, so `getMappedRange()` right after it saves those 10 ms; where it throws
 * (Dawn, browsers) the promise is awaited as usual. In Deno that early call aborts the process on a
 * buffer that was never mapped, hence `mappedAtCreation` for every staging buffer.
 */
export class Readback {
  readonly #guard: DeviceGuard;
  readonly #idle: GPUBuffer[] = [];
  readonly #all = new Set<GPUBuffer>();
  /** Maps whose promise is still open, though their data was taken early. */
  readonly #open = new Set<Promise<void>>();
  #early = true;
  #idleBytes = 0;

  constructor(guard: DeviceGuard) {
    this.#guard = guard;
    guard.onLost(() => this.#forget());
  }

  /** Whether mapped data is read before the map's promise answers. */
  get early(): boolean {
    return this.#early;
  }

  /** Bytes of staging buffers, idle ones included. */
  get stagingBytes(): number {
    let bytes = 0;
    for (const buffer of this.#all) bytes += buffer.size;
    return bytes;
  }

  /**
   * Finds out once whether early reads give the right bytes here, and takes the slow way if not.
   * Takes about 12 ms on Deno.
   */
  async probe(): Promise<void> {
    const { device } = this.#guard;
    const sent = Uint32Array.of(0x1234567, 0x89abcdef);
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const source = device.createBuffer({ size: 8, usage });
    device.queue.writeBuffer(source, 0, sent);
    const encoder = device.createCommandEncoder();
    const staged = this.stage(encoder, [{ source, offset: 0, bytes: 8 }]);
    device.queue.submit([encoder.finish()]);
    const [got] = await this.collect(staged);
    const numbers = new Uint32Array(got!);
    if (numbers[0] !== sent[0] || numbers[1] !== sent[1]) this.#early = false;
    source.destroy();
  }

  /**
   * Records the copies of these reads into one staging buffer. Submit, then `collect`.
   *
   * @throws {GpuOutOfMemoryError} When there is no memory for it.
   */
  stage(encoder: GPUCommandEncoder, reads: readonly ReadRequest[]): StagedReads {
    const ranges: { offset: number; bytes: number }[] = [];
    let end = 0;
    for (const { bytes } of reads) {
      ranges.push({ offset: end, bytes });
      end += Math.ceil(bytes / MAP_ALIGNMENT) * MAP_ALIGNMENT;
    }
    const staging = this.#acquire(end);
    reads.forEach(({ source, offset, bytes }, i) => {
      const padded = Math.ceil(bytes / 4) * 4;
      encoder.copyBufferToBuffer(source, offset, staging, ranges[i]!.offset, padded);
    });
    return { staging, ranges };
  }

  /**
   * The bytes of staged reads, after their submit, in new buffers and in the order of the requests.
   * On Deno this waits for the GPU before it returns.
   *
   * @throws {GpuDeviceLostError} When the device is lost before the data is there.
   */
  async collect({ staging, ranges }: StagedReads): Promise<ArrayBuffer[]> {
    this.#guard.check();
    const mapped = staging.mapAsync(GPUMapMode.READ);
    const settled = mapped.then(() => {}, () => {});
    this.#open.add(settled);
    settled.then(() => this.#open.delete(settled));
    if (this.#early) {
      try {
        return this.#take(staging, ranges);
      } catch {
        // Not mapped yet: this provider answers by the promise, or the device is gone.
      }
    }
    try {
      await this.#guard.whileAlive(mapped);
    } catch (error) {
      this.#discard(staging);
      // A map that fails without a lost device has no other cause that a caller could act on.
      await Promise.resolve();
      this.#guard.check();
      throw error;
    }
    this.#guard.check();
    return this.#take(staging, ranges);
  }

  /** Gives up reads that were staged but never submitted. */
  abandon(staged: StagedReads): void {
    this.#recycle(staged.staging);
  }

  /** Waits until no map of this device is open: at most about 10 ms on Deno. */
  async idle(): Promise<void> {
    await Promise.all(this.#open);
  }

  #take(staging: GPUBuffer, ranges: StagedReads["ranges"]): ArrayBuffer[] {
    const results = ranges.map(({ offset, bytes }) => {
      if (bytes === 0) return new ArrayBuffer(0);
      const range = staging.getMappedRange(offset, Math.ceil(bytes / 4) * 4);
      return this.#early ? moved(range, bytes) : range.slice(0, bytes);
    });
    staging.unmap();
    this.#recycle(staging);
    return results;
  }

  #acquire(bytes: number): GPUBuffer {
    const index = this.#idle.findIndex((b) => b.size >= bytes && b.size <= 4 * bytes + 65536);
    if (index >= 0) {
      const [found] = this.#idle.splice(index, 1);
      this.#idleBytes -= found!.size;
      return found!;
    }
    const { device } = this.#guard;
    const size = capacityFor(bytes, this.#guard.limits.maxBufferSize);
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const staging = device.createBuffer({
      label: `staging ${formatBytes(size)}`,
      size,
      usage,
      mappedAtCreation: true, // see the class comment: without it an early read aborts Deno
    });
    try {
      staging.unmap();
    } catch (cause) {
      // Only a buffer that could not be made cannot be unmapped.
      const wanted = `no memory for a staging buffer of ${formatBytes(size)}`;
      throw new GpuOutOfMemoryError(`"${this.#guard.name}" has ${wanted}`, { cause });
    }
    this.#all.add(staging);
    return staging;
  }

  #recycle(staging: GPUBuffer): void {
    if (!this.#all.has(staging)) return;
    if (this.#idleBytes + staging.size > IDLE_STAGING_BYTES) return this.#discard(staging);
    this.#idleBytes += staging.size;
    this.#idle.unshift(staging);
  }

  #discard(staging: GPUBuffer): void {
    if (this.#all.delete(staging)) staging.destroy();
  }

  #forget(): void {
    for (const staging of this.#all) staging.destroy();
    this.#all.clear();
    this.#idle.length = 0;
    this.#idleBytes = 0;
  }
}

/** In Deno, where early reads work, a range is a copy already; what cannot be moved is copied. */
function moved(range: ArrayBuffer, bytes: number): ArrayBuffer {
  try {
    return range.transfer(bytes);
  } catch {
    return range.slice(0, bytes);
  }
}
