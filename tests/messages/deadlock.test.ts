/** Calls that come back to an actor that waits for them. */
import assert from "node:assert/strict";
import { type ActorRef, addressOf, DeadlockError, onPool } from "@dramatis/dramatis";
import { Overlap, Ring } from "../fixtures/message_actors.ts";
import { type Stage, testEverywhere } from "../integration/placements.ts";

/** A call that is not answered in this time hangs. */
const SOON = { timeoutMs: 60_000 };

type Rings = [ActorRef<Ring>, ActorRef<Ring>, ActorRef<Ring>];

/** Three in the place. */
async function together(stage: Stage): Promise<Rings> {
  const make = (uid: string) => stage.create(Ring, [], { uid });
  return [await make("a"), await make("b"), await make("c")];
}

/** In the place, in the main pool, in a worker. */
async function apart(stage: Stage): Promise<Rings> {
  const [main, worker] = stage.host.pools();
  return [
    await stage.create(Ring, [], { uid: "x" }),
    await stage.host.createActor(Ring, [], { uid: "y", place: onPool(main!) }),
    await stage.host.createActor(Ring, [], { uid: "z", place: onPool(worker!) }),
  ];
}

function isCycle(refs: readonly ActorRef<Ring>[], method: string) {
  return (error: unknown) => {
    assert(error instanceof DeadlockError, String(error));
    const uids = refs.map((ref) => addressOf(ref));
    assert.deepEqual(error.cycle.map(({ method }) => method), refs.map(() => method));
    for (const [i, { actor }] of error.cycle.entries()) {
      const { uid, pool } = uids[i]!;
      assert.match(actor, new RegExp(`^${uid} in pool ${pool} of host [0-9a-f]{12}$`));
    }
    const lines = error.message.split("\n");
    assert.equal(lines.length, refs.length + 2, error.message);
    assert.equal(lines[0], "A cycle of calls that wait for each other:");
    for (const [i, { uid, pool }] of uids.entries()) {
      const line = `  ${method} of ${uid} in pool ${pool} of host `;
      assert(lines[i + 1]!.startsWith(line), error.message);
      assert(lines[i + 1]!.endsWith(" waits for"), error.message);
    }
    assert.match(lines.at(-1)!, /cannot run before the first .* @reentrant, or .*unlocked\(/);
    return true;
  };
}

testEverywhere("deadlock: A -> A, A -> B -> A, A -> B -> C -> A reject", async (stage) => {
  for (const [a, b, c] of [await together(stage), await apart(stage)]) {
    await assert.rejects(a.pass.with(SOON)([a]), isCycle([a], "pass"));
    await assert.rejects(a.pass([b, a]), isCycle([a, b], "pass"));
    await assert.rejects(b.pass([a, b]), isCycle([b, a], "pass"));
    await assert.rejects(a.pass.with(SOON)([b, c, a]), isCycle([a, b, c], "pass"));
    await assert.rejects(c.pass([a, b, c]), isCycle([c, a, b], "pass"));
    // Who is called first need not be in the cycle.
    await assert.rejects(a.pass([b, c, b]), isCycle([b, c], "pass"));
    await assert.rejects(a.pass.batch([[[b, a]]]), isCycle([a, b], "pass"));
    for (const ring of [a, b, c]) assert.equal(await ring.name.with(SOON)(), "ring");
    assert.equal(await a.pass.with(SOON)([b, c]), "end", "they are usable");
  }
  assert.equal(stage.letters, 0);
}, { worker: true });

testEverywhere("deadlock: the cycle has what waits, not what came before", async (stage) => {
  for (const [a, b, c] of [await together(stage), await apart(stage)]) {
    // a.enterTwice -> b.pass -> a.pass -> c.pass -> a.pass: the first has no lock, the second waits for it.
    await assert.rejects(a.enterTwice(b, c), isCycle([a, c], "pass"));
    assert.equal(await a.name(), "ring");
  }
}, { worker: true });

testEverywhere("deadlock: through a stateless actor too", async (stage) => {
  const [a, b] = await apart(stage);
  const overlap = await stage.create(Overlap, [], { uid: "o" });
  for (const ring of [a, b]) {
    await assert.rejects(ring.viaStateless(overlap), (error) => {
      assert(error instanceof DeadlockError);
      assert.deepEqual(error.cycle.map(({ method }) => method), ["viaStateless", "ask"]);
      return true;
    });
    assert.equal(await ring.askStateless.with(SOON)(overlap), "overlap", "it waits for nobody");
    assert.equal(await overlap.ask.with(SOON)(ring), "ring");
  }
}, { worker: true });

testEverywhere("deadlock: no alarm where somebody can go on", async (stage) => {
  const [a, b, c] = await apart(stage);
  assert.equal(await a.passReentrant.with(SOON)([b, c, a, b]), "end");
  assert.equal(await a.passUnlocked.with(SOON)([b, c, a, b, c, a]), "end");
  assert.equal(await a.askNickname.with(SOON)(a), "r", "its own reentrant method");
  assert.equal(await a.pass.with(SOON)([b, c]), "end");
  // Another message of a has the lock, and will give it back: the first has given it up.
  const unlocked = a.passUnlocked.with(SOON)([b, a, c]);
  const plain = a.pass.with(SOON)([c]);
  assert.deepEqual(await Promise.all([unlocked, plain]), ["end", "end"]);
  // Two chains that meet are no cycle.
  const names = await Promise.all([a.askName(c), b.askName(c), c.name(), a.askName(b)]);
  assert.deepEqual(names, ["ring", "ring", "ring", "ring"]);
}, { worker: true });

testEverywhere("deadlock: no alarm for a call whose maker has ended", async (stage) => {
  for (const [a, b] of [await together(stage), await apart(stage)]) {
    await a.launch(b);
    await b.entered();
    // The first message has ended; by now another one holds the lock.
    const staying = a.stay();
    await a.entered();
    await b.open();
    await a.nickname();
    await a.open();
    assert.equal(await staying, "stayed");
    assert.equal(await a.outcome(), "ring");
  }
}, { worker: true });

testEverywhere("deadlock: no alarm for a tell, whoever is told", async (stage) => {
  for (const rings of [await together(stage), await apart(stage)]) {
    const [a, b, c] = rings;
    await a.tellAndStay.with(SOON)(b, false);
    assert.equal(await b.outcome(), "ring");
    // Not async: it must not run in the scope of the message that told it.
    await a.tellAndStay.with(SOON)(c, true);
    assert.equal(await c.outcome(), "ring");
  }
}, { worker: true });
