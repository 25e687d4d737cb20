/** A value that lives on one device. */

import { KernelArgumentError } from "../src/core/gpu_errors.ts";
import type { DeviceGuard } from "./device_guard.ts";
import type { PooledBuffer } from "./buffers.ts";
import type { Dtype } from "./typed_array.ts";

/** What a slot tells its device when its last reference goes. */
export type SlotRelease = (buffer: PooledBuffer) => void;

/** What a part of a slot is a part of. */
interface Whole {
  readonly slot: GpuSlot;
  /** Bytes from its start. */
  readonly offset: number;
}

/**
 * An owned, counted reference to an array on one device. Its content never changes: kernels that
 * write get a copy. Starts with one reference; the memory is reused after the last `release()`.
 */
export class GpuSlot implements Disposable {
  /** What the numbers are. */
  readonly dtype: Dtype;
  /** Numbers (not vectors or structs), as in the typed array that reading it gives. */
  readonly length: number;
  /** Bytes of the content. */
  readonly byteLength: number;
  /** Where in its buffer it starts; a multiple of 4. */
  readonly offset: number;
  readonly #guard: DeviceGuard;
  readonly #onRelease: SlotRelease;
  readonly #whole: GpuSlot | null;
  #buffer: PooledBuffer | null;
  #references = 1;
  #error: Error | null = null;

  /** Made by the runner; `buffer` becomes the slot's. */
  constructor(
    guard: DeviceGuard,
    buffer: PooledBuffer,
    dtype: Dtype,
    length: number,
    byteLength: number,
    onRelease: SlotRelease,
    whole?: Whole,
  ) {
    this.#guard = guard;
    this.#buffer = buffer;
    this.dtype = dtype;
    this.length = length;
    this.byteLength = byteLength;
    this.#onRelease = onRelease;
    this.#whole = whole?.slot ?? null;
    this.offset = whole?.offset ?? 0;
  }

  /** The generation of the device that holds it. */
  get generation(): number {
    return this.#guard.generation;
  }

  /** References that are still held; 0 when released. */
  get references(): number {
    return this.#references;
  }

  /** Why the kernel that had to fill it failed, else `null`. */
  get error(): Error | null {
    return this.#error ?? this.#whole?.error ?? null;
  }

  /** Marks the content as never computed: reading it, and kernels that take it, get this error. */
  fail(error: Error): void {
    this.#error ??= error;
  }

  /** Whether it lives on that device. */
  isOn(guard: DeviceGuard): boolean {
    return this.#guard === guard;
  }

  /**
   * The buffer, for use now.
   *
   * @throws {GpuDeviceLostError} When its device is gone.
   * @throws {KernelArgumentError} When it was released.
   * @throws What the kernel that had to fill it threw.
   */
  use(): PooledBuffer {
    this.#guard.check();
    if (this.#buffer === null) throw new KernelArgumentError("this GpuSlot was released");
    if (this.error !== null) throw this.error;
    return this.#buffer;
  }

  /**
   * One more reference; each needs its own `release()`.
   *
   * @throws {KernelArgumentError} When it was released already.
   */
  retain(): this {
    if (this.#buffer === null) throw new KernelArgumentError("this GpuSlot was released");
    this.#references++;
    return this;
  }

  /**
   * A part of it, which shares its buffer and holds it.
   *
   * @param offset Bytes from its start, a multiple of 4.
   * @throws As `use` does.
   */
  part(offset: number, length: number, byteLength: number): GpuSlot {
    const buffer = this.use();
    const slot = (this.#whole ?? this).retain();
    const whole = { slot, offset: this.offset + offset };
    const onRelease = () => slot.release();
    return new GpuSlot(this.#guard, buffer, this.dtype, length, byteLength, onRelease, whole);
  }

  /**
   * Takes the buffer out, if this is its only reference: the slot is released then, and the buffer the
   * caller's. Else, and of a part, `null`, and nothing changes.
   */
  take(): PooledBuffer | null {
    const buffer = this.use();
    if (this.#references > 1 || this.#whole !== null) return null;
    this.#references = 0;
    this.#buffer = null;
    return buffer;
  }

  /** Gives one reference back. More releases than references do nothing. */
  release(): void {
    if (this.#buffer === null || --this.#references > 0) return;
    const buffer = this.#buffer;
    this.#buffer = null;
    this.#onRelease(buffer);
  }

  /** The same as `release()`. */
  [Symbol.dispose](): void {
    this.release();
  }
}
