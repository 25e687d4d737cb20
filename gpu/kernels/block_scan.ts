/** The CPU twins of workgroup_scan.wgsl and of a block of scan.wgsl. */

import type { KernelPass } from "../kernel_spec.ts";
import { type ElementArray, elements, type ElementType } from "./elements.ts";

/** What a workgroup scans. */
export interface BlockShape {
  /** Invocations: a power of two. */
  readonly threads: number;
  /** Elements of each of them, one after the other. */
  readonly items: number;
}

/** The block of `spine`: its items are the constant of that name in workgroup_scan.wgsl. */
const SPINE: BlockShape = { threads: 256, items: 16 };

/** The dispatch of `spine`. */
export const SPINE_PASS: KernelPass = {
  entry: "spine",
  workgroups: 1,
  overrides: { THREADS: SPINE.threads },
};

/** The sums of one block at a time, in the order of the WGSL and rounded as often. */
export class BlockScan {
  readonly #type: ElementType;
  readonly #block: BlockShape;
  readonly #lanes: ElementArray;
  /** One element, which rounds what is put into it. */
  readonly #sum: ElementArray;

  constructor(type: ElementType, block: BlockShape) {
    this.#type = type;
    this.#block = block;
    this.#lanes = elements(type, block.threads);
    this.#sum = elements(type, 1);
  }

  /** Scans the sums of the invocations of one block, and returns the sum of all. */
  load(x: ElementArray, block: number): number {
    const { threads, items } = this.#block;
    const lanes = this.#lanes;
    lanes.fill(0);
    const start = block * threads * items;
    const end = Math.min(start + threads * items, x.length);
    for (let i = start; i < end; i++) lanes[Math.floor((i - start) / items)]! += x[i]!;
    for (let distance = 1; distance < threads; distance *= 2) {
      // From the last on, so that each sees what the others were before this step.
      for (let t = threads - 1; t >= distance; t--) {
        lanes[t] = lanes[t - distance]! + lanes[t]!;
      }
    }
    return lanes[threads - 1]!;
  }

  /** Writes the prefix sums of the block that was loaded last; `before` is the sum of those before it. */
  write(
    x: ElementArray,
    block: number,
    before: number,
    exclusive: boolean,
    out: ElementArray,
  ): void {
    const { threads, items } = this.#block;
    const sum = this.#sum;
    const start = block * threads * items;
    for (let t = 0; t < threads; t++) {
      const first = start + t * items;
      const end = Math.min(first + items, x.length);
      sum[0] = before + (t === 0 ? 0 : this.#lanes[t - 1]!);
      for (let i = first; i < end; i++) {
        const value: number = sum[0]!;
        sum[0] = value + x[i]!;
        out[i] = exclusive ? value : sum[0]!;
      }
    }
  }
}

/** Each of the sums becomes the sum of those before it, as `spine` of the WGSL does. */
export function scanSpine(type: ElementType, sums: ElementArray): void {
  const scan = new BlockScan(type, SPINE);
  const carry = elements(type, 1);
  const given = sums.slice();
  for (let block = 0; block * SPINE.threads * SPINE.items < sums.length; block++) {
    const total = scan.load(given, block);
    scan.write(given, block, carry[0]!, true, sums);
    carry[0] = carry[0]! + total;
  }
}
