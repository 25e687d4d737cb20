/** Runs one kernel on one device. */

import { KernelArgumentError } from "../src/core/errors.ts";
import {
  byteLengthOf,
  checkArguments,
  type CheckedArgument,
  checkLimits,
  workgroupsFor,
} from "./arguments.ts";
import type { BoundBuffer } from "./bind_groups.ts";
import type { AcquiredBuffer, PooledBuffer } from "./buffers.ts";
import type { GpuHandle } from "./device.ts";
import type { KernelArgs, KernelInput, KernelOptions } from "./kernel_spec.ts";
import type { LaneWork } from "./lane.ts";
import { packUniform } from "./layout.ts";
import type { Program } from "./program.ts";
import { type KernelBinding, type KernelInterface, reflectKernel } from "./reflection.ts";
import { GpuSlot } from "./slot.ts";
import { bytesPerScalar, type TypedArray, typedArrayOf } from "./typed_array.ts";
import { roundUp } from "./wgsl_types.ts";

/** The id under which bind groups know the uniform arena; pooled buffers count from 1. */
const ARENA_ID = 0;

/** A call with its data on the device, its dispatch not yet recorded. */
interface StagedCall {
  readonly workgroups: readonly [number, number, number];
  /** By binding name: the buffer of each storage binding and the bytes of it to bind. */
  readonly buffers: Map<string, { readonly buffer: PooledBuffer; readonly bytes: number }>;
  /** Taken from the pool for this call, by binding name: inputs to give back, and results. */
  readonly acquired: Map<string, AcquiredBuffer>;
  /** By binding name. */
  readonly uniforms: Map<string, Uint8Array>;
  readonly clears: { buffer: PooledBuffer; bytes: number }[];
  readonly copies: { from: PooledBuffer; offset: number; to: PooledBuffer; bytes: number }[];
  /** Slots of the caller, held until the work is recorded. */
  readonly held: GpuSlot[];
  readonly results: CheckedArgument[];
}

/** Bytes that a storage binding covers: at least one element, as WebGPU has no empty bindings. */
function boundBytes({ stride, headerBytes, fixedBytes }: KernelBinding, byteLength: number) {
  return roundUp(Math.max(byteLength, fixedBytes ?? headerBytes + stride, 4), 4);
}

/**
 * One kernel on one device. Calls may overlap; those of one turn of the event loop are one submit.
 *
 * The first call compiles. Arrays passed to read_write bindings are copied, so the caller's never
 * change; so are slots. An empty array is bound as one zero element, since WebGPU has no empty
 * bindings: `arrayLength` says 1 in the shader. An `array<f16>` of odd length is one longer there.
 *
 * @example
 * ```ts
 * import { KernelRunner, openGpu } from "@dramatis/dramatis/gpu";
 *
 * await using gpu = await openGpu();
 * if (gpu !== null) {
 *   const double = new KernelRunner(gpu, "double", {
 *     wgsl: `
 *       @group(0) @binding(0) var<storage, read_write> y: array<f32>;
 *       @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3u) {
 *         if (g.x < arrayLength(&y)) { y[g.x] *= 2; }
 *       }`,
 *   });
 *   const { y } = await double.run({ y: Float32Array.of(1, 2, 3) });
 *   console.log(y); // Float32Array [ 2, 4, 6 ]
 * }
 * ```
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
  async enqueue(args: KernelInput<A>): Promise<Record<string, GpuSlot>> {
    this.#gpu.guard.check();
    // The arguments are taken before the first wait: callers may change their arrays after the call.
    const kernel = this.#interface ?? await this.prepare();
    const call = this.#stage(kernel, args as Readonly<Record<string, unknown>>);
    try {
      const program = this.#program ?? await this.#compiled();
      for (const { ready } of call.acquired.values()) if (ready !== null) await ready;
      this.#gpu.guard.check();
      return this.#record(program, call);
    } catch (error) {
      this.#discard(call);
      throw error;
    } finally {
      for (const slot of call.held) slot.release();
    }
  }

  /**
   * Reads a slot; it stays as it is.
   *
   * @returns A new array of `slot.length` numbers.
   * @throws {GpuDeviceLostError} When its device is gone.
   * @throws {KernelArgumentError} When it was released, or lives on another device.
   * @throws What the kernel that had to fill it failed with.
   */
  async read(slot: GpuSlot): Promise<TypedArray> {
    this.#checkDevice(slot, "");
    return typedArrayOf(slot.dtype, await this.#gpu.lane.read(slot));
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

  #checkDevice(slot: GpuSlot, binding: string): void {
    slot.use();
    if (slot.isOn(this.#gpu.guard)) return;
    const which = binding === "" ? "the slot" : `binding "${binding}": the slot`;
    throw new KernelArgumentError(`${this.name}: ${which} lives on another device`, binding);
  }

  /** Checks everything, then uploads: nothing is taken from the pool for a call that is refused. */
  #stage(kernel: KernelInterface, args: Readonly<Record<string, unknown>>): StagedCall {
    const { guard } = this.#gpu;
    const checked = checkArguments(this.name, kernel, this.#options, args);
    const workgroups = workgroupsFor(this.name, kernel, this.#options, args, checked);
    const call: StagedCall = {
      workgroups,
      buffers: new Map(),
      acquired: new Map(),
      uniforms: new Map(),
      clears: [],
      copies: [],
      held: [],
      results: checked.filter(({ binding }) => binding.role === "storage-read-write"),
    };
    for (const argument of checked) {
      checkLimits(this.name, argument, guard.device.limits, guard.name);
      const { name, type } = argument.binding;
      if (argument.from === "slot") this.#checkDevice(argument.slot, name);
      if (argument.from !== "uniform") continue;
      call.uniforms.set(name, packUniform(this.name, name, type, argument.value));
    }
    try {
      for (const argument of checked) this.#place(call, argument);
    } catch (error) {
      this.#discard(call);
      for (const slot of call.held) slot.release();
      throw error;
    }
    return call;
  }

  /** Gives one storage binding its buffer, with its content or the order to copy or clear. */
  #place(call: StagedCall, argument: CheckedArgument): void {
    if (argument.from === "uniform") return;
    const { name, role } = argument.binding;
    const byteLength = byteLengthOf(argument);
    const bytes = boundBytes(argument.binding, byteLength);
    if (argument.from === "slot") {
      call.held.push(argument.slot.retain());
      if (role === "storage-read" && byteLength > 0) {
        call.buffers.set(name, { buffer: argument.slot.use(), bytes });
        return;
      }
    }
    const acquired = this.#gpu.buffers.acquire(bytes);
    const { buffer, fresh } = acquired;
    call.acquired.set(name, acquired);
    call.buffers.set(name, { buffer, bytes });
    if (byteLength === 0 || argument.from === "output") {
      if (!fresh) call.clears.push({ buffer, bytes });
    } else if (argument.from === "array") {
      this.#gpu.lane.upload(buffer, argument.array, fresh);
    } else {
      const from = argument.slot.use();
      call.copies.push({ from, offset: 0, to: buffer, bytes: roundUp(byteLength, 4) });
    }
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
    const { clears, copies, held } = call;
    const work: LaneWork = { label: this.name, clears, copies, dispatch, inputs: held, outputs };
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
      footprint += lane.uniformFootprint(byteLength);
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
        offsets.push(lane.uniform(uniform));
        const bytes = roundUp(uniform.byteLength, 16);
        bound.push({ binding: binding.binding, id: ARENA_ID, raw: lane.arena, bytes });
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

  #discard(call: StagedCall): void {
    for (const { buffer } of call.acquired.values()) this.#gpu.lane.retire(buffer);
    call.acquired.clear();
  }
}
