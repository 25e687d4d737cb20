/** One open device and whether it still lives. */

import { GpuDeviceLostError } from "../src/core/gpu_errors.ts";

/** The limits that every call is checked against. */
export type ComputeLimits = Pick<
  GPUSupportedLimits,
  | "maxStorageBufferBindingSize"
  | "maxUniformBufferBindingSize"
  | "minStorageBufferOffsetAlignment"
  | "maxBufferSize"
>;

/**
 * Who wants to know of the loss. They are in a list, as a set that members come to and leave keeps its
 * earlier tables, and with them whatever waited, from the garbage collector's quick rounds.
 */
interface Listener {
  readonly call: (error: GpuDeviceLostError) => void;
  /** In the list. */
  place: number;
}

/**
 * Every call to WebGPU passes here first: Deno's `submit` and `writeBuffer` on a destroyed device
 * succeed silently, and waits on it may never end.
 */
export class DeviceGuard {
  readonly device: GPUDevice;
  /** Counts the devices of one pool from 1; slots of an older one are stale. */
  readonly generation: number;
  /** Resolves, never rejects, when the device is lost or destroyed. */
  readonly lost: Promise<GpuDeviceLostError>;
  /** What its arguments are checked against: read once, as asking the device takes a microsecond. */
  readonly limits: ComputeLimits;
  readonly #settle: (error: GpuDeviceLostError) => void;
  readonly #listeners: Listener[] = [];
  #error: GpuDeviceLostError | null = null;

  constructor(device: GPUDevice, generation: number, readonly name: string) {
    this.device = device;
    const { limits } = device;
    this.limits = {
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxUniformBufferBindingSize: limits.maxUniformBufferBindingSize,
      minStorageBufferOffsetAlignment: limits.minStorageBufferOffsetAlignment,
      maxBufferSize: limits.maxBufferSize,
    };
    this.generation = generation;
    const { promise, resolve } = Promise.withResolvers<GpuDeviceLostError>();
    this.lost = promise;
    this.#settle = resolve;
    device.lost.then((info) => this.lose(`${info.reason || "unknown"}: ${info.message}`));
  }

  /** Why the device is gone, or `null` while it lives. */
  get error(): GpuDeviceLostError | null {
    return this.#error;
  }

  /** @throws {GpuDeviceLostError} When the device is gone. */
  check(): void {
    if (this.#error !== null) throw this.#error;
  }

  /** Declares the device lost and tells all listeners, once. */
  lose(reason: string): void {
    if (this.#error !== null) return;
    const error = new GpuDeviceLostError(
      `the GPU device "${this.name}" (generation ${this.generation}) was lost: ${reason}`,
    );
    this.#error = error;
    for (const { call } of this.#listeners.splice(0)) call(error);
    this.#settle(error);
  }

  /** Calls `listener` once when the device is lost, or at once if it is. */
  onLost(listener: (error: GpuDeviceLostError) => void): void {
    if (this.#error !== null) listener(this.#error);
    else this.#listen(listener);
  }

  /** Settles as `work` does, or rejects as soon as the device is lost. */
  whileAlive<T>(work: Promise<T>): Promise<T> {
    if (this.#error !== null) {
      work.catch(() => {});
      return Promise.reject(this.#error);
    }
    return new Promise((resolve, reject) => {
      const listener = this.#listen(reject);
      work.then((value) => {
        this.#forget(listener);
        resolve(value);
      }, (error) => {
        this.#forget(listener);
        reject(error);
      });
    });
  }

  #listen(call: Listener["call"]): Listener {
    const listener = { call, place: this.#listeners.length };
    this.#listeners.push(listener);
    return listener;
  }

  /** The last one takes its place. */
  #forget(listener: Listener): void {
    if (this.#error !== null) return;
    const last = this.#listeners.pop()!;
    if (last === listener) return;
    last.place = listener.place;
    this.#listeners[last.place] = last;
  }
}
