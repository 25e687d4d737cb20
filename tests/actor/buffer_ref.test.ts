import assert from "node:assert/strict";
import {
  type BufferName,
  BufferRef,
  bufferRefExtension,
  formatBuffer,
} from "../../src/actor/buffer_ref.ts";
import { Codec } from "../../src/core/codec.ts";
import { HERE, THERE, ways } from "../core/codec_helpers.ts";

class Freed {
  readonly names: BufferName[] = [];
  free({ owner, id }: BufferName): void {
    this.names.push({ owner, id });
  }
}

Deno.test("BufferRef: travels as plain data, and is freed where it has come to", () => {
  const host = new Freed();
  const codec = new Codec([bufferRefExtension(() => host)]);
  for (const byteLength of [0, 2 ** 33, Infinity]) {
    for (const way of ways(codec)) {
      const ref = new BufferRef({ owner: HERE, id: 2 ** 53 - 1, byteLength }, host);
      const [{ got, again }] = way.send([{ got: ref, again: [ref] }]) as [
        { got: BufferRef; again: BufferRef[] },
      ];
      assert.ok(got instanceof BufferRef, way.name);
      assert.equal(again[0], got);
      assert.deepEqual({ ...got }, { owner: HERE, id: 2 ** 53 - 1, byteLength });
      assert.ok(got.isIn(HERE) && !got.isIn(THERE));
      got[Symbol.dispose]();
      assert.deepEqual(host.names.splice(0), [{ owner: HERE, id: 2 ** 53 - 1 }]);
    }
  }
});

Deno.test("BufferRef: has one form on the wire, and no other is taken", () => {
  const extension = bufferRefExtension(() => new Freed());
  const ref = new BufferRef({ owner: { host: 7, pool: 2 }, id: 9, byteLength: 8 }, new Freed());
  assert.deepEqual(extension.toWire(ref), [7, 2, 9, 8]);
  assert.deepEqual({ ...extension.fromWire([7, 2, 9, 8]) }, { ...ref });
  assert.equal(extension.fromWire([7, 2, 9, null]).byteLength, Infinity);
  const wrong: unknown[] = [
    null,
    [7, 2, 9],
    [7, 2, 9, 8, 0],
    ["7", 2, 9, 8],
    [7, 2.5, 9, 8],
    [7, 2, 2 ** 53, 8],
    [7, 2, 9, -1],
    [7, 2, 9, 0.5],
    [7, 2, 9, NaN],
    [7, 2, 9, "8"],
    [7, 2, 9, undefined],
  ];
  for (const data of wrong) {
    assert.throws(() => extension.fromWire(data), { name: "TypeError", message: /^a BufferRef/ });
  }
});

Deno.test("formatBuffer: says which buffer where", () => {
  const text = formatBuffer({ owner: { host: 0xabc, pool: 2 }, id: 255 });
  assert.equal(text, "buffer ff in pool 2 of host 000000000abc");
});
