/** Dispatches of more workgroups than WebGPU runs. */
import assert from "node:assert/strict";
import { KernelArgumentError } from "../../src/core/gpu_errors.ts";
import { runTwin } from "../../gpu/cpu_twin.ts";
import { KernelRunner } from "../../gpu/kernel_runner.ts";
import { splitGrid, splitSource } from "../../gpu/wgsl_split.ts";
import { gpuTest } from "./require_gpu.ts";

interface CountArgs {
  groups: Uint32Array;
  seen: Uint32Array;
}

const STYLES: readonly [style: string, parameters: string, setup: string][] = [
  [
    "parameters",
    `@builtin(global_invocation_id) g: vec3u, @builtin( workgroup_id ) @diagnostic(off, a) w: vec3<u32>,
     @builtin(local_invocation_index) l: u32, @builtin(num_workgroups) n: vec3u,`,
    "",
  ],
  [
    "a struct",
    "in: In,",
    "let g = in.id.g; let w = in.w; let l = in.l; let n = in.n;",
  ],
  [
    "both, by alias",
    "@builtin(workgroup_id) w: vec3u, r: Alias",
    "let g = whole(r).g; let l = r.l; let n = r.n;",
  ],
];

/** Each thread says that it ran, each workgroup who it is; `seen` is one element short of them. */
function source(parameters: string, setup: string): string {
  const bare = parameters.replace(/@diagnostic\([^)]*\)/, "");
  return `
    // fn main(@builtin(workgroup_id) w: vec3u) { a comment that looks like it
    struct Rest {
      @builtin(global_invocation_id) g: vec3u,
      @builtin(local_invocation_index) l: u32, /* , @builtin(workgroup_id) w: vec3u */
      @builtin(num_workgroups) n: vec3u,
    }
    struct In {
      @builtin(global_invocation_id) g: vec3u,
      @builtin(workgroup_id) w: vec3u,
      @builtin(local_invocation_index) l: u32,
      @builtin(num_workgroups) n: vec3u,
    }
    alias Alias = Rest;
    fn whole(r: Rest) -> Rest { return r; }
    @group(0) @binding(0) var<storage, read_write> groups: array<atomic<u32>>;
    @group(0) @binding(2) var<storage, read_write> seen: array<atomic<u32>>;
    @compute @workgroup_size(2) fn main(${bare}) {
      ${setup.replace("in.id.g", "in.g")}
      if (l == 0) { atomicAdd(&groups[w.x], n.x + w.y); }
      if (g.x < arrayLength(&seen)) { atomicAdd(&seen[g.x], 1u + w.x * 2u + l - g.x); }
    }`;
}

for (const [style, parameters, setup] of STYLES) {
  gpuTest(`KernelRunner: past 65,535 workgroups each thread runs once (${style})`, async (gpu) => {
    const groups = 65_535 + 5;
    const runner = new KernelRunner<CountArgs>(gpu, "count", {
      wgsl: source(parameters, setup),
      threads: ({ seen }) => seen.length + 1,
      outputs: { groups: () => groups },
    });
    const run = async (n: number) => {
      const result = await runner.run({ seen: new Uint32Array(2 * n - 1) });
      const expected = new Uint32Array(groups);
      expected.fill(n, 0, n); // each saw the count of all
      assert.deepEqual(result.groups, expected);
      assert.deepEqual(result.seen, new Uint32Array(2 * n - 1).fill(1));
    };
    await run(10);
    assert.equal(gpu.programs.size, 1);
    const before = gpu.lane.counts.dispatches;
    await run(65_535);
    assert.equal(gpu.lane.counts.dispatches - before, 1);
    assert.equal(gpu.programs.size, 1, "the other is compiled when it is needed");
    await run(groups);
    assert.equal(gpu.lane.counts.dispatches - before, 3);
    assert.equal(gpu.programs.size, 2);
  });
}

gpuTest("KernelRunner: 65,535 * 64 + 1 threads, in the default way", async (gpu) => {
  const runner = new KernelRunner<{ y: Uint32Array }>(gpu, "fill", {
    wgsl: `
      @group(0) @binding(0) var<storage, read_write> y: array<u32>;
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3u) {
        if (g.x < arrayLength(&y)) { y[g.x] = g.x; }
      }`,
    outputs: { y: () => 65_535 * 64 + 1 },
  });
  const y = (await runner.run({})).y as Uint32Array;
  assert.equal(y.findIndex((value, i) => value !== i), -1);
});

gpuTest("KernelRunner: past 65,535 workgroups in y, in a pass of its own", async (gpu) => {
  const [width, height] = [3, 65_540];
  const runner = new KernelRunner<{ y: Uint32Array }>(gpu, "rows", {
    wgsl: `
      @group(0) @binding(0) var<storage, read_write> y: array<u32>;
      @group(1) @binding(0) var<uniform> width: u32;
      @compute @workgroup_size(1) fn main(
        @builtin(workgroup_id) w: vec3u,
        @builtin(num_workgroups) n: vec3u,
      ) { y[w.y * width + w.x] += w.y * n.x + w.x + n.y; }`,
    passes: () => [{ workgroups: [width, height, 1], uniforms: { width } }],
    outputs: { y: () => width * height },
  });
  const y = (await runner.run({})).y as Uint32Array;
  assert.equal(y.findIndex((value, i) => value !== i + height), -1);
});

gpuTest("KernelRunner: barriers, overrides and workgroup memory in a split kernel", async (gpu) => {
  const groups = 65_536;
  const runner = new KernelRunner<{ sums: Uint32Array }>(gpu, "sums", {
    wgsl: `
      override WG: u32 = 64;
      var<workgroup> part: array<u32, WG>;
      @group(0) @binding(0) var<storage, read_write> sums: array<u32>;
      @compute @workgroup_size(WG) fn main(
        @builtin(global_invocation_id) id: vec3u,
        @builtin(local_invocation_id) local: vec3u,
        @builtin(workgroup_id) group: vec3u,
      ) {
        part[local.x] = id.x;
        workgroupBarrier();
        if (local.x == 0) {
          var sum = 0u;
          for (var i = 0u; i < WG; i++) { sum += part[i]; }
          sums[group.x] = sum;
        }
      }`,
    overrides: { WG: 4 },
    threads: () => groups * 4,
    outputs: { sums: () => groups },
  });
  const { sums } = await runner.run({});
  assert.deepEqual(sums, Uint32Array.from({ length: groups }, (_, i) => 16 * i + 6));
});

Deno.test("KernelPlan: what cannot be split says so, with the numbers", async () => {
  const options = {
    wgsl: `
      @group(0) @binding(0) var<storage, read_write> y: array<u32>;
      @compute @workgroup_size(1) fn main(@builtin(workgroup_index) w: u32) { y[w] = 1; }`,
    threads: () => 100_000,
    cpu: () => {},
  };
  await assert.rejects(
    runTwin("k", options, { y: new Uint32Array(1) }),
    new KernelArgumentError(
      "k: 100000 x 1 x 1 workgroups, WebGPU runs at most 65535 in one dimension, and the entry " +
        "point has parameters with which it cannot be split",
      "threads",
    ),
  );
});

Deno.test("splitSource: keeps the lines, takes a free place, refuses builtins that it does not know", () => {
  const wgsl = `@group(0) @binding(0) var<storage, read_write> chunk_: array<u32>;
    @group(1) @binding(1) var<storage, read_write> part_x: array<u32>;
    @compute @workgroup_size(1) fn other(@builtin(workgroup_id) w: vec3u) {}
    @compute @workgroup_size(1) fn main(@builtin(workgroup_id) w: vec3u) { chunk_[w.x] = 1; }`;
  const split = splitSource(wgsl, "main", [{ group: 0, binding: 0 }, { group: 1, binding: 1 }])!;
  assert.equal(split.chunk, "chunk__");
  const lines = split.wgsl.split("\n");
  assert.deepEqual(lines.slice(0, 3), wgsl.split("\n").slice(0, 3));
  assert.equal(
    lines[3]!.trim(),
    "@compute @workgroup_size(1) fn main(@builtin(workgroup_id) part__w: vec3u) " +
      "{ var w = part__w; w += chunk__[0].xyz; chunk_[w.x] = 1; }",
  );
  assert.equal(lines[4], "@group(0) @binding(1) var<uniform> chunk__: array<vec4<u32>, 3>;");
  const refused = ["@builtin(workgroup_index) w: u32", "in: Missing", "in: vec3u"];
  for (const parameter of refused) {
    const other = `@compute @workgroup_size(1) fn main(${parameter}) {}`;
    assert.equal(splitSource(other, "main", []), null, parameter);
  }
});

Deno.test("splitGrid: covers the whole once, in order, within the limit", () => {
  const chunks = splitGrid([200_000, 2, 70_000], [64, 1, 2]);
  assert.equal(chunks.length, 8);
  let sum = 0;
  for (const { workgroups, uniform } of chunks) {
    assert(workgroups.every((n) => n > 0 && n <= 65_535));
    sum += workgroups.reduce((a, b) => a * b);
    const [x, y, z, , tx, ty, tz, , ...whole] = new Uint32Array(uniform.buffer);
    assert.deepEqual([tx, ty, tz], [64 * x!, y, 2 * z!]);
    assert.deepEqual(whole, [200_000, 2, 70_000, 0]);
  }
  assert.equal(sum, 200_000 * 2 * 70_000);
});
