/** What the lane of a device is given to do. */

import type { ArenaUpload } from "./arena.ts";
import type { PooledBuffer } from "./buffers.ts";
import type { GpuSlot } from "./slot.ts";

/** One dispatch. */
export interface LaneDispatch {
  readonly pipeline: GPUComputePipeline;
  /** By group, with the offsets of the uniforms in it. */
  readonly groups: readonly { readonly bindGroup: GPUBindGroup; readonly offsets: number[] }[];
  readonly workgroups: readonly [number, number, number];
}

/** One kernel call, ready to encode. Buffers that it writes are its own, so it may run twice. */
export interface LaneWork {
  readonly label: string;
  /** All invocations of its dispatches: its size, for what it takes. */
  readonly invocations: number;
  /** Reused buffers to set to zero before anything runs. */
  readonly clears: readonly { readonly buffer: PooledBuffer; readonly bytes: number }[];
  /** Copies that must see the results of earlier work; bytes are multiples of 4. */
  readonly copies: readonly {
    readonly from: PooledBuffer;
    readonly offset: number;
    readonly to: PooledBuffer;
    readonly bytes: number;
  }[];
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
  arena: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  stagedBytes = 0;

  /** Whether there is nothing to submit. */
  get empty(): boolean {
    return this.work.length === 0 && this.reads.length === 0 && this.uploads.length === 0;
  }
}
