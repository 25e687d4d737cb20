/** Runs one kernel on one device. */

import { KernelArgumentError } from "../src/core/errors.ts";
import { ARENA_BYTES } from "./arena.ts";
import { byteLengthOf, type PassedArguments } from "./arguments.ts";
import type { BoundBuffer } from "./bind_groups.ts";
import { formatBytes } from "./buffers.ts";
import type { GpuHandle } from "./device.ts";
import { KernelPlan, type PlannedPass } from "./kernel_plan.ts";
import type { KernelArgs, KernelInput, KernelOptions } from "./kernel_spec.ts";
import type { LaneWork } from "./lane_work.ts";
import type { KernelVariant, PassBinding } from "./pass_bindings.ts";
import type { Program } from "./program.ts";
import { readAll, type Runner } from "./runner.ts";
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
  /** Called for each of them once it is taken over. */
  readonly onConsumed?: (binding: string) => void;
}

/**
 * One kernel on one device. Calls may overlap; those of one turn of the event loop are one submit.
 *
 * The first call compiles. Arrays passed to read_write bindings are copied, so the caller's never
 * change; so are slots. An empty array is bound as one zero element, since WebGPU has no empty
 * bindings: `arrayLength` says 1 in the shader. An `array<f16>` of odd length is one longer there.
 */
export class KernelRunner<A extends object = KernelArgs> implements Runner {
  /** The kernel's name, for messages. */
  readonly name: string;
  readonly #gpu: GpuHandle;
  readonly #options: KernelOptions<A>;
  readonly #plan: KernelPlan | null;
  /** Why there is no plan; the compiler may say it in better words. */
  readonly #problem: unknown;
  readonly #programs = new Map<KernelVariant, Program>();

  /** Compiles nothing yet: `prepare()` or the first call does. */
  constructor(gpu: GpuHandle, name: string, options: KernelOptions<A>) {
    this.#gpu = gpu;
    this.name = name;
    this.#options = options;
    let plan: KernelPlan | null = null;
    try {
      plan = new KernelPlan(name, options as KernelOptions<object>);
    } catch (error) {
      this.#problem = error;
    }
    this.#plan = plan;
  }

  get inputs(): readonly string[] {
    return this.#planned.inputs;
  }

  get results(): readonly string[] {
    return this.#planned.results;
  }

  get maybe(): readonly string[] {
    return this.#planned.maybe;
  }

  /** Whether it runs on that device. */
  isOn(gpu: GpuHandle): boolean {
    return this.#gpu === gpu;
  }

  /** The same kernel on another device; its first call compiles it there. */
  on(gpu: GpuHandle): KernelRunner<A> {
    return new KernelRunner(gpu, this.name, this.#options);
  }

  /**
   * Compiles what calls are known to need, once.
   *
   * @throws {KernelCompileError} With the compiler's lines.
   * @throws {GpuDeviceLostError} When the device is gone.
   */
  async prepare(): Promise<void> {
    this.#gpu.guard.check();
    await this.#gpu.programs.compile(this.name, this.#options.wgsl);
    if (this.#plan === null) throw this.#problem;
    for (const variant of this.#plan.variants) await this.#compile(variant);
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
    return await readAll(this.#gpu, await this.enqueue(args));
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
    if (this.#plan === null) return await this.prepare() as never;
    const { consume = [] } = options;
    const given = args as PassedArguments;
    const call = new StagedCall(this.#gpu, this.name, this.#plan.call(given), given, consume);
    for (const binding of consume) options.onConsumed?.(binding);
    try {
      for (const { variant } of call.passes) {
        if (!this.#programs.has(variant)) await this.#compile(variant);
      }
      if (call.isReady) this.#gpu.guard.check();
      else await call.ready();
      return this.#record(call);
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

  get #planned(): KernelPlan {
    if (this.#plan === null) throw this.#problem;
    return this.#plan;
  }

  async #compile(variant: KernelVariant): Promise<void> {
    const { wgsl, entry, options } = variant;
    const program = await this.#gpu.programs.get(this.name, wgsl, entry, options);
    this.#programs.set(variant, program);
  }

  #record(call: StagedCall): Record<string, GpuSlot> {
    const { guard, lane } = this.#gpu;
    const dispatches = this.#dispatches(call);
    const results: Record<string, GpuSlot> = {};
    for (const argument of call.results) {
      const { name, dtype } = argument.binding;
      const { buffer } = call.acquired.get(name)!;
      const bytes = byteLengthOf(argument);
      const length = bytes / bytesPerScalar(dtype);
      results[name] = new GpuSlot(guard, buffer, dtype, length, bytes, (b) => lane.retire(b));
    }
    const outputs = Object.values(results);
    const { clears, copies, inputs } = call;
    const invocations = invocationsOf(call.passes);
    const label = this.name;
    const work: LaneWork = { label, invocations, clears, copies, dispatches, inputs, outputs };
    lane.record(work);
    for (const [name, { buffer }] of call.acquired) {
      if (results[name] === undefined) lane.retire(buffer);
    }
    return results;
  }

  /** Bind groups and uniform offsets of one call, for the next submit. */
  #dispatches(call: StagedCall): LaneWork["dispatches"] {
    const { arena } = this.#gpu.lane;
    const values = new Set<Uint8Array>();
    for (const { bindings } of call.passes) {
      for (const one of bindings) if ("uniform" in one) values.add(valueOf(one, call));
    }
    let footprint = 0;
    for (const { byteLength } of values) footprint += arena.footprint(byteLength);
    if (footprint > ARENA_BYTES) {
      throw new KernelArgumentError(
        `${this.name}: the uniforms of ${call.passes.length} dispatches take ` +
          `${formatBytes(footprint)}, and one call may have ${formatBytes(ARENA_BYTES)}`,
        "passes",
      );
    }
    this.#gpu.lane.reserve(footprint);
    const offsets = new Map<Uint8Array, number>();
    for (const value of values) offsets.set(value, arena.put(value));
    return call.passes.map((pass) => this.#dispatch(pass, call, offsets));
  }

  #dispatch(
    { variant, workgroups, bindings }: PlannedPass,
    call: StagedCall,
    uniforms: ReadonlyMap<Uint8Array, number>,
  ): LaneWork["dispatches"][number] {
    const { lane, bindGroups } = this.#gpu;
    const program = this.#programs.get(variant)!;
    const groups = program.layouts.map((_, group) => {
      const bound: BoundBuffer[] = [];
      const offsets: number[] = [];
      for (const one of bindings) {
        const { group: its, binding } = one.at;
        if (its !== group) continue;
        if ("array" in one) {
          const { buffer: { id, raw }, offset } = call.buffers.get(one.array)!;
          bound.push({ binding, id, raw, offset, bytes: one.bytes });
          continue;
        }
        const value = valueOf(one, call);
        offsets.push(uniforms.get(value)!);
        const bytes = roundUp(value.byteLength, 16);
        bound.push({ binding, id: ARENA_ID, raw: lane.arena.buffer, offset: 0, bytes });
      }
      return { bindGroup: bindGroups.get(program, group, bound), offsets };
    });
    return { pipeline: program.pipeline, groups, workgroups };
  }
}

/** All invocations of a call. */
export function invocationsOf(passes: readonly PlannedPass[]): number {
  let sum = 0;
  for (const { variant, workgroups: [x, y, z] } of passes) {
    const [width, height, depth] = variant.interface.workgroupSize;
    sum += x * y * z * width * height * depth;
  }
  return sum;
}

/** The packed value of a uniform: the pass's own, else the call's. */
function valueOf(
  { uniform, at }: Extract<PassBinding, { uniform: unknown }>,
  call: StagedCall,
): Uint8Array {
  return uniform ?? call.uniforms.get(at.name)!;
}
