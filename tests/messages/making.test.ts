/** Actors that call who makes them before they have started. */
import assert from "node:assert/strict";
import { ActorStartError, DeadlockError, onPool, type PoolDescription } from "@dramatis/dramatis";
import { Made, Maker } from "../fixtures/making_actors.ts";
import { type Stage, testEverywhere } from "../integration/placements.ts";

/** A call that is not answered in this time hangs. */
const SOON = { timeoutMs: 60_000 };

/** The place of the test, the main pool and a worker. */
function pools(stage: Stage): PoolDescription[] {
  const [main, worker] = stage.host.pools();
  return [stage.pool, main!, worker!];
}

/** Whether an actor could not be made, as it has called a locked actor that waits for it. */
function isDeadlock(...methods: readonly string[]) {
  return (error: unknown) => {
    assert(error instanceof ActorStartError, String(error));
    assert.equal(error.phase, "postCreate");
    assert(error.cause instanceof DeadlockError, String(error.cause));
    assert.deepEqual(error.cause.cycle.map(({ method }) => method), methods);
    return true;
  };
}

testEverywhere("making: a postCreate that calls its locked maker rejects", async (stage) => {
  const maker = await stage.create(Maker, []);
  for (const pool of pools(stage)) {
    await assert.rejects(maker.make.with(SOON)(maker, pool), isDeadlock("make", "postCreate"));
    assert.equal(await maker.greetings.with(SOON)(), 0, "it is usable");
  }
}, { worker: true });

testEverywhere("making: or one that waits for its maker", async (stage) => {
  const first = await stage.create(Maker, []);
  const [place, main, worker] = pools(stage) as [PoolDescription, PoolDescription, PoolDescription];
  for (const [pool, at] of [[main, place], [worker, main], [place, worker]] as const) {
    const second = await stage.host.createActor(Maker, [], { place: onPool(pool) });
    await assert.rejects(
      first.delegate.with(SOON)(second, first, at),
      isDeadlock("delegate", "make", "postCreate"),
    );
    await assert.rejects(
      first.delegate.with(SOON)(second, second, at),
      isDeadlock("make", "postCreate"),
    );
  }
}, { worker: true });

testEverywhere("making: a gang too, of which none is made then", async (stage) => {
  const maker = await stage.create(Maker, []);
  const gang = maker.makeGang.with(SOON)(maker, pools(stage));
  await assert.rejects(gang, isDeadlock("makeGang", "postCreate"));
  assert.equal(await maker.greetings.with(SOON)(), 0);
}, { worker: true });

testEverywhere("making: no alarm where the maker can go on", async (stage) => {
  const maker = await stage.create(Maker, []);
  const other = await stage.create(Maker, []);
  for (const pool of pools(stage)) {
    assert.equal(await maker.make.with(SOON)(maker, pool, "tell"), "ready");
    assert.equal(await maker.greetings(), 1);
    assert.equal(await maker.makeUnlocked.with(SOON)(maker, pool), "ready");
    assert.equal(await maker.greetings(), 1);
    assert.equal(await maker.make.with(SOON)(other, pool), "ready");
    assert.equal(await other.greetings(), 1);
  }
  // Nobody waits whom it could come back to.
  const made = await stage.create(Made, [maker]);
  assert.equal(await made.ready(), "ready");
}, { worker: true });
