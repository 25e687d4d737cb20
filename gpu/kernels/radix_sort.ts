import { type Kernel, kernel } from "../kernel.ts";
import type { Keys } from "../kernel_actor.ts";
import type { KernelOptions, KernelPass } from "../kernel_spec.ts";
import { type BlockShape, SPINE_PASS } from "./block_scan.ts";
import type { ElementArray, ElementArrays, ElementType } from "./elements.ts";
import { gridOf } from "./grid.ts";
import source from "./radix_sort.wgsl" with { type: "text" };
import workgroupSource from "./workgroup_scan.wgsl" with { type: "text" };

/** How to declare a {@linkcode radixSortKernel}. */
export interface RadixSortOptions<K extends ElementType> {
  /** The keys. */
  readonly keys: K;
}

/** How to declare a {@linkcode radixSortPairsKernel}. */
export interface RadixSortPairsOptions<K extends ElementType, V extends ElementType>
  extends RadixSortOptions<K> {
  /** What belongs to the keys. */
  readonly values: V;
}

/** The arguments of a {@linkcode radixSortKernel}. */
export interface RadixSortArgs<K extends ElementType> {
  /** The keys; the result has them in ascending order. */
  readonly keys: ElementArrays[K];
}

/** The arguments of a {@linkcode radixSortPairsKernel}. */
export interface RadixSortPairsArgs<K extends ElementType, V extends ElementType>
  extends RadixSortArgs<K> {
  /** One for each key; the result has them in the order of their keys. */
  readonly values: ElementArrays[V];
}

/** What the WGSL binds; without values there are none of those. */
interface AllArgs {
  readonly keys: ElementArray;
  readonly values: ElementArray;
  readonly sorted: ElementArray;
  readonly sortedValues: ElementArray;
  readonly sums: Uint32Array;
}

/** A value of 32 bits has so many digits of four. */
const DIGIT_BITS = 4;
const KEY_BITS = 32;
const DIGITS = 2 ** DIGIT_BITS;

const BLOCK: BlockShape = { threads: 256, items: 16 };

/** The order of keys as that of unsigned integers, which radix sorts know. */
const BITS: Readonly<Record<ElementType, string>> = {
  u32: "return key;",
  i32: "return bitcast<u32>(key) ^ 0x80000000u;",
  // Negative numbers are greater the more they are below zero, so all their bits turn.
  f32: "let word = bitcast<u32>(key); " +
    "return word ^ select(0x80000000u, 0xffffffffu, (word >> 31u) == 1u);",
};

/** Moves the values that belong to the keys. */
const CARRY = `
@group(0) @binding(4) var<storage, read_write> values: array<V>;
@group(0) @binding(5) var<storage, read_write> sortedValues: array<V>;
fn carry(source: u32, place: u32) { sortedValues[place] = values[source]; }`;

/**
 * Declares a kernel that sorts keys, as {@linkcode radixSort} does unsigned integers.
 *
 * Floats are in the order of IEEE 754's totalOrder: -0 before 0, NaN at the ends by its sign. Devices
 * may turn numbers under 2⁻¹²⁶ to 0.
 *
 * @param meta The `import.meta` of the module that exports the kernel.
 * @param name The name under which the module exports it.
 * @example
 * ```ts
 * import { radixSortKernel } from "@dramatis/dramatis/gpu";
 *
 * export const byHeight = radixSortKernel(import.meta, "byHeight", { keys: "f32" });
 * ```
 */
export function radixSortKernel<K extends ElementType>(
  meta: ImportMeta,
  name: string,
  options: RadixSortOptions<K>,
): Kernel<RadixSortArgs<K>, "keys" & Keys<RadixSortArgs<K>>> {
  return kernel(meta, name, radixSortOptions(options.keys, null)) as never;
}

/**
 * Declares a kernel that sorts keys and moves a value with each, as {@linkcode radixSortPairs} does for
 * unsigned integers. Values of equal keys stay in their order. Floats as in
 * {@linkcode radixSortKernel}.
 *
 * @param meta The `import.meta` of the module that exports the kernel.
 * @param name The name under which the module exports it.
 * @throws {KernelArgumentError} From calls, when there are not as many values as keys.
 * @example
 * ```ts
 * import { radixSortPairsKernel } from "@dramatis/dramatis/gpu";
 *
 * export const byDistance = radixSortPairsKernel(import.meta, "byDistance", {
 *   keys: "f32",
 *   values: "u32",
 * });
 * ```
 */
export function radixSortPairsKernel<K extends ElementType, V extends ElementType>(
  meta: ImportMeta,
  name: string,
  options: RadixSortPairsOptions<K, V>,
): Kernel<
  RadixSortPairsArgs<K, V>,
  ("keys" | "values") & Keys<RadixSortPairsArgs<K, V>>
> {
  return kernel(meta, name, radixSortOptions(options.keys, options.values)) as never;
}

/** The declaration of a sort; `values` is `null` when only keys are sorted. */
export function radixSortOptions(
  keys: ElementType,
  values: ElementType | null,
  { threads, items }: BlockShape = BLOCK,
): KernelOptions<AllArgs> {
  const blocks = (n: number) => Math.ceil(n / (threads * items));
  const swapped = { keys: "sorted", sorted: "keys" };
  const swappedPairs = { ...swapped, values: "sortedValues", sortedValues: "values" };
  return {
    wgsl: [
      "alias T = u32;",
      `alias K = ${keys};`,
      `fn bits(key: K) -> u32 { ${BITS[keys]} }`,
      values === null ? "fn carry(source: u32, place: u32) {}" : `alias V = ${values};${CARRY}`,
      workgroupSource,
      source,
    ].join("\n"),
    overrides: { THREADS: threads, ITEMS: items },
    scratch: {
      sums: ({ keys }) => DIGITS * blocks(keys.length),
      sorted: ({ keys }) => keys.length,
      ...values !== null && { sortedValues: ({ values }) => values.length },
    },
    ...values !== null && {
      check: ({ keys, values }) =>
        keys.length === values.length
          ? undefined
          : `there are ${keys.length} keys, but ${values.length} values`,
    },
    passes: ({ keys }) => {
      const workgroups = gridOf(blocks(keys.length));
      const passes: KernelPass[] = [];
      if (keys.length < 2) return passes;
      // An even number of digits: the last one is sorted back into `keys`.
      for (let shift = 0; shift < KEY_BITS; shift += DIGIT_BITS) {
        const uniforms = { digit: { shift } };
        const back = shift / DIGIT_BITS % 2 === 1;
        passes.push(
          { entry: "count", workgroups, uniforms, ...back && { bind: { keys: "sorted" } } },
          SPINE_PASS,
          {
            entry: "scatter",
            workgroups,
            uniforms,
            ...back && { bind: values === null ? swapped : swappedPairs },
          },
        );
      }
      return passes;
    },
    cpu: (args) => sortOnCpu(keys, args.keys, values === null ? null : args.values),
  };
}

/** Sixteen bits at a time: two rounds of counting, which keep the order of what is equal. */
function sortOnCpu(type: ElementType, keys: ElementArray, values: ElementArray | null): void {
  const words = new Uint32Array(keys.buffer, keys.byteOffset, keys.length);
  const payload = values && new Uint32Array(values.buffer, values.byteOffset, values.length);
  const fromWords = words.slice();
  const fromPayload = payload?.slice();
  for (const shift of [0, 16]) {
    if (shift > 0) {
      fromWords.set(words);
      if (payload) fromPayload?.set(payload);
    }
    const places = new Uint32Array(0x10001);
    for (const word of fromWords) places[(ordered(type, word) >>> shift & 0xffff) + 1]!++;
    for (let digit = 0; digit < 0x10000; digit++) places[digit + 1]! += places[digit]!;
    for (let i = 0; i < fromWords.length; i++) {
      const word = fromWords[i]!;
      const to = places[ordered(type, word) >>> shift & 0xffff]!++;
      words[to] = word;
      if (payload && fromPayload) payload[to] = fromPayload[i]!;
    }
  }
}

/** The bits of a key as an unsigned integer of the same order. */
function ordered(type: ElementType, word: number): number {
  switch (type) {
    case "u32":
      return word;
    case "i32":
      return word ^ 0x80000000;
    case "f32":
      return word >>> 31 === 1 ? ~word : word ^ 0x80000000;
    default:
      return type satisfies never;
  }
}

/**
 * Sorts unsigned integers, ascending, in the place of the keys that are passed.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { gpuPool, radixSort } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const sorter = await host.createActor(radixSort, [], { place });
 * const { keys } = await sorter.compute({ keys: Uint32Array.of(3, 1, 2) });
 * console.log(keys); // Uint32Array [ 1, 2, 3 ]
 * ```
 */
export const radixSort: Kernel<RadixSortArgs<"u32">, "keys"> = radixSortKernel(
  import.meta,
  "radixSort",
  { keys: "u32" },
);

/**
 * As {@linkcode radixSort}, of signed integers.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { radixSortI32 } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const sorter = await host.createActor(radixSortI32, [], { place });
 * const { keys } = await sorter.compute({ keys: Int32Array.of(3, -1, 2) });
 * console.log(keys); // Int32Array [ -1, 2, 3 ]
 * ```
 */
export const radixSortI32: Kernel<RadixSortArgs<"i32">, "keys"> = radixSortKernel(
  import.meta,
  "radixSortI32",
  { keys: "i32" },
);

/**
 * As {@linkcode radixSort}, of floats: in the order that {@linkcode radixSortKernel} says.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { radixSortF32 } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const sorter = await host.createActor(radixSortF32, [], { place });
 * const { keys } = await sorter.compute({ keys: Float32Array.of(0.5, -1, 0) });
 * console.log(keys); // Float32Array [ -1, 0, 0.5 ]
 * ```
 */
export const radixSortF32: Kernel<RadixSortArgs<"f32">, "keys"> = radixSortKernel(
  import.meta,
  "radixSortF32",
  { keys: "f32" },
);

/**
 * Sorts unsigned integers, ascending, and moves an unsigned integer with each. Values of equal keys stay
 * in their order.
 *
 * @throws {KernelArgumentError} From calls, when there are not as many values as keys.
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { gpuPool, radixSortPairs } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const sorter = await host.createActor(radixSortPairs, [], { place });
 * const keys = Uint32Array.of(3, 1, 3, 2);
 * const sorted = await sorter.compute({ keys, values: Uint32Array.of(0, 1, 2, 3) });
 * console.log(sorted.values); // Uint32Array [ 1, 3, 0, 2 ]
 * ```
 */
export const radixSortPairs: Kernel<RadixSortPairsArgs<"u32", "u32">, "keys" | "values"> =
  radixSortPairsKernel(import.meta, "radixSortPairs", { keys: "u32", values: "u32" });
