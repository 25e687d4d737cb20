/** Writes the work of one submit into an encoder. */

import type { Pacer } from "./pacer.ts";
import type { GpuProvider } from "./provider.ts";
import type { BoundGroup, LaneCopy, LaneDispatch, LaneWork } from "./lane_work.ts";

/** More uniforms than a bind group can have. */
const MAX_OFFSETS = 1024;

/** Writes the work of a device's submits. */
export class Encoder {
  readonly #pacer: Pacer;
  /** From where the device takes offsets; `null`: from a list. */
  readonly #offsets: Uint32Array<ArrayBuffer> | null;

  constructor(pacer: Pacer, { takesOffsetArrays }: GpuProvider) {
    this.#pacer = pacer;
    this.#offsets = takesOffsetArrays ? new Uint32Array(MAX_OFFSETS) : null;
  }

  /**
   * As few compute passes as copies between them allow.
   *
   * @param timed How many of the work are timed: each has a pass of its own.
   * @returns How many dispatches there are.
   */
  encode(encoder: GPUCommandEncoder, work: readonly LaneWork[], timed: number): number {
    for (const { clears, copies } of work) {
      for (const { buffer, bytes } of clears) encoder.clearBuffer(buffer.raw, 0, bytes);
      // Into buffers that nothing before has to do with: all of them go before the first pass.
      for (const copy of copies) if (!copy.isLate) encodeCopy(encoder, copy);
    }
    let pass: GPUComputePassEncoder | null = null;
    let last: LaneDispatch | null = null;
    let count = 0;
    for (let i = 0; i < work.length; i++) {
      const { copies, dispatches } = work[i]!;
      if (timed > 0 || isSomeLate(copies)) {
        pass?.end();
        pass = null;
      }
      for (const copy of copies) if (copy.isLate) encodeCopy(encoder, copy);
      for (const dispatch of dispatches) {
        if (pass === null) {
          pass = encoder.beginComputePass(i < timed ? this.#pacer.pass(i) : {});
          last = null;
        }
        this.#dispatch(pass, dispatch, last);
        last = dispatch;
        count++;
      }
    }
    pass?.end();
    return count;
  }

  /** What is set already, and arguments that are left out, need not be handed over: 0.1 to 3 µs each. */
  #dispatch(
    pass: GPUComputePassEncoder,
    { pipeline, groups, workgroups: [x, y, z] }: LaneDispatch,
    last: LaneDispatch | null,
  ): void {
    const isSame = last?.pipeline === pipeline;
    if (!isSame) pass.setPipeline(pipeline);
    for (let g = 0; g < groups.length; g++) {
      const group = groups[g]!;
      if (!isSame || !areSame(group, last.groups[g]!)) this.#bind(pass, g, group);
    }
    if (y === 1 && z === 1) pass.dispatchWorkgroups(x);
    else pass.dispatchWorkgroups(x, y, z);
  }

  #bind(pass: GPUComputePassEncoder, place: number, { bindGroup, offsets }: BoundGroup): void {
    if (offsets.length === 0) return pass.setBindGroup(place, bindGroup);
    const array = this.#offsets;
    if (array === null) return pass.setBindGroup(place, bindGroup, offsets as number[]);
    for (let i = 0; i < offsets.length; i++) array[i] = offsets[i]!;
    pass.setBindGroup(place, bindGroup, array, 0, offsets.length);
  }
}

function isSomeLate(copies: readonly LaneCopy[]): boolean {
  for (let i = 0; i < copies.length; i++) if (copies[i]!.isLate) return true;
  return false;
}

function encodeCopy(
  encoder: GPUCommandEncoder,
  { from, offset, to, bytes }: LaneCopy,
): void {
  encoder.copyBufferToBuffer(from.raw, offset, to.raw, 0, bytes);
}

function areSame(some: BoundGroup, others: BoundGroup): boolean {
  if (some.bindGroup !== others.bindGroup) return false;
  for (let i = 0; i < some.offsets.length; i++) {
    if (some.offsets[i] !== others.offsets[i]) return false;
  }
  return true;
}
