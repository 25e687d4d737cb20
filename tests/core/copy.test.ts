import assert from "node:assert/strict";
import { Codec } from "../../src/core/codec.ts";
import { copyValue } from "../../src/core/copy.ts";
import { share, transfer } from "../../src/core/transfer.ts";
import type { CodecExtension } from "../../src/core/values.ts";

Deno.test("copyValue: primitives are themselves", () => {
  for (const value of [undefined, null, 1, -0, "\ud800", 5n, true]) {
    assert.ok(Object.is(copyValue(value, [], "result"), value));
  }
});

Deno.test("copyValue: a list of primitives is another list", () => {
  const args = [1, undefined, "a", 2n];
  const copy = copyValue(args, [], "args");
  assert.deepEqual(copy, args);
  assert.notEqual(copy, args);
  assert.deepEqual(copyValue([1, , 2], [], "args"), [1, , 2]);
});

Deno.test("copyValue: keeps undefined and -0 in plain trees", () => {
  const value = { a: undefined, b: [-0, undefined], c: 1n };
  assert.deepEqual(copyValue(value, [], "result"), value);
});

Deno.test("copyValue: a moved buffer is the same memory", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const [copy] = copyValue([transfer(bytes)], [], "args") as [Uint8Array];
  assert.deepEqual(copy, new Uint8Array([1, 2, 3]));
  assert.ok(bytes.buffer.detached);
});

Deno.test("copyValue: what is shared may be anything", () => {
  const fn = () => 1;
  const [copy] = copyValue([share({ fn })], [], "args");
  assert.equal((copy as { fn: unknown }).fn, fn);
  assert.equal(copyValue(share(fn), [], "result"), fn);
});

Deno.test("copyValue: the value of an extension is passed as it is", () => {
  class Ref {}
  const extension: CodecExtension<Ref> = {
    tag: "ref",
    match: (value): value is Ref => value instanceof Ref,
    toWire: () => assert.fail("not for a copy"),
    fromWire: () => assert.fail("not for a copy"),
  };
  const ref = new Ref();
  const copy = new Codec([extension]).copy([ref, { ref }], "args") as [Ref, { ref: Ref }];
  assert.ok(copy[0] === ref && copy[1].ref === ref);
});

Deno.test("copyValue: the root's name is in the path", () => {
  assert.throws(() => copyValue([isNaN], [], "result"), { path: "result[0]" });
  assert.throws(() => copyValue(isNaN, [], "result"), { path: "result" });
});

Deno.test("copyValue: a getter that sends something itself does not disturb", () => {
  const codec = new Codec();
  const value = {
    get a() {
      return codec.copy({ b: [1, new Map()] }, "args");
    },
  };
  assert.deepEqual(codec.copy([value], "args"), [{ a: { b: [1, new Map()] } }]);
});
