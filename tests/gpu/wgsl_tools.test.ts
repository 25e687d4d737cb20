/** `deno task wgsl:types` and `deno task wgsl:check`, and layouts for structs. */
import assert from "node:assert/strict";
import { bindingLayout, kernel } from "@dramatis/dramatis/gpu";
import { KernelArgumentError, KernelCompileError } from "../../src/core/gpu_errors.ts";
import { argumentTypes, sameTypes } from "../../gpu/argument_types.ts";
import { reflectModule } from "../../gpu/reflection.ts";
import { checkWgsl } from "../../gpu/wgsl_check.ts";
import { Child } from "../fixtures/child.ts";
import type { InstancesArgs, InstancesOut } from "./fixtures/instances_args.ts";
import { gpuTest } from "./require_gpu.ts";
import instancesSource from "./shaders/instances.wgsl" with { type: "text" };
import matmulSource from "./shaders/matmul.wgsl" with { type: "text" };
import scanSource from "./shaders/scan.wgsl" with { type: "text" };
import { vertices } from "./shaders/shaders.ts";

Deno.test("argumentTypes: bindings, uniforms, vectors, matrices, arrays, structs in structs", async () => {
  const golden = await Deno.readTextFile(new URL("./fixtures/instances_args.ts", import.meta.url));
  assert.equal(argumentTypes("instances", reflectModule(instancesSource)), golden);
  // Type test: what it writes is what a kernel takes.
  kernel<InstancesArgs, InstancesOut>(import.meta, "typed", {
    wgsl: instancesSource,
    threads: ({ vertices, scene }) => Math.max(vertices.length / 48, scene.count),
    cpu: ({ scene }) => void scene.lights[0]!.direction[2],
  });
  assert(sameTypes(golden, golden.replace(/\{\n/g, "{").replace(": number;", ":\n    | number;")));
  assert(!sameTypes(golden, golden.replace("Uint8Array", "Float32Array")));
  const matmul = argumentTypes("tiled-matmul", reflectModule(matmulSource));
  assert.match(
    matmul,
    /export interface TiledMatmulArgs \{\n {2}\/\*\* array<f32> \*\/\n {2}a: Float32Array;/,
  );
  assert.match(matmul, /export type TiledMatmulOut = "c";/);
});

Deno.test("bindingLayout: packs and unpacks structs, padding and run-time tails", async () => {
  const list = [
    { at: [1, 2, 3], id: 4, normal: [5, 6, 7], weights: [8, 9, 10], flags: [-1, -2] },
    { at: [0, 0, 0.5], id: 2 ** 32 - 1, normal: [0, 0, 0], weights: [0, 0, 0], flags: [0, 7] },
  ];
  const packed = vertices.pack(list);
  assert.ok(packed instanceof Uint8Array);
  assert.equal(packed.length, 2 * 48);
  assert.deepEqual(vertices.unpack(packed), list);
  assert.deepEqual(vertices.unpack(vertices.pack([])), []);
  const tail = await bindingLayout<{ n: number; m: number[][]; items: number[][] }>(
    `struct Head { n: u32, m: array<vec2u, 2>, items: array<vec3<u32>> }
     @group(0) @binding(0) var<storage, read_write> head: Head;
     @compute @workgroup_size(1) fn main() {}`,
    "head",
  );
  const value = { n: 3, m: [[1, 2], [3, 4]], items: [[5, 6, 7], [8, 9, 10]] };
  const words = tail.pack(value);
  assert.deepEqual(
    words,
    Uint32Array.of(3, 0, 1, 2, 3, 4, 0, 0, 5, 6, 7, 0, 8, 9, 10, 0),
  );
  assert.deepEqual(tail.unpack(words), value);
});

Deno.test("bindingLayout: says what does not fit", async () => {
  await assert.rejects(
    () => bindingLayout(instancesSource, "scene"),
    new KernelArgumentError('the WGSL has no storage binding "scene", only vertices', "scene"),
  );
  await assert.rejects(() => bindingLayout("struct {", "x"), KernelCompileError);
  assert.throws(
    () => vertices.pack([{ at: [0, 0], id: 0, normal: [0, 0, 0], weights: [], flags: [0, 0] }]),
    /"vertices\[0\]\.at" is vec3<f32>: expected 3 values, got 2/,
  );
  assert.throws(() => vertices.pack(7 as never), /"vertices": expected a list, got number/);
  assert.throws(
    () => vertices.unpack(new Float32Array(16)),
    /expected Uint8Array, got Float32Array/,
  );
  assert.throws(() => vertices.unpack(new Uint8Array(49)), /a multiple of 48 bytes/);
});

const texts = (findings: readonly { level: string; text: string }[], level: string) =>
  findings.filter((one) => one.level === level).map(({ text }) => text);

gpuTest("checkWgsl: compiles each entry point and says what it binds", async (gpu) => {
  const findings = await checkWgsl({ name: "scan", wgsl: scanSource, overrides: {}, gpu });
  assert.deepEqual(texts(findings, "error"), []);
  assert.deepEqual(texts(findings, "warning"), []);
  const { name } = gpu.description;
  assert.deepEqual(texts(findings, "info").slice(0, 4), [
    `blocks: compiles on ${name}, workgroups of 128 x 1 x 1`,
    "  0.0 data: storage-read-write array<u32>",
    "  0.1 sums: storage-read-write array<u32>",
    "blocks: no races inside a workgroup",
  ]);
});

gpuTest("checkWgsl: what does not compile has its line, and the kernel's name", async (gpu) => {
  const wgsl = scanSource.replace("let left = temp", "let left = tempo");
  const findings = await checkWgsl({ name: "scan", wgsl, overrides: {}, gpu });
  const line = 1 + wgsl.split("\n").findIndex((text) => text.includes("tempo"));
  assert.equal(findings.length, 1);
  assert.equal(findings[0]!.level, "error");
  assert.match(findings[0]!.text, new RegExp(`kernel "scan" .*\\n +${line}:\\d+ .*tempo`));
});

Deno.test("checkWgsl: finds a missing barrier, with both lines", async () => {
  const wgsl = matmulSource.replace("workgroupBarrier();", "");
  const findings = await checkWgsl({ name: "matmul", wgsl, overrides: {}, gpu: null });
  const races = texts(findings, "error");
  const write = 1 +
    wgsl.split("\n").findIndex((text) => text.includes("tileA[local.y][local.x] ="));
  assert.ok(
    races.some((text) => text.includes(`"tileA"`) && text.includes(`in line ${write}`)),
    String(races),
  );
  const good = await checkWgsl({ name: "matmul", wgsl: matmulSource, overrides: {}, gpu: null });
  assert.deepEqual(texts(good, "error"), []);
  assert.ok(texts(good, "info").includes("multiply: no races inside a workgroup"));
  assert.match(texts(good, "warning")[0]!, /^not compiled: this machine has no WebGPU adapter/);
});

Deno.test("checkWgsl: a kernel of long loops is checked with short ones, and it is said", async () => {
  const wgsl = `
    var<workgroup> part: array<u32, 64>;
    struct P { begin: u32, end: u32 }
    @group(0) @binding(0) var<storage, read_write> y: array<u32>;
    @group(0) @binding(1) var<uniform> p: P;
    @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) {
      for (var a = 0u; a < p.end; a++) {
        for (var b = p.begin; b < p.end; b++) {
          part[i] = a;
          y[i] = part[63 - i];
        }
      }
    }`;
  const check = (raceSteps: number) =>
    checkWgsl({ name: "k", wgsl, overrides: {}, gpu: null, raceSteps });
  const findings = await check(10_000);
  const [race] = texts(findings, "error");
  assert.match(race!, /^main: race on "part": write in line 9, read in line 10, with no barrier/);
  assert.equal(
    texts(findings, "warning").at(-1),
    "main: checked for races with integers of 4 in uniforms, not of 64: it takes more than 10000 statements",
  );
  const nothing = await check(10);
  assert.deepEqual(texts(nothing, "error"), []);
  assert.equal(
    texts(nothing, "warning").at(-1),
    "main: not checked for races: it takes more than 10 statements",
  );
});

Deno.test("checkWgsl: unused bindings, wrong overrides, what the interpreter does not know", async () => {
  const wgsl = `
    override N: u32 = 1;
    @group(0) @binding(0) var<storage, read_write> y: array<u32>;
    @group(0) @binding(1) var<storage, read> spare: array<u32>;
    @compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) {
      if (N > 0 && i < min(N, 4u)) { y[i] = countOneBits(i); }
    }`;
  const check = (overrides: Record<string, number>) =>
    checkWgsl({ name: "k", wgsl, overrides, gpu: null });
  const warnings = texts(await check({}), "warning");
  assert.ok(warnings.includes('binding "spare" is used by no entry point, unless passes bind it'));
  assert.match(texts(await check({ M: 1 }), "error")[0]!, /no override "M", only N/);
  assert.match(texts(await check({ N: NaN }), "error")[0]!, /"N": expected a finite number/);
});

Deno.test("wgsl:types and wgsl:check: exit codes, and what they print", async () => {
  const run = async (tool: string, ...args: string[]) => {
    const script = new URL(`../../src/cli/${tool}.ts`, import.meta.url);
    await using child = new Child(script, args);
    return await child.ended();
  };
  const shader = (name: string) => new URL(`./shaders/${name}.wgsl`, import.meta.url).pathname;
  const types = await run("wgsl_types", shader("matmul"));
  assert.deepEqual([types.code, types.stderr], [0, ""]);
  assert.match(types.stdout, /^\/\*\* The arguments of matmul\. \*\/\nexport interface MatmulArgs/);
  const fixture = (name: string) => new URL(`./fixtures/${name}`, import.meta.url).pathname;
  const same = [shader("instances"), "--check", fixture("instances_args.ts")];
  assert.deepEqual((await run("wgsl_types", ...same)).code, 0);
  const stale = await run("wgsl_types", shader("matmul"), "--check", fixture("instances_args.ts"));
  assert.equal(stale.code, 1);
  assert.match(stale.stderr, /instances_args\.ts has not the types of .*matmul\.wgsl: deno task/);
  const none = await run("wgsl_types", shader("matmul"), "--check", fixture("none.ts"));
  assert.equal(none.code, 2);
  assert.match(none.stderr, /none\.ts: /);
  const check = await run("wgsl_check", shader("nbody"), "GRAVITY=1.5", "WORKGROUP=8");
  assert.equal(check.code, 0, check.stdout);
  assert.match(check.stdout, /^step: .*workgroups of 8 x 1 x 1$/m);
  assert.equal((await run("wgsl_check", shader("nbody"), "WORKGROUP=-1")).code, 1);
  assert.equal((await run("wgsl_check", shader("missing"))).code, 2);
  assert.match((await run("wgsl_types")).stderr, /^Usage: deno task wgsl:types FILE\.wgsl/);
});
