/** What hosts keep of each other's actors with names, and what waits for those that are nowhere. */
import assert from "node:assert/strict";
import type { Codec } from "../../src/core/codec.ts";
import { HeldMessages } from "../../src/host/recovery/held_messages.ts";
import { type KeptWill, Wills } from "../../src/host/recovery/wills.ts";
import { poolCodec } from "../../src/pool/pool_codec.ts";
import { ArgsKeeper } from "../../src/state/kept_args.ts";
import { ManualClock } from "../../src/testing/manual_clock.ts";

const args = new ArgsKeeper(poolCodec(() => undefined as never) as Codec).keep([]);
const type = { module: "m", export: "E", name: "E", version: "" };

const will = (name: string, uid: string, holder: number): KeptWill => {
  return { name, uid, type, home: "cpu", args, options: {}, holder };
};

Deno.test("Wills: where one actor has gone is forgotten with it, not where another of the same uid has", () => {
  const wills = new Wills();
  wills.set(will("one", "a", 1));
  wills.set(will("two", "a", 2));
  // Both hosts are lost, and others have made the actors again.
  wills.set(will("one", "a", 3));
  wills.set(will("two", "a", 4));
  wills.delete("one");
  assert.equal(wills.movedTo({ host: 1, uid: "a" }), undefined);
  assert.deepEqual(wills.movedTo({ host: 2, uid: "a" }), { host: 4, pool: 0 });
});

Deno.test("Wills: where an actor has gone is forgotten when its name is another's", () => {
  const wills = new Wills();
  wills.set(will("one", "a", 1));
  wills.set(will("one", "a", 2));
  assert.deepEqual(wills.movedTo({ host: 1, uid: "a" }), { host: 2, pool: 0 });
  wills.set(will("one", "b", 2));
  assert.equal(wills.movedTo({ host: 1, uid: "a" }), undefined);
  assert.equal(wills.concerns(1), false);
});

Deno.test("HeldMessages: each is late by itself, in order, unless it is taken back", async () => {
  const clock = new ManualClock();
  const late: string[] = [];
  const held = new HeldMessages<string>({ clock, waitMs: 10, onLate: (one) => late.push(one) });
  held.add("a", 1);
  held.add("b", 1);
  await clock.advance(5);
  held.add("c", 1);
  held.remove("b");
  held.remove("b");
  await clock.advance(5);
  assert.deepEqual(late, ["a"]);
  assert.equal(held.size, 1);
  await clock.advance(5);
  assert.deepEqual(late, ["a", "c"]);
  held.add("d", 1);
  assert.deepEqual(held.takeAll(), ["d"]);
  await clock.advance(20);
  assert.deepEqual(late, ["a", "c"]);
});
