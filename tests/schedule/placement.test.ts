/** Placement as users meet it: on a host. */
import assert from "node:assert/strict";
import {
  type Actor,
  type ActorRef,
  addressOf,
  label,
  leastLoaded,
  mainPool,
  onPool,
  PlacementError,
  random,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { Counter, Hooked, Manager, Recorder } from "../fixtures/actors.ts";

const pools = [workerPool({ count: 1 }), workerPool({ count: 2, labels: ["io"] })];

const poolOf = (ref: ActorRef<Actor>) => addressOf(ref).pool;

Deno.test("createActor: takes turns over the workers, and leaves the main pool alone", async () => {
  await using host = await startHost({ pools });
  const used: number[] = [];
  for (let i = 0; i < 6; i++) used.push(poolOf(await host.createActor(Counter, [])));
  assert.deepEqual(used.sort(), [1, 1, 2, 2, 3, 3]);
  const concurrent = await Promise.all(
    Array.from({ length: 6 }, () => host.createActor(Counter, [], { place: leastLoaded() })),
  );
  assert.deepEqual(concurrent.map(poolOf).sort(), [1, 1, 2, 2, 3, 3]);
  assert.deepEqual(host.pools().map(({ actors }) => actors), [0, 4, 4, 4]);
});

Deno.test("createActor: goes where the load is least, also after actors have ended", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 2 })] });
  const [a, , c] = [
    await host.createActor(Counter, [], { place: onPool(1) }),
    await host.createActor(Counter, [], { place: onPool(2) }),
    await host.createActor(Counter, [], { place: onPool(1) }),
  ];
  assert.equal(poolOf(await host.createActor(Counter, [])), 2);
  await host.destroyActor(a);
  await host.killActor(c);
  assert.equal(poolOf(await host.createActor(Counter, [])), 1);
  assert.equal(poolOf(await host.createActor(Counter, [])), 1);
});

Deno.test("createActor: a placement that no pool satisfies leaves the uid free", async () => {
  await using host = await startHost({ pools });
  await assert.rejects(
    host.createActor(Counter, [], { uid: "x", place: label("gpus") }),
    (error) => {
      assert(error instanceof PlacementError);
      assert.deepEqual(error.refusals.map(({ reason }) => reason), [
        "its label is not set",
        "its label is not set",
        "its label is io",
        "its label is io",
      ]);
      return true;
    },
  );
  const x = await host.createActor(Counter, [1], { uid: "x", place: label("io") });
  assert.equal(await x.get(), 1);
});

Deno.test("createActor: a failed start frees uid and load", async () => {
  await using host = await startHost({ pools });
  const recorder = await host.createActor(Recorder, [], { place: mainPool() });
  for (const place of [mainPool(), onPool(1)]) {
    for (const failing of ["construct", "postCreate"] as const) {
      await assert.rejects(host.createActor(Hooked, [recorder, failing], { uid: "x", place }));
    }
  }
  assert.deepEqual(host.pools().map(({ actors }) => actors), [1, 0, 0, 0]);
  const x = await host.createActor(Counter, [2], { uid: "x" });
  assert.equal(await x.get(), 2);
});

Deno.test("createActor: of two with one uid at once, one is made", async () => {
  await using host = await startHost({ pools });
  const both = await Promise.allSettled([
    host.createActor(Counter, [1], { uid: "x", place: onPool(1) }),
    host.createActor(Counter, [2], { uid: "x", place: onPool(2) }),
  ]);
  assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.deepEqual(host.pools().reduce((sum, { actors }) => sum + actors, 0), 1);
});

Deno.test("explainPlacement: says which pool, why, and why not the others", async () => {
  await using host = await startHost({ pools });
  const { pool, reason, refusals } = host.explainPlacement(Counter, label("io"));
  assert.deepEqual(pool.labels, ["io"]);
  assert.match(reason, /worker-2 .* is best by label, leastLoaded/);
  assert.deepEqual(refusals.map(({ reason }) => reason), [
    "its label is not set",
    "its label is not set",
  ]);
  assert.throws(() => host.explainPlacement(Counter, label("no")), PlacementError);
  const before = host.pools();
  host.explainPlacement(Counter);
  assert.deepEqual(host.pools(), before, "nothing was made");
});

Deno.test("appendPool and removePool: placement sees them at once", async () => {
  await using host = await startHost({ pools: [] });
  assert.equal(poolOf(await host.createActor(Counter, [])), 0);
  const [late] = await host.appendPool(workerPool({ count: 1, labels: ["late"] }));
  assert.deepEqual(late!.labels, ["late"]);
  assert.equal(poolOf(await host.createActor(Counter, [])), late!.pool);
  assert.equal(poolOf(await host.createActor(Counter, [], { place: label("late") })), late!.pool);
  await host.removePool(late!.pool);
  await assert.rejects(host.createActor(Counter, [], { place: label("late") }), PlacementError);
  assert.equal(poolOf(await host.createActor(Counter, [])), 0);
  const [next] = await host.appendPool(workerPool({ count: 1 }));
  assert(next!.pool > late!.pool, "numbers are never used again");
});

Deno.test("placement works from inside an actor, with the host's view", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 2 })] });
  const manager = await host.createActor(Manager, [], { place: onPool(1) });
  assert.equal(poolOf(await manager.make("a", 1)), 2);
  await host.createActor(Counter, [], { place: onPool(2) });
  assert.equal(poolOf(await manager.make("b", 1)), 1);
});

Deno.test("random: reaches every pool", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1 })] });
  const used = new Set<number>();
  for (let i = 0; i < 40; i++) {
    used.add(poolOf(await host.createActor(Counter, [], { place: random() })));
  }
  assert.deepEqual([...used].sort(), [0, 1]);
});
