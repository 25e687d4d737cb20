/** What the lane of a device is given to do. */

import type { ArenaBlock, ArenaUpload } from "./arena.ts";
import type { PooledBuffer } from "./buffers.ts";
import type { GpuSlot } from "./slot.ts";

/**
 * A short list with one more. A list that grows takes room for 17 at once, which the collector has to see
 * to for every call.
 */
export function added<T>(list: readonly T[], one: T): readonly T[] {
  switch (list.length) {
    case 0:
      return [one];
    case 1:
      return [list[0]!, one];
    default:
      return list.concat(one as never);
  }
}

/** What a dispatch sees in one group. */
export interface BoundGroup {
  readonly bindGroup: GPUBindGroup;
  /** Of the uniforms in it. */
  readonly offsets: readonly number[];
}

/** One dispatch. */
export interface LaneDispatch {
  readonly pipeline: GPUComputePipeline;
  /** By group. */
  readonly groups: readonly BoundGroup[];
  readonly workgroups: readonly [number, number, number];
}

/** A copy on the device. */
export interface LaneCopy {
  readonly from: PooledBuffer;
  readonly offset: number;
  readonly to: PooledBuffer;
  readonly bytes: number;
  /** Whether earlier work of the same submit writes what is copied: then it ends a compute pass. */
  isLate: boolean;
}

/** One kernel call, ready to encode. Buffers that it writes are its own, so it may run twice. */
export interface LaneWork {
  readonly label: string;
  /** All invocations of its dispatches: its size, for what it takes. */
  readonly invocations: number;
  /** Reused buffers to set to zero before anything runs. */
  readonly clears: readonly { readonly buffer: PooledBuffer; readonly bytes: number }[];
  /** Copies that must see the results of earlier work; bytes are multiples of 4. */
  readonly copies: readonly LaneCopy[];
  /** In order; none when there is nothing to compute. */
  readonly dispatches: readonly LaneDispatch[];
  /** Slots that it reads: their failure is its failure. */
  readonly inputs: readonly GpuSlot[];
  /** Slots that it fills: marked when it fails. */
  readonly outputs: readonly GpuSlot[];
}

/** Somebody waits for bytes of a slot. */
export interface PendingRead {
  readonly slot: GpuSlot;
  readonly source: PooledBuffer;
  /** Bytes from the start of the source; a multiple of 4. */
  readonly offset: number;
  readonly bytes: number;
  readonly resolve: (bytes: ArrayBuffer) => void;
  readonly reject: (error: Error) => void;
}

/** Counts since the device was opened. */
export interface LaneCounts {
  readonly submits: number;
  readonly dispatches: number;
  readonly reads: number;
  readonly maps: number;
}

/** What one submit carries. */
export class Batch {
  /** Small arrays on their way: from the arena to their buffers, before all work. */
  readonly uploads: ArenaUpload[] = [];
  readonly work: LaneWork[] = [];
  readonly reads: PendingRead[] = [];
  readonly retired: PooledBuffer[] = [];
  dispatches = 0;
  /** How long its work will take, as far as that is known. */
  predictedMs = 0;
  /** Whether that is known of all its work. */
  isKnown = true;
  /** That of kernels that were measured often: the first time a device may compile. */
  knownMs = 0;
  /** Its uniforms and small uploads. */
  arena: ArenaBlock | null = null;
  stagedBytes = 0;
  /** Resolves when its outcome is known and its buffers are back. */
  settled: Promise<void> = Promise.resolve();

  /** Whether there is nothing to submit. */
  get empty(): boolean {
    return this.work.length === 0 && this.reads.length === 0 && this.uploads.length === 0;
  }
}
