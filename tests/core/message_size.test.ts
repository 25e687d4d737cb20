import assert from "node:assert/strict";
import { sizeOfArgs, sizeOfFrame } from "../../src/core/message_size.ts";

Deno.test("sizeOfArgs: the lists, strings and buffers of two levels", () => {
  const sizes: [unknown[], number][] = [
    [[], 0],
    [[1, null, true, undefined], 32],
    [["abcd"], 12],
    [[new Uint8Array(100).subarray(10)], 98],
    [[new ArrayBuffer(5), new DataView(new ArrayBuffer(6))], 27],
    [[["ab", 1, [1, 2]]], 8 + 24 + 2 + 16],
    [[{ a: "abc", b: new Uint8Array(10), c: { d: "long" } }], 8 + 64 + 24 + 3 + 10 + 64],
    [[new Map([["a", "b"]]), new Error("no")], 144],
    [[new SharedArrayBuffer(99), new Uint8Array(new SharedArrayBuffer(99))], 16],
    [[{
      get trap(): never {
        throw new Error("not asked");
      },
    }], 72],
  ];
  for (const [args, bytes] of sizes) assert.equal(sizeOfArgs(args, false), bytes);
  assert.equal(sizeOfArgs([[["ab"]], [[new Uint8Array(3)]]], true), 16 + 16 + 16 + 5);
});

Deno.test("sizeOfFrame: body and segments, but not what is shared", () => {
  const segments = [new ArrayBuffer(7), new SharedArrayBuffer(100)];
  assert.equal(sizeOfFrame(new Uint8Array(5), segments), 12);
});
