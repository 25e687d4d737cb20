/** One call of a kernel, from its arguments to data on the device. */

import { KernelArgumentError } from "../src/core/errors.ts";
import {
  type ArgumentRules,
  byteLengthOf,
  checkArguments,
  type CheckedArgument,
  checkLimits,
  workgroupsFor,
} from "./arguments.ts";
import type { AcquiredBuffer, PooledBuffer } from "./buffers.ts";
import type { GpuHandle } from "./device.ts";
import { packUniform } from "./layout.ts";
import type { KernelBinding, KernelInterface } from "./reflection.ts";
import { GpuSlot } from "./slot.ts";
import { roundUp } from "./wgsl_types.ts";

/** A buffer and how much of it a binding covers. */
export interface BoundRange {
  readonly buffer: PooledBuffer;
  readonly bytes: number;
}

type Arguments = Readonly<Record<string, unknown>>;

/** Bytes that a storage binding covers: at least one element, as WebGPU has no empty bindings. */
function boundBytes({ stride, headerBytes, fixedBytes }: KernelBinding, byteLength: number) {
  return roundUp(Math.max(byteLength, fixedBytes ?? headerBytes + stride, 4), 4);
}

/**
 * A call whose arguments are accepted and taken: arrays are copied, slots held. What remains is to
 * wait for its buffers, record its dispatch and finish it.
 */
export class StagedCall {
  readonly workgroups: readonly [number, number, number];
  /** The buffer of each storage binding, by name. */
  readonly buffers = new Map<string, BoundRange>();
  /** Buffers that are the call's own, by binding name: uploaded inputs, and results. */
  readonly acquired = new Map<string, AcquiredBuffer>();
  /** Packed, by binding name. */
  readonly uniforms = new Map<string, Uint8Array>();
  readonly clears: BoundRange[] = [];
  readonly copies: { from: PooledBuffer; offset: number; to: PooledBuffer; bytes: number }[] = [];
  /** All slots among the arguments, for what they say about failed work. */
  readonly inputs: GpuSlot[] = [];
  /** The read_write bindings. */
  readonly results: readonly CheckedArgument[];
  readonly #gpu: GpuHandle;
  readonly #held: GpuSlot[] = [];

  /**
   * Checks everything, then uploads: nothing is taken for a call that is refused.
   *
   * @param consume Bindings whose slots are taken over.
   * @throws {KernelArgumentError} Naming the binding, what it is and what it got.
   * @throws {GpuOutOfMemoryError | GpuDeviceLostError}
   */
  constructor(
    gpu: GpuHandle,
    name: string,
    kernel: KernelInterface,
    rules: ArgumentRules,
    args: Arguments,
    consume: readonly string[],
  ) {
    this.#gpu = gpu;
    const checked = checkArguments(name, kernel, rules, args);
    this.workgroups = workgroupsFor(name, kernel, rules, args, checked);
    this.results = checked.filter(({ binding }) => binding.role === "storage-read-write");
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
    checkLimits(kernel, argument, guard.device.limits, guard.name);
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
    const buffer = once && slot.byteLength > 0 ? slot.take() : null;
    if (buffer === null) return false;
    this.acquired.set(binding.name, { buffer, fresh: false, ready: null });
    this.buffers.set(binding.name, { buffer, bytes: boundBytes(binding, slot.byteLength) });
    return true;
  }

  /** Gives a storage binding its buffer, with its content or the order to copy or clear. */
  #place(argument: CheckedArgument): void {
    const { name, role } = argument.binding;
    const byteLength = byteLengthOf(argument);
    const bytes = boundBytes(argument.binding, byteLength);
    if (argument.from === "slot") {
      this.#held.push(argument.slot.retain());
      if (role === "storage-read" && byteLength > 0) {
        this.buffers.set(name, { buffer: argument.slot.use(), bytes });
        return;
      }
    }
    const acquired = this.#gpu.buffers.acquire(bytes);
    const { buffer, fresh } = acquired;
    this.acquired.set(name, acquired);
    this.buffers.set(name, { buffer, bytes });
    if (byteLength === 0 || argument.from === "output") {
      if (!fresh) this.clears.push({ buffer, bytes });
    } else if (argument.from === "array") {
      this.#gpu.lane.upload(buffer, argument.array, fresh);
    } else if (argument.from === "slot") {
      const from = argument.slot.use();
      this.copies.push({ from, offset: 0, to: buffer, bytes: roundUp(byteLength, 4) });
    }
  }
}
