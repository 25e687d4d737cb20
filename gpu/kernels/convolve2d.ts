import { type Kernel, kernel } from "../kernel.ts";
import type { KernelOptions } from "../kernel_spec.ts";
import { gridOf } from "./grid.ts";
import source from "./convolve2d.wgsl" with { type: "text" };

/** Invocations along a side of a workgroup, one for each number. */
const SIDE = 16;
/**
 * How many numbers of the filter one dispatch sums up. Drivers end dispatches that take seconds, and
 * Mesa's llvmpipe ends an invocation's loops after 65,535 rounds of all together without a word.
 */
const SPAN = 16_384;

/** The uniform `p` of {@linkcode convolve2d}. */
export interface Convolve2dParams {
  /** Columns of `x` and `out`. */
  readonly width: number;
  /** Rows of `x` and `out`. */
  readonly height: number;
  /** Columns of the filter; odd. */
  readonly filterWidth: number;
  /** Rows of the filter; odd. */
  readonly filterHeight: number;
  /** What is beyond the edges of `x`. 0: zeroes. 1: the numbers on the edge, again and again. */
  readonly clamp: 0 | 1;
}

/** The arguments of {@linkcode convolve2d}. All are row by row. */
export interface Convolve2dArgs {
  /** `width * height` numbers. */
  readonly x: Float32Array;
  /** The filter: `filterWidth * filterHeight` numbers. */
  readonly weights: Float32Array;
  /** As large as `x`. */
  readonly out: Float32Array;
  /** The sizes, and what is beyond the edges. */
  readonly p: Convolve2dParams;
}

/** The declaration of {@linkcode convolve2d}. */
export const convolve2dOptions: KernelOptions<Convolve2dArgs> = {
  wgsl: source,
  check: ({ x, weights, p: { width, height, filterWidth, filterHeight } }) => {
    if (x.length !== width * height) {
      return `x must be width * height = ${width} * ${height} numbers, got ${x.length}`;
    }
    if (filterWidth % 2 !== 1 || filterHeight % 2 !== 1) {
      return `the filter's sizes must be odd, got ${filterWidth} and ${filterHeight}`;
    }
    if (weights.length !== filterWidth * filterHeight) {
      const sizes = `filterWidth * filterHeight = ${filterWidth} * ${filterHeight}`;
      return `weights must be ${sizes} numbers, got ${weights.length}`;
    }
    return undefined;
  },
  passes: ({ p: { width, height, filterWidth, filterHeight } }) => {
    const workgroups = gridOf(Math.ceil(width / SIDE) * Math.ceil(height / SIDE));
    return partsOf(filterWidth, filterHeight).map((part) => ({ workgroups, uniforms: { part } }));
  },
  outputs: { out: ({ x }) => x.length },
  cpu: ({ x, weights, out, p }) => {
    for (let row = 0; row < p.height; row++) {
      for (let column = 0; column < p.width; column++) {
        out[row * p.width + column] = convolved(x, weights, p, column, row);
      }
    }
  },
};

/** A part of the filter: from `row` and `column` on, up to before `rows` and `columns`. */
type Part = Readonly<Record<"row" | "rows" | "column" | "columns", number>>;

/** The filter in parts, in the order in which its numbers are summed up: whole rows, or parts of one. */
function partsOf(width: number, height: number): Part[] {
  const parts: Part[] = [];
  const rowsOfPart = Math.max(1, Math.floor(SPAN / width));
  for (let row = 0; row < height; row += rowsOfPart) {
    const rows = Math.min(row + rowsOfPart, height);
    for (let column = 0; column < width; column += SPAN) {
      parts.push({ row, rows, column, columns: Math.min(column + SPAN, width) });
    }
  }
  return parts;
}

/** One number of the result, rounded as on the device. */
function convolved(
  x: Float32Array,
  weights: Float32Array,
  { width, height, filterWidth, filterHeight, clamp }: Convolve2dParams,
  column: number,
  row: number,
): number {
  let sum = 0;
  for (let j = 0; j < filterHeight; j++) {
    const y = row + (filterHeight >> 1) - j;
    const atY = Math.min(Math.max(y, 0), height - 1);
    for (let i = 0; i < filterWidth; i++) {
      const z = column + (filterWidth >> 1) - i;
      const atX = Math.min(Math.max(z, 0), width - 1);
      const inside = clamp === 1 || (atX === z && atY === y);
      const value = inside ? x[atY * width + atX]! : 0;
      sum = Math.fround(sum + Math.fround(weights[j * filterWidth + i]! * value));
    }
  }
  return sum;
}

/**
 * The convolution of a picture, or any field of numbers, with a filter of odd sizes whose middle lies
 * on each number in turn. As convolutions do, it turns the filter round: what is right in the filter
 * weighs what is left in `x`. For a symmetric filter that makes no difference.
 *
 * Devices may round a product and the sum it goes into at once, so that results differ from the twin's,
 * by at most `2 f u / (1 - f u)` times the sum of the products' sizes, where `f` is the numbers in the
 * filter and `u` is 2⁻²⁴.
 *
 * @throws {KernelArgumentError} From calls, when arrays and sizes do not fit together.
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { convolve2d, gpuPool } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const blur = await host.createActor(convolve2d, [], { place });
 * const x = Float32Array.of(0, 4, 0, 0); // one row
 * const weights = Float32Array.of(0.25, 0.5, 0.25);
 * const p = { width: 4, height: 1, filterWidth: 3, filterHeight: 1, clamp: 1 } as const;
 * console.log((await blur.compute({ x, weights, p })).out); // Float32Array [ 1, 2, 1, 0 ]
 * ```
 */
export const convolve2d: Kernel<Convolve2dArgs, "out"> = kernel(
  import.meta,
  "convolve2d",
  convolve2dOptions,
);
