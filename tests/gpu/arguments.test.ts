import assert from "node:assert/strict";
import { KernelArgumentError } from "../../src/core/gpu_errors.ts";
import { ArgumentList, type ArgumentRules } from "../../gpu/argument_list.ts";
import { type CheckedArgument, workgroupsFor } from "../../gpu/arguments.ts";
import type { Threads } from "../../gpu/kernel_spec.ts";
import { type KernelInterface, reflectKernel } from "../../gpu/reflection.ts";
import { BLOCK, saxpy, sumBlocks } from "./kernels.ts";

const f32 = (length: number) => new Float32Array(length);
const p = { a: 1, n: 1 };

/** Checks all arguments of a kernel that needs all its bindings. */
function check(
  name: string,
  { bindings }: KernelInterface,
  rules: ArgumentRules,
  args: Record<string, unknown>,
): (CheckedArgument | null)[] {
  const list = new ArgumentList(name, bindings, rules);
  const checked = list.passed(args);
  list.rest(args, checked);
  return checked;
}

function refusal(
  wgsl: string,
  rules: ArgumentRules,
  args: Record<string, unknown>,
  name = "saxpy",
): [string, string] {
  const kernel = reflectKernel(wgsl);
  try {
    check(name, kernel, rules, args);
  } catch (error) {
    assert.ok(error instanceof KernelArgumentError, String(error));
    return [error.binding, error.message];
  }
  throw new assert.AssertionError({ message: "it was not refused" });
}

Deno.test("ArgumentList: says which binding, what it is and what it got", () => {
  const table: [Record<string, unknown>, string, string][] = [
    [
      { x: new Uint8Array(4), y: f32(1), p },
      "x",
      'saxpy: binding "x" is array<f32>: expected Float32Array, got Uint8Array',
    ],
    [
      { x: f32(1), y: new Float64Array(1), p },
      "y",
      'saxpy: binding "y" is array<f32>: expected Float32Array, got Float64Array',
    ],
    [
      { x: [1, 2], y: f32(1), p },
      "x",
      'saxpy: binding "x" is array<f32>: expected Float32Array, got Array',
    ],
    [
      { x: null, y: f32(1), p },
      "x",
      'saxpy: binding "x" is array<f32>: expected Float32Array, got null',
    ],
    [
      { x: f32(1), p },
      "y",
      'saxpy: binding "y" is array<f32>: it is missing, expected Float32Array',
    ],
    [
      { x: f32(1), y: f32(1) },
      "p",
      'saxpy: binding "p" is Params: it is missing, expected a value',
    ],
    [{ x: f32(1), y: f32(1), p, z: 1 }, "z", 'saxpy: there is no binding "z", only x, y, p'],
  ];
  for (const [args, binding, message] of table) {
    assert.deepEqual(refusal(saxpy.wgsl, saxpy, args), [binding, message]);
  }
});

Deno.test("ArgumentList: kinds by scalar type, whole elements, fixed sizes", () => {
  const wgsl = (type: string) =>
    `enable f16; struct Head { n: u32, items: array<vec2u> }
     struct Mixed { a: f32, b: u32 }
     @group(0) @binding(0) var<storage, read_write> v: ${type};
     @compute @workgroup_size(64) fn main() {}`;
  const accepted: [string, ArrayBufferView][] = [
    ["array<vec4f>", f32(8)],
    ["array<vec3f>", f32(8)],
    ["array<mat4x4f>", f32(32)],
    ["array<u32>", new Uint32Array(3)],
    ["array<atomic<i32>>", new Int32Array(3)],
    ["array<f16>", new Float16Array(3)],
    ["array<f32, 4>", f32(4)],
    ["Head", new Uint32Array(6)],
    ["array<Mixed>", new Uint8Array(16)],
    ["array<f32>", f32(0)],
  ];
  for (const [type, v] of accepted) {
    assert.equal(check("k", reflectKernel(wgsl(type)), {}, { v }).length, 1, type);
  }
  const refused: [string, ArrayBufferView, string][] = [
    ["array<u32>", new Int32Array(3), "expected Uint32Array, got Int32Array"],
    ["array<f16>", f32(3), "expected Float16Array, got Float32Array"],
    ["array<Mixed>", f32(4), "expected Uint8Array, got Float32Array"],
    ["array<Mixed>", new Uint8Array(9), "a multiple of 8 bytes (one element is 8 bytes), got 9"],
    ["array<f32, 4>", f32(5), "expected 16 bytes, got 20"],
    ["Head", new Uint32Array(5), "expected 8 bytes and then a multiple of 8 bytes"],
    [
      "array<vec3f>",
      f32(3),
      "expected a multiple of 16 bytes (one element is 4 numbers; " +
      "WGSL pads vec3<f32> to 4 numbers), got 12",
    ],
  ];
  for (const [type, v, text] of refused) {
    const [, message] = refusal(wgsl(type), {}, { v }, "k");
    assert.ok(message.includes(text), message);
  }
});

Deno.test("ArgumentList: outputs are sized in elements, after all arguments are known", () => {
  const kernel = reflectKernel(sumBlocks.wgsl);
  const [x, sums] = check("sum", kernel, sumBlocks, { x: f32(BLOCK + 1) });
  assert.equal(x?.from, "array");
  assert.equal(sums?.from === "output" && sums.byteLength, 8);
  assert.match(refusal(sumBlocks.wgsl, sumBlocks, {}, "sum")[1], /"x" .* it is missing/);
  const bad = { outputs: { sums: () => 1.5 } };
  assert.match(
    refusal(sumBlocks.wgsl, bad, { x: f32(1) })[1],
    /outputs\.sums must give .* got 1\.5/,
  );
  const unknown = { outputs: { total: () => 1 } };
  assert.match(refusal(sumBlocks.wgsl, unknown, { x: f32(1) })[1], /outputs names "total"/);
});

Deno.test("workgroupsFor: rounds up, refuses nonsense and what WGSL cannot count", () => {
  const groups = (threads: unknown) =>
    workgroupsFor("saxpy", [256, 1, 1], { threads: threads as Threads });
  assert.deepEqual(groups(257), [2, 1, 1]);
  assert.deepEqual(groups(0), [0, 1, 1]);
  assert.deepEqual(groups([512, 3, 2]), [2, 3, 2]);
  assert.deepEqual(groups(2 ** 32), [2 ** 24, 1, 1]);
  for (const bad of [-1, NaN, 0.5, [1, 2], undefined, "1"]) {
    assert.throws(() => groups(bad), /saxpy: threads must be a whole number or three of them, got/);
  }
  assert.throws(() => groups(2 ** 32 + 1), /4294967297 threads in x, .* no further than 2\^32/);
  assert.deepEqual(workgroupsFor("k", [8, 8, 1], { workgroups: [3, 2, 1] }), [3, 2, 1]);
});
