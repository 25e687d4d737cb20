/** Every standard kernel against its twin, at all sizes. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { device, KernelArgumentError, KernelCompileError, onPool } from "@dramatis/dramatis";
import { matmul, min, philox, radixSort, radixSortPairs } from "@dramatis/dramatis/gpu";
import { runTwin } from "../../gpu/cpu_twin.ts";
import type { GpuHandle } from "../../gpu/device.ts";
import { KernelRunner } from "../../gpu/kernel_runner.ts";
import type { KernelArgs, KernelOptions } from "../../gpu/kernel_spec.ts";
import { convolve2dOptions } from "../../gpu/kernels/convolve2d.ts";
import { histogramOptions } from "../../gpu/kernels/histogram.ts";
import { mapOptions, zipOptions } from "../../gpu/kernels/map.ts";
import { matmulOptions } from "../../gpu/kernels/matmul.ts";
import { philoxOptions, randomOptions } from "../../gpu/kernels/philox.ts";
import { radixSortOptions } from "../../gpu/kernels/radix_sort.ts";
import { reduceOptions } from "../../gpu/kernels/reduce.ts";
import { REDUCTIONS } from "../../gpu/kernels/reductions.ts";
import { scanOptions } from "../../gpu/kernels/scan.ts";
import { transposeOptions } from "../../gpu/kernels/transpose.ts";
import { gpuHostTest } from "./gpu_host.ts";
import { numbers, wholeFloats, words } from "./random_numbers.ts";
import { gpuTest } from "./require_gpu.ts";

/** Around a workgroup, several of them, and no multiple of anything. */
const SMALL = [0, 1, 63, 64, 65, 1000];
const LARGE = 100_003;
/** The most workgroups in one dimension. */
const LIMIT = 65_535;

/** A kernel, and arguments for it that are about `n` elements. */
interface Case {
  readonly options: KernelOptions<never>;
  readonly args: (n: number) => object;
}

const sorts: [string, Case][] = (["u32", "i32", "f32"] as const).map((type) => [
  `radixSort of ${type}`,
  { options: radixSortOptions(type, null), args: (n) => ({ keys: numbers(type, n) }) },
]);

const scans: [string, Case][] = (["u32", "i32", "f32"] as const).flatMap((type) =>
  [false, true].map((exclusive): [string, Case] => [
    `${exclusive ? "exclusive" : "inclusive"} scan of ${type}`,
    { options: scanOptions({ type, exclusive }), args: (n) => ({ x: numbers(type, n) }) },
  ])
);

const reductions: [string, Case][] = Object.entries(REDUCTIONS).map(([name, reduction]) => [
  name,
  { options: reduceOptions(reduction), args: (n) => ({ x: numbers(reduction.type, n) }) },
]);

const affine = (threads?: number) =>
  mapOptions({
    type: "i32",
    result: "u32",
    p: { by: "i32" },
    expression: "u32(x * p.by) ^ i",
    cpu: (x, i, p: { by: number }) => Math.imul(x, p.by) ^ i,
  }, threads);

const product = (threads?: number) =>
  zipOptions({ type: "f32", expression: "x * y", cpu: (x, y) => x * y }, threads);

const pairsOf = (n: number) => ({ keys: words(n).map((w) => w % 5), values: words(n, 2) });
const philoxOf = (n: number) => ({
  p: { n, key: [0x12345678, 9], counter: [0xffffff00, 0xffffffff, 0xffffffff, 7] },
});
const rowOf = (n: number) => ({
  x: wholeFloats(n),
  weights: wholeFloats(3),
  p: { width: 1, height: n, filterWidth: 1, filterHeight: 3, clamp: 1 },
});
const columnOf = (n: number) => ({ x: numbers("f32", n), p: { rows: n, columns: 1 } });
const outerOf = (n: number) => ({ a: wholeFloats(1), b: wholeFloats(n), p: { m: 1, k: 1, n } });

const KERNELS: ReadonlyMap<string, Case> = new Map<string, Case>([
  ["map", { options: affine(), args: (n) => ({ x: numbers("i32", n), p: { by: 7 } }) }],
  [
    "zip",
    { options: product(), args: (n) => ({ x: numbers("f32", n), y: numbers("f32", n, 2) }) },
  ],
  ...reductions,
  ...scans,
  [
    "histogram",
    {
      options: histogramOptions,
      args: (n) => ({ x: words(n).map((w) => w % 1000), p: { bins: 900 } }),
    },
  ],
  [
    "histogram of many bins",
    {
      options: histogramOptions,
      args: (n) => ({ x: words(n).map((w) => w % 5000), p: { bins: 4500 } }),
    },
  ],
  ...sorts,
  ["radixSortPairs", { options: radixSortOptions("u32", "u32"), args: pairsOf }],
  ["matmul", { options: matmulOptions(), args: outerOf }],
  ["transpose", { options: transposeOptions("f32"), args: columnOf }],
  ["convolve2d", { options: convolve2dOptions, args: rowOf }],
  ["philox", { options: philoxOptions(), args: philoxOf }],
  ["random", { options: randomOptions(), args: philoxOf }],
]);

/** Both on the same arguments: results of the same bits. */
async function assertTwin(
  gpu: GpuHandle,
  name: string,
  options: KernelOptions<never>,
  list: readonly object[],
): Promise<void> {
  const declared = options as KernelOptions<KernelArgs>;
  const runner = new KernelRunner<KernelArgs>(gpu, name, declared);
  for (const args of list) {
    const passed = args as KernelArgs;
    const expected = await runTwin(name, declared, passed);
    const got = await runner.run(passed);
    assert.deepEqual(Object.keys(got), Object.keys(expected));
    for (const [key, array] of Object.entries(expected)) {
      if (Buffer.compare(bytesOf(array), bytesOf(got[key]!)) === 0) continue;
      const wrong = array.findIndex((value, i) => !Object.is(value, got[key]![i]));
      const where = `${name} of ${sizesOf(args)}: ${key}[${wrong}]`;
      assert.equal(got[key]!.length, array.length, where);
      if (wrong >= 0) assert.fail(`${where} is ${got[key]![wrong]}, its twin ${array[wrong]}`);
    }
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function sizesOf(args: object): string {
  const size = (value: unknown) => ArrayBuffer.isView(value) ? value.byteLength / 4 : value;
  return JSON.stringify(args, (_key, value) => size(value));
}

for (const [name, { options, args }] of KERNELS) {
  gpuTest(
    `${name}: equals its twin at all sizes`,
    (gpu) => assertTwin(gpu, name, options, [...SMALL, LARGE].map(args)),
  );
}

gpuTest("matmul, transpose, convolve2d: equal their twins at all shapes", async (gpu) => {
  const shapes = [1, 63, 64, 65].flatMap((m) => [1, 16, 65].map((n) => [m, n] as const));
  const k = 70_001; // in several dispatches
  const long = { a: wholeFloats(k), b: wholeFloats(k, 2), p: { m: 1, k, n: 1 } };
  await assertTwin(gpu, "matmul", matmulOptions(), [long]);
  for (const k of [0, 1, 17]) {
    const products = shapes.map(([m, n]) => (
      { a: wholeFloats(m * k), b: wholeFloats(k * n, 2), p: { m, k, n } }
    ));
    await assertTwin(gpu, "matmul", matmulOptions(), products);
  }
  const matrices = shapes.map(([rows, columns]) => (
    { x: words(rows * columns), p: { rows, columns } }
  ));
  await assertTwin(gpu, "transpose", transposeOptions("u32"), matrices);
  for (const clamp of [0, 1]) {
    const pictures = shapes.map(([width, height]) => ({
      x: wholeFloats(width * height),
      weights: wholeFloats(15, 2),
      p: { width, height, filterWidth: 5, filterHeight: 3, clamp },
    }));
    await assertTwin(gpu, "convolve2d", convolve2dOptions, pictures);
  }
});

gpuTest("convolve2d: a filter that one dispatch does not sum up", async (gpu) => {
  // By rows of the filter, by parts of its rows, and neither a whole number of times.
  for (const [filterWidth, filterHeight] of [[401, 301], [70_001, 1], [40_001, 3]] as const) {
    await assertTwin(gpu, "convolve2d", convolve2dOptions, [{
      x: wholeFloats(6),
      weights: wholeFloats(filterWidth * filterHeight, 2),
      p: { width: 3, height: 2, filterWidth, filterHeight, clamp: 1 },
    }]);
  }
});

gpuTest("matmul: any floats, within the bound that it states", async (gpu) => {
  const p = { m: 70, k: 333, n: 40 };
  const a = numbers("f32", p.m * p.k) as Float32Array;
  const b = numbers("f32", p.k * p.n, 2) as Float32Array;
  const { out } = await new KernelRunner(gpu, "matmul", matmulOptions()).run({ a, b, p });
  const twin = await runTwin("matmul", matmulOptions(), { a, b, p });
  const sizes = { a: a.map(Math.abs), b: b.map(Math.abs), p };
  const bounds = (await runTwin("matmul", matmulOptions(), sizes)).out!;
  const ku = p.k * 2 ** -24;
  out!.forEach((value, i) => {
    const bound = 2 * ku / (1 - ku) * bounds[i]! * (1 + ku);
    assert.ok(Math.abs(value - twin.out![i]!) <= bound, `${value} instead of ${twin.out![i]}`);
  });
});

// Small workgroups reach the limit with few elements.
gpuTest("standard kernels: equal their twins past the limit of one dispatch", async (gpu) => {
  const n = LIMIT * 8 + 1;
  const x = numbers("i32", n);
  await assertTwin(gpu, "map", affine(8), [{ x, p: { by: 3 } }]);
  await assertTwin(gpu, "zip", product(8), [{ x: wholeFloats(n), y: wholeFloats(n, 2) }]);
  await assertTwin(gpu, "philox", philoxOptions(2), [philoxOf(n)]);
  await assertTwin(gpu, "random", randomOptions(2), [philoxOf(n)]);
  const block = { threads: 8, items: 1 };
  await assertTwin(gpu, "scan", scanOptions({ type: "i32" }, block), [{ x }]);
  await assertTwin(gpu, "radixSort", radixSortOptions("i32", null, block), [{ keys: x }]);
  await assertTwin(gpu, "matmul", matmulOptions({ side: 2, depth: 2 }), [outerOf(n)]);
  await assertTwin(gpu, "convolve2d", convolve2dOptions, [rowOf(LIMIT * 16 + 1)]);
  await assertTwin(gpu, "transpose", transposeOptions("f32"), [columnOf(LIMIT * 32 + 1)]);
});

gpuTest("reductions, histogram: equal their twins past the limit of one dispatch", async (gpu) => {
  const x = new Uint32Array(LIMIT * 256 + 1).map((_, i) => Math.imul(i, 0x9e3779b9) >>> 22);
  await assertTwin(gpu, "sumU32", reduceOptions(REDUCTIONS.sumU32), [{ x }]);
  await assertTwin(gpu, "histogram", histogramOptions, [{ x, p: { bins: 1024 } }]);
});

gpuTest("histogram: adds to counts that are passed", async (gpu) => {
  const args = { x: Uint32Array.of(1, 1, 2), out: Uint32Array.of(5, 5), p: { bins: 2 } };
  await assertTwin(gpu, "histogram", histogramOptions, [args]);
  const { out } = await runTwin("histogram", histogramOptions, args);
  assert.deepEqual(out, Uint32Array.of(5, 7));
});

gpuTest("mapKernel: an expression of several lines; errors count its lines", async (gpu) => {
  const run = (expression: string) =>
    new KernelRunner<KernelArgs>(
      gpu,
      "bad",
      mapOptions({ type: "f32", expression }) as unknown as KernelOptions<KernelArgs>,
    ).run({ x: Float32Array.of(3) });
  const { out } = await run("x *\n  x // squared");
  assert.deepEqual(out, Float32Array.of(9));
  await assert.rejects(run("x +\n  nothing"), (error) => {
    assert.ok(error instanceof KernelCompileError);
    assert.match(error.message, /kernel "bad" does not compile:\n {2}2:3 .*nothing/);
    assert.equal(error.diagnostics[0]?.line, 2);
    return true;
  });
});

gpuHostTest(
  "standard kernels: actors out of the box, on a device and on a CPU",
  async ({ host }) => {
    for (const place of [device({ prefer: "gpu", fallback: "software" }), onPool("worker-1")]) {
      const multiplier = await host.createActor(matmul, [], { place });
      const [a, b] = [Float32Array.of(1, 2, 3, 4, 5, 6), Float32Array.of(1, 0, 0, 1, 1, 1)];
      const p = { m: 2, k: 3, n: 2 };
      const product: Float32Array = (await multiplier.compute({ a, b, p })).out;
      assert.deepEqual(product, Float32Array.of(4, 5, 10, 11));
      await assert.rejects(
        multiplier.compute({ a, b: a.subarray(1), p }),
        /b must be k \* n = 3 \* 2/,
      );

      const source = await host.createActor(philox, [], { place });
      const sorter = await host.createActor(radixSort, [], { place });
      const pairs = await host.createActor(radixSortPairs, [], { place });
      const finder = await host.createActor(min, [], { place });
      // From one to the other on the device.
      using words = (await source.run({ p: { n: 999, key: [1, 2], counter: [0, 0, 0, 0] } })).out;
      const keys: Uint32Array = (await sorter.compute({ keys: words })).keys;
      assert.deepEqual(keys, (await words.read()).slice().sort());
      // @ts-expect-error -- they are unsigned integers
      await assert.rejects(sorter.compute({ keys: Float32Array.of(1) }), KernelArgumentError);
      const { values } = await pairs.compute({ keys: words, values: words });
      assert.deepEqual(values, keys);
      assert.deepEqual((await finder.compute({ x: a })).out, Float32Array.of(1));
    }
  },
);
