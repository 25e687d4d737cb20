/** What goes wrong with a kernel is one clear message: which kernel, which binding or line, what to do. */
import assert from "node:assert/strict";
import { KernelArgumentError, KernelCompileError } from "../../src/core/gpu_errors.ts";
import { runTwin } from "../../gpu/cpu_twin.ts";
import { KernelRunner } from "../../gpu/kernel_runner.ts";
import type { KernelOptions } from "../../gpu/kernel_spec.ts";
import { gpuTest } from "./require_gpu.ts";

const WGSL = `struct Item { at: vec3f, id: u32 }
struct Params { scale: f32, offset: vec2u }
@group(0) @binding(0) var<storage, read> x: array<vec3f>;
@group(1) @binding(3) var<storage, read_write> items: array<Item>;
@group(3) @binding(0) var<uniform> p: Params;
@compute @workgroup_size(4) fn main(@builtin(global_invocation_id) g: vec3u) {
  if (g.x < arrayLength(&items)) { items[g.x].at = x[g.x] * p.scale; }
}`;

const options = { wgsl: WGSL, cpu: () => {} } as unknown as KernelOptions;
const x = new Float32Array(4);
const items = new Uint8Array(16);
const p = { scale: 1, offset: [0, 0] };

const CALLS: readonly [what: string, args: object, binding: string, message: string][] = [
  [
    "a misnamed binding",
    { x, item: items, p },
    "item",
    'k: there is no binding "item", only x, items, p',
  ],
  [
    "a missing array",
    { x, p },
    "items",
    'k: binding "items" is array<Item>: it is missing, expected Uint8Array',
  ],
  [
    "a missing uniform",
    { x, items },
    "p",
    'k: binding "p" is Params: it is missing, expected a value',
  ],
  [
    "an array of the wrong type",
    { x: new Float64Array(4), items, p },
    "x",
    'k: binding "x" is array<vec3<f32>>: expected Float32Array, got Float64Array',
  ],
  [
    "an array of the wrong length",
    { x: new Float32Array(3), items, p },
    "x",
    'k: binding "x" is array<vec3<f32>>: expected a multiple of 16 bytes ' +
    "(one element is 4 numbers; WGSL pads vec3<f32> to 4 numbers), got 12",
  ],
  [
    "half a struct",
    { x, items: new Uint8Array(24), p },
    "items",
    'k: binding "items" is array<Item>: expected a multiple of 16 bytes ' +
    "(one element is 16 bytes), got 24",
  ],
  [
    "a field that is missing",
    { x, items, p: { scale: 1 } },
    "p",
    'k: "p" is Params: field "offset" (vec2<u32>) is missing',
  ],
  [
    "a number that does not fit",
    { x, items, p: { scale: 1, offset: [0, 1.5] } },
    "p",
    'k: "p.offset[1]" is u32: expected an integer from 0 to 4294967295, got 1.5',
  ],
];

for (const [what, args, binding, message] of CALLS) {
  Deno.test(`kernel errors: ${what}, by the twin`, async () => {
    await assert.rejects(runTwin("k", options, args), new KernelArgumentError(message, binding));
  });
  gpuTest(`kernel errors: ${what}, on the device`, async (gpu) => {
    const running = new KernelRunner(gpu, "k", options).run(args);
    await assert.rejects(running, new KernelArgumentError(message, binding));
  });
}

const SOURCES: readonly [what: string, wgsl: string, line: number, message: RegExp][] = [
  ["an unknown name", WGSL.replace("* p.scale", "* q.scale"), 7, /7:61 .*`q`.*\n.*items\[g\.x\]/],
  ["a missing semicolon", WGSL.replace("array<Item>;", "array<Item>"), 5, /5:1 /],
  [
    "a wrong type",
    WGSL.replace("x[g.x] * p.scale", "p.offset"),
    7,
    /7:\d+ .*vec2<u32>.*\n.*items\[g/,
  ],
  ["a reserved word", WGSL.replace("fn main", "fn typedef"), 6, /6:\d+ .*`typedef`/],
  [
    "a place that is taken twice",
    WGSL.replace("@group(1) @binding(3)", "@group(0) @binding(0)"),
    4,
    /4:\d+ .*conflict.*\n.*\(0\) .* items: array<Item>/,
  ],
  [
    "a group past 3",
    WGSL.replace("@group(3)", "@group(4)"),
    0,
    /"p" is in group 4; groups are 0 to 3/,
  ],
  [
    "workgroups of nothing",
    WGSL.replace("size(4)", "size(N)") + "override N = 0;",
    0,
    /"main" are 0 x 1/,
  ],
  ["workgroups past the device", WGSL.replace("size(4)", "size(65536)"), 0, /\S/],
];

for (const [what, wgsl, line, message] of SOURCES) {
  gpuTest(`kernel errors: ${what} in the WGSL`, async (gpu) => {
    const error = await new KernelRunner(gpu, "k", { wgsl }).prepare().then(() => null, (e) => e);
    assert.ok(error instanceof KernelCompileError, String(error));
    assert.match(error.message, /^kernel "k" does not compile:\n {2}/);
    assert.match(error.message, message);
    if (line > 0) assert.equal(error.diagnostics[0]?.line, line, error.message);
  });
}

gpuTest("kernel errors: an override that does not fit leaves the device as it was", async (gpu) => {
  const wgsl = `override N: u32 = 1;
    @group(0) @binding(0) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(4) fn main() { y[0] = N; }`;
  const run = (N: number) =>
    new KernelRunner<{ y: Uint32Array }>(gpu, "k", { wgsl, overrides: { N } })
      .run({ y: new Uint32Array(1) });
  await assert.rejects(run(-1), /entry point "main": .*overrides: \{"N":-1\}/);
  await assert.rejects(run(NaN), /override "N": expected a finite number or a boolean, got NaN/);
  assert.deepEqual((await run(7)).y, Uint32Array.of(7));
});

gpuTest("kernel errors: uniforms of too many passes for one call", async (gpu) => {
  const runner = new KernelRunner<{ y: Uint32Array; count: number }>(gpu, "k", {
    wgsl: `
      @group(0) @binding(0) var<storage, read_write> y: array<u32>;
      @group(0) @binding(1) var<uniform> count: u32;
      @group(0) @binding(2) var<uniform> by: array<vec4u, 256>;
      @compute @workgroup_size(1) fn main() { y[0] += by[255].w; }`,
    passes: ({ count }) =>
      Array.from({ length: count }, () => ({ uniforms: { by: new Uint32Array(1024).fill(2) } })),
  });
  const y = new Uint32Array(1);
  assert.deepEqual((await runner.run({ y, count: 300 })).y, Uint32Array.of(600));
  await assert.rejects(
    runner.run({ y, count: 600 }),
    /k: the uniforms of 600 dispatches take 2\.3 MiB, and one call may have 2\.0 MiB/,
  );
  await gpu.lane.idle();
  assert.equal(gpu.buffers.liveBytes, 0);
});
