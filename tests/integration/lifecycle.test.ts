/** Acceptance scenarios 1 and 3: life, addresses, and handles that outlive their actor. */
import assert from "node:assert/strict";
import {
  ActorExistsError,
  ActorNotFoundError,
  ActorStartError,
  addressOf,
  mainPool,
  onPool,
  randomWorker,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { Counter, Gate, Manager, SlowToMake } from "../fixtures/actors.ts";
import { testEverywhere } from "./placements.ts";

Deno.test("a host: every pool knows the true owner of every uid", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 2 })] });
  const a = await host.createActor(Counter, [1], { uid: "a", place: mainPool() });
  const b = await host.createActor(Counter, [2], { uid: "b", place: randomWorker() });
  assert.equal(await a.add(1), 2);
  assert.equal(await b.add(1), 3);
  assert.equal(addressOf(a).pool, 0);
  assert.notEqual(addressOf(b).pool, 0);
  for (const { pool } of host.pools()) {
    const manager = await host.createActor(Manager, [], { place: onPool(pool) });
    assert.deepEqual(addressOf(await manager.find("a")), addressOf(a));
    assert.deepEqual(addressOf(await manager.find("b")), addressOf(b));
    assert.equal(await manager.has("a"), true);
    assert.equal(await manager.has("nobody"), false);
    await assert.rejects(manager.find("nobody"), ActorNotFoundError);
  }
});

testEverywhere("createActor: a uid can be taken once, and is free after destroy", async (stage) => {
  const { owner } = stage;
  const counter = await stage.create(Counter, [5], { uid: "one" });
  assert.equal(await counter.add(1), 6);
  assert.deepEqual(addressOf(await owner.actorRef("one")), addressOf(counter));
  await assert.rejects(stage.create(Counter, [], { uid: "one" }), (error) => {
    assert(error instanceof ActorExistsError);
    assert.equal(error.uid, "one");
    return true;
  });
  assert.equal(await counter.get(), 6, "the first is untouched");
  assert.equal(await stage.host.hasActor(counter), true);

  await stage.host.destroyActor(counter);
  assert.equal(await stage.host.hasActor(counter), false);
  assert.equal(await owner.hasActor("one"), false);
  await assert.rejects(counter.get(), ActorNotFoundError);
  await assert.rejects(owner.actorRef("one"), ActorNotFoundError);
  await assert.rejects(stage.host.destroyActor(counter), ActorNotFoundError);
  await assert.rejects(stage.host.killActor(counter), ActorNotFoundError);
  const its = owner.pools().filter(({ host }) => host === owner.id);
  assert.equal(its.every(({ actors }) => actors === 0), true);
});

testEverywhere("createActor: without a uid there is one that nobody else has", async (stage) => {
  const refs = await Promise.all([1, 2, 3].map((start) => stage.create(Counter, [start])));
  assert.equal(new Set(refs.map((ref) => addressOf(ref).uid)).size, 3);
  assert.deepEqual(await Promise.all(refs.map((ref) => ref.get())), [1, 2, 3]);
});

testEverywhere("a ref and a method taken from it outlive the actor", async (stage) => {
  const ref = await stage.create(Counter, [10], { uid: "again" });
  const { add } = ref;
  assert.equal(await add(1), 11);
  await stage.host.destroyActor(ref);
  await assert.rejects(ref.get(), ActorNotFoundError);
  await assert.rejects(add(1), ActorNotFoundError);

  const second = await stage.create(Counter, [100], { uid: "again" });
  assert.equal(await ref.get(), 100, "fresh state");
  assert.equal(await add(1), 101);
  assert.equal(await add.with({ timeoutMs: 10_000 })(1), 102);
  assert.equal(await second.get(), 102);
  assert(addressOf(second).generation > addressOf(ref).generation);
});

testEverywhere("a ref finds its actor in another pool of its host", async (stage) => {
  const { host, owner } = stage;
  const ref = await stage.create(Counter, [1], { uid: "moves" });
  const { add } = ref;
  await host.destroyActor(ref);
  const other = owner.pools().filter(({ pool }) => pool !== stage.pool.pool)
    .filter((pool) => pool.host === owner.id)[0]!;
  const moved = await host.createActor(Counter, [50], { uid: "moves", place: onPool(other) });
  assert.notEqual(addressOf(moved).pool, addressOf(ref).pool);
  assert.equal(await ref.add(1), 51);
  assert.equal(await add(1), 52);
  await assert.rejects(ref.fail("there"), { name: "RangeError", message: "there" });
  ref.add.tell(1);
  assert.equal(await ref.get(), 53);
}, { worker: true });

testEverywhere(
  "destroyActor and hasActor: take a ref or a uid, also inside an actor",
  async (stage) => {
    const manager = await stage.create(Manager, []);
    const made = await manager.make("made", 3);
    assert.equal(await made.get(), 3);
    assert.equal(await manager.has("made"), true);
    assert.equal(await manager.has(made), true);
    await manager.end("made");
    assert.equal(await manager.has(made), false);
    const second = await manager.make("made", 4);
    assert.equal(await made.get(), 4);
    await manager.end(second);
    await assert.rejects(made.get(), ActorNotFoundError);
  },
);

testEverywhere("killActor: of an actor that starts, after which its uid is free", async (stage) => {
  for (let i = 0; i < 3; i++) {
    const gate = await stage.create(Gate, []);
    const failed = assert.rejects(
      stage.create(SlowToMake, [gate], { uid: "slow" }),
      ActorStartError,
    );
    await gate.entered();
    await stage.owner.killActor("slow");
    const next = await stage.create(Counter, [i], { uid: "slow" });
    assert.equal(await next.get(), i);
    await stage.host.destroyActor(next);
    await failed;
  }
});
