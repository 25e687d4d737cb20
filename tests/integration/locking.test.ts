/** Acceptance scenarios 4 and 5: who waits for whom. */
import assert from "node:assert/strict";
import type { ActorRef } from "@dramatis/dramatis";
import {
  Busy,
  Counter,
  Crowd,
  Echo,
  Friend,
  Gate,
  Guest,
  Permits,
  Recorder,
} from "../fixtures/actors.ts";
import { type Stage, testEverywhere } from "./placements.ts";

/** A call that is not answered in this time is a deadlock. */
const SOON = { timeoutMs: 60_000 };

const NUMBERS = Array.from({ length: 20 }, (_, i) => i);

testEverywhere("a stateful actor runs one message at a time, first in first out", async (stage) => {
  const busy = await stage.create(Busy, []);
  await Promise.all(NUMBERS.map((id) => busy.work(id)));
  assert.deepEqual(await busy.report(), { most: 1, order: NUMBERS });
});

testEverywhere("a stateless actor runs all its messages at once", async (stage) => {
  const crowd = await stage.create(Crowd, []);
  const met = await Promise.all(NUMBERS.map(() => crowd.meet.with(SOON)(NUMBERS.length)));
  assert.deepEqual(met, NUMBERS.map(() => NUMBERS.length));
});

testEverywhere("calls and tells of one sender arrive in the order of sending", async (stage) => {
  const recorder = await stage.create(Recorder, []);
  const large = "x".repeat(100_000);
  const calls: Promise<void>[] = [];
  for (const id of NUMBERS) {
    const entry = id % 3 === 0 ? [id, large] : [id];
    if (id % 2 === 0) recorder.log.tell(entry);
    else calls.push(recorder.log(entry));
  }
  await Promise.all(calls);
  const entries = await recorder.entries() as [number, string?][];
  assert.deepEqual(entries.map(([id]) => id), NUMBERS);
});

testEverywhere("two reentrant methods of a stateful actor interleave", async (stage) => {
  const friend = await stage.create(Friend, ["Ann"]);
  await Promise.all([friend.say.with(SOON)(1, 2), friend.say.with(SOON)(3, 4)]);
  assert.deepEqual(await friend.said(), [1, 3, 2, 4]);
});

testEverywhere("a reentrant method is answered while another holds the lock", async (stage) => {
  const gate = await stage.create(Gate, []);
  const passing = gate.pass(1);
  await gate.entered.with(SOON)();
  assert.deepEqual(await gate.passed.with(SOON)(), []);
  await gate.open();
  assert.equal(await passing, 1);
});

async function twoFriends(stage: Stage): Promise<[ActorRef<Friend>, ActorRef<Friend>]> {
  return [await stage.create(Friend, ["Ann"]), await stage.host.createActor(Friend, ["Bob"])];
}

testEverywhere("A -> B -> A comes back by a reentrant method", async (stage) => {
  const [ann, bob] = await twoFriends(stage);
  assert.equal(await ann.visit.with(SOON)(bob), "A");
  assert.equal(await bob.visit.with(SOON)(ann), "B");
});

testEverywhere("A -> B -> A comes back when A waits unlocked", async (stage) => {
  const [ann, bob] = await twoFriends(stage);
  assert.equal(await ann.visitUnlocked.with(SOON)(bob), "Ann");
  assert.equal(await bob.visitUnlocked.with(SOON)(ann), "Bob");
});

testEverywhere("unlocked: others run meanwhile, and the wait's value comes back", async (stage) => {
  const permits = await stage.create(Permits, [4]);
  const guest = await stage.host.createActor(Guest, []);
  const stays = await Promise.all([1, 2, 3, 4].map(() => guest.stay.with(SOON)(permits)));
  assert.deepEqual(stays, [1, 2, 3, 4]);
  const { most, steps } = await guest.report();
  assert.equal(most, 2, "two permits, so two inside");
  assert.deepEqual(steps.slice(0, 4), ["start", "start", "start", "start"]);
});

testEverywhere("unlocked: several waits at once keep their positions", async (stage) => {
  const echo = await stage.create(Echo, []);
  const guest = await stage.create(Guest, []);
  assert.deepEqual(await guest.gather.with(SOON)(echo), ["first", 7, "third"]);
  assert.deepEqual(await guest.report(), { most: 0, steps: [] }, "the lock is free again");
});

testEverywhere("unlocked: a wait that nobody awaits takes no lock with it", async (stage) => {
  const gate = await stage.create(Gate, []);
  const guest = await stage.create(Guest, []);
  await guest.giveUpWaiting.with(SOON)(gate);
  await gate.entered();
  await gate.open();
  assert.deepEqual(await gate.pass(2), 2);
  assert.deepEqual(await guest.report.with(SOON)(), { most: 0, steps: [] });
});

testEverywhere("a stateful actor is not held up by another one", async (stage) => {
  const gate = await stage.create(Gate, []);
  const counter = await stage.create(Counter, [1]);
  const passing = gate.pass(1);
  await gate.entered();
  assert.equal(await counter.add.with(SOON)(1), 2);
  gate.open.tell();
  assert.equal(await passing, 1);
});
