/** A store that two hosts share: of an actor that both have for a while, only the latest instance can save. */
import assert from "node:assert/strict";
import {
  memoryStore,
  type SnapshotError,
  type SnapshotStore,
  type SnapshotStoreSpec,
  sqliteStore,
  startHost,
} from "@dramatis/dramatis";
import { ManualClock, startTestCluster } from "@dramatis/dramatis/testing";
import { Tally } from "../fixtures/state_actors.ts";

const MODULES = [import.meta.resolve("../fixtures/state_actors.ts")];

const HEARTBEAT_MS = 1000;

/** A store of memory that all hosts open. */
async function sharedMemory(): Promise<SnapshotStoreSpec> {
  const inner = await memoryStore().open();
  const store: SnapshotStore = {
    scope: "cluster",
    claim: (key) => inner.claim(key),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { kind: "shared", open: () => Promise.resolve(store) };
}

function isFenced(error: unknown): boolean {
  return (error as SnapshotError).reason === "fenced";
}

Deno.test("state: in a store that hosts share, the successor has the state, and the one of before is fenced", async () => {
  const clock = new ManualClock();
  const options = {
    modules: MODULES,
    heartbeatMs: HEARTBEAT_MS,
    clock,
    state: { store: await sharedMemory() },
  };
  await using cluster = await startTestCluster(options);
  const [first, last] = cluster.hosts;
  const kept = { name: "tally", uid: "t", failover: true } as const;
  const old = await last.host.createActor(Tally, [40], kept);
  const far = await first.host.lookup<Tally>("tally");
  assert.equal(await far.addAndSave(2), 42);
  cluster.link(first, last).drop();
  while (!await first.host.hasActor("t")) await clock.advance(HEARTBEAT_MS / 4);
  assert.equal(await far.get(), 42, "its state");
  assert.equal(await old.add(1), 43, "each side of a split cluster has one");
  await assert.rejects(old.addAndSave(1), isFenced);
  assert.equal(await far.addAndSave(8), 50);
  await last.host.killActor(old);
  await first.host.killActor("t");
  const third = await last.host.createActor(Tally, [0], kept);
  assert.equal(await third.get(), 50, "of all, only what the successor has saved is kept");
});

Deno.test("state: a SQLite file is of one host: another is refused at its start, and takes over when that has ended", async () => {
  const folder = await Deno.makeTempDir();
  const state = { store: sqliteStore({ path: `${folder}/state.db` }) };
  const start = () => startHost({ pools: [], debug: false, state });
  try {
    {
      await using host = await start();
      await (await host.createActor(Tally, [1], { uid: "t" })).addAndSave(1);
      await assert.rejects(start(), /a file belongs to one host at a time/);
      assert.equal(await (await host.actorRef<Tally>("t")).addAndSave(1), 3);
    }
    await using next = await start();
    assert.equal(await (await next.createActor(Tally, [1], { uid: "t" })).get(), 3);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
