import { type Kernel, kernel } from "../kernel.ts";
import type { Keys } from "../kernel_actor.ts";
import type { KernelOptions } from "../kernel_spec.ts";
import { BlockScan, type BlockShape, scanSpine, SPINE_PASS } from "./block_scan.ts";
import { type ElementArray, type ElementArrays, elements, type ElementType } from "./elements.ts";
import { gridOf } from "./grid.ts";
import source from "./scan.wgsl" with { type: "text" };
import workgroupSource from "./workgroup_scan.wgsl" with { type: "text" };

/** How to declare a {@linkcode scanKernel}. */
export interface ScanOptions<T extends ElementType> {
  /** The elements. */
  readonly type: T;
  /** Whether each sum leaves its own element out. @default false */
  readonly exclusive?: boolean;
}

/** The arguments of a {@linkcode scanKernel}. */
export interface ScanArgs<T extends ElementType> {
  /** The elements. */
  readonly x: ElementArrays[T];
  /** Their sums, as many. */
  readonly out: ElementArrays[T];
}

/** What the WGSL binds. */
interface AllArgs {
  readonly x: ElementArray;
  readonly out: ElementArray;
  readonly sums: ElementArray;
}

const BLOCK: BlockShape = { threads: 256, items: 8 };

/**
 * Declares a kernel of prefix sums: `out[i]` is the sum of `x[0]` to `x[i]`, or to `x[i - 1]` if it is
 * exclusive. Integers wrap around.
 *
 * Floats are added block by block, in an order that only the number of elements decides and that the
 * twin takes too. The sum of many differs from one in the order of the elements, and usually less from
 * the exact sum.
 *
 * @param meta The `import.meta` of the module that exports the kernel.
 * @param name The name under which the module exports it.
 * @example
 * ```ts
 * import { scanKernel } from "@dramatis/dramatis/gpu";
 *
 * export const offsets = scanKernel(import.meta, "offsets", { type: "i32", exclusive: true });
 * ```
 */
export function scanKernel<T extends ElementType>(
  meta: ImportMeta,
  name: string,
  options: ScanOptions<T>,
): Kernel<ScanArgs<T>, "out" & Keys<ScanArgs<T>>> {
  return kernel(meta, name, scanOptions(options)) as never;
}

/** The declaration of a scan. */
export function scanOptions(
  options: ScanOptions<ElementType>,
  block: BlockShape = BLOCK,
): KernelOptions<AllArgs> {
  const { type, exclusive = false } = options;
  const { threads, items } = block;
  const blocks = (n: number) => Math.ceil(n / (threads * items));
  return {
    wgsl: `alias T = ${type};\n${workgroupSource}${source}`,
    overrides: { THREADS: threads, ITEMS: items, EXCLUSIVE: exclusive },
    outputs: { out: ({ x }) => x.length },
    scratch: { sums: ({ x }) => blocks(x.length) },
    passes: ({ x }) => {
      if (x.length === 0) return [];
      const workgroups = gridOf(blocks(x.length));
      return [
        { entry: "totals", workgroups },
        SPINE_PASS,
        { entry: "blocks", workgroups },
      ];
    },
    cpu: ({ x, out }) => {
      const sums = elements(type, blocks(x.length));
      const scan = new BlockScan(type, block);
      for (let i = 0; i < sums.length; i++) sums[i] = scan.load(x, i);
      scanSpine(type, sums);
      for (let i = 0; i < sums.length; i++) {
        scan.load(x, i);
        scan.write(x, i, sums[i]!, exclusive, out);
      }
    },
  };
}
