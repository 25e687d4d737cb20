import assert from "node:assert/strict";
import { KernelCompileError } from "../../src/core/gpu_errors.ts";
import { type KernelInterface, reflectKernel } from "../../gpu/reflection.ts";
import { typeName } from "../../gpu/wgsl_types.ts";
import { saxpy } from "./kernels.ts";

const Y = "@group(0) @binding(0) var<storage, read_write> y: array<f32>;";

function rows({ bindings }: KernelInterface): string[] {
  return bindings.map((b) =>
    `${b.name} ${b.group}.${b.binding} ${b.role} ${typeName(b.type)} ` +
    `${b.dtype} ${b.stride}/${b.headerBytes}/${b.fixedBytes}`
  );
}

function refusal(wgsl: string, entry?: string): KernelCompileError {
  try {
    reflectKernel(wgsl, entry);
  } catch (error) {
    assert.ok(error instanceof KernelCompileError);
    return error;
  }
  throw new assert.AssertionError({ message: "it was not refused" });
}

Deno.test("reflectKernel: saxpy", () => {
  const kernel = reflectKernel(saxpy.wgsl);
  assert.equal(kernel.entry, "main");
  assert.deepEqual(kernel.workgroupSize, [256, 1, 1]);
  assert.deepEqual(rows(kernel), [
    "x 0.0 storage-read array<f32> f32 4/0/null",
    "y 0.1 storage-read-write array<f32> f32 4/0/null",
    "p 0.2 uniform Params bytes 8/0/8",
  ]);
});

Deno.test("reflectKernel: groups 0 to 3, padding, atomics, fixed and run-time sizes", () => {
  const kernel = reflectKernel(`
    alias V = vec3<f32>;
    const N = 0x10;
    struct Counter { hits: atomic<u32>, cells: array<atomic<u32>> }
    struct Particle { at: vec3f, mass: f32, at2: V }
    struct Mixed { at: vec3f, id: u32 }
    @group(3) @binding(1) var<storage, read_write> counter: Counter;
    @group(1) @binding(4) var<storage, read_write> cells: array<atomic<i32>, N * 2>;
    @group(0) @binding(2) var<storage> points: array<V>;
    @group(0) @binding(1) var<storage, read> matrices: array<mat3x3<f32>>;
    @group(2) @binding(0) var<storage, read> particles: array<Particle>;
    @group(2) @binding(1) var<storage, read> mixed: array<Mixed>;
    @group(3) @binding(0) var<uniform> scale: vec4<f32>;
    @compute @workgroup_size(8, 4) fn main() { atomicAdd(&counter.hits, 1u); }`);
  assert.deepEqual(kernel.workgroupSize, [8, 4, 1]);
  assert.deepEqual(rows(kernel), [
    "matrices 0.1 storage-read array<mat3x3<f32>> f32 48/0/null",
    "points 0.2 storage-read array<vec3<f32>> f32 16/0/null",
    "cells 1.4 storage-read-write array<i32, 32> i32 128/0/128",
    "particles 2.0 storage-read array<Particle> f32 32/0/null",
    "mixed 2.1 storage-read array<Mixed> bytes 16/0/null",
    "scale 3.0 uniform vec4<f32> f32 16/0/16",
    "counter 3.1 storage-read-write Counter u32 4/4/null",
  ]);
});

Deno.test("reflectKernel: f16, directives and nested comments", () => {
  const kernel = reflectKernel(`
    // requires nothing; enable nothing;
    /* outer /* inner */ still a comment @compute */
    requires readonly_and_readwrite_storage_textures;
    enable f16, subgroups;
    diagnostic(off, derivative_uniformity);
    @group(0) @binding(0) var<storage, read_write> h: array<f16>;
    @group(0) @binding(1) var<storage, read> v: array<vec3h>;
    @compute @workgroup_size(1) fn main() { h[0] = v[0].x; }`);
  assert.deepEqual(kernel.enables, ["f16", "subgroups"]);
  assert.deepEqual(rows(kernel), [
    "h 0.0 storage-read-write array<f16> f16 2/0/null",
    "v 0.1 storage-read array<vec3<f16>> f16 8/0/null",
  ]);
});

Deno.test("reflectKernel: workgroup sizes by expression, hexadecimal, override, trailing comma", () => {
  const sizes: [string, number[]][] = [
    ["const T = 8; @compute @workgroup_size(T * 2)", [16, 1, 1]],
    ["override W: u32 = 32; @compute @workgroup_size(W, 2,)", [32, 2, 1]],
    ["const T = 8; override W = T * 4; @workgroup_size(W / 2, max(T, 3)) @compute", [16, 8, 1]],
    ["@compute @workgroup_size(0x40u)", [64, 1, 1]],
    ["@compute @workgroup_size(\n  4, // x\n  2,\n  3)", [4, 2, 3]],
  ];
  for (const [head, expected] of sizes) {
    assert.deepEqual(reflectKernel(`${Y} ${head} fn main() { y[0] = 1; }`).workgroupSize, expected);
  }
});

Deno.test("reflectKernel: several entries bind what each uses, through functions too", () => {
  const wgsl = `${Y}
    @group(0) @binding(1) var<storage, read> x: array<f32>;
    @group(0) @binding(2) var<uniform> n: u32;
    fn scaled(i: u32) -> f32 { return x[i] * f32(n); }
    @compute @workgroup_size(64) fn fill() { y[0] = 1; }
    @compute @workgroup_size(32) fn scale() { y[0] = scaled(0); }`;
  assert.deepEqual(reflectKernel(wgsl, "fill").bindings.map((b) => b.name), ["y"]);
  const scale = reflectKernel(wgsl, "scale");
  assert.deepEqual(scale.bindings.map((b) => b.name), ["y", "x", "n"]);
  assert.deepEqual(scale.entries, ["fill", "scale"]);
  assert.match(refusal(wgsl).message, /several compute entry points \(fill, scale\)/);
  assert.match(refusal(wgsl, "main").message, /no compute entry point "main", only fill, scale/);
});

Deno.test("reflectKernel: refuses what it cannot run, with the line", () => {
  assert.match(refusal("").message, /no @compute entry point/);
  assert.match(refusal("fn f() {}").message, /no @compute entry point/);
  const broken = refusal(`\n${Y.slice(0, -1)}\n@compute @workgroup_size(1) fn main() {}`);
  assert.match(broken.message, /does not parse in line 3/);
  assert.equal(broken.diagnostics[0]?.line, 3);
  assert.match(
    refusal(`${Y} @compute @workgroup_size(1) fn main() { if (1 > 0) {`).message,
    /parse/,
  );
  const missing = refusal(`${Y}\noverride W: u32;\n@compute @workgroup_size(W) fn main() {}`);
  assert.match(missing.message, /@workgroup_size\(W\): "W" has no default value/);
  assert.equal(missing.diagnostics[0]?.line, 3);
  const texture = refusal(
    "@group(0) @binding(0) var t: texture_2d<f32>; @compute @workgroup_size(1) fn main() {}",
  );
  assert.match(texture.message, /"t" is a texture or sampler/);
  const unbound = refusal("var<storage> y: array<f32>; @compute @workgroup_size(1) fn main() {}");
  assert.match(unbound.message, /"y" needs both @group and @binding/);
  const far = refusal(
    `${Y.replace("group(0)", "group(4)")} @compute @workgroup_size(1) fn main() {}`,
  );
  assert.match(far.message, /group 4; groups are 0 to 3/);
});
