/** Kernels of several dispatches: passes, scratch, overrides, what each pass binds. */
import assert from "node:assert/strict";
import { KernelArgumentError, KernelCompileError } from "../../src/core/gpu_errors.ts";
import { runTwin } from "../../gpu/cpu_twin.ts";
import { KernelRunner } from "../../gpu/kernel_runner.ts";
import type { KernelOptions, KernelPass } from "../../gpu/kernel_spec.ts";
import { gpuTest } from "./require_gpu.ts";

interface ScanArgs {
  x: Uint32Array;
  y: Uint32Array;
}

/** An inclusive prefix sum in steps of doubling length, which swap `tmp` and `y`. */
const scan: KernelOptions<ScanArgs> = {
  wgsl: `
    struct Step { shift: u32 }
    @group(0) @binding(0) var<storage, read> source: array<u32>;
    @group(0) @binding(1) var<storage, read_write> sink: array<u32>;
    @group(0) @binding(2) var<uniform> step: Step;
    // The arrays of a call; no entry point uses them by these names.
    @group(1) @binding(0) var<storage, read> x: array<u32>;
    @group(1) @binding(1) var<storage, read_write> y: array<u32>;
    @group(1) @binding(2) var<storage, read_write> tmp: array<u32>;
    override WG: u32 = 64;
    @compute @workgroup_size(WG) fn add(@builtin(global_invocation_id) g: vec3u) {
      let i = g.x;
      if (i >= arrayLength(&source)) { return; }
      sink[i] = source[i] + select(0u, source[max(i, step.shift) - step.shift], i >= step.shift);
    }`,
  overrides: { WG: 32 },
  passes: ({ x }) => {
    const passes: KernelPass[] = [];
    const count = Math.max(1, Math.ceil(Math.log2(x.length)));
    for (let k = 0; k < count; k++) {
      // The last one writes y.
      const here = (count - k) % 2 === 1 ? "y" : "tmp";
      const there = here === "y" ? "tmp" : "y";
      passes.push({
        threads: x.length,
        bind: { source: k === 0 ? "x" : there, sink: here },
        uniforms: { step: { shift: 2 ** k } },
        ...(k === 1 ? { overrides: { WG: 8 } } : {}),
      });
    }
    return passes;
  },
  scratch: { tmp: ({ x }) => x.length },
  outputs: { y: ({ x }) => x.length },
  cpu: ({ x, y }) => {
    let sum = 0;
    x.forEach((value, i) => y[i] = sum += value);
  },
};

gpuTest("passes: arrays that swap places, uniforms and overrides per pass", async (gpu) => {
  const runner = new KernelRunner(gpu, "scan", scan);
  await runner.prepare();
  for (const n of [1, 2, 3, 100, 1000, 1000]) {
    const x = Uint32Array.from({ length: n }, (_, i) => i % 7 + 1);
    const before = gpu.lane.counts;
    const result = await runner.run({ x });
    assert.deepEqual(Object.keys(result), ["y"]);
    assert.deepEqual(result, await runTwin("scan", scan, { x }));
    const { submits, dispatches } = gpu.lane.counts;
    assert.equal(dispatches - before.dispatches, Math.max(1, Math.ceil(Math.log2(n))));
    // Buffers that are there already make it one submit; new ones are waited for.
    if (n === 1000) assert.ok(submits - before.submits <= 2);
  }
  assert.equal(gpu.programs.size, 2, "one for each value of WG");
});

gpuTest("passes: 40 calls in flight, each with its own uniforms and scratch", async (gpu) => {
  const runner = new KernelRunner(gpu, "scan", scan);
  const inputs = Array.from({ length: 40 }, (_, k) => new Uint32Array(200 + k).fill(k));
  const results = await Promise.all(inputs.map((x) => runner.run({ x })));
  results.forEach(({ y }, k) => {
    assert.deepEqual(y, Uint32Array.from(inputs[k]!, (value, i) => value * (i + 1)));
  });
});

interface MeanArgs {
  x: Float32Array;
  scale: number;
  mean: Float32Array;
}

/** Several entry points; a uniform of the call and one that each pass fills; fixed workgroups. */
const mean: KernelOptions<MeanArgs> = {
  wgsl: `
    struct Part { offset: u32, count: u32 }
    @group(0) @binding(0) var<storage, read> x: array<f32>;
    @group(1) @binding(0) var<storage, read_write> sums: array<f32>;
    @group(2) @binding(3) var<uniform> scale: f32;
    @group(2) @binding(1) var<uniform> part: Part;
    @group(3) @binding(0) var<storage, read_write> mean: array<f32, 1>;
    fn total(offset: u32, count: u32) -> f32 {
      var t = 0.0;
      for (var i = offset; i < min(offset + count, arrayLength(&x)); i++) { t += x[i]; }
      return t;
    }
    @compute @workgroup_size(1) fn add(@builtin(workgroup_id) w: vec3u) {
      sums[part.offset / part.count + w.x] = total(part.offset + w.x * part.count, part.count);
    }
    @compute @workgroup_size(1) fn finish() {
      var t = 0.0;
      for (var i = 0u; i < arrayLength(&sums); i++) { t += sums[i]; }
      mean[0] = t / f32(arrayLength(&x)) * scale;
    }`,
  passes: ({ x }) => [
    { entry: "add", workgroups: [2, 1, 1], uniforms: { part: { offset: 0, count: 10 } } },
    { entry: "add", workgroups: x.length / 10 - 2, uniforms: { part: { offset: 20, count: 10 } } },
    { entry: "finish", threads: 1 },
  ],
  scratch: { sums: ({ x }) => x.length / 10 },
  outputs: { mean: () => 1 },
};

gpuTest("passes: several entry points, groups 0 to 3, workgroups given directly", async (gpu) => {
  const runner = new KernelRunner(gpu, "mean", mean);
  for (const n of [20, 100, 100]) {
    const x = Float32Array.from({ length: n }, (_, i) => i);
    const result = await runner.run({ x, scale: 2 });
    assert.deepEqual(result, { mean: Float32Array.of(n - 1) });
  }
});

gpuTest("passes: none, and one of no threads: outputs are zeroes", async (gpu) => {
  const wgsl = `
    @group(0) @binding(0) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(8) fn main(@builtin(global_invocation_id) g: vec3u) { y[g.x] = 1; }`;
  const ones = new KernelRunner<{ y: Float32Array }>(gpu, "ones", { wgsl });
  await ones.run({ y: new Float32Array(8) }); // leaves a buffer full of ones for reuse
  for (const passes of [[], [{ threads: 0 }], [{ workgroups: [1, 0, 1] as const }]]) {
    const none = new KernelRunner<{ y: Float32Array }>(gpu, "none", {
      wgsl,
      passes: () => passes,
      outputs: { y: () => 8 },
    });
    assert.deepEqual(await none.run({}), { y: new Float32Array(8) });
  }
});

gpuTest("scratch: starts as zeroes, is gone after the call", async (gpu) => {
  const runner = new KernelRunner<{ y: Uint32Array }>(gpu, "counter", {
    wgsl: `
      @group(0) @binding(0) var<storage, read_write> y: array<u32>;
      @group(0) @binding(1) var<storage, read_write> hits: array<atomic<u32>>;
      @compute @workgroup_size(16) fn main() { atomicAdd(&hits[0], 1u); }
      @compute @workgroup_size(1) fn copy() { y[0] = atomicLoad(&hits[0]); }`,
    passes: () => [{ entry: "main", threads: 48 }, { entry: "copy", threads: 1 }],
    scratch: { hits: () => 1 },
    outputs: { y: () => 1 },
  });
  for (let i = 0; i < 3; i++) assert.deepEqual((await runner.run({})).y, Uint32Array.of(48));
  const { y } = await runner.enqueue({});
  await gpu.lane.idle();
  assert.equal(gpu.buffers.liveBytes, 256, "the result alone");
  y!.release();
});

gpuTest("passes: a slot is read where it lies, and read_write slots are copied", async (gpu) => {
  const runner = new KernelRunner(gpu, "scan", scan);
  const first = await runner.enqueue({ x: Uint32Array.of(1, 1, 1) });
  const second = await runner.enqueue({ x: first.y! });
  assert.deepEqual(await runner.read(second.y!), Uint32Array.of(1, 3, 6));
  assert.deepEqual(await runner.read(first.y!), Uint32Array.of(1, 2, 3));
  first.y!.release();
  second.y!.release();
});

gpuTest("overrides: by name and @id, of every type, in workgroup sizes and arrays", async (gpu) => {
  const wgsl = `
    @id(7) override LENGTH: u32 = 4;
    override SIZE: u32;
    override SCALE: f32 = 1.5;
    override MINUS: bool = false;
    @group(0) @binding(0) var<storage, read_write> y: array<f32>;
    var<workgroup> tile: array<f32, SIZE>;
    @compute @workgroup_size(SIZE) fn main(@builtin(local_invocation_index) i: u32) {
      tile[i] = f32(i) * SCALE;
      workgroupBarrier();
      if (i < LENGTH) { y[i] = select(tile[SIZE - 1 - i], -tile[i], MINUS); }
    }`;
  const run = async (overrides: KernelOptions["overrides"] & object) => {
    const options = { wgsl, overrides, outputs: { y: () => 4 }, threads: () => 1 };
    return (await new KernelRunner(gpu, "overridden", options).run({})).y;
  };
  assert.deepEqual(await run({ SIZE: 8 }), Float32Array.of(10.5, 9, 7.5, 6));
  assert.deepEqual(await run({ SIZE: 4, LENGTH: 2, SCALE: 2 }), Float32Array.of(6, 4, 0, 0));
  assert.deepEqual(await run({ SIZE: 4, MINUS: true }), Float32Array.of(-0, -1.5, -3, -4.5));
  const refusal = async (overrides: KernelOptions["overrides"] & object): Promise<string> => {
    const error = await run(overrides).then(() => null, (e) => e);
    assert.ok(error instanceof KernelCompileError, String(error));
    return error.message;
  };
  assert.match(
    await refusal({}),
    /kernel "overridden" .*\n.*@workgroup_size\(SIZE\): "SIZE" has no/,
  );
  assert.match(
    await refusal({ SIZE: 4, WIDTH: 1 }),
    /no override "WIDTH", only LENGTH, SIZE, SCALE/,
  );
});

gpuTest("overrides: one that only passes give is compiled at the first call", async (gpu) => {
  const runner = new KernelRunner<{ y: Uint32Array }>(gpu, "late", {
    wgsl: `
      override WG: u32;
      @group(0) @binding(0) var<storage, read_write> y: array<u32>;
      @compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) g: vec3u) {
        if (g.x < arrayLength(&y)) { y[g.x] += WG; }
      }`,
    passes: () => [{ overrides: { WG: 2 } }, { overrides: { WG: 16 } }],
  });
  await runner.prepare();
  assert.equal(gpu.programs.size, 0);
  assert.deepEqual((await runner.run({ y: new Uint32Array(3) })).y, Uint32Array.of(18, 18, 18));
});

/** What a call is refused with, the same on the device and by the twin. */
async function refusal(options: object, args: object): Promise<KernelArgumentError> {
  const declared = { cpu: () => {}, ...options } as unknown as KernelOptions;
  const error = await runTwin("k", declared, args).then(() => null, (e) => e);
  assert.ok(error instanceof KernelArgumentError, String(error));
  return error;
}

Deno.test("passes: what does not fit is refused, naming the pass and the binding", async () => {
  const x = Uint32Array.of(1, 2);
  const passes = (pass: KernelPass) => ({ ...scan, passes: () => [pass] });
  const step = { step: { shift: 1 } };
  const bind = { source: "x", sink: "y" };
  const table: [object, object, string, RegExp][] = [
    [scan, {}, "", /^k: `passes` failed with ".*length.*"; not passed: source, sink, step, x/],
    [scan, { x, tmp: x }, "tmp", /"tmp" is scratch, not an argument/],
    [passes({ bind }), { x }, "step", /"step" is Step: it is missing/],
    [passes({ uniforms: step, bind: { sink: "y" } }), { x }, "source", /"source" .* is missing/],
    [
      passes({ bind, uniforms: { step: { shift: -1 } } }),
      { x },
      "step",
      /^k pass 0 \(add\): "step\.shift" is u32: expected an integer/,
    ],
    [passes({ bind, uniforms: { ...step, p: 1 } }), { x }, "p", /no uniform binding .* only step/],
    [passes({ bind: { ...bind, q: "x" } }), { x }, "q", /bind names "q", .* only source, sink/],
    [
      passes({ uniforms: step, bind: { source: "x", sink: "z" } }),
      { x },
      "sink",
      /pass 0 \(add\): binding "sink" is array<u32>: bind names "z", which is no array of the call/,
    ],
    [
      passes({ uniforms: step, bind: { source: "y", sink: "x" } }),
      { x },
      "sink",
      /"x", which the WGSL declares as read, to be written/,
    ],
    [
      passes({ uniforms: step, bind: { source: "y", sink: "y" } }),
      { x },
      "sink",
      /"y" is at "source" too, and one of them writes/,
    ],
    [
      passes({ uniforms: step, bind, threads: 1, workgroups: 1 }),
      { x },
      "threads",
      /`threads` or `workgroups`, not both/,
    ],
    [
      passes({ uniforms: step, bind, workgroups: [1, 1.5, 1] }),
      { x },
      "workgroups",
      /workgroups must be a whole number or three of them, got \[1,1\.5,1\]/,
    ],
    [passes({ uniforms: step, bind, workgroups: 2 ** 32 }), { x }, "workgroups", /than 2\^32/],
    [{ ...scan, scratch: { x: () => 1 } }, {}, "x", /scratch names "x", which is not a read_write/],
  ];
  for (const [options, args, binding, message] of table) {
    const error = await refusal(options, args);
    assert.match(error.message, message);
    assert.equal(error.binding, binding, error.message);
  }
});

const TWO = `${scan.wgsl} @compute @workgroup_size(1) fn sub() {}`;

Deno.test("passes: wrong entry points and declarations are refused", async () => {
  const run = (options: object) => {
    const declared = { cpu: () => {}, ...options } as unknown as KernelOptions;
    return runTwin("k", declared, { x: Uint32Array.of(1) });
  };
  await assert.rejects(
    run({ ...scan, passes: () => [{ entry: "sub" }] }),
    (error) =>
      error instanceof KernelCompileError &&
      /kernel "k" .*\n.*no compute entry point "sub", only add/.test(error.message),
  );
  await assert.rejects(
    run({ ...scan, wgsl: TWO, passes: () => [{}] }),
    /several compute entry points/,
  );
  await assert.rejects(run({ ...scan, threads: () => 1 }), /`threads` belongs to each/);
});
