/** The one queue of a device: what is asked in one turn of the event loop is one submit. */

import { clearImmediate, setImmediate } from "node:timers";
import { GpuOutOfMemoryError } from "../src/core/errors.ts";
import { Arena } from "./arena.ts";
import { type BufferPool, type PooledBuffer, writeGuarded } from "./buffers.ts";
import type { DeviceGuard } from "./device_guard.ts";
import { DEFAULT_HANG_MS } from "./hang_watch.ts";
import { KernelTimes } from "./kernel_times.ts";
import { Batch, type LaneWork, type PendingRead } from "./lane_work.ts";
import { type HangOptions, Pacer } from "./pacer.ts";
import type { Readback, StagedReads } from "./readback.ts";
import type { GpuSlot } from "./slot.ts";
import { roundUp } from "./wgsl_types.ts";

/** Dispatches in one submit: enough to hide its cost, few enough that the GPU starts early. */
const MAX_BATCH = 64;
/** Bytes that the reads of one submit share, unless one alone is larger. */
const MAX_STAGED_BYTES = 64 * 1024 * 1024;
/** Below this a copy on the device costs less than a write of its own (8 µs each on Deno). */
const SMALL_UPLOAD_BYTES = 16 * 1024;
/** Work for the GPU, in milliseconds, that it need not wait for more to come. */
const MAX_BATCH_MS = 4;
/** Counts since the device was opened. */
export interface LaneCounts {
  readonly submits: number;
  readonly dispatches: number;
  readonly reads: number;
  readonly maps: number;
}

/**
 * Collects work and reads until the event loop turns (or 64 dispatches), then records them into one
 * encoder and one submit; all reads of a submit share one staging buffer and one map.
 */
export class Lane {
  /** Uniforms of the calls recorded here. */
  readonly arena: Arena;
  readonly #guard: DeviceGuard;
  readonly #buffers: BufferPool;
  readonly #readback: Readback;
  readonly #pacer: Pacer;
  #batch = new Batch();
  /** Batches submitted, and when their outcome is known; oldest first. */
  readonly #flying = new Map<Batch, Promise<void>>();
  #timer: ReturnType<typeof setImmediate> | null = null;
  /** While there are any, nothing is submitted for the event loop's turn alone. */
  #holds = 0;
  /** While a failed batch is run again piece by piece, nothing may overtake it. */
  #repair: Promise<void> | null = null;
  #counts = { submits: 0, dispatches: 0, reads: 0, maps: 0 };

  /**
   * @param times What work has taken, to be learnt and used.
   * @param hang When to give a kernel up.
   */
  constructor(
    guard: DeviceGuard,
    buffers: BufferPool,
    readback: Readback,
    times: KernelTimes = new KernelTimes(),
    hang: HangOptions = { hangMs: DEFAULT_HANG_MS },
  ) {
    this.#guard = guard;
    this.#buffers = buffers;
    this.#readback = readback;
    this.#pacer = new Pacer(guard, readback, times, hang);
    this.arena = new Arena(guard);
    guard.onLost((error) => this.#abort(error));
  }

  /** What went to the queue so far. */
  get counts(): LaneCounts {
    return { ...this.#counts };
  }

  /**
   * Makes room for one call: its uniforms must be in the submit of its dispatch.
   *
   * @param uniformBytes The footprints of all its uniforms.
   */
  reserve(uniformBytes: number): void {
    const full = !this.arena.fits(uniformBytes);
    const { dispatches, knownMs } = this.#batch;
    if (full || dispatches >= MAX_BATCH || knownMs >= MAX_BATCH_MS) this.flush();
  }

  /**
   * Takes the data now and puts it at the start of a buffer that no pending work uses, before all
   * work recorded later.
   *
   * @param fresh Whether the buffer is new: it may turn out to be missing, which its `ready` says.
   */
  upload(to: PooledBuffer, data: ArrayBufferView, fresh: boolean): void {
    const { device } = this.#guard;
    const bytes = roundUp(data.byteLength, 4);
    if (fresh) {
      device.pushErrorScope("validation");
      writeGuarded(device, to.raw, 0, data);
      device.popErrorScope().catch(() => {});
      return;
    }
    if (bytes > SMALL_UPLOAD_BYTES) return writeGuarded(device, to.raw, 0, data);
    if (bytes === 0) return;
    if (!this.arena.fits(this.arena.footprint(bytes))) this.flush();
    const offset = this.arena.put(data);
    this.#batch.uploads.push({ offset, to, bytes });
    this.#schedule();
  }

  /** Adds work to the next submit. */
  record(work: LaneWork): void {
    this.#batch.work.push(work);
    this.#batch.dispatches += Math.max(work.dispatches.length, 1);
    this.#pacer.expect(work, this.#batch);
    this.#schedule();
  }

  /**
   * The bytes of a slot, after everything recorded before.
   *
   * @param offset From where in the slot; a multiple of 4.
   * @param bytes How many.
   * @throws {GpuDeviceLostError} When the device is lost before they are there.
   * @throws What the work that had to fill the slot failed with.
   */
  read(slot: GpuSlot, offset = 0, bytes: number = slot.byteLength): Promise<ArrayBuffer> {
    const source = slot.use();
    if (bytes === 0) return Promise.resolve(new ArrayBuffer(0));
    if (this.#batch.reads.length > 0 && this.#batch.stagedBytes + bytes > MAX_STAGED_BYTES) {
      this.flush();
    }
    this.#batch.stagedBytes += bytes;
    const from = slot.offset + offset;
    slot.retain(); // its owner may release it before the copy is recorded
    return new Promise<ArrayBuffer>((resolve, reject) => {
      this.#batch.reads.push({ slot, source, offset: from, bytes, resolve, reject });
      this.#schedule();
    }).finally(() => slot.release());
  }

  /** Gives a buffer back to the pool once no work that uses it is pending. */
  retire(buffer: PooledBuffer): void {
    const last = this.#batch.empty ? [...this.#flying.keys()].at(-1) : this.#batch;
    if (last === undefined) this.#buffers.release(buffer);
    else last.retired.push(buffer);
  }

  /**
   * Keeps what is recorded together until it is disposed of: for work that has to wait for buffers in
   * between. What is full is submitted all the same.
   */
  hold(): Disposable {
    this.#holds++;
    return {
      [Symbol.dispose]: () => {
        if (--this.#holds === 0 && !this.#batch.empty) this.#schedule();
      },
    };
  }

  /** Submits what was recorded, now. */
  flush(): void {
    if (this.#timer !== null) clearImmediate(this.#timer);
    this.#timer = null;
    const batch = this.#batch;
    if (batch.empty || this.#guard.error !== null) return;
    batch.arena = this.arena.takeBytes();
    this.#batch = new Batch();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#flying.set(batch, promise);
    void this.#run(batch).then(resolve);
  }

  /** Submits what was recorded and waits until its outcome is known and its buffers are back. */
  async idle(): Promise<void> {
    this.flush();
    await Promise.all(this.#flying.values());
  }

  #schedule(): void {
    this.#timer ??= setImmediate(() => {
      this.#timer = null;
      if (this.#holds === 0) this.flush();
    });
  }

  /** Submits one batch and settles all that belongs to it. Never rejects. */
  async #run(batch: Batch): Promise<void> {
    try {
      for (let gate = this.#gate; gate !== null; gate = this.#gate) await gate;
      this.#guard.check();
      const failure = await this.#execute(batch, batch.work, batch.reads);
      if (failure !== null) await this.#blockUntil(this.#isolate(batch, failure));
      else for (const work of batch.work) this.#spread(work);
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      for (const work of batch.work) for (const slot of work.outputs) slot.fail(error);
      for (const read of batch.reads) read.reject(error);
    }
    this.#flying.delete(batch);
    for (const buffer of batch.retired) this.#buffers.release(buffer);
  }

  get #gate(): Promise<void> | null {
    return this.#repair ?? this.#pacer.rest;
  }

  /** Marks the outputs of work whose inputs failed in an earlier batch. */
  #spread(work: LaneWork): boolean {
    const bad = work.inputs.find((slot) => slot.error !== null);
    if (bad === undefined) return false;
    for (const slot of work.outputs) slot.fail(bad.error!);
    return true;
  }

  async #blockUntil(repair: Promise<void>): Promise<void> {
    this.#repair = repair;
    await repair;
    if (this.#repair === repair) this.#repair = null;
  }

  /** A batch that the device refused did nothing: runs its parts one by one to find the culprit. */
  async #isolate(batch: Batch, failure: Error): Promise<void> {
    const alone = batch.work.length === 1 && batch.reads.length === 0;
    if (batch.uploads.length > 0) await this.#execute(batch, [], []);
    batch.uploads.length = 0;
    for (const work of batch.work) {
      if (this.#spread(work)) continue;
      const error = alone ? failure : await this.#execute(batch, [work], []);
      if (error !== null) { for (const slot of work.outputs) slot.fail(error); }
    }
    for (const read of batch.reads) {
      if (read.slot.error !== null) {
        read.reject(read.slot.error);
        continue;
      }
      const error = await this.#execute(batch, [], [read]);
      if (error !== null) read.reject(error);
    }
  }

  /** One encoder, one submit. Gives the device's complaint, or `null`, then all reads are resolved. */
  async #execute(
    batch: Batch,
    work: readonly LaneWork[],
    reads: readonly PendingRead[],
  ): Promise<Error | null> {
    const { device } = this.#guard;
    device.pushErrorScope("out-of-memory");
    device.pushErrorScope("validation");
    const timed = reads.length > 0 ? this.#pacer.timed(work, batch) : [];
    let staged: StagedReads | null = null;
    let failed: unknown = null;
    try {
      writeGuarded(device, this.arena.buffer, 0, batch.arena);
      const encoder = device.createCommandEncoder();
      for (const { offset, to, bytes } of batch.uploads) {
        encoder.copyBufferToBuffer(this.arena.buffer, offset, to.raw, 0, bytes);
      }
      this.#encode(encoder, work, timed.length);
      if (reads.length > 0) {
        const requests = reads.map(({ source, offset, bytes }) => (
          { source: source.raw, offset, bytes }
        ));
        if (timed.length > 0) requests.push(this.#pacer.resolve(encoder, timed.length));
        staged = this.#readback.stage(encoder, requests);
      }
      device.queue.submit([encoder.finish()]);
    } catch (error) {
      failed = error;
    }
    const scopes = Promise.all([device.popErrorScope(), device.popErrorScope()]);
    this.#counts.submits++;
    const begins = this.#pacer.submit(work, batch);
    const [validation, memory] = await this.#guard.whileAlive(scopes);
    if (failed !== null || validation !== null || memory !== null) {
      if (staged !== null) this.#readback.abandon(staged);
      if (memory !== null) return new GpuOutOfMemoryError(memory.message);
      if (failed instanceof GpuOutOfMemoryError) return failed;
      const message = validation?.message ?? (failed as Error).message;
      return new Error(`the GPU refused ${work[0]?.label ?? "a read"}: ${message}`);
    }
    if (staged === null) return null;
    this.#counts.maps++;
    this.#counts.reads += reads.length;
    const results = await this.#pacer.collect(staged, work, timed, begins);
    reads.forEach(({ slot, resolve, reject }, i) => {
      if (slot.error === null) resolve(results[i]!);
      else reject(slot.error);
    });
    return null;
  }

  /** @param timed How many of them are timed: each has a pass of its own. */
  #encode(encoder: GPUCommandEncoder, work: readonly LaneWork[], timed: number): void {
    for (const { clears } of work) {
      for (const { buffer, bytes } of clears) encoder.clearBuffer(buffer.raw, 0, bytes);
    }
    let pass: GPUComputePassEncoder | null = null;
    let pipeline: GPUComputePipeline | null = null;
    for (const [i, { copies, dispatches }] of work.entries()) {
      if (copies.length > 0 || timed > 0) {
        pass?.end();
        pass = null;
      }
      for (const { from, offset, to, bytes } of copies) {
        encoder.copyBufferToBuffer(from.raw, offset, to.raw, 0, bytes);
      }
      for (const dispatch of dispatches) {
        if (pass === null) {
          pass = encoder.beginComputePass(i < timed ? this.#pacer.pass(i) : {});
          pipeline = null;
        }
        if (pipeline !== dispatch.pipeline) pass.setPipeline(pipeline = dispatch.pipeline);
        const { groups, workgroups: [x, y, z] } = dispatch;
        for (let g = 0; g < groups.length; g++) {
          pass.setBindGroup(g, groups[g]!.bindGroup, groups[g]!.offsets);
        }
        pass.dispatchWorkgroups(x, y, z);
      }
      this.#counts.dispatches += dispatches.length;
    }
    pass?.end();
  }

  /** The device is gone: rejects all that waits, in one loop. */
  #abort(error: Error): void {
    if (this.#timer !== null) clearImmediate(this.#timer);
    this.#timer = null;
    for (const batch of [...this.#flying.keys(), this.#batch]) {
      for (const work of batch.work) for (const slot of work.outputs) slot.fail(error);
      for (const read of batch.reads) read.reject(error);
    }
    this.#flying.clear();
    this.#batch = new Batch();
  }
}
