import assert from "node:assert/strict";
import { NotSerializableError } from "../../src/core/message_errors.ts";
import { share, transfer } from "../../src/core/transfer.ts";
import { PlainCheck } from "../../src/core/values.ts";
import { ways } from "./codec_helpers.ts";
import { checkRow, REFUSED, VALUES } from "./value_table.ts";

for (const way of ways()) {
  Deno.test(`values: every row of the table travels (${way.name})`, () => {
    for (const row of VALUES) {
      if (row.sameHost === true && !way.sameHost) continue;
      try {
        checkRow(row, way.send([row.make()])[0]);
      } catch (cause) {
        throw new Error(`${row.name} (${way.name}): ${(cause as Error).message}`, { cause });
      }
    }
  });

  Deno.test(`values: every refused row names its place (${way.name})`, () => {
    for (const row of REFUSED) {
      assert.throws(() => way.send([row.make()]), (error: unknown) => {
        assert.ok(error instanceof NotSerializableError, `${row.name}: ${error}`);
        assert.equal(error.path, row.path, row.name);
        assert.match(error.message, row.found, row.name);
        assert.ok(error.message.includes(row.path), row.name);
        return true;
      }, row.name);
    }
  });

  Deno.test(`values: nothing arrives by reference (${way.name})`, () => {
    const sent = [{ a: [1] }, new Map([[1, {}]])];
    const arrived = way.send(sent);
    assert.deepEqual(arrived, sent);
    assert.notEqual(arrived, sent);
    for (const i of [0, 1]) assert.notEqual(arrived[i], sent[i]);
  });

  Deno.test(`transfer: detaches what was marked and nothing else (${way.name})`, () => {
    for (const size of [10, 100_000]) {
      const [moved, kept] = [new Uint8Array(size).fill(3), new Uint8Array(size).fill(4)];
      const [arrived] = way.send([{ moved: transfer(moved), kept, again: moved }]) as [
        Record<string, Uint8Array>,
      ];
      assert.ok(moved.buffer.detached && !kept.buffer.detached);
      assert.deepEqual(arrived.moved, new Uint8Array(size).fill(3));
      assert.deepEqual(arrived.kept, new Uint8Array(size).fill(4));
      assert.equal(arrived.again, arrived.moved);
    }
  });

  Deno.test(`transfer: a failure detaches nothing (${way.name})`, () => {
    const moved = new Uint8Array(100_000);
    assert.throws(() => way.send([transfer(moved), isNaN]), NotSerializableError);
    assert.ok(!moved.buffer.detached);
  });

  Deno.test(`transfer: the memory of a WebAssembly module is copied (${way.name})`, () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const [arrived] = way.send([transfer(memory.buffer)]) as [ArrayBuffer];
    assert.equal(arrived.byteLength, 65_536);
    assert.equal(memory.buffer.byteLength, 65_536);
  });

  Deno.test(`share: by reference in the same pool, else a copy (${way.name})`, () => {
    const value = { n: 1 };
    const [arrived] = way.send([{ value: share(value), two: share([value]) }]) as [
      { value: object; two: object[] },
    ];
    assert.deepEqual(arrived, { value: { n: 1 }, two: [{ n: 1 }] });
    assert.equal(arrived.value === value, way.name === "copy");
  });

  Deno.test(`values: a SharedArrayBuffer stays shared on one host (${way.name})`, () => {
    const view = new Int32Array(new SharedArrayBuffer(4));
    if (!way.sameHost) {
      assert.throws(() => way.send([[view]]), { name: "NotSerializableError", path: "args[0][0]" });
      return;
    }
    const [[arrived]] = way.send([[view]]) as [[Int32Array]];
    arrived[0] = 5;
    assert.equal(view[0], 5);
  });
}

Deno.test("transfer: refuses what has no ArrayBuffer, and says what it was", () => {
  assert.throws(() => transfer("text"), { name: "TypeError", message: /a string/ });
  assert.throws(() => transfer({}), { name: "TypeError", message: /Object/ });
  assert.throws(() => transfer(null), { name: "TypeError", message: /null/ });
  assert.throws(() => transfer(new SharedArrayBuffer(1)), { message: /SharedArrayBuffer/ });
  const view = new Uint8Array(new SharedArrayBuffer(1));
  assert.throws(() => transfer(view), { message: /Uint8Array on a SharedArrayBuffer/ });
});

Deno.test("PlainCheck: tells plain trees from the rest", () => {
  const check = new PlainCheck(false);
  const one = {};
  for (const value of [null, 1, "a", [], {}, [[], {}], { a: [{ b: 1 }] }]) {
    assert.ok(check.isPlain(value), JSON.stringify(value));
  }
  const many = Array.from({ length: 40 }, () => ({}));
  assert.ok(check.isPlain(many));
  for (const value of [undefined, -0, 1n, [,], [one, one], [...many, many[3]], new Date(), isNaN]) {
    assert.ok(!check.isPlain(value));
  }
  assert.ok(check.isPlain([one, many]), "objects of earlier values are forgotten");
});
