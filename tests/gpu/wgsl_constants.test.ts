import assert from "node:assert/strict";
import { evaluateConstant } from "../../gpu/wgsl_constants.ts";

const scope = new Map([["A", "4u"], ["B", "A * 2"], ["LOOP", "LOOP + 1"], ["NONE", null]]);

Deno.test("evaluateConstant: literals, names, precedence, functions", () => {
  const table: [string, number][] = [
    ["64", 64],
    ["0x40u", 64],
    ["A", 4],
    ["B + 1", 9],
    ["2 + 3 * A", 14],
    ["(2 + 3) * A", 20],
    ["7 / 2", 3],
    ["1 << 4 | 1", 17],
    ["max(A, min(B, 6))", 6],
    ["u32(B) % 3", 2],
    ["- -3", 3],
  ];
  for (const [text, value] of table) assert.equal(evaluateConstant(text, scope), value, text);
});

Deno.test("evaluateConstant: says what it cannot compute", () => {
  assert.throws(() => evaluateConstant("C", scope), /"C" is not declared/);
  assert.throws(() => evaluateConstant("NONE", scope), /"NONE" has no default value/);
  assert.throws(() => evaluateConstant("LOOP", scope), /"LOOP" is defined by itself/);
  assert.throws(() => evaluateConstant("1 +", scope), /ends early/);
  assert.throws(() => evaluateConstant("1 2", scope), /unexpected "2"/);
  assert.throws(() => evaluateConstant("1.5", scope), /cannot read/);
  assert.throws(() => evaluateConstant("sqrt(4)", scope), /cannot compute sqrt/);
});
