/** The standard kernels, each at one size, beside its own twin on a CPU. @module */
import {
  convolve2d,
  histogram,
  inclusiveScan,
  type Kernel,
  mapKernel,
  matmul,
  radixSort,
  random,
  sum,
  transpose,
} from "@dramatis/dramatis/gpu";
import { declarationOf } from "../gpu/declaration.ts";
import type { GpuHandle } from "../gpu/device.ts";
import type { Runner } from "../gpu/runner.ts";
import { runnerOf } from "../gpu/runner_of.ts";
import type { GpuSlot } from "../gpu/slot.ts";
import { readSlot, uploadSlot } from "../gpu/slots.ts";
import { twinOf } from "../gpu/twin.ts";
import { type Report, sideBySide } from "./harness.ts";

/** A multiple of `x` and one more: what it takes is to read and write. */
export const scaled: Kernel<never, never> = mapKernel(import.meta, "scaled", {
  type: "f32",
  expression: "2 * x + 1",
  cpu: (x) => 2 * x + 1,
});

/** One kernel at a size. */
interface Case {
  readonly name: string;
  readonly kernel: Kernel<never, never>;
  /** What its figure counts. */
  readonly unit: "elem/s" | "FLOP/s";
  /** A size for a device in software, and for all twins; and one for a GPU. */
  readonly sizes: readonly [small: number, large: number];
  readonly args: (n: number) => object;
  /** How many units a call of this size is. */
  readonly work: (n: number) => number;
  /** What a large GPU must do, in units. @default ten times as much as the twin */
  readonly goal?: number;
}

/** A length that is a square. */
const ELEMENTS = [2 ** 20, 2 ** 26] as const;
const FILTER = 5;
const BINS = 256;

const floats = (n: number) => Float32Array.from({ length: n }, (_, i) => i % 1000 / 1000);
/** Any words: the multiplier makes those of neighbours differ in all bits. */
const words = (n: number) => Uint32Array.from({ length: n }, (_, i) => Math.imul(i, 0x9e3779b1));

const CASES: readonly Case[] = [
  each("map", scaled, (n) => ({ x: floats(n) })),
  each("reduce, sum", sum, (n) => ({ x: floats(n) })),
  each("scan, inclusive", inclusiveScan, (n) => ({ x: floats(n) })),
  each("histogram, 256 bins", histogram, (n) => ({
    x: words(n).map((word) => word % BINS),
    p: { bins: BINS },
  })),
  { ...each("radix sort of u32", radixSort, (n) => ({ keys: words(n) })), goal: 1e9 },
  each("transpose", transpose, (n) => ({
    x: floats(n),
    p: { rows: Math.sqrt(n), columns: Math.sqrt(n) },
  })),
  each("random", random, (n) => ({ p: { n, key: [1, 2], counter: [0, 0, 0, 0] } })),
  {
    name: "matmul, square",
    kernel: matmul,
    unit: "FLOP/s",
    sizes: [256, 4096],
    args: (n) => ({ a: floats(n * n), b: floats(n * n), p: { m: n, k: n, n } }),
    work: (n) => 2 * n ** 3,
    goal: 17e12, // a quarter of what an H200 has in f32
  },
  {
    name: `convolve2d, ${FILTER} x ${FILTER}`,
    kernel: convolve2d,
    unit: "FLOP/s",
    sizes: [512, 8192],
    args: (n) => ({
      x: floats(n * n),
      weights: floats(FILTER * FILTER),
      p: { width: n, height: n, filterWidth: FILTER, filterHeight: FILTER, clamp: 0 },
    }),
    work: (n) => 2 * FILTER * FILTER * n * n,
  },
];

function each(
  name: string,
  kernel: Kernel<never, never>,
  args: (n: number) => object,
): Case {
  return { name, kernel, unit: "elem/s", sizes: ELEMENTS, args, work: (n) => n };
}

/**
 * Each standard kernel over data that is on the device and stays there, until one number of its result
 * has come back; and its twin, always at the small size.
 */
export async function standardKernels(report: Report, gpu: GpuHandle): Promise<void> {
  for (const { name, kernel, unit, sizes: [small, large], args, work, goal } of CASES) {
    const declaration = declarationOf(kernel);
    const isSoftware = gpu.description.kind === "software";
    const n = isSoftware ? small : large;
    const runner = runnerOf(gpu, declaration);
    const resident = await uploaded(gpu, args(n));
    const twin = twinOf(declaration);
    const own = args(small);
    const { values, baselines } = await sideBySide(
      () => perSecond(work(n), () => runOnce(gpu, runner, resident)),
      () => perSecond(work(small), () => twin.compute(own)),
    );
    const wanted = goal === undefined ? ">= 10 x" : `>= ${goal / 1e9} G`;
    const isOk = (value: number, ratio: number) =>
      isSoftware || (goal === undefined ? ratio >= 10 : value >= goal);
    report.add(
      `${name}, ${n}, against its twin`,
      unit,
      values,
      baselines,
      isSoftware ? "none in software" : wanted,
      isOk,
    );
    for (const slot of Object.values(resident)) if (isSlot(slot)) slot.release();
    await gpu.lane.idle();
    gpu.buffers.trim();
  }
}

async function perSecond(work: number, run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return 1000 * work / (performance.now() - started);
}

async function runOnce(gpu: GpuHandle, runner: Runner, args: object): Promise<void> {
  const results = Object.values(await runner.enqueue(args));
  await readSlot(gpu, results[0]!, 0, 1);
  for (const slot of results) slot.release();
}

async function uploaded(gpu: GpuHandle, args: object): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(args)) {
    found[name] = ArrayBuffer.isView(value) ? await uploadSlot(gpu, value as Float32Array) : value;
  }
  return found;
}

function isSlot(value: unknown): value is GpuSlot {
  return typeof value === "object" && value !== null && "release" in value;
}
