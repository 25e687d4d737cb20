/** The twins of the standard kernels, which are their oracles, against what they should give. */
import assert from "node:assert/strict";
import { KernelArgumentError } from "@dramatis/dramatis";
import { runTwin } from "../../gpu/cpu_twin.ts";
import type { KernelArgs, KernelOptions } from "../../gpu/kernel_spec.ts";
import { convolve2dOptions } from "../../gpu/kernels/convolve2d.ts";
import { elements } from "../../gpu/kernels/elements.ts";
import { histogramOptions } from "../../gpu/kernels/histogram.ts";
import { zipOptions } from "../../gpu/kernels/map.ts";
import { matmulOptions } from "../../gpu/kernels/matmul.ts";
import { philoxOptions, randomOptions } from "../../gpu/kernels/philox.ts";
import { radixSortOptions } from "../../gpu/kernels/radix_sort.ts";
import { reduceOptions } from "../../gpu/kernels/reduce.ts";
import { REDUCTIONS } from "../../gpu/kernels/reductions.ts";
import { scanOptions } from "../../gpu/kernels/scan.ts";
import { transposeOptions } from "../../gpu/kernels/transpose.ts";
import { numbers, words } from "./random_numbers.ts";

const twin = async (options: KernelOptions<never>, args: object) =>
  await runTwin("twin", options as KernelOptions<KernelArgs>, args as KernelArgs);

Deno.test("philox: gives the known answers of its authors", async () => {
  const answers: [number[], number[], number[]][] = [
    [[0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ];
  for (const [counter, key, expected] of answers) {
    const { out } = await twin(philoxOptions(), { p: { n: 4, key, counter } });
    assert.deepEqual([...out!], expected);
  }
});

Deno.test("random: from 0 to below 1, evenly, and continued by the counter", async () => {
  const of = async (n: number, step: number) =>
    (await twin(randomOptions(), { p: { n, key: [3, 4], counter: [step, 0, 0, 0] } })).out!;
  const all = await of(100_000, 0);
  const tenths = new Array<number>(10).fill(0);
  for (const value of all) tenths[Math.floor(value * 10)]!++;
  for (const count of tenths) assert.ok(Math.abs(count - 10_000) < 500, String(tenths));
  assert.deepEqual(await of(8, 5), all.slice(20, 28));
});

Deno.test("twins of sorts, scans and reductions: as JavaScript has it", async () => {
  const n = 5000;
  for (const name of ["minU32", "minI32", "min"] as const) {
    const { type } = REDUCTIONS[name];
    const x = numbers(type, n);
    const { keys } = await twin(radixSortOptions(type, null), { keys: x });
    assert.deepEqual(keys, x.slice().sort());
    const { out } = await twin(reduceOptions(REDUCTIONS[name]), { x });
    assert.equal(out![0], Math.min(...x));
  }
  const floats = Float32Array.of(Infinity, 0, -0, -Infinity, 1e-40, -1);
  const sorted = await twin(radixSortOptions("f32", null), { keys: floats });
  assert.deepEqual([...sorted.keys!], [-Infinity, -1, -0, 0, Math.fround(1e-40), Infinity]);
  const keys = words(n).map((word) => word % 5);
  const values = words(n, 2);
  const order = [...keys.keys()].sort((a, b) => keys[a]! - keys[b]!); // it is stable
  const pairs = await twin(radixSortOptions("u32", "u32"), { keys, values });
  assert.deepEqual([...pairs.values!], order.map((i) => values[i]));
  const x = Uint32Array.from({ length: n }, (_, i) => i);
  const before = await twin(scanOptions({ type: "u32", exclusive: true }), { x });
  assert.deepEqual([...before.out!], [...x].map((i) => i * (i + 1) / 2 - i));
  const { out } = await twin(reduceOptions(REDUCTIONS.sum), { x: Float32Array.from(x) });
  assert.equal(out![0], n * (n - 1) / 2);
});

Deno.test("reductions: of nothing, what changes nothing", async () => {
  const expected = {
    sum: 0,
    min: Infinity,
    max: -Infinity,
    minU32: 2 ** 32 - 1,
    maxI32: -(2 ** 31),
  };
  for (const [name, value] of Object.entries(expected)) {
    const reduction = REDUCTIONS[name as keyof typeof expected];
    const { out } = await twin(reduceOptions(reduction), { x: elements(reduction.type, 0) });
    assert.deepEqual([...out!], [value], name);
  }
});

Deno.test("convolve2d: turns the filter round, and knows what is beyond the edges", async () => {
  const x = Float32Array.of(1, 2, 3, 4);
  const weights = Float32Array.of(1, 10, 100); // 100 weighs what is left
  const at = async (clamp: number) =>
    (await twin(convolve2dOptions, {
      x,
      weights,
      p: { width: 4, height: 1, filterWidth: 3, filterHeight: 1, clamp },
    })).out;
  assert.deepEqual(await at(0), Float32Array.of(12, 123, 234, 340));
  assert.deepEqual(await at(1), Float32Array.of(112, 123, 234, 344));
});

Deno.test("standard kernels: say which sizes do not fit", async () => {
  const f32 = (n: number) => new Float32Array(n);
  const refused: [KernelOptions<never>, object, RegExp][] = [
    [
      matmulOptions(),
      { a: f32(5), b: f32(6), p: { m: 2, k: 3, n: 2 } },
      /a must be m \* k = 2 \* 3/,
    ],
    [matmulOptions(), { a: f32(6), b: f32(5), p: { m: 2, k: 3, n: 2 } }, /b must be .*, got 5/],
    [transposeOptions("f32"), { x: f32(5), p: { rows: 2, columns: 3 } }, /x must be rows/],
    [
      zipOptions({ type: "f32", expression: "x * y", cpu: (x, y) => x * y }),
      { x: f32(2), y: f32(3) },
      /x has 2 elements, but y 3/,
    ],
    [
      radixSortOptions("u32", "u32"),
      { keys: new Uint32Array(2), values: new Uint32Array(1) },
      /there are 2 keys, but 1 values/,
    ],
    [
      convolve2dOptions,
      {
        x: f32(4),
        weights: f32(2),
        p: { width: 1, height: 4, filterWidth: 1, filterHeight: 2, clamp: 0 },
      },
      /sizes must be odd, got 1 and 2/,
    ],
    [
      histogramOptions,
      { x: new Uint32Array(1), out: new Uint32Array(3), p: { bins: 2 } },
      /out must be bins = 2 counts, got 3/,
    ],
  ];
  for (const [options, args, message] of refused) {
    await assert.rejects(twin(options, args), (error) => {
      assert.ok(error instanceof KernelArgumentError);
      assert.match(error.message, message);
      return true;
    });
  }
});
