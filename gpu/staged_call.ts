/** One call of a kernel, from its arguments to data on the device. */

import { KernelArgumentError } from "../src/core/errors.ts";
import {
  boundBytes,
  byteLengthOf,
  type CheckedArgument,
  checkLimits,
  type PassedArguments,
} from "./arguments.ts";
import type { AcquiredBuffer, PooledBuffer } from "./buffers.ts";
import type { GpuHandle } from "./device.ts";
import { packUniform } from "./layout.ts";
import type { CallPlan, PlannedPass } from "./kernel_plan.ts";
import { GpuSlot } from "./slot.ts";
import { roundUp } from "./wgsl_types.ts";

/** A buffer and how much of it a binding covers. */
export interface BoundRange {
  readonly buffer: PooledBuffer;
  /** Where in the buffer it starts. */
  readonly offset: number;
  readonly bytes: number;
}

/**
 * A call whose arguments are accepted and taken: arrays are copied, slots held. What remains is to
 * wait for its buffers, record its dispatches and finish it.
 */
export class StagedCall {
  readonly passes: readonly PlannedPass[];
  /** The buffer of each array, by name. */
  readonly buffers = new Map<string, BoundRange>();
  /** Buffers that are the call's own, by binding name: uploaded inputs, results, scratch. */
  readonly acquired = new Map<string, AcquiredBuffer>();
  /** Packed, by binding name. */
  readonly uniforms = new Map<string, Uint8Array>();
  readonly clears: BoundRange[] = [];
  readonly copies: { from: PooledBuffer; offset: number; to: PooledBuffer; bytes: number }[] = [];
  /** All slots among the arguments, for what they say about failed work. */
  readonly inputs: GpuSlot[] = [];
  /** The read_write bindings, without scratch. */
  readonly results: readonly CheckedArgument[];
  readonly #gpu: GpuHandle;
  readonly #held: GpuSlot[] = [];

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
    { checked, passes }: CallPlan,
    args: PassedArguments,
    consume: readonly string[],
  ) {
    this.#gpu = gpu;
    this.passes = passes;
    this.results = checked.filter(({ from, binding }) =>
      binding.role === "storage-read-write" && from !== "scratch"
    );
    for (const argument of checked) this.#check(name, argument);
    try {
      const taken = new Set<string>();
      for (const argument of checked) {
        if (argument.from === "uniform") continue;
        const mayTake = consume.includes(argument.binding.name);
        if (mayTake && this.#take(argument)) taken.add(argument.binding.name);
        else this.#place(argument);
      }
      for (const binding of consume) {
        const slot = args[binding];
        if (slot instanceof GpuSlot && !taken.has(binding)) slot.release();
      }
    } catch (error) {
      this.discard();
      this.finish();
      throw error;
    }
  }

  /** Whether all its buffers are there already. */
  get isReady(): boolean {
    for (const { ready } of this.acquired.values()) if (ready !== null) return false;
    return true;
  }

  /** Waits until all its buffers are there. */
  async ready(): Promise<void> {
    for (const { ready } of this.acquired.values()) if (ready !== null) await ready;
    this.#gpu.guard.check();
  }

  /** Gives its own buffers back: it will not run. */
  discard(): void {
    for (const { buffer } of this.acquired.values()) this.#gpu.lane.retire(buffer);
    this.acquired.clear();
  }

  /** Lets go of the caller's slots: the call is recorded, or will not run. */
  finish(): void {
    for (const slot of this.#held) slot.release();
    this.#held.length = 0;
  }

  #check(kernel: string, argument: CheckedArgument): void {
    const { guard } = this.#gpu;
    const { name, type } = argument.binding;
    checkLimits(kernel, argument, guard.limits, guard.name);
    if (argument.from === "uniform") {
      this.uniforms.set(name, packUniform(kernel, name, type, argument.value));
    } else if (argument.from === "slot") {
      argument.slot.use();
      if (!argument.slot.isOn(guard)) {
        const problem = "the GpuSlot lives on another device";
        throw new KernelArgumentError(`${kernel}: binding "${name}": ${problem}`, name);
      }
      this.inputs.push(argument.slot);
    }
  }

  /** Takes over the buffer of a slot that nobody else holds, to be written in place. */
  #take(argument: CheckedArgument): boolean {
    if (argument.from !== "slot" || argument.binding.role !== "storage-read-write") return false;
    const { slot, binding } = argument;
    const once = this.inputs.indexOf(slot) === this.inputs.lastIndexOf(slot);
    const fits = slot.byteLength > 0 && this.#covered(argument) <= slot.use().capacity;
    const buffer = once && fits ? slot.take() : null;
    if (buffer === null) return false;
    this.acquired.set(binding.name, { buffer, fresh: false, ready: null });
    this.buffers.set(binding.name, { buffer, offset: 0, bytes: this.#covered(argument) });
    return true;
  }

  /** Bytes that all bindings of an array together cover. */
  #covered(argument: CheckedArgument): number {
    const { binding } = argument;
    let bytes = boundBytes(binding, byteLengthOf(argument));
    for (const pass of this.passes) {
      for (const bound of pass.bindings) {
        if ("array" in bound && bound.array === binding.name) bytes = Math.max(bytes, bound.bytes);
      }
    }
    return bytes;
  }

  /** Gives a storage binding its buffer, with its content or the order to copy or clear. */
  #place(argument: CheckedArgument): void {
    const { name, role } = argument.binding;
    const byteLength = byteLengthOf(argument);
    const bytes = this.#covered(argument);
    if (argument.from === "slot") {
      this.#held.push(argument.slot.retain());
      const buffer = argument.slot.use();
      const { offset } = argument.slot;
      const isAligned = offset % this.#gpu.guard.limits.minStorageBufferOffsetAlignment === 0;
      const fits = byteLength > 0 && offset + bytes <= buffer.capacity;
      if (role === "storage-read" && isAligned && fits) {
        this.buffers.set(name, { buffer, offset, bytes });
        return;
      }
    }
    const acquired = this.#gpu.buffers.acquire(bytes);
    const { buffer, fresh } = acquired;
    this.acquired.set(name, acquired);
    this.buffers.set(name, { buffer, offset: 0, bytes });
    if (byteLength === 0 || argument.from === "output" || argument.from === "scratch") {
      if (!fresh) this.clears.push({ buffer, offset: 0, bytes });
    } else if (argument.from === "array") {
      this.#gpu.lane.upload(buffer, argument.array, fresh);
    } else if (argument.from === "slot") {
      const from = argument.slot.use();
      const { offset } = argument.slot;
      this.copies.push({ from, offset, to: buffer, bytes: roundUp(byteLength, 4) });
    }
  }
}
