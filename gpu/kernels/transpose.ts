import { type Kernel, kernel } from "../kernel.ts";
import type { Keys } from "../kernel_actor.ts";
import type { KernelOptions } from "../kernel_spec.ts";
import type { ElementArrays, ElementType } from "./elements.ts";
import { threadsOf } from "./grid.ts";
import source from "./transpose.wgsl" with { type: "text" };

/** Numbers along a side of what a workgroup moves, and invocations along its first dimension. */
const TILE = 32;
/** Invocations along its second. */
const HEIGHT = 8;

/** The arguments of {@linkcode transpose}. Matrices are row by row. */
export interface TransposeArgs<T extends ElementType = "f32"> {
  /** `rows * columns` numbers. */
  readonly x: ElementArrays[T];
  /** The same, its rows the columns of `x`. */
  readonly out: ElementArrays[T];
  /** The sizes of `x`. */
  readonly p: { readonly rows: number; readonly columns: number };
}

/** The declaration of a {@linkcode transposeKernel}. */
export function transposeOptions(type: ElementType): KernelOptions<TransposeArgs<ElementType>> {
  return {
    wgsl: `alias T = ${type};\n${source}`,
    check: ({ x, p: { rows, columns } }) =>
      x.length === rows * columns
        ? undefined
        : `x must be rows * columns = ${rows} * ${columns} numbers, got ${x.length}`,
    threads: ({ p: { rows, columns } }) =>
      threadsOf(Math.ceil(rows / TILE) * Math.ceil(columns / TILE), TILE, HEIGHT),
    outputs: { out: ({ x }) => x.length },
    cpu: ({ x, out, p: { rows, columns } }) => {
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          out[column * rows + row] = x[row * columns + column]!;
        }
      }
    },
  };
}

/**
 * Declares a kernel that exchanges the rows and columns of a matrix, as {@linkcode transpose} does for
 * `f32`.
 *
 * @param meta The `import.meta` of the module that exports the kernel.
 * @param name The name under which the module exports it.
 * @example
 * ```ts
 * import { transposeKernel } from "@dramatis/dramatis/gpu";
 *
 * export const transposeU32 = transposeKernel(import.meta, "transposeU32", { type: "u32" });
 * ```
 */
export function transposeKernel<T extends ElementType>(
  meta: ImportMeta,
  name: string,
  { type }: { readonly type: T },
): Kernel<TransposeArgs<T>, "out" & Keys<TransposeArgs<T>>> {
  return kernel(meta, name, transposeOptions(type)) as never;
}

/**
 * Exchanges the rows and columns of a matrix.
 *
 * @throws {KernelArgumentError} From calls, when arrays and sizes do not fit together.
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { gpuPool, transpose } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const transposer = await host.createActor(transpose, [], { place });
 * const x = Float32Array.of(1, 2, 3, 4, 5, 6); // two rows of three
 * const { out } = await transposer.compute({ x, p: { rows: 2, columns: 3 } });
 * console.log(out); // Float32Array [ 1, 4, 2, 5, 3, 6 ]
 * ```
 */
export const transpose: Kernel<TransposeArgs, "out"> = transposeKernel(
  import.meta,
  "transpose",
  { type: "f32" },
);
