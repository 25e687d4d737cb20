import assert from "node:assert/strict";
import { KernelArgumentError } from "../../src/core/gpu_errors.ts";
import { packUniform, uniformPacker } from "../../gpu/layout.ts";
import { reflectKernel } from "../../gpu/reflection.ts";
import type { WgslType } from "../../gpu/wgsl_types.ts";

function typeOf(declarations: string, type: string): WgslType {
  const wgsl = `${declarations}
    @group(0) @binding(0) var<uniform> p: ${type};
    @compute @workgroup_size(1) fn main() { let q = p; }`;
  return reflectKernel(wgsl).bindings[0]!.type;
}

function offsets(type: WgslType): Record<string, number> {
  assert.equal(type.kind, "struct");
  if (type.kind !== "struct") return {};
  return Object.fromEntries([...type.fields.map((f) => [f.name, f.offset]), ["", type.size]]);
}

function pack(type: WgslType, value: unknown): DataView {
  const packed = packUniform("k", "p", type, value);
  const again = new Uint8Array(type.size + 16);
  uniformPacker("k", "p", type)(new DataView(again.buffer), 16, value);
  assert.deepEqual(again.slice(16), packed);
  return new DataView(packed.buffer);
}

function refusal(type: WgslType, value: unknown): string {
  const view = new DataView(new ArrayBuffer(type.size));
  const problems = [
    () => packUniform("k", "p", type, value),
    () => uniformPacker("k", "p", type)(view, 0, value),
  ].map((pack) => {
    try {
      pack();
    } catch (error) {
      assert.ok(error instanceof KernelArgumentError);
      assert.equal(error.binding, "p");
      return error.message;
    }
    return "";
  });
  assert.equal(problems[0], problems[1]);
  return problems[0]!;
}

Deno.test("layoutOf: the offsets of the WGSL specification's example", () => {
  // https://www.w3.org/TR/WGSL/#structure-member-layout: structs A and B of its figure.
  const declarations = `
    struct A { u: f32, v: f32, w: vec2<f32>, x: f32 }
    struct B { a: vec2<f32>, b: vec3<f32>, c: f32, d: f32, e: A, f: vec3<f32>,
      g: array<A, 3>, h: i32 }`;
  assert.deepEqual(offsets(typeOf(declarations, "A")), { u: 0, v: 4, w: 8, x: 16, "": 24 });
  assert.deepEqual(
    offsets(typeOf(declarations, "B")),
    { a: 0, b: 16, c: 28, d: 32, e: 40, f: 64, g: 80, h: 152, "": 160 },
  );
});

Deno.test("layoutOf: @align and @size, matrices, f16, short and long names", () => {
  assert.deepEqual(
    offsets(typeOf("struct S { @size(16) a: f32, @align(32) b: u32, c: vec3i, d: f32 }", "S")),
    { a: 0, b: 32, c: 48, d: 60, "": 64 },
  );
  assert.deepEqual(
    offsets(typeOf("struct S { a: f32, b: mat3x3f, c: mat2x2<f32>, d: mat4x2f, e: f32 }", "S")),
    { a: 0, b: 16, c: 64, d: 80, e: 112, "": 128 },
  );
  assert.deepEqual(
    offsets(typeOf("enable f16; struct S { a: f16, b: vec3h, c: f16, d: mat2x3<f16> }", "S")),
    { a: 0, b: 8, c: 14, d: 16, "": 32 },
  );
});

Deno.test("packUniform: scalars, vectors, padding and nested structs land on their offsets", () => {
  const type = typeOf(
    "struct In { k: vec2i, w: f32 } struct S { n: u32, at: vec3f, t: f32, in: array<In, 2> }",
    "S",
  );
  const view = pack(type, {
    n: 7,
    at: [1, 2, 3],
    t: 4,
    in: [{ k: [-1, -2], w: 5 }, { k: Int32Array.of(-3, -4), w: 6 }],
  });
  assert.equal(view.byteLength, 64);
  assert.equal(view.getUint32(0, true), 7);
  assert.deepEqual([16, 20, 24, 28].map((at) => view.getFloat32(at, true)), [1, 2, 3, 4]);
  assert.deepEqual([32, 36, 48, 52].map((at) => view.getInt32(at, true)), [-1, -2, -3, -4]);
  assert.deepEqual([40, 56].map((at) => view.getFloat32(at, true)), [5, 6]);
  assert.deepEqual([4, 8, 12, 44, 60].map((at) => view.getUint32(at, true)), [0, 0, 0, 0, 0]);
});

Deno.test("packUniform: matrices column by column, flat and nested", () => {
  const type = typeOf("struct S { m: mat2x3f }", "S");
  const columns = [[1, 2, 3], [4, 5, 6]];
  for (const m of [columns, columns.flat(), Float32Array.from(columns.flat())]) {
    const view = pack(type, { m });
    assert.deepEqual([0, 4, 8, 16, 20, 24].map((at) => view.getFloat32(at, true)), columns.flat());
    assert.equal(view.getUint32(12, true), 0);
  }
});

Deno.test("packUniform: arrays of vectors, nested or as one flat typed array", () => {
  const type = typeOf("struct S { c: array<vec4f, 2> }", "S");
  const expected = [1, 2, 3, 4, 5, 6, 7, 8];
  for (const c of [[[1, 2, 3, 4], [5, 6, 7, 8]], Float32Array.from(expected)]) {
    const view = pack(type, { c });
    assert.deepEqual(expected.map((_, i) => view.getFloat32(4 * i, true)), expected);
  }
});

Deno.test("packUniform: a bare scalar, and f16", () => {
  assert.equal(pack(typeOf("", "f32"), 1.5).getFloat32(0, true), 1.5);
  assert.equal(pack(typeOf("", "i32"), -2).getInt32(0, true), -2);
  assert.equal(pack(typeOf("enable f16;", "f16"), 0.5).getFloat16(0, true), 0.5);
});

Deno.test("packUniform: names the field that is missing, unknown or wrong", () => {
  const type = typeOf("struct In { b: vec3f } struct P { n: u32, in: In, m: mat2x2f }", "P");
  const good = { n: 1, in: { b: [1, 2, 3] }, m: [1, 2, 3, 4] };
  assert.equal(refusal(type, good), "");
  assert.equal(refusal(type, { n: 1 }), 'k: "p" is P: field "in" (In) is missing');
  assert.equal(refusal(type, { ...good, N: 1 }), 'k: "p" is P: it has no field "N", only n, in, m');
  assert.equal(
    refusal(type, { ...good, n: "1" }),
    'k: "p.n" is u32: expected a number, got string',
  );
  assert.equal(
    refusal(type, { ...good, n: -1 }),
    'k: "p.n" is u32: expected an integer from 0 to 4294967295, got -1',
  );
  assert.match(refusal(type, { ...good, n: 1.5 }), /expected an integer .* got 1\.5/);
  assert.equal(
    refusal(type, { ...good, in: { b: [1, 2] } }),
    'k: "p.in.b" is vec3<f32>: expected 3 values, got 2',
  );
  assert.equal(
    refusal(type, { ...good, in: { b: [1, 2, null] } }),
    'k: "p.in.b[2]" is f32: expected a number, got null',
  );
  assert.match(
    refusal(type, { ...good, m: [[1, 2], [3]] }),
    /"p\.m\[1\]".* expected 2 values, got 1/,
  );
  assert.match(refusal(type, 3), /"p" is P: expected an object with its fields, got 3/);
  assert.match(refusal(typeOf("", "vec2f"), 3), /"p" is vec2<f32>: expected a list of 2, got 3/);
});
