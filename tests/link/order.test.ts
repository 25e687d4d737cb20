import assert from "node:assert/strict";
import { Codec } from "../../src/core/codec.ts";
import type { Frame } from "../../src/core/protocol.ts";
import { EVERYTHING, orderOf } from "../../src/link/order.ts";
import { raw, tell } from "../contract/link_helpers.ts";

const codec = new Codec();

for (const uid of ["", "a", "u".repeat(31), "u".repeat(200), "Zähler", "Z".repeat(300) + "ä"]) {
  Deno.test(`orderOf: a frame from another link is like one of our own, uid ${uid.slice(0, 9)} of ${uid.length}`, () => {
    const type = { module: "file:///a.ts", export: "A", name: "A", version: "" };
    const options = { mailbox: { messages: 1, bytes: 1, overflow: "reject" } } as const;
    const base = { ...tell(1, "x"), uid };
    const frames: Frame[] = [
      base,
      { ...base, kind: "call" },
      { ...base, kind: "cancel", reason: "no" },
      { ...base, kind: "destroy", kill: false },
      { ...base, kind: "create", generation: 1, type, options },
    ];
    const orders = frames.flatMap((frame) => [orderOf(frame), orderOf(raw(codec, frame))]);
    assert.equal(new Set(orders).size, 1);
    assert.notEqual(orders[0], orderOf({ ...base, uid: `${uid}2` }));
    assert.notEqual(orders[0], orderOf({ ...base, from: { host: 1, pool: 1 } }));
    assert.notEqual(orders[0], orderOf({ ...base, to: { host: 2, pool: 4 } }));
  });
}

Deno.test("orderOf: what belongs to one call is one, answers of two calls are two", () => {
  const { from, to } = tell(1);
  const reply = { kind: "reply", id: 1, from, to, value: 1 } as const;
  assert.equal(orderOf(reply), orderOf({ ...reply, kind: "failure", error: null }));
  assert.equal(orderOf(reply), orderOf(raw(codec, reply)));
  assert.notEqual(orderOf(reply), orderOf({ ...reply, id: 2 }));
});

Deno.test("orderOf: a ping waits for nothing, a goodbye for everything", () => {
  const { from, to } = tell(1);
  assert.equal(orderOf({ kind: "ping", id: 1, from, to }), undefined);
  const goodbye = {
    kind: "goodbye",
    code: "ended",
    id: 1,
    from,
    to,
    reason: "",
    error: null,
  } as const;
  assert.equal(orderOf(goodbye), EVERYTHING);
});
