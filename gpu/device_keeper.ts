/** A pool's device, and the next one when it is lost. */

import { GpuDeviceLostError } from "../src/core/gpu_errors.ts";
import type { GpuHandle } from "./device.ts";

/** Milliseconds before each try to open the next device: a driver that resets takes a moment. */
const REOPEN_AFTER_MS: readonly number[] = [0, 20, 60, 160, 360];

/** A device lost more often than this in the period is broken, or a kernel breaks it: the pool ends. */
const MOST_LOSSES = 5;
const LOSS_PERIOD_MS = 60_000;

/** Opens the device of a generation; `null` if there is none. */
export type OpenNext = (generation: number) => Promise<GpuHandle | null>;

/**
 * Keeps a device open: what was under way on a lost one rejects, what comes later waits for the next
 * one. Each has a number of its own, so that nothing of an older one is taken for the new one's.
 */
export class DeviceKeeper {
  readonly #open: OpenNext;
  readonly #ended = Promise.withResolvers<GpuDeviceLostError>();
  readonly #losses: number[] = [];
  #restore: (gpu: GpuHandle) => Promise<void> = () => Promise.resolve();
  #gpu: GpuHandle;
  #opening: Promise<GpuHandle> | null = null;
  #over: GpuDeviceLostError | null = null;
  #closed = false;

  /**
   * @param gpu The first device.
   * @param open Opens the next ones.
   */
  constructor(gpu: GpuHandle, open: OpenNext) {
    this.#gpu = gpu;
    this.#open = open;
    this.#watch(gpu);
  }

  /** The device that was opened last; it may be lost. */
  get current(): GpuHandle {
    return this.#gpu;
  }

  /** Resolves, never rejects, with the reason when there will be no other device. */
  get ended(): Promise<GpuDeviceLostError> {
    return this.#ended.promise;
  }

  /** Called with each new device before anybody else gets it. */
  set onReopen(restore: (gpu: GpuHandle) => Promise<void>) {
    this.#restore = restore;
  }

  /**
   * A device that lives: at once, if the last one does, else the next one.
   *
   * @throws {GpuDeviceLostError} When no other could be opened.
   */
  ready(): GpuHandle | Promise<GpuHandle> {
    if (this.#over !== null) throw this.#over;
    if (this.#opening !== null) return this.#opening;
    this.#gpu.guard.check();
    return this.#gpu;
  }

  /** Ends the device, without another. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#gpu.close();
  }

  #watch(gpu: GpuHandle): void {
    gpu.guard.onLost((error) => {
      if (this.#closed) return;
      this.#opening = this.#reopen(error);
      // Whoever waits gets it too; if nobody does it is for `ended`.
      this.#opening.catch((cause) => this.#ended.resolve(cause));
    });
  }

  async #reopen(lost: GpuDeviceLostError): Promise<GpuHandle> {
    const { generation } = this.#gpu;
    let reason: string;
    let cause: unknown = lost;
    if (isTooOften(this.#losses, performance.now())) {
      reason = `${MOST_LOSSES} devices were lost in ${LOSS_PERIOD_MS / 1000} s`;
    } else {
      for (const ms of REOPEN_AFTER_MS) {
        await new Promise((resolve) => setTimeout(resolve, ms));
        try {
          const next = await this.#open(generation + 1);
          if (next === null) continue;
          await this.#restore(next);
          this.#gpu = next;
          this.#opening = null;
          this.#watch(next);
          return next;
        } catch (error) {
          cause = error;
        }
      }
      reason = `no other device could be opened in ${REOPEN_AFTER_MS.length} tries`;
    }
    this.#over = new GpuDeviceLostError(`${lost.message}; ${reason}`, { cause });
    throw this.#over;
  }
}

/** Notes a loss; whether there were too many. */
export function isTooOften(losses: number[], now: number): boolean {
  losses.push(now);
  while (losses[0]! < now - LOSS_PERIOD_MS) losses.shift();
  return losses.length > MOST_LOSSES;
}
