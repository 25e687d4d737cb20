/** When the GPU will be done: learnt from its times, and used to wait without blocking the isolate. */

import { setImmediate } from "node:timers";
import type { WaitMark } from "../src/pool/hang_watch.ts";
import type { DeviceGuard } from "./device_guard.ts";
import { allowedMs } from "./hang_limit.ts";
import type { KernelTimes } from "./kernel_times.ts";
import type { Batch, LaneWork } from "./lane_work.ts";
import { PassTimer, TIMED_PASSES } from "./pass_timer.ts";
import type { Readback, StagedReads } from "./readback.ts";

/** A wait for the GPU that may block the isolate, in milliseconds: a timer is no more exact. */
const MAX_BLOCK_MS = 2;
/** The longest time to wait for what is predicted, in milliseconds: it may turn out to be far less. */
const MAX_REST_MS = 1000;
/** Every so many submits with reads are timed pass by pass; and those of kernels that are not known yet. */
const TIMED_SUBMITS = 32;
/** Measurements of a kernel and size until it is known. */
const KNOWN = 3;

/** When a kernel that does not end is given up, and its device with it. */
export interface HangOptions {
  /** Milliseconds beyond four times what was predicted. */
  readonly hangMs: number;
  /** For those who look from outside, where waiting for the device blocks the isolate. */
  readonly mark?: WaitMark | undefined;
}

/** Keeps the times of one device's work. */
export class Pacer {
  readonly #guard: DeviceGuard;
  readonly #readback: Readback;
  readonly #times: KernelTimes;
  readonly #hang: HangOptions;
  readonly #passTimer: PassTimer;
  /** The timers of reads that are waited for. */
  readonly #waiting = new Set<unknown>();
  #rest: Promise<void> | null = null;
  /** When the GPU will be done with all that was submitted, by `performance.now()`. */
  #busyUntil = 0;
  /** Whether that is known, of all work since the last read. */
  #isKnown = true;
  #submits = 0;

  /**
   * @param times What work has taken, to be learnt and used.
   * @param hang When to give a kernel up.
   */
  constructor(guard: DeviceGuard, readback: Readback, times: KernelTimes, hang: HangOptions) {
    this.#guard = guard;
    this.#readback = readback;
    this.#times = times;
    this.#hang = hang;
    this.#passTimer = new PassTimer(guard);
  }

  /** While a read waits for a long kernel, nothing may be put behind it that it would wait for too. */
  get rest(): Promise<void> | null {
    return this.#rest;
  }

  /** Adds to a batch how long work will take. */
  expect({ label, invocations }: LaneWork, batch: Batch): void {
    const { measured, ms } = this.#times.count(label, invocations);
    if (measured === 0) batch.isKnown = false;
    else batch.predictedMs += ms;
    if (measured >= KNOWN) batch.knownMs += ms;
  }

  /**
   * The work of a submit with reads that is to be timed, all or none: a pass of its own for each call
   * costs a little.
   */
  timed(work: readonly LaneWork[], { predictedMs }: Batch): readonly LaneWork[] {
    if (!this.#passTimer.isAble || work.length > TIMED_PASSES) return [];
    if (work.some(({ dispatches }) => dispatches.length === 0)) return [];
    const isDue = this.#submits++ % TIMED_SUBMITS === 0 || predictedMs > MAX_BLOCK_MS;
    const isNew = (one: LaneWork) => this.#times.measured(one.label, one.invocations) < KNOWN;
    return isDue || work.some(isNew) ? work : [];
  }

  /** What a pass for timed work of that number is begun with. */
  pass(index: number): GPUComputePassDescriptor {
    return this.#passTimer.pass(index);
  }

  /** Records the copy of the times of so much work to where they are read. */
  resolve(encoder: GPUCommandEncoder, count: number): ReturnType<PassTimer["resolve"]> {
    return this.#passTimer.resolve(encoder, count);
  }

  /** Notes work that goes to the queue now; answers when the GPU will begin with it. */
  submit(work: readonly LaneWork[], { predictedMs, isKnown }: Batch): number {
    const begins = Math.max(performance.now(), this.#busyUntil);
    this.#busyUntil = begins;
    if (work.length > 0) {
      this.#busyUntil += predictedMs;
      this.#isKnown &&= isKnown;
    }
    return begins;
  }

  /**
   * The bytes of reads, without those of times: waits for them, but not for ever.
   *
   * @param timed The work whose times they have at their end.
   */
  async collect(
    staged: StagedReads,
    work: readonly LaneWork[],
    timed: readonly LaneWork[],
    begins: number,
  ): Promise<ArrayBuffer[]> {
    const expected = Math.max(0, this.#busyUntil - performance.now());
    const allowed = allowedMs(this.#isKnown ? expected : undefined, this.#hang.hangMs);
    await this.#restUntil(this.#busyUntil);
    const results = await this.#within(allowed, () => this.#readback.collect(staged));
    const ends = performance.now();
    this.#isKnown = true;
    this.#busyUntil = Math.min(this.#busyUntil, ends);
    if (timed.length > 0) this.#learn(timed, PassTimer.milliseconds(results.pop()!));
    else this.#guess(work, ends - begins);
    return results;
  }

  /**
   * Lets the isolate do other things until the GPU should be done: waiting for the GPU may block it.
   * Meanwhile nothing else is submitted, as the wait would be for that too.
   */
  async #restUntil(time: number): Promise<void> {
    const ms = Math.min(time - performance.now(), MAX_REST_MS);
    if (ms <= MAX_BLOCK_MS || !this.#readback.early) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#rest = promise;
    try {
      await this.#guard.whileAlive(promise);
    } finally {
      clearTimeout(timer);
      if (this.#rest === promise) this.#rest = null;
      resolve();
    }
  }

  /** Gives the device up if it takes longer. */
  async #within<T>(ms: number, wait: () => Promise<T>): Promise<T> {
    const mark = this.#readback.early ? this.#hang.mark : undefined;
    const timer = setTimeout(() => {
      // Should the isolate itself have been busy, what has come meanwhile comes first.
      setImmediate(() => this.#giveUp(timer, ms));
    }, ms);
    this.#waiting.add(timer);
    mark?.begin(ms);
    try {
      return await wait();
    } finally {
      mark?.end();
      this.#waiting.delete(timer);
      clearTimeout(timer);
    }
  }

  #giveUp(timer: unknown, ms: number): void {
    if (!this.#waiting.has(timer)) return;
    this.#guard.lose(`a kernel did not end in ${Math.round(ms)} ms`);
    this.#guard.device.destroy();
  }

  #learn(work: readonly LaneWork[], times: readonly number[]): void {
    work.forEach(({ label, invocations }, i) => this.#times.measure(label, invocations, times[i]!));
  }

  /** Without stamps only what ran alone is known, and what the way there and back adds to it. */
  #guess(work: readonly LaneWork[], ms: number): void {
    const [only] = work;
    if (only === undefined || work.length > 1 || this.#passTimer.isAble) return;
    this.#times.measure(only.label, only.invocations, ms);
  }
}
