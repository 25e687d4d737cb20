/** How long kernels take, learnt while they run. */

import type { KernelTime } from "../src/core/device.ts";

/** How much a new measurement counts. */
const WEIGHT = 0.3;

interface Entry {
  calls: number;
  measured: number;
  ms: number;
}

/** Times of kernels by size class: the powers of two of their invocations. */
export class KernelTimes {
  readonly #kernels = new Map<string, Map<number, Entry>>();

  /** Counts a call, and answers how often calls of this size were measured and what they took. */
  count(kernel: string, invocations: number): Readonly<Pick<KernelTime, "measured" | "ms">> {
    const entry = this.#entry(kernel, invocations);
    entry.calls++;
    return entry;
  }

  /** Notes how long a call took. */
  measure(kernel: string, invocations: number, ms: number): void {
    const entry = this.#entry(kernel, invocations);
    const before = entry.measured++;
    // A device may compile when it runs a kernel for the first time.
    if (before === 0 || (before === 1 && ms < entry.ms)) entry.ms = ms;
    else entry.ms += WEIGHT * (ms - entry.ms);
  }

  /**
   * How long a call will take, in milliseconds: as the last ones of its size, else in proportion to
   * those of the nearest size; `undefined` if none was ever measured.
   */
  predict(kernel: string, invocations: number): number | undefined {
    const classes = this.#kernels.get(kernel);
    if (classes === undefined) return undefined;
    const recent = this.recent(kernel, invocations);
    if (recent !== undefined) return recent;
    const wanted = sizeClass(invocations);
    let best: number | undefined;
    for (const [size, { measured }] of classes) {
      if (measured === 0) continue;
      if (best === undefined || Math.abs(size - wanted) < Math.abs(best - wanted)) best = size;
    }
    return best === undefined ? undefined : classes.get(best)!.ms * 2 ** (wanted - best);
  }

  /** How long the last calls of this size took, in milliseconds; `undefined` if none was measured. */
  recent(kernel: string, invocations: number): number | undefined {
    const entry = this.#kernels.get(kernel)?.get(sizeClass(invocations));
    return entry === undefined || entry.measured === 0 ? undefined : entry.ms;
  }

  /** Calls of this size that were measured. */
  measured(kernel: string, invocations: number): number {
    return this.#kernels.get(kernel)?.get(sizeClass(invocations))?.measured ?? 0;
  }

  /** All that is known, or what is of one kernel. */
  list(kernel?: string): KernelTime[] {
    const found: KernelTime[] = [];
    for (const [name, classes] of this.#kernels) {
      if (kernel !== undefined && name !== kernel) continue;
      for (const [size, { calls, measured, ms }] of classes) {
        const known = measured === 0 ? NaN : ms;
        found.push({ kernel: name, size: 2 ** size, calls, measured, ms: known });
      }
    }
    return found;
  }

  #entry(kernel: string, invocations: number): Entry {
    let classes = this.#kernels.get(kernel);
    if (classes === undefined) this.#kernels.set(kernel, classes = new Map());
    const size = sizeClass(invocations);
    let entry = classes.get(size);
    if (entry === undefined) classes.set(size, entry = { calls: 0, measured: 0, ms: 0 });
    return entry;
  }
}

function sizeClass(invocations: number): number {
  return 31 - Math.clz32(Math.max(1, Math.min(invocations, 2 ** 32 - 1)));
}
