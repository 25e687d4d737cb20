import { type Kernel, kernel } from "../kernel.ts";
import type { KernelOptions } from "../kernel_spec.ts";
import { gridOf } from "./grid.ts";
import source from "./matmul.wgsl" with { type: "text" };

/** Numbers along a side of what an invocation computes. */
const PATCH = 4;
/**
 * How much of `k` one dispatch sums up: a multiple of every depth. Drivers end dispatches that take
 * seconds, and Mesa's llvmpipe ends loops after 65,535 rounds without a word.
 */
const SPAN = 16_384;

/** What a workgroup computes at a time. */
interface TileShape {
  /** Invocations along a side of a workgroup. */
  readonly side: number;
  /** Numbers of `k` in its memory: four times as many are a multiple of `side`. */
  readonly depth: number;
}

const TILE: TileShape = { side: 16, depth: 16 };

/** The uniform `p` of {@linkcode matmul}. */
export interface MatmulSizes {
  /** Rows of `a` and `out`. */
  readonly m: number;
  /** Columns of `a`, rows of `b`. */
  readonly k: number;
  /** Columns of `b` and `out`. */
  readonly n: number;
}

/** The arguments of {@linkcode matmul}. All matrices are row by row. */
export interface MatmulArgs {
  /** `m * k` numbers. */
  readonly a: Float32Array;
  /** `k * n` numbers. */
  readonly b: Float32Array;
  /** The product: `m * n` numbers. */
  readonly out: Float32Array;
  /** The sizes. */
  readonly p: MatmulSizes;
}

/** The declaration of {@linkcode matmul}. */
export function matmulOptions({ side, depth }: TileShape = TILE): KernelOptions<MatmulArgs> {
  const tile = side * PATCH;
  return {
    wgsl: source,
    overrides: { SIDE: side, DEPTH: depth },
    check: ({ a, b, p: { m, k, n } }) => {
      if (a.length !== m * k) return `a must be m * k = ${m} * ${k} numbers, got ${a.length}`;
      if (b.length !== k * n) return `b must be k * n = ${k} * ${n} numbers, got ${b.length}`;
      return undefined;
    },
    passes: ({ p: { m, k, n } }) => {
      const workgroups = gridOf(Math.ceil(m / tile) * Math.ceil(n / tile));
      return Array.from({ length: Math.max(1, Math.ceil(k / SPAN)) }, (_, i) => {
        const span = { start: i * SPAN, end: Math.min((i + 1) * SPAN, k) };
        return { workgroups, uniforms: { span } };
      });
    },
    outputs: { out: ({ p: { m, n } }) => m * n },
    cpu: ({ a, b, out, p: { m, k, n } }) => {
      const sums = new Float32Array(n);
      for (let row = 0; row < m; row++) {
        sums.fill(0);
        for (let inner = 0; inner < k; inner++) {
          const factor = a[row * k + inner]!;
          const start = inner * n;
          for (let column = 0; column < n; column++) {
            sums[column]! += Math.fround(factor * b[start + column]!);
          }
        }
        out.set(sums, row * n);
      }
    },
  };
}

/**
 * The product of two matrices of any sizes: `out = a b`.
 *
 * Each number is summed up in the order of `k`, as `f32`. Devices may round a product and the sum it
 * goes into at once, so that results differ from the twin's, by at most `2 k u / (1 - k u)` times the
 * sum of `|a| |b|`, where `u` is 2⁻²⁴.
 *
 * @throws {KernelArgumentError} From calls, when arrays and sizes do not fit together.
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { gpuPool, matmul } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const multiplier = await host.createActor(matmul, [], { place });
 * const a = Float32Array.of(1, 2, 3, 4, 5, 6); // two rows of three
 * const b = Float32Array.of(1, 0, 0, 1, 1, 1); // three rows of two
 * const { out } = await multiplier.compute({ a, b, p: { m: 2, k: 3, n: 2 } });
 * console.log(out); // Float32Array [ 4, 5, 10, 11 ]
 * ```
 */
export const matmul: Kernel<MatmulArgs, "out"> = kernel(import.meta, "matmul", matmulOptions());
