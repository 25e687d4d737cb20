/** What a cell promises: bounds, ends, and what becomes of the messages that wait. */
import assert from "node:assert/strict";
import {
  ActorExistsError,
  ActorNotFoundError,
  ActorStartError,
  ActorStoppedError,
  MailboxFullError,
  type MailboxOptions,
  type PoolDescription,
  startHost,
} from "@dramatis/dramatis";
import { Counter, Gate, Hooked, Manager, Recorder, SlowToMake } from "../fixtures/actors.ts";
import { testEverywhere } from "../integration/placements.ts";

testEverywhere("mailbox: past its limit a message is refused, the others run", async (stage) => {
  const gate = await stage.create(Gate, [], { mailbox: { messages: 3 } });
  const running = gate.pass(0);
  await gate.entered();
  const waiting = [1, 2, 3].map((id) => gate.pass(id));
  await assert.rejects(gate.pass(4), (error) => {
    assert(error instanceof MailboxFullError);
    assert.equal(error.limit, 3);
    assert.match(error.message, /3 messages wait/);
    return true;
  });
  await gate.open();
  assert.deepEqual(await Promise.all([running, ...waiting]), [0, 1, 2, 3]);
  assert.equal(await gate.pass(5), 5, "there is room again");
});

testEverywhere("mailbox: a tell that finds it full is a dead letter", async (stage) => {
  const gate = await stage.create(Gate, [], { mailbox: { messages: 1 }, uid: "full" });
  const running = gate.pass(0);
  await gate.entered();
  const waiting = gate.pass(1);
  gate.pass.tell(2);
  const { to, method, reason } = await stage.letter();
  assert.equal(to.uid, "full");
  assert.equal(method, "pass");
  assert(reason instanceof MailboxFullError);
  await gate.open();
  assert.deepEqual(await Promise.all([running, waiting]), [0, 1]);
});

testEverywhere("destroyActor: the running message ends, queued ones come back", async (stage) => {
  const other = await stage.host.createActor(Gate, []);
  const gate = await stage.create(Gate, [], { uid: "gate" });
  const running = gate.follow(other, 0);
  await gate.entered();
  const queued = Promise.allSettled([gate.pass(1), gate.pass(2)]);
  await gate.passed();
  const destroyed = stage.host.destroyActor(gate);
  for (const one of await queued) {
    assert.equal(one.status, "rejected");
    assert(one.reason instanceof ActorStoppedError, String(one.reason));
    assert.match(one.reason.message, /Gate gate in pool \d+ of host [0-9a-f]{12} is stopped/);
  }
  await assert.rejects(gate.pass(3), ActorStoppedError);
  await assert.rejects(gate.passed(), ActorStoppedError);
  await other.open();
  assert.equal(await running, 0);
  await destroyed;
  await assert.rejects(gate.pass(4), ActorNotFoundError);
});

testEverywhere("destroyActor: two at once wait for the same end", async (stage) => {
  const recorder = await stage.create(Recorder, []);
  const hooked = await stage.create(Hooked, [recorder]);
  const ended = await Promise.allSettled([
    stage.host.destroyActor(hooked),
    stage.host.destroyActor(hooked),
  ]);
  assert.equal(ended[0]!.status, "fulfilled");
  assert.deepEqual(await recorder.entries(), ["create", "destroy"]);
});

testEverywhere("killActor: ends a stateful actor in the midst of a message", async (stage) => {
  const gate = await stage.create(Gate, [], { uid: "gate" });
  const calls = Promise.allSettled([gate.linger(), gate.pass(1), gate.aborted()]);
  await gate.entered();
  await stage.host.killActor(gate);
  for (const one of await calls) {
    assert.equal(one.status, "rejected");
    assert(one.reason instanceof ActorStoppedError, String(one.reason));
    assert.match(one.reason.message, /was killed/);
  }
  assert.equal(await stage.host.hasActor(gate), false);
  await assert.rejects(gate.pass(2), ActorNotFoundError);
  const again = await stage.create(Gate, [], { uid: "gate" });
  assert.deepEqual(await gate.passed(), []);
  assert.deepEqual(await again.passed(), []);
});

testEverywhere("killActor: preDestroy does not run", async (stage) => {
  const recorder = await stage.create(Recorder, []);
  const hooked = await stage.create(Hooked, [recorder]);
  await stage.host.killActor(hooked);
  assert.deepEqual(await recorder.entries(), ["create"]);
});

testEverywhere("killActor: also ends the wait of who destroys it", async (stage) => {
  const gate = await stage.create(Gate, []);
  const running = gate.linger().catch((error) => error);
  await gate.entered();
  const destroyed = stage.host.destroyActor(gate);
  // With options, since a plain call to a free actor of the same pool begins at once.
  await assert.rejects(gate.passed.with({})(), ActorStoppedError);
  await stage.host.killActor(gate);
  await destroyed;
  assert(await running instanceof ActorStoppedError);
});

testEverywhere("killActor: also ends the wait for a preDestroy that hangs", async (stage) => {
  const gate = await stage.create(Gate, [true]);
  const destroyed = stage.host.destroyActor(gate);
  // With options, since a plain call to a free actor of the same pool begins at once.
  await assert.rejects(gate.passed.with({})(), ActorStoppedError);
  await stage.host.killActor(gate);
  await destroyed;
  assert.equal(await stage.host.hasActor(gate), false);
});

testEverywhere("killActor: also ends an actor whose postCreate hangs", async (stage) => {
  const { owner } = stage;
  const watcher = await stage.host.createActor(Recorder, []);
  const started = stage.create(Hooked, [watcher, "never"], { uid: "late" });
  const creation = started.catch((error) => error);
  while ((await watcher.entries()).length === 0);
  await assert.rejects(owner.destroyActor("late"), ActorNotFoundError);
  await assert.rejects(stage.create(Counter, [], { uid: "late" }), ActorExistsError);
  await owner.killActor("late");
  const error = await creation;
  assert(error instanceof ActorStartError, String(error));
  assert.match(error.message, /was killed while it started/);
  const counter = await stage.create(Counter, [1], { uid: "late" });
  assert.equal(await counter.get(), 1);
});

testEverywhere("killActor: also ends an actor whose start is under way", async (stage) => {
  const { owner, pool } = stage;
  const isPlace = (one: PoolDescription) => one.host === pool.host && one.pool === pool.pool;
  const actors = () => owner.pools().find(isPlace)!.actors;
  const gate = await owner.createActor(Gate, []);
  const before = actors();
  const slow = stage.create(SlowToMake, [gate], { uid: "late" }).catch((error) => error);
  while (actors() === before) {
    await new Promise((go) => setTimeout(go, 0));
  }
  await owner.killActor("late");
  const error = await slow;
  assert(error instanceof ActorStartError || error instanceof ActorStoppedError, String(error));
  assert.equal(await owner.hasActor("late"), false);
  const counter = await stage.create(Counter, [1], { uid: "late" });
  await gate.open();
  assert.equal(await counter.get(), 1);
});

testEverywhere("an actor may kill itself", async (stage) => {
  const manager = await stage.create(Manager, []);
  await assert.rejects(manager.killSelf(), ActorStoppedError);
  assert.equal(await stage.host.hasActor(manager), false);
});

testEverywhere("tell: what fails is a dead letter, with target and reason", async (stage) => {
  const counter = await stage.create(Counter, [], { uid: "counter" });
  counter.fail.tell("told");
  const failed = await stage.letter();
  assert.equal(failed.to.uid, "counter");
  assert.equal(failed.to.pool, stage.pool.pool);
  assert.equal(failed.to.host, stage.pool.host);
  assert.equal(failed.method, "fail");
  assert(failed.reason instanceof RangeError);
  assert.equal(failed.reason.message, "told");
  assert.equal(failed.from.host, stage.host.id);

  await stage.host.destroyActor(counter);
  counter.add.tell(1);
  const unfound = await stage.letter();
  assert.equal(unfound.to.uid, "counter");
  assert.equal(unfound.method, "add");
  assert(unfound.reason instanceof ActorNotFoundError);
});

testEverywhere("tell: from inside an actor too; the sender goes on", async (stage) => {
  const counter = await stage.create(Counter, [], { uid: "counter" });
  const manager = await stage.host.createActor(Manager, []);
  await manager.tellFail(counter, "told");
  const { reason } = await stage.letter();
  assert.equal(reason.message, "told");
  await assert.rejects(manager.callFail(counter, "called"), /called/);
  assert.equal(await counter.get(), 0);
});

Deno.test("createActor: options are checked, and say what they got", async () => {
  await using host = await startHost({ pools: [] });
  for (const bound of ["messages", "bytes"] as const) {
    for (const value of [0, -1, 1.5, NaN, Infinity]) {
      await assert.rejects(host.createActor(Counter, [], { mailbox: { [bound]: value } }), {
        name: "RangeError",
        message: new RegExp(`mailbox.${bound} is a whole number .* got ${value}$`),
      });
    }
  }
  const mailboxes: [unknown, string, RegExp][] = [
    [{ overflow: "wait" }, "RangeError", /overflow is one of reject, dropOldest, .* got "wait"$/],
    [{ messages: "9" }, "RangeError", /mailbox.messages is a whole number .* got "9"$/],
    [{ limit: 9 }, "TypeError", /has no option "limit"; it has: messages, bytes, overflow$/],
    [9, "TypeError", /mailbox is an object, got 9$/],
    [null, "TypeError", /mailbox is an object, got null$/],
  ];
  for (const [mailbox, name, message] of mailboxes) {
    await assert.rejects(host.createActor(Counter, [], { mailbox: mailbox as MailboxOptions }), {
      name,
      message,
    });
  }
  for (const uid of ["", "x".repeat(513), "dramatis:mine"]) {
    await assert.rejects(host.createActor(Counter, [], { uid }), { name: "TypeError" });
  }
  assert.equal(host.pools()[0]!.actors, 0);
});
