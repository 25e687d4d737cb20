/** The one queue of a device: what is asked in one turn of the event loop is one submit. */

import { clearImmediate, setImmediate } from "node:timers";
import { Arena } from "./arena.ts";
import { type BufferPool, type PooledBuffer, writeGuarded } from "./buffers.ts";
import type { DeviceGuard } from "./device_guard.ts";
import type { KernelTimes } from "./kernel_times.ts";
import { Batch, type LaneCounts, type LaneWork } from "./lane_work.ts";
import { type HangOptions, Pacer } from "./pacer.ts";
import type { GpuProvider } from "./provider.ts";
import type { Readback } from "./readback.ts";
import type { GpuSlot, SlotRelease } from "./slot.ts";
import { Submitter } from "./submitter.ts";
import { roundUp } from "./wgsl_types.ts";

/** Dispatches in one submit: enough to hide its cost, few enough that the GPU starts early. */
const MAX_BATCH = 64;
/** Bytes that the reads of one submit share, unless one alone is larger. */
const MAX_STAGED_BYTES = 64 * 1024 * 1024;
/** Below this a copy on the device costs less than a write of its own (8 µs each on Deno). */
const SMALL_UPLOAD_BYTES = 16 * 1024;
/** Work for the GPU, in milliseconds, that it need not wait for more to come. */
const MAX_BATCH_MS = 4;
/**
 * Batches whose outcome is not known that calls do not wait for. More would live long enough for the
 * garbage collector to move them about, which costs more than all else that a call does.
 */
const MAX_FLYING = 8;

/**
 * Collects work and reads until the event loop turns (or 64 dispatches), then records them into one
 * encoder and one submit; all reads of a submit share one staging buffer and one map.
 */
export class Lane {
  /** Uniforms of the calls recorded here. */
  readonly arena: Arena;
  readonly #guard: DeviceGuard;
  readonly #buffers: BufferPool;
  readonly #pacer: Pacer;
  readonly #submitter: Submitter;
  #batch = new Batch();
  /** Of the batch that is recorded. */
  #number = 1;
  /** {@linkcode retire}, for slots. */
  readonly onRelease: SlotRelease = (buffer) => this.retire(buffer);
  /** Batches submitted whose outcome is not known; oldest first. */
  readonly #flying: Batch[] = [];
  #timer: ReturnType<typeof setImmediate> | null = null;
  #turn: Promise<void> | null = null;
  /** While there are any, nothing is submitted for the event loop's turn alone. */
  #holds = 0;
  /** While a failed batch is run again piece by piece, nothing may overtake it. */
  #repair: Promise<void> | null = null;

  /**
   * @param provider Whose device it is.
   * @param times What work has taken, to be learnt and used.
   * @param hang When to give a kernel up.
   */
  constructor(
    guard: DeviceGuard,
    buffers: BufferPool,
    readback: Readback,
    provider: GpuProvider,
    times: KernelTimes,
    hang: HangOptions,
  ) {
    this.#guard = guard;
    this.#buffers = buffers;
    this.#pacer = new Pacer(guard, readback, times, hang);
    this.arena = new Arena(guard);
    this.#submitter = new Submitter(guard, readback, provider, this.#pacer, this.arena);
    guard.onLost((error) => this.#abort(error));
  }

  /** What went to the queue so far. */
  get counts(): LaneCounts {
    return this.#submitter.counts;
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

  /**
   * For those who record much without an end: `null`, or the next turn of the event loop, in which the
   * outcome of what was submitted arrives, and messages and timers have their turn too.
   */
  get turn(): Promise<void> | null {
    if (this.#flying.length < MAX_FLYING) return null;
    return this.#turn ??= this.#nextTurn();
  }

  /** Whoever waits for it has more to record: until then what is recorded stays together. */
  #nextTurn(): Promise<void> {
    const hold = this.hold();
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#turn = null;
        hold[Symbol.dispose]();
        resolve();
      });
    });
  }

  /** Adds work to the next submit. */
  record(work: LaneWork): void {
    for (const copy of work.copies) copy.isLate = copy.from.writtenIn === this.#number;
    for (const slot of work.outputs) slot.use().writtenIn = this.#number;
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
    const last = this.#batch.empty ? this.#flying.at(-1) : this.#batch;
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
    batch.arena = this.arena.take();
    this.#batch = new Batch();
    this.#number++;
    this.#flying.push(batch);
    batch.settled = this.#run(batch);
  }

  /** Submits what was recorded and waits until its outcome is known and its buffers are back. */
  async idle(): Promise<void> {
    this.flush();
    await Promise.all(this.#flying.map(({ settled }) => settled));
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
      const failure = await this.#submitter.submit(batch);
      if (failure !== null) await this.#blockUntil(this.#submitter.isolate(batch, failure));
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      for (const work of batch.work) for (const slot of work.outputs) slot.fail(error);
      for (const read of batch.reads) read.reject(error);
    }
    const place = this.#flying.indexOf(batch);
    if (place >= 0) this.#flying.splice(place, 1);
    if (batch.arena !== null) this.arena.giveBack(batch.arena);
    for (const buffer of batch.retired) this.#buffers.release(buffer);
  }

  get #gate(): Promise<void> | null {
    return this.#repair ?? this.#pacer.rest;
  }

  async #blockUntil(repair: Promise<void>): Promise<void> {
    this.#repair = repair;
    await repair;
    if (this.#repair === repair) this.#repair = null;
  }

  /** The device is gone: rejects all that waits, in one loop. */
  #abort(error: Error): void {
    if (this.#timer !== null) clearImmediate(this.#timer);
    this.#timer = null;
    for (const batch of [...this.#flying.splice(0), this.#batch]) {
      for (const work of batch.work) for (const slot of work.outputs) slot.fail(error);
      for (const read of batch.reads) read.reject(error);
    }
    this.#batch = new Batch();
  }
}
