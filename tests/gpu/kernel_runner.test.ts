import assert from "node:assert/strict";
import { KernelArgumentError, KernelCompileError } from "../../src/core/gpu_errors.ts";
import { runTwin } from "../../gpu/cpu_twin.ts";
import { KernelRunner } from "../../gpu/kernel_runner.ts";
import { BLOCK, count, saxpy, sumBlocks } from "./kernels.ts";
import { gpuTest } from "./require_gpu.ts";

gpuTest("KernelRunner.run: saxpy equals its twin, the caller's arrays stay", async (gpu) => {
  const runner = new KernelRunner(gpu, "saxpy", saxpy);
  for (const n of [1, 255, 256, 1000]) {
    const args = { x: count(n), y: count(n).fill(0.5), p: { a: 1.5, n: n - 1 } };
    assert.deepEqual(await runner.run(args), await runTwin("saxpy", saxpy, args));
    assert.deepEqual(args.y, count(n).fill(0.5));
  }
});

gpuTest("KernelRunner.run: 1,000,003 elements, a reduction and its twin agree", async (gpu) => {
  const runner = new KernelRunner(gpu, "sum", sumBlocks);
  const x = count(1_000_003).map((v) => v % 7);
  const { sums } = await runner.run({ x });
  assert.deepEqual(sums, (await runTwin("sum", sumBlocks, { x })).sums);
  assert.equal(sums!.length, Math.ceil(x.length / BLOCK));
});

gpuTest("KernelRunner.run: outputs start as zeroes, also in reused buffers", async (gpu) => {
  const runner = new KernelRunner<{ out: Uint32Array; n: number }>(gpu, "count", {
    wgsl: `
      @group(0) @binding(0) var<storage, read_write> out: array<atomic<u32>>;
      @group(0) @binding(1) var<uniform> n: u32;
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3u) {
        if (g.x < n) { atomicAdd(&out[g.x % arrayLength(&out)], 1u); }
      }`,
    outputs: { out: () => 3 },
    threads: ({ n }) => n,
  });
  for (const n of [7, 7, 1]) {
    const { out } = await runner.run({ n });
    assert.equal((out as Uint32Array).reduce((a, b) => a + b), n);
  }
});

gpuTest("KernelRunner.run: every kind of uniform arrives where WGSL reads it", async (gpu) => {
  const runner = new KernelRunner(gpu, "uniforms", {
    wgsl: `
      struct In { v: vec3f, k: u32 }
      struct P { n: u32, in: In, m: mat3x3f, list: array<vec4f, 2>, ins: array<In, 2>, last: i32 }
      @group(0) @binding(0) var<storage, read_write> out: array<f32>;
      @group(1) @binding(0) var<uniform> p: P;
      @group(1) @binding(1) var<uniform> scale: f32;
      @group(2) @binding(5) var<uniform> shift: vec2i;
      @compute @workgroup_size(1) fn main() {
        out[0] = f32(p.n);
        out[1] = p.in.v.z;
        out[2] = f32(p.in.k);
        out[3] = p.m[1][2];
        out[4] = p.m[2][0];
        out[5] = p.list[1].w;
        out[6] = p.ins[1].v.y;
        out[7] = f32(p.ins[1].k);
        out[8] = f32(p.last);
        out[9] = scale;
        out[10] = f32(shift.y);
      }`,
    threads: () => 1,
    outputs: { out: () => 11 },
  });
  const { out } = await runner.run({
    p: {
      n: 1,
      in: { v: [0, 0, 2], k: 3 },
      m: [0, 0, 0, 0, 0, 4, 5, 0, 0],
      list: [[0, 0, 0, 0], [0, 0, 0, 6]],
      ins: [{ v: [0, 0, 0], k: 0 }, { v: [0, 7, 0], k: 8 }],
      last: -9,
    },
    scale: 10,
    shift: [0, 11],
  });
  assert.deepEqual(out, Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, -9, 10, 11));
});

gpuTest("KernelRunner.run: 2-D threads and 2-D workgroups", async (gpu) => {
  const [width, height] = [37, 19];
  const runner = new KernelRunner<{ out: Uint32Array; size: [number, number] }>(gpu, "grid", {
    wgsl: `
      @group(0) @binding(0) var<storage, read_write> out: array<u32>;
      @group(0) @binding(1) var<uniform> size: vec2u;
      @compute @workgroup_size(8, 4) fn main(@builtin(global_invocation_id) g: vec3u) {
        if (all(g.xy < size)) { out[g.y * size.x + g.x] = g.x * 1000 + g.y; }
      }`,
    threads: ({ size: [x, y] }) => [x, y, 1],
    outputs: { out: ({ size: [x, y] }) => x * y },
  });
  const { out } = await runner.run({ size: [width, height] });
  const expected = Uint32Array.from(
    { length: width * height },
    (_, i) => (i % width) * 1000 + Math.floor(i / width),
  );
  assert.deepEqual(out, expected);
});

gpuTest("KernelRunner.run: empty arrays, and an empty beside a full one", async (gpu) => {
  const runner = new KernelRunner(gpu, "saxpy", saxpy);
  const none = await runner.run({ x: count(0), y: count(0), p: { a: 1, n: 0 } });
  assert.deepEqual(none, { y: new Float32Array(0) });
  const args = { x: count(0), y: count(3), p: { a: 1, n: 3 } };
  const all = new KernelRunner(gpu, "saxpy", { ...saxpy, threads: ({ y }) => y.length });
  assert.deepEqual(await all.run(args), { y: Float32Array.of(0, 1, 2) });
  const { sums } = await new KernelRunner(gpu, "sum", sumBlocks).run({ x: count(0) });
  assert.deepEqual(sums, new Float32Array(0));
});

gpuTest("KernelRunner.run: 64 at once are right, and few submits", async (gpu) => {
  const runner = new KernelRunner(gpu, "saxpy", saxpy);
  await runner.prepare();
  const call = (i: number) =>
    runner.run({ x: count(64 + i), y: count(64 + i), p: { a: i, n: 64 + i } });
  for (let round = 0; round < 3; round++) {
    const before = gpu.lane.counts;
    const results = await Promise.all(Array.from({ length: 64 }, (_, i) => call(i)));
    results.forEach(({ y }, i) => assert.deepEqual(y, count(64 + i).map((v) => v * (i + 1))));
    if (round === 0) continue; // the first allocates
    const { submits, maps, dispatches } = gpu.lane.counts;
    assert.equal(dispatches - before.dispatches, 64);
    assert.equal(submits - before.submits, 1);
    assert.equal(maps - before.maps, 1);
  }
});

gpuTest("KernelRunner.run: takes its arguments at the call", async (gpu) => {
  const runner = new KernelRunner(gpu, "saxpy", saxpy);
  for (let round = 0; round < 2; round++) {
    const y = count(4);
    const p = { a: 0, n: 4 };
    const running = runner.run({ x: count(4), y, p });
    y.fill(-1);
    p.a = 100;
    assert.deepEqual((await running).y, count(4));
  }
});

gpuTest("KernelRunner.run: f16 of odd length, where the device has it", async (gpu) => {
  if (!gpu.description.features.includes("shader-f16")) return;
  const runner = new KernelRunner<{ h: Float16Array }>(gpu, "half", {
    wgsl: `enable f16;
      @group(0) @binding(0) var<storage, read_write> h: array<f16>;
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3u) {
        if (g.x < arrayLength(&h)) { h[g.x] *= 2.0h; }
      }`,
  });
  const { h } = await runner.run({ h: Float16Array.of(0.5, 1, 1.5) });
  assert.deepEqual(h, Float16Array.of(1, 2, 3));
});

gpuTest(
  "KernelRunner.run: structs of mixed types as bytes, under a requires directive",
  async (gpu) => {
    const runner = new KernelRunner<{ items: Uint8Array }>(gpu, "mixed", {
      wgsl: `
      requires readonly_and_readwrite_storage_textures;
      struct Item { weight: f32, id: u32 }
      @group(0) @binding(0) var<storage, read_write> items: array<Item>;
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3u) {
        if (g.x < arrayLength(&items)) { items[g.x].weight *= 2; items[g.x].id += 1; }
      }`,
    });
    const items = new DataView(new ArrayBuffer(16));
    items.setFloat32(8, 1.5, true);
    items.setUint32(12, 41, true);
    const result = await runner.run({ items: new Uint8Array(items.buffer) });
    const view = new DataView(result.items!.buffer as ArrayBuffer);
    assert.deepEqual([view.getFloat32(8, true), view.getUint32(12, true)], [3, 42]);
  },
);

gpuTest("KernelRunner.enqueue: results stay on the device, slots never change", async (gpu) => {
  const runner = new KernelRunner(gpu, "saxpy", saxpy);
  await runner.prepare();
  const p = { a: 1, n: 4 };
  const one = (await runner.enqueue({ x: count(4), y: count(4), p })).y!;
  await gpu.guard.device.queue.onSubmittedWorkDone();
  const before = gpu.lane.counts;
  const two = (await runner.enqueue({ x: one, y: one, p })).y!;
  const three = (await runner.enqueue({ x: count(4), y: two, p })).y!;
  assert.deepEqual([three.dtype, three.length, three.byteLength], ["f32", 4, 16]);
  const read = await Promise.all([runner.read(one), runner.read(two), runner.read(three)]);
  assert.deepEqual(read, [2, 4, 5].map((k) => count(4).map((v) => k * v)));
  assert.equal(gpu.lane.counts.submits - before.submits <= 2, true);
  for (const slot of [one, two, three]) runner.release(slot);
});

gpuTest(
  "GpuSlot: counts references, refuses use after release, frees under a pending read",
  async (gpu) => {
    const runner = new KernelRunner(gpu, "saxpy", saxpy);
    const { y } = await runner.enqueue({ x: count(2), y: count(2), p: { a: 1, n: 2 } });
    const slot = y!.retain();
    slot.release();
    assert.equal(slot.references, 1);
    const reading = runner.read(slot);
    slot.release();
    assert.deepEqual(await reading, Float32Array.of(0, 2));
    assert.throws(() => slot.retain(), KernelArgumentError);
    await assert.rejects(runner.read(slot), /released/);
    slot.release();
  },
);

gpuTest("GpuSlot: released while work that reads it is pending", async (gpu) => {
  const runner = new KernelRunner(gpu, "saxpy", saxpy);
  const p = { a: 1, n: 256 };
  const args = { x: count(256), y: count(256), p };
  await runner.run(args);
  const { y: first } = await runner.enqueue(args);
  const { y: second } = await runner.enqueue({ x: first!, y: count(256), p });
  first!.release();
  // Would take the buffer of `first` and overwrite it before its reader was submitted.
  const { y: third } = await runner.enqueue({ x: count(256).fill(0), y: count(256).fill(0), p });
  assert.deepEqual(await runner.read(second!), count(256).map((v) => 3 * v));
  second!.release();
  third!.release();
});

gpuTest(
  "KernelRunner: bad WGSL has the compiler's line, names the kernel, and can be asked again",
  async (gpu) => {
    const bad = `@group(0) @binding(0) var<storage, read_write> y: array<f32>;

    @compute @workgroup_size(64) fn main() {
      y[0] = missing;
    }`;
    const runner = new KernelRunner(gpu, "broken", { wgsl: bad });
    for (let i = 0; i < 2; i++) {
      const error = await runner.run({ y: count(1) }).then(() => null, (e) => e);
      assert.ok(error instanceof KernelCompileError, String(error));
      assert.equal(error.diagnostics[0]?.line, 4);
      assert.equal(error.diagnostics[0]?.column, 14);
      assert.match(error.message, /^kernel "broken" does not compile:\n {2}4:14 .*`missing`/);
      assert.match(error.message, /\| y\[0\] = missing;$/);
    }
    assert.equal(gpu.programs.size, 0);
  },
);

gpuTest("KernelRunner: other ways not to compile", async (gpu) => {
  const entry = "@compute @workgroup_size(64) fn main()";
  const table: [string, number, RegExp][] = [
    [`${entry} {\n  let a = 1\n}`, 3, /expected `;`/],
    [`${entry} {\n  let a: f32 = 1u;\n}`, 2, /./],
    ["fn f() {}", 0, /no @compute entry point/],
    [`@compute @workgroup_size(100000) fn main() {}`, 0, /workgroup size/i],
    ["@group(0) @binding(0) var t: texture_2d<f32>; " + entry + "{}", 0, /texture or sampler/],
  ];
  for (const [wgsl, line, message] of table) {
    const error = await new KernelRunner(gpu, "k", { wgsl }).prepare().then(() => null, (e) => e);
    assert.ok(error instanceof KernelCompileError, String(error));
    assert.equal(error.diagnostics[0]?.line, line, error.message);
    assert.match(error.message, message);
  }
});

gpuTest("ProgramCache: compiles a source once for all who ask", async (gpu) => {
  const runners = Array.from({ length: 4 }, () => new KernelRunner(gpu, "saxpy", saxpy));
  await Promise.all(runners.map((runner) => runner.prepare()));
  assert.equal(gpu.programs.size, 1);
  const program = await gpu.programs.get("saxpy", saxpy.wgsl);
  assert.equal(program.id, 1);
});

gpuTest("KernelRunner: refuses arguments without touching the device", async (gpu) => {
  const runner = new KernelRunner(gpu, "saxpy", saxpy);
  const p = { a: 1, n: 1 };
  const wrong = { x: new Uint8Array(4) as unknown as Float32Array, y: count(1), p };
  await assert.rejects(
    runner.run(wrong),
    new KernelArgumentError(
      'saxpy: binding "x" is array<f32>: expected Float32Array, got Uint8Array',
      "x",
    ),
  );
  const { y } = await runner.enqueue({ x: count(1), y: count(1), p });
  const ints = new KernelRunner(gpu, "ints", { wgsl: saxpy.wgsl.replaceAll("f32>", "i32>") });
  await assert.rejects(ints.run({ x: y!, y: y!, p }), /expected a slot of i32, got one of f32/);
  y!.release();
  await assert.rejects(runner.run({ x: y!, y: count(1), p }), /released/);
});

gpuTest(
  "KernelRunner: a binding past the device's limit is refused with both sizes",
  async (gpu) => {
    const { maxStorageBufferBindingSize: max, maxBufferSize } = gpu.guard.device.limits;
    if (max >= maxBufferSize || max > 2 ** 28) return;
    const runner = new KernelRunner(gpu, "big", {
      ...sumBlocks,
      outputs: { sums: () => max / 4 + 1 },
    });
    await assert.rejects(runner.run({ x: count(1) }), /"sums" is array<f32>: .* past the .* binds/);
  },
);

gpuTest("KernelRunner.run: subgroup operations, where the device has them", async (gpu) => {
  if (!gpu.description.features.includes("subgroups")) return;
  const runner = new KernelRunner<{ out: Uint32Array }>(gpu, "subgroups", {
    wgsl: `enable subgroups;
      @group(0) @binding(0) var<storage, read_write> out: array<atomic<u32>>;
      @compute @workgroup_size(64) fn main(@builtin(subgroup_invocation_id) lane: u32) {
        let sum = subgroupAdd(1u);
        if (lane == 0) { atomicAdd(&out[0], sum); }
      }`,
    threads: () => 64,
    outputs: { out: () => 1 },
  });
  assert.deepEqual((await runner.run({})).out, Uint32Array.of(64));
});
