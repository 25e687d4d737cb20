/** One call of a kernel, from its arguments to data on the device. */

import { KernelArgumentError } from "../src/core/gpu_errors.ts";
import type { CallArguments } from "./argument_list.ts";
import type { CheckedArgument } from "./arguments.ts";
import type { BoundRange } from "./bind_groups.ts";
import type { AcquiredBuffer, PooledBuffer } from "./buffers.ts";
import type { GpuHandle } from "./device.ts";
import type { DeviceShape } from "./device_shape.ts";
import { added, type LaneWork } from "./lane_work.ts";
import type { GpuSlot } from "./slot.ts";
import type { UniformBlock } from "./uniforms.ts";
import { roundUp } from "./wgsl_types.ts";

/** What most calls have none of. */
const NONE: readonly never[] = Object.freeze([]);

/**
 * A call whose arguments are accepted and taken: arrays are copied, slots held. What remains is to
 * wait for its buffers, record its dispatches and finish it.
 */
export class StagedCall {
  readonly shape: DeviceShape;
  readonly checked: CallArguments;
  /** The buffer of each array, by its place among the arguments. */
  readonly buffers: (BoundRange | null)[];
  /** Buffers that are the call's own, by the same places: uploaded inputs, results, scratch. */
  readonly acquired: (AcquiredBuffer | null)[];
  /** All slots among the arguments, for what they say about failed work. */
  inputs: readonly GpuSlot[] = NONE;
  /** Packed, as the kernel's `UniformBlock` has them. */
  uniforms: Uint32Array;
  clears: LaneWork["clears"] = NONE;
  copies: LaneWork["copies"] = NONE;
  readonly #gpu: GpuHandle;
  #held: readonly GpuSlot[] = NONE;
  #isReady = true;

  /**
   * Checks the rest, then uploads: nothing is taken for a call that is refused.
   *
   * @param consume Bindings whose slots are taken over.
   * @throws {KernelArgumentError} Naming the binding, what it is and what it got.
   * @throws {GpuOutOfMemoryError | GpuDeviceLostError}
   */
  constructor(
    gpu: GpuHandle,
    name: string,
    checked: CallArguments,
    shape: DeviceShape,
    uniforms: UniformBlock,
    consume: readonly string[],
  ) {
    this.#gpu = gpu;
    this.shape = shape;
    this.checked = checked;
    this.uniforms = uniforms.words;
    this.buffers = shape.none.slice();
    this.acquired = shape.none.slice();
    for (let i = 0; i < checked.length; i++) {
      const argument = checked[i]!;
      if (argument === null) continue;
      if (argument.from === "uniform") uniforms.pack(i, argument.value);
      else if (argument.from === "slot") {
        this.#checkSlot(name, argument.binding.name, argument.value);
      }
    }
    try {
      this.#takeAll(consume);
    } catch (error) {
      this.discard();
      this.finish();
      throw error;
    }
  }

  /** Whether all its buffers are there already. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Keeps what the next call would write over: this one has to wait. */
  keep(): void {
    this.uniforms = this.uniforms.slice();
  }

  /** Waits until all its buffers are there. */
  async ready(): Promise<void> {
    for (const one of this.acquired) if (one !== null && one.ready !== null) await one.ready;
    this.#gpu.guard.check();
  }

  /** Gives its own buffers back: it will not run. */
  discard(): void {
    for (const one of this.acquired) if (one !== null) this.#gpu.lane.retire(one.buffer);
    this.acquired.length = 0;
  }

  /** Lets go of the caller's slots: the call is recorded, or will not run. */
  finish(): void {
    for (const slot of this.#held) slot.release();
    this.#held = NONE;
  }

  #checkSlot(kernel: string, name: string, slot: GpuSlot): void {
    slot.use();
    if (!slot.isOn(this.#gpu.guard)) {
      const problem = "the GpuSlot lives on another device";
      throw new KernelArgumentError(`${kernel}: binding "${name}": ${problem}`, name);
    }
    this.inputs = added(this.inputs, slot);
  }

  #takeAll(consume: readonly string[]): void {
    const { checked } = this;
    /** Consumed, and not needed as they are. */
    let spare: GpuSlot[] | null = null;
    for (let i = 0; i < checked.length; i++) {
      const argument = checked[i]!;
      if (argument === null || argument.from === "uniform") continue;
      if (argument.from === "slot" && consume.includes(argument.binding.name)) {
        if (this.#take(i, argument.binding.role, argument.value)) continue;
        (spare ??= []).push(argument.value);
      }
      this.#place(i, argument);
    }
    if (spare !== null) { for (const slot of spare) slot.release(); }
  }

  /** Takes over the buffer of a slot that nobody else holds, to be written in place. */
  #take(i: number, role: CheckedArgument["binding"]["role"], slot: GpuSlot): boolean {
    if (role !== "storage-read-write" || slot.byteLength === 0) return false;
    const once = this.inputs.indexOf(slot) === this.inputs.lastIndexOf(slot);
    const fits = this.shape.covered[i]! <= slot.use().capacity;
    const buffer = once && fits ? slot.take() : null;
    if (buffer === null) return false;
    this.buffers[i] = this.acquired[i] = taken(buffer);
    return true;
  }

  /** Gives a storage binding its buffer, with its content or the order to copy or clear. */
  #place(i: number, argument: Exclude<CheckedArgument, { from: "uniform" }>): void {
    const { from, byteLength, value } = argument;
    const bytes = this.shape.covered[i]!;
    if (from === "slot" && this.#bind(i, argument.binding.role, value, bytes)) return;
    const acquired = this.#gpu.buffers.acquire(bytes);
    const { buffer, fresh, ready } = acquired;
    this.buffers[i] = this.acquired[i] = acquired;
    if (ready !== null) this.#isReady = false;
    if (byteLength === 0 || from === "output" || from === "scratch") {
      if (!fresh) this.clears = added(this.clears, { buffer, bytes });
    } else if (from === "array") {
      this.#gpu.lane.upload(buffer, value, fresh);
    } else if (from === "slot") {
      const { offset } = value;
      const copied = roundUp(byteLength, 4);
      const copy = { from: value.use(), offset, to: buffer, bytes: copied, isLate: false };
      this.copies = added(this.copies, copy);
    }
  }

  /** Holds a slot, and binds its own buffer if it is only read there, and can be. */
  #bind(i: number, role: string, slot: GpuSlot, bytes: number): boolean {
    this.#held = added(this.#held, slot.retain());
    const { offset, byteLength } = slot;
    const buffer = slot.use();
    if (role !== "storage-read" || byteLength === 0 || offset + bytes > buffer.capacity) {
      return false;
    }
    const { minStorageBufferOffsetAlignment } = this.#gpu.guard.limits;
    if (offset % minStorageBufferOffsetAlignment !== 0) return false;
    this.buffers[i] = { buffer, offset };
    return true;
  }
}

function taken(buffer: PooledBuffer): AcquiredBuffer {
  return { buffer, offset: 0, fresh: false, ready: null };
}
