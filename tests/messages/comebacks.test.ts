/** Calls that come back to a locked actor: those that are waited for reject, the others get their turn. */
import assert from "node:assert/strict";
import { type ActorRef, DeadlockError, onPool } from "@dramatis/dramatis";
import { Errand } from "../fixtures/message_actors.ts";
import { type Stage, testEverywhere } from "../integration/placements.ts";

type Errands = [ActorRef<Errand>, ActorRef<Errand>, ActorRef<Errand>];

/** All in the place; then in the place, in the main pool, in a worker. */
async function errands(stage: Stage): Promise<[Errands, Errands]> {
  const [main, worker] = stage.host.pools();
  const make = () => stage.create(Errand, []);
  return [
    [await make(), await make(), await make()],
    [
      await make(),
      await stage.host.createActor(Errand, [], { place: onPool(main!) }),
      await stage.host.createActor(Errand, [], { place: onPool(worker!) }),
    ],
  ];
}

/** Resolves when the pools have looked again and again at what has come back to them. */
async function looked(stage: Stage): Promise<void> {
  for (const [one] of await errands(stage)) {
    for (let i = 0; i < 3; i++) await assert.rejects(one.pass([one]), DeadlockError);
  }
}

testEverywhere("comeback: a call that is not waited for gets its turn", async (stage) => {
  for (const [a, b, c] of await errands(stage)) {
    assert.equal(await a.sendAndEnd(b), "ended");
    assert.equal(await a.side(), "ring");
    const asked = b.sendAndAsk(a, c);
    await c.entered();
    await looked(stage);
    await c.open();
    assert.equal(await asked, "stayed");
    assert.equal(await b.side(), "ring");
  }
}, { worker: true });

testEverywhere("comeback: nor one that an actor on the way does not wait for", async (stage) => {
  for (const [a, b, c] of await errands(stage)) {
    const asked = a.askSender(b, c);
    await c.entered();
    await looked(stage);
    await c.open();
    assert.equal(await asked, "stayed");
    assert.equal(await b.side(), "ring");
  }
}, { worker: true });

testEverywhere("comeback: one of two that may come first", async (stage) => {
  for (const [a, b, c] of await errands(stage)) {
    const first = a.first(b, c);
    await c.entered();
    await looked(stage);
    await c.open();
    assert.equal(await first, "stayed");
    assert.equal(await a.side(), "ring");
  }
}, { worker: true });

testEverywhere("comeback: rejects once nothing else is waited for", async (stage) => {
  for (const [a, b, c] of await errands(stage)) {
    const both = assert.rejects(a.both(b, c), DeadlockError);
    await c.entered();
    await looked(stage);
    await c.open();
    await both;
    await assert.rejects(a.allBack([b, c, b]), DeadlockError);
    assert.equal(await a.name(), "ring");
  }
}, { worker: true });

testEverywhere("comeback: of and amid streams", async (stage) => {
  for (const [a, b, c] of await errands(stage)) {
    await assert.rejects(a.askForEach(b, c), DeadlockError);
    await assert.rejects(a.readEchoes(b), DeadlockError);
    assert.equal(await a.name(), "ring");
    assert.equal(await b.name(), "ring");
  }
}, { worker: true });
