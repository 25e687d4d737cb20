/** Runs one kernel on one device. */

import { byteLengthOf } from "./arguments.ts";
import type { BoundBuffer } from "./bind_groups.ts";
import type { GpuHandle } from "./device.ts";
import type { KernelArgs, KernelInput, KernelOptions } from "./kernel_spec.ts";
import type { LaneWork } from "./lane.ts";
import type { Program } from "./program.ts";
import { type KernelInterface, reflectKernel } from "./reflection.ts";
import { GpuSlot } from "./slot.ts";
import { readSlot } from "./slots.ts";
import { StagedCall } from "./staged_call.ts";
import { bytesPerScalar, type TypedArray } from "./typed_array.ts";
import { roundUp } from "./wgsl_types.ts";

/** The id under which bind groups know the uniform arena; pooled buffers count from 1. */
const ARENA_ID = 0;

/** How to enqueue one call. */
export interface EnqueueOptions {
  /**
   * Names of bindings whose slots the runner takes over: it releases them, once the arguments are
   * accepted. The only reference of a read_write binding then becomes the result, without a copy.
   *
   * @default none
   */
  readonly consume?: readonly string[];
}

/**
 * One kernel on one device. Calls may overlap; those of one turn of the event loop are one submit.
 *
 * The first call compiles. Arrays passed to read_write bindings are copied, so the caller's never
 * change; so are slots. An empty array is bound as one zero element, since WebGPU has no empty
 * bindings: `arrayLength` says 1 in the shader. An `array<f16>` of odd length is one longer there.
 */
export class KernelRunner<A extends object = KernelArgs> {
  /** The kernel's name, for messages. */
  readonly name: string;
  readonly #gpu: GpuHandle;
  readonly #options: KernelOptions<A>;
  /** `null` when the reflection fails; the compiler then says why, with better words. */
  readonly #interface: KernelInterface | null;
  #program: Program | null = null;

  /** Compiles nothing yet: `prepare()` or the first call does. */
  constructor(gpu: GpuHandle, name: string, options: KernelOptions<A>) {
    this.#gpu = gpu;
    this.name = name;
    this.#options = options;
    let kernel: KernelInterface | null = null;
    try {
      kernel = reflectKernel(options.wgsl, options.entry);
    } catch {
      // prepare() compiles and throws
    }
    this.#interface = kernel;
  }

  /**
   * Compiles the kernel, once.
   *
   * @returns What it binds.
   * @throws {KernelCompileError} With the compiler's lines.
   * @throws {GpuDeviceLostError} When the device is gone.
   */
  async prepare(): Promise<KernelInterface> {
    return (await this.#compiled()).interface;
  }

  /**
   * Uploads, computes and reads every read_write binding back.
   *
   * @returns New arrays by binding name.
   * @throws {KernelArgumentError} Naming the binding, what it is and what it got.
   * @throws {KernelCompileError} On the first call; with the compiler's lines.
   * @throws {GpuOutOfMemoryError} When the device has no memory for a buffer.
   * @throws {GpuDeviceLostError} When the device is gone before the results are there.
   */
  async run(args: KernelInput<A>): Promise<Record<string, TypedArray>> {
    const slots = Object.entries(await this.enqueue(args));
    try {
      const arrays = await Promise.all(slots.map(([, slot]) => this.read(slot)));
      return Object.fromEntries(slots.map(([name], i) => [name, arrays[i]!]));
    } finally {
      for (const [, slot] of slots) slot.release();
    }
  }

  /**
   * Like `run`, but leaves the results on the device: answers once the work is recorded. Should the
   * device refuse it later, reading a result says so.
   *
   * @returns A slot for every read_write binding; the caller releases each.
   * @throws As `run` does.
   */
  async enqueue(
    args: KernelInput<A>,
    options: EnqueueOptions = {},
  ): Promise<Record<string, GpuSlot>> {
    this.#gpu.guard.check();
    // The arguments are taken before the first wait: callers may change their arrays after the call.
    const kernel = this.#interface ?? await this.prepare();
    const { consume = [] } = options;
    const given = args as Readonly<Record<string, unknown>>;
    const call = new StagedCall(this.#gpu, this.name, kernel, this.#options, given, consume);
    try {
      const program = this.#program ?? await this.#compiled();
      await call.ready();
      return this.#record(program, call);
    } catch (error) {
      call.discard();
      throw error;
    } finally {
      call.finish();
    }
  }

  /**
   * Reads a slot, after all work recorded before; it stays as it is.
   *
   * @returns A new array of `slot.length` numbers.
   * @throws {GpuDeviceLostError} When its device is gone.
   * @throws {KernelArgumentError} When it was released, or lives on another device.
   * @throws What the kernel that had to fill it failed with.
   */
  async read(slot: GpuSlot): Promise<TypedArray> {
    return await readSlot(this.#gpu, slot);
  }

  /** Gives one reference of a slot back, as `slot.release()`. */
  release(slot: GpuSlot): void {
    slot.release();
  }

  async #compiled(): Promise<Program> {
    this.#gpu.guard.check();
    const { wgsl, entry } = this.#options;
    return this.#program ??= await this.#gpu.programs.get(this.name, wgsl, entry);
  }

  #record(program: Program, call: StagedCall): Record<string, GpuSlot> {
    const { guard, lane } = this.#gpu;
    const results: Record<string, GpuSlot> = {};
    for (const argument of call.results) {
      const { name, dtype } = argument.binding;
      const { buffer } = call.acquired.get(name)!;
      const bytes = byteLengthOf(argument);
      const length = bytes / bytesPerScalar(dtype);
      results[name] = new GpuSlot(guard, buffer, dtype, length, bytes, (b) => lane.retire(b));
    }
    const dispatch = call.workgroups.includes(0) ? null : this.#dispatch(program, call);
    const outputs = Object.values(results);
    const { clears, copies, inputs } = call;
    const work: LaneWork = { label: this.name, clears, copies, dispatch, inputs, outputs };
    lane.record(work);
    for (const [name, { buffer }] of call.acquired) {
      if (results[name] === undefined) lane.retire(buffer);
    }
    return results;
  }

  /** Bind groups and uniform offsets of one call, for the next submit. */
  #dispatch(program: Program, call: StagedCall): NonNullable<LaneWork["dispatch"]> {
    const { lane, bindGroups } = this.#gpu;
    let footprint = 0;
    for (const { byteLength } of call.uniforms.values()) {
      footprint += lane.arena.footprint(byteLength);
    }
    lane.reserve(footprint);
    const groups = program.layouts.map((_, group) => {
      const bound: BoundBuffer[] = [];
      const offsets: number[] = [];
      for (const binding of program.interface.bindings) {
        if (binding.group !== group) continue;
        const uniform = call.uniforms.get(binding.name);
        if (uniform === undefined) {
          const { buffer, bytes } = call.buffers.get(binding.name)!;
          bound.push({ binding: binding.binding, id: buffer.id, raw: buffer.raw, bytes });
          continue;
        }
        offsets.push(lane.arena.put(uniform));
        const bytes = roundUp(uniform.byteLength, 16);
        bound.push({ binding: binding.binding, id: ARENA_ID, raw: lane.arena.buffer, bytes });
      }
      return { bindGroup: bindGroups.get(program, group, bound), offsets };
    });
    const [x, y, z] = call.workgroups;
    return (pass) => {
      pass.setPipeline(program.pipeline);
      groups.forEach(({ bindGroup, offsets }, i) => pass.setBindGroup(i, bindGroup, offsets));
      pass.dispatchWorkgroups(x, y, z);
    };
  }
}
