/** What a host says of its pools, actors and dead letters. */
import assert from "node:assert/strict";
import {
  type ActorInspection,
  ActorNotFoundError,
  type Host,
  HostLostError,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { Batcher } from "../fixtures/message_actors.ts";
import { Suspect } from "../fixtures/debug_actors.ts";
import { testEverywhere } from "../integration/placements.ts";

/** What a host says of one of its actors. */
async function inspected(host: Host, uid: string): Promise<ActorInspection> {
  const { pools } = await host.inspect();
  const found = pools.flatMap(({ actors }) => actors).find(({ address }) => address.uid === uid);
  assert(found !== undefined, `${uid} is there`);
  return found;
}

testEverywhere("inspect: counts calls, tells, batches and errors", async (stage) => {
  const { owner } = stage;
  const batcher = await stage.create(Batcher, [], { uid: "batcher" });
  for (let n = 0; n < 20; n++) await batcher.double(n);
  await assert.rejects(batcher.double(-1), RangeError);
  batcher.double.tell(-1);
  await stage.letter();
  await batcher.double.batchSettled([[1], [-2], [3], [-4]]);
  await batcher.put.batch([["a", 1], ["b", 2]]);
  const one = await inspected(owner, "batcher");
  assert.equal(one.type, "Batcher");
  assert.equal(one.state, "running");
  assert.equal(one.queued, 0);
  assert.deepEqual(one.running, []);
  const { messages, calls, errors, waitMs, runMs, measured } = one.counters;
  assert.deepEqual({ messages, calls, errors }, { messages: 24, calls: 28, errors: 4 });
  assert.equal(measured, 16);
  assert(waitMs >= 0 && runMs > 0, `${waitMs} ${runMs}`);
});

testEverywhere("inspect: shows what runs, for whom, and what waits", async (stage) => {
  const { owner, host } = stage;
  const outer = await stage.create(Suspect, [], { uid: "outer" });
  const inner = await stage.create(Suspect, [], { uid: "inner" });
  const call = outer.pass([inner]);
  await inner.entered();

  const queued = Promise.all([inner.add(1, 2), inner.add(3, 4), inner.add(5, 6)]);

  await inner.entered();
  const [out, held] = [await inspected(owner, "outer"), await inspected(owner, "inner")];
  assert.deepEqual(out.running.map(({ method }) => method), ["pass"]);
  assert.deepEqual(out.running[0]!.waitsFor.map(({ to, method }) => `${method} of ${to.uid}`), [
    "pass of inner",
  ]);
  assert.equal(held.queued, 3);
  assert(held.counters.longestQueue >= 3, `${held.counters.longestQueue}`);
  assert.equal(held.running.length, 1);
  const [running] = held.running;
  assert.equal(running!.method, "pass");
  assert(running!.ms >= 0);
  assert.deepEqual(running!.chain.map(({ uid, method }) => `${method} of ${uid}`), [
    "pass of outer",
  ]);
  assert.deepEqual(running!.waitsFor, []);
  const { pools, id, abandonedThreads } = await host.inspect(owner.id);
  assert.equal(id, owner.id);
  assert.equal(abandonedThreads, 0);
  const pool = pools.find(({ pool }) => pool.pool === stage.pool.pool)!;
  assert.equal(pool.responding, true);
  assert.deepEqual(pool.running.map(({ uid, method }) => `${method} of ${uid}`).sort(), [
    "pass of inner",
    "pass of outer",
  ]);
  await inner.open();
  assert.equal(await call, "held");
  assert.deepEqual(await queued, [3, 7, 11]);
  const after = await inspected(owner, "inner");
  assert.deepEqual([after.queued, after.running], [0, []]);
});

Deno.test("inspect: a host without pools, a linked host, an unknown host", async () => {
  const token = "inspect";
  await using host = await startHost({ pools: [], token, listen: { port: 0 } });
  await using other = await startHost({ pools: [workerPool({ count: 1 })], token });
  const { id, address, pools, deadLetters } = await host.inspect();
  assert.deepEqual([id, address], [host.id, host.address]);
  assert.deepEqual(pools.map(({ pool, actors, lagMs }) => [pool.name, actors, lagMs]), [
    ["main", [], null],
  ]);
  assert.deepEqual(deadLetters, { total: 0, byReason: {}, last: [] });
  await assert.rejects(host.inspect(other.id), HostLostError);
  await other.join(host.address!);
  const seen = await host.inspect(other.id);
  assert.equal(seen.id, other.id);
  assert.deepEqual(seen.pools.map(({ pool }) => pool.name), ["main", "worker-1"]);
});

testEverywhere("dead letters: are counted by reason, and keep what was sent", async (stage) => {
  const { host, owner } = stage;
  const suspect = await stage.create(Suspect, [], { uid: "suspect" });
  suspect.fail.tell("why");
  const failed = await stage.letter();
  assert.deepEqual(failed.args, ["why"]);
  suspect.take.tell("small", Uint8Array.of(1, 2));
  assert.deepEqual((await stage.letter()).args, ["small", Uint8Array.of(1, 2)]);
  suspect.take.tell("large", new Uint8Array(20_000));
  assert.equal((await stage.letter()).args, null);
  suspect.fail.after(1, "later");
  assert.deepEqual((await stage.letter()).args, ["later"]);
  const counted = (await owner.inspect()).deadLetters;
  const isHere = owner === host;
  // What a timer of the caller's host sends and fails is that host's.
  assert.deepEqual(
    counted.byReason,
    isHere ? { RangeError: 2, TypeError: 2 } : {
      RangeError: 1,
      TypeError: 2,
    },
  );
  assert.equal(counted.total, isHere ? 4 : 3);
  assert.deepEqual(counted.last[0]!.args, ["why"]);
  assert.equal(counted.last[0]!.to.uid, "suspect");

  await host.destroyActor(suspect);
  suspect.take.tell("nobody");
  const unfound = await stage.letter();
  assert(unfound.reason instanceof ActorNotFoundError);
  assert.deepEqual(unfound.args, ["nobody"]);
}, { own: true });

Deno.test("dead letters: arguments of which the actor has made what cannot travel", async () => {
  const letters: unknown[] = [];
  const arrived = Promise.withResolvers<void>();
  await using host = await startHost({
    pools: [workerPool({ count: 1 })],
    onDeadLetter: ({ args, reason }) => {
      letters.push(args, reason.message);
      arrived.resolve();
    },
  });
  const suspect = await host.createActor(Suspect, []);
  suspect.spoil.tell({ name: "x" });
  await arrived.promise;
  assert.deepEqual(letters, [null, "spoilt"]);
});
