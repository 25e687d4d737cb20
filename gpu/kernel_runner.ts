/** Runs one kernel on one device. */

import type { PassedArguments } from "./argument_list.ts";
import type { GpuHandle } from "./device.ts";
import type { CheckedArgument } from "./arguments.ts";
import { DeviceShape, type ShapePass } from "./device_shape.ts";
import { type CallPlan, KernelPlan } from "./kernel_plan.ts";
import type { KernelArgs, KernelInput, KernelOptions } from "./kernel_spec.ts";
import { added, type BoundGroup, type LaneDispatch } from "./lane_work.ts";
import type { KernelVariant } from "./pass_bindings.ts";
import type { Program } from "./program.ts";
import { readAll, type Runner } from "./runner.ts";
import { GpuSlot } from "./slot.ts";
import { readSlot } from "./slots.ts";
import { StagedCall } from "./staged_call.ts";
import { bytesPerScalar, type TypedArray } from "./typed_array.ts";
import { UniformBlock } from "./uniforms.ts";

/** Nothing is taken over. */
const NONE: readonly string[] = Object.freeze([]);

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
  readonly #uniforms: UniformBlock | null;
  /** Where the lane has them for the call that is recorded, by their place among the arguments. */
  readonly #offsets: number[] = [];
  readonly #programs = new Map<KernelVariant, Program>();
  /** The shape of the last call, which is most often that of the next. */
  #last: DeviceShape | null = null;
  readonly #shapes = new WeakMap<object, DeviceShape>();

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
    this.#uniforms = plan === null ? null : new UniformBlock(name, plan.list);
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
    const { consume = NONE, onConsumed } = options;
    const plan = this.#plan.call(args as PassedArguments);
    const shape = this.#shapeOf(plan);
    const uniforms = this.#uniforms!;
    const call = new StagedCall(this.#gpu, this.name, plan.checked, shape, uniforms, consume);
    if (onConsumed !== undefined) { for (const binding of consume) onConsumed(binding); }
    try {
      if (!call.isReady || !shape.isCompiled) {
        call.keep();
        for (const pass of shape.passes) pass.program ??= await this.#compile(pass.variant);
        await call.ready();
      }
      const results = this.#record(call);
      call.finish();
      const { turn } = this.#gpu.lane;
      if (turn !== null) await turn;
      return results;
    } catch (error) {
      call.discard();
      call.finish();
      throw error;
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

  async #compile(variant: KernelVariant): Promise<Program> {
    const known = this.#programs.get(variant);
    if (known !== undefined) return known;
    const { wgsl, entry, options } = variant;
    const program = await this.#gpu.programs.get(this.name, wgsl, entry, options);
    this.#programs.set(variant, program);
    return program;
  }

  #shapeOf(plan: CallPlan): DeviceShape {
    if (this.#last?.shape === plan.shape) return this.#last;
    let shape = this.#shapes.get(plan.shape);
    if (shape === undefined) {
      shape = new DeviceShape(this.#gpu, this.name, this.#plan!.list, plan);
      for (const pass of shape.passes) pass.program = this.#programs.get(pass.variant) ?? null;
      // Passes that a call gives are that call's.
      if (this.#options.passes === undefined) this.#shapes.set(plan.shape, shape);
    }
    return this.#last = shape;
  }

  #record(call: StagedCall): Record<string, GpuSlot> {
    const { guard, lane } = this.#gpu;
    const { checked, acquired, clears, copies, inputs, shape: { invocations } } = call;
    const dispatches = this.#dispatches(call);
    const results: Record<string, GpuSlot> = {};
    let outputs: readonly GpuSlot[] = [];
    for (let i = 0; i < acquired.length; i++) {
      const argument = checked[i]!;
      if (argument === null || !isResult(argument)) continue;
      const { byteLength, binding: { name, dtype } } = argument;
      const { buffer } = acquired[i]!;
      const length = byteLength / bytesPerScalar(dtype);
      const slot = new GpuSlot(guard, buffer, dtype, length, byteLength, lane.onRelease);
      results[name] = slot;
      outputs = added(outputs, slot);
    }
    lane.record({ label: this.name, invocations, clears, copies, dispatches, inputs, outputs });
    for (let i = 0; i < acquired.length; i++) {
      if (acquired[i] !== null && !isResult(checked[i]!)) lane.retire(acquired[i]!.buffer);
    }
    return results;
  }

  /** Bind groups and uniform offsets of one call, for the next submit. */
  #dispatches(call: StagedCall): LaneDispatch[] {
    const { lane } = this.#gpu;
    const { uniforms, constants, passes, uniformBytes } = call.shape;
    lane.reserve(uniformBytes);
    const block = this.#uniforms!;
    /** Of those that passes have of their own. */
    let others: Map<Uint8Array, number> | null = null;
    for (const i of uniforms) {
      this.#offsets[i] = lane.arena.putUniform(call.uniforms, block.startOf(i), block.endOf(i));
    }
    for (const value of constants) (others ??= new Map()).set(value, lane.arena.put(value));
    return passes.map((pass) => this.#dispatch(pass, call, others));
  }

  #dispatch(
    { program, groups, workgroups }: ShapePass,
    call: StagedCall,
    others: ReadonlyMap<Uint8Array, number> | null,
  ): LaneDispatch {
    const { lane: { arena: { buffer } }, bindGroups } = this.#gpu;
    const bound = new Array<BoundGroup>(groups.length);
    for (let group = 0; group < groups.length; group++) {
      const entries = groups[group]!;
      let offsets: readonly number[] = [];
      for (const { array, uniform } of entries) {
        if (array >= 0) continue;
        const offset = typeof uniform === "number"
          ? this.#offsets[uniform]!
          : others!.get(uniform)!;
        offsets = added(offsets, offset);
      }
      const bindGroup = bindGroups.get(program!, group, entries, call.buffers, buffer);
      bound[group] = { bindGroup, offsets };
    }
    return { pipeline: program!.pipeline, groups: bound, workgroups };
  }
}

/** Whether it is a read_write binding that is not scratch. */
function isResult({ from, binding }: CheckedArgument): boolean {
  return binding.role === "storage-read-write" && from !== "scratch";
}
