/** Methods that only read run beside each other, and beside nothing else. */
import assert from "node:assert/strict";
import { type ActorRef, ActorStoppedError, DeadlockError } from "@dramatis/dramatis";
import { Counter } from "../fixtures/actors.ts";
import { Auditor, Doors, Ledger } from "../fixtures/stateless_actors.ts";
import { type Stage, testEverywhere } from "./placements.ts";

/** A call that is not answered in this time is a deadlock. */
const SOON = { timeoutMs: 60_000 };

async function open(stage: Stage): Promise<[ActorRef<Ledger>, ActorRef<Doors>]> {
  return [await stage.create(Ledger, []), await stage.host.createActor(Doors, [])];
}

/** Resolves when every message that was sent before has come to the mailbox. */
async function arrived(stage: Stage): Promise<void> {
  const probe = await stage.create(Counter, []);
  await probe.get();
}

testEverywhere("readOnly: messages run beside each other, not beside others", async (stage) => {
  const [ledger, doors] = await open(stage);
  const calls = [0, 1].map((id) => ledger.read(id, doors));
  calls.push(ledger.write(2, doors), ledger.read(3, doors), ledger.read(4, doors));
  calls.push(ledger.write(5, doors), ledger.version());
  await doors.entered(2);
  await arrived(stage);
  assert.deepEqual(await doors.report(), { inside: 2, most: 2, order: [0, 1] });
  await doors.open(0);
  await calls[0];
  await arrived(stage);
  assert.deepEqual((await doors.report()).order, [0, 1], "the other one reads still");
  await doors.open(1);
  await doors.entered.with(SOON)(3);
  await arrived(stage);
  // Those that came after the writer wait behind it.
  assert.deepEqual(await doors.report(), { inside: 1, most: 2, order: [0, 1, 2] });
  await doors.open(2);
  await doors.entered.with(SOON)(5);
  await arrived(stage);
  assert.deepEqual(await doors.report(), { inside: 2, most: 2, order: [0, 1, 2, 3, 4] });
  await doors.openAll();
  assert.deepEqual(await Promise.all(calls), [0, 0, 1, 1, 1, 2, 2]);
});

testEverywhere("readOnly: one that comes later joins those that read", async (stage) => {
  const [ledger, doors] = await open(stage);
  const first = ledger.read(0, doors);
  await doors.entered(1);
  assert.equal(await ledger.version.with(SOON)(), 0);
  const second = ledger.read(1, doors);
  await doors.entered.with(SOON)(2);
  await doors.open(0);
  await first;
  const third = ledger.read(2, doors);
  await doors.entered.with(SOON)(3);
  await doors.openAll();
  await Promise.all([second, third]);
  assert.equal(await ledger.add.with(SOON)(), 1);
});

testEverywhere("readOnly: unlocked lets a writer in", async (stage) => {
  const [ledger, doors] = await open(stage);
  const calls = [ledger.readUnlocked(0, doors), ledger.readUnlocked(1, doors)];
  await doors.entered(2);
  assert.equal(await ledger.add.with(SOON)(), 1);
  await doors.openAll();
  assert.deepEqual(await Promise.all(calls), [1, 1]);
  assert.equal(await ledger.add.with(SOON)(), 2);
});

testEverywhere(
  "readOnly: a call that comes back to read does not wait behind a writer",
  async (stage) => {
    const [ledger, doors] = await open(stage);
    const auditor = await stage.host.createActor(Auditor, []);
    const asking = ledger.ask.with(SOON)(0, doors, auditor);
    await doors.entered(1);
    const writing = ledger.add();
    await arrived(stage);
    await doors.openAll();
    assert.equal(await asking, 0);
    assert.equal(await writing, 1);
  },
);

testEverywhere("readOnly: a call that comes back to write is a deadlock", async (stage) => {
  const [ledger] = await open(stage);
  const auditor = await stage.host.createActor(Auditor, []);
  await assert.rejects(ledger.change.with(SOON)(auditor), DeadlockError);
  assert.equal(await ledger.add.with(SOON)(), 1);
});

testEverywhere("readOnly: destroyActor waits for all, killActor for none", async (stage) => {
  const [ledger, doors] = await open(stage);
  const calls = [0, 1].map((id) => ledger.read(id, doors));
  await doors.entered(2);
  const destroyed = stage.host.destroyActor(ledger);
  await assert.rejects(ledger.version(), ActorStoppedError);
  await doors.open(0);
  await calls[0];
  assert.equal((await doors.report()).inside, 1);
  await doors.open(1);
  await Promise.all([...calls, destroyed]);

  const other = await stage.create(Ledger, []);
  const killed = Promise.allSettled([2, 3].map((id) => other.read(id, doors)));
  await doors.entered(4);
  await stage.host.killActor(other);
  for (const one of await killed) assert.equal(one.status, "rejected");
  await doors.openAll();
});
