/** Writes the work of one submit into an encoder. */

import type { Pacer } from "./pacer.ts";
import type { BoundGroup, LaneCopy, LaneDispatch, LaneWork } from "./lane_work.ts";

/**
 * As few compute passes as copies between them allow.
 *
 * @param timed How many of the work are timed: each has a pass of its own.
 * @returns How many dispatches there are.
 */
export function encodeWork(
  encoder: GPUCommandEncoder,
  work: readonly LaneWork[],
  pacer: Pacer,
  timed: number,
): number {
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
    if (timed > 0 || copies.some(({ isLate }) => isLate)) {
      pass?.end();
      pass = null;
    }
    for (const copy of copies) if (copy.isLate) encodeCopy(encoder, copy);
    for (const dispatch of dispatches) {
      if (pass === null) {
        pass = encoder.beginComputePass(i < timed ? pacer.pass(i) : {});
        last = null;
      }
      encodeDispatch(pass, dispatch, last);
      last = dispatch;
      count++;
    }
  }
  pass?.end();
  return count;
}

function encodeCopy(
  encoder: GPUCommandEncoder,
  { from, offset, to, bytes }: LaneCopy,
): void {
  encoder.copyBufferToBuffer(from.raw, offset, to.raw, 0, bytes);
}

/** What is set already, and arguments that are left out, need not be handed over: 0.1 to 3 µs each. */
function encodeDispatch(
  pass: GPUComputePassEncoder,
  { pipeline, groups, workgroups: [x, y, z] }: LaneDispatch,
  last: LaneDispatch | null,
): void {
  const isSame = last?.pipeline === pipeline;
  if (!isSame) pass.setPipeline(pipeline);
  for (let g = 0; g < groups.length; g++) {
    const group = groups[g]!;
    if (isSame && areSame(group, last.groups[g]!)) continue;
    const { bindGroup, offsets } = group;
    if (offsets.length === 0) pass.setBindGroup(g, bindGroup);
    else pass.setBindGroup(g, bindGroup, offsets as number[]);
  }
  if (y === 1 && z === 1) pass.dispatchWorkgroups(x);
  else pass.dispatchWorkgroups(x, y, z);
}

function areSame(some: BoundGroup, others: BoundGroup): boolean {
  if (some.bindGroup !== others.bindGroup) return false;
  for (let i = 0; i < some.offsets.length; i++) {
    if (some.offsets[i] !== others.offsets[i]) return false;
  }
  return true;
}
