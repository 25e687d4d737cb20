import { type Kernel, kernel } from "../kernel.ts";
import type { KernelOptions } from "../kernel_spec.ts";
import source from "./histogram.wgsl" with { type: "text" };

/** Invocations of a workgroup. */
const THREADS = 256;
/** Elements that an invocation counts before there are more workgroups. */
const ITEMS = 16;
/** Fills the largest devices; each workgroup adds up to `bins` counts at its end. */
const MAX_WORKGROUPS = 1024;

/** The arguments of {@linkcode histogram}. */
export interface HistogramArgs {
  /** The values to count. */
  readonly x: Uint32Array;
  /** How often each value below `bins` is there. Counts are added to what is passed. */
  readonly out: Uint32Array;
  /** How many values are counted: 0 to `bins - 1`. Others are left out. */
  readonly p: { readonly bins: number };
}

/** The declaration of {@linkcode histogram}. */
export const histogramOptions: KernelOptions<HistogramArgs> = {
  wgsl: source,
  check: ({ out, p: { bins } }) =>
    out === undefined || out.length === bins
      ? undefined
      : `out must be bins = ${bins} counts, got ${out.length}`,
  threads: ({ x }) => {
    const groups = Math.min(Math.ceil(x.length / (THREADS * ITEMS)), MAX_WORKGROUPS);
    return groups * THREADS;
  },
  outputs: { out: ({ p }) => p.bins },
  cpu: ({ x, out, p: { bins } }) => {
    for (const value of x) if (value < bins) out[value]!++;
  },
};

/**
 * Counts how often each value is there: `out[v]` is the number of `v` in `x`. Up to 4,096 bins are
 * counted in each workgroup's own memory first, which is faster.
 *
 * @throws {KernelArgumentError} From calls, when arrays and sizes do not fit together.
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { gpuPool, histogram } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const counter = await host.createActor(histogram, [], { place });
 * const { out } = await counter.compute({ x: Uint32Array.of(2, 0, 2, 9), p: { bins: 4 } });
 * console.log(out); // Uint32Array [ 1, 0, 2, 0 ]
 * ```
 */
export const histogram: Kernel<HistogramArgs, "out"> = kernel(
  import.meta,
  "histogram",
  histogramOptions,
);
