/** Puts batches on the queue, and finds out what became of them. */

import { GpuOutOfMemoryError } from "../src/core/gpu_errors.ts";
import type { Arena } from "./arena.ts";
import { writeGuarded } from "./buffers.ts";
import type { DeviceGuard } from "./device_guard.ts";
import { Encoder } from "./encode.ts";
import type { Batch, LaneCounts, LaneWork, PendingRead } from "./lane_work.ts";
import type { Pacer } from "./pacer.ts";
import type { GpuProvider } from "./provider.ts";
import type { Readback, StagedReads } from "./readback.ts";

/** Submits batches: one encoder, one error scope of each kind and one submit for each. */
export class Submitter {
  readonly #guard: DeviceGuard;
  readonly #readback: Readback;
  readonly #pacer: Pacer;
  readonly #arena: Arena;
  readonly #encoder: Encoder;
  #counts = { submits: 0, dispatches: 0, reads: 0, maps: 0 };

  constructor(
    guard: DeviceGuard,
    readback: Readback,
    provider: GpuProvider,
    pacer: Pacer,
    arena: Arena,
  ) {
    this.#guard = guard;
    this.#readback = readback;
    this.#pacer = pacer;
    this.#arena = arena;
    this.#encoder = new Encoder(pacer, provider);
  }

  /** What went to the queue so far. */
  get counts(): LaneCounts {
    return { ...this.#counts };
  }

  /** Submits a batch at once. Answers what the device has against it, or `null`: then all its reads are resolved. */
  async submit(batch: Batch): Promise<Error | null> {
    const failure = await this.#execute(batch, batch.work, batch.reads);
    if (failure === null) { for (const work of batch.work) spread(work); }
    return failure;
  }

  /** A batch that the device refused did nothing: runs its parts one by one to find the culprit. */
  async isolate(batch: Batch, failure: Error): Promise<void> {
    const alone = batch.work.length === 1 && batch.reads.length === 0;
    if (batch.uploads.length > 0) await this.#execute(batch, [], []);
    batch.uploads.length = 0;
    for (const work of batch.work) {
      if (spread(work)) continue;
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
      if (batch.arena !== null) {
        const { bytes, end } = batch.arena;
        writeGuarded(device, this.#arena.buffer, 0, bytes.subarray(0, end));
      }
      const encoder = device.createCommandEncoder();
      for (const { offset, to, bytes } of batch.uploads) {
        encoder.copyBufferToBuffer(this.#arena.buffer, offset, to.raw, 0, bytes);
      }
      this.#counts.dispatches += this.#encoder.encode(encoder, work, timed.length);
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
}

/** Marks the outputs of work whose inputs failed in an earlier batch. */
function spread(work: LaneWork): boolean {
  for (const { error } of work.inputs) {
    if (error === null) continue;
    for (const slot of work.outputs) slot.fail(error);
    return true;
  }
  return false;
}
