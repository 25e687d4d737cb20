/** What acceptance asks for past the tests of each part: blocked threads, bulk to everywhere, broken connections. */
import assert from "node:assert/strict";
import {
  type ActorNotFoundError,
  CallTimeoutError,
  type Host,
  HostLostError,
  mainPool,
  onPool,
  PoolLostError,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { startTestCluster } from "@dramatis/dramatis/testing";
import { assertSameBytes, pattern } from "../contract/link_helpers.ts";
import { Counter, Manager } from "../fixtures/actors.ts";
import { Clock } from "../fixtures/message_actors.ts";
import { Blocker, Depot } from "../fixtures/scenario_actors.ts";
import { Source } from "../fixtures/stream_actors.ts";
import { openStage } from "./placements.ts";

const MODULES = ["scenario_actors.ts", "message_actors.ts"].map((file) =>
  new URL(`../fixtures/${file}`, import.meta.url).href
);

/** Two hosts in this process, linked over a socket, each with two workers. */
async function withHosts(body: (here: Host, there: Host) => Promise<void>): Promise<void> {
  const options = { pools: [workerPool({ count: 2 })], modules: MODULES, debug: false } as const;
  await using there = await startHost({ ...options, listen: { port: 0 } });
  await using here = await startHost({ ...options, join: [`ws://${there.address}`] });
  await body(here, there);
}

Deno.test("a thread that is blocked: callers are told in time, wherever it is", async () => {
  const folder = await Deno.makeTempDir();
  await withHosts(async (here, there) => {
    const manager = await here.createActor(Manager, [], { place: mainPool() });
    const counter = await here.createActor(Counter, [0], { place: mainPool() });
    for (const host of [here, there]) {
      const place = onPool(here.pools().find((one) => one.host === host.id && one.pool === 1)!);
      const path = `${folder}/free ${host.id}`;
      const blocker = await here.createActor(Blocker, [path], { place });
      // One whose method blocks, and one whose end does, which another actor waits for.
      await assert.rejects(blocker.block.with({ timeoutMs: 50 })(), CallTimeoutError);
      await assert.rejects(manager.end.with({ timeoutMs: 50 })(blocker), CallTimeoutError);
      await counter.add(1);
      await Deno.writeTextFile(path, "");
      await here.destroyActor(blocker).catch(({ name }: ActorNotFoundError) =>
        assert.equal(name, "ActorNotFoundError")
      );
      assert.equal(await here.hasActor(blocker), false);
    }
  });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("bulk: many buffers to actors everywhere, two targets at once, byte for byte", async () => {
  await withHosts(async (here, there) => {
    const MiB = 2 ** 20;
    const large = [5, 1, 3].map((size) => pattern(size * MiB));
    const small = [0, 1, 4095, 4096, 4097, 65_536, 300_001].map(pattern);
    const parcels = [...large, ...small];
    const depotIn = (host: Host, pool: number) => {
      const place = onPool(here.pools().find((one) => one.host === host.id && one.pool === pool)!);
      return here.createActor(Depot, [], { place });
    };
    const sender = await depotIn(here, 1);
    assert.equal(await sender.put(parcels), parcels.length);
    // The same pool, the main one, a sibling, and another host's main and worker pool.
    const targets = await Promise.all([
      depotIn(here, 1),
      depotIn(here, 0),
      depotIn(here, 2),
      depotIn(there, 0),
      depotIn(there, 1),
    ]);
    for (let i = 0; i < targets.length; i++) {
      const pair = [targets[i]!, targets[(i + 1) % targets.length]!];
      await Promise.all(pair.map((target) => sender.bring(target)));
      for (const target of pair) {
        const kept = await target.get();
        assert.equal(kept.length, parcels.length);
        for (const [j, bytes] of kept.entries()) assertSameBytes(bytes, parcels[j]!);
        await target.put([]);
      }
    }
  });
});

/** Each of the calls rejects, with an error of its own. */
async function assertEachRejects(
  calls: Promise<unknown>[],
  type: typeof HostLostError | typeof PoolLostError,
): Promise<void> {
  const results = await Promise.allSettled(calls);
  const errors = results.map((result) => result.status === "rejected" ? result.reason : "answered");
  assert.equal(errors.find((error) => !(error instanceof type)), undefined);
  assert.equal(new Set(errors).size, calls.length);
}

Deno.test("200 calls over a link that breaks: each rejects with an error of its own", async () => {
  await using cluster = await startTestCluster({ modules: MODULES });
  const [a, b] = cluster.hosts;
  const place = onPool(b.host.pools()[0]!);
  const clock = await a.host.createActor(Clock, [], { place });
  const calls = Array.from({ length: 200 }, () => clock.ticked(1));
  await clock.stop();
  cluster.link(a, b).drop();
  await assertEachRejects(calls, HostLostError);
  await cluster.link(a, b).connect();
  clock.tick("again");
  assert.deepEqual(await clock.ticked(1), ["again"]);
});

Deno.test("200 calls to a worker that dies: each rejects with an error of its own", async () => {
  await using stage = await openStage("worker");
  const clock = await stage.create(Clock, []);
  const source = await stage.create(Source, []);
  const calls = Array.from({ length: 200 }, () => clock.ticked(1));
  await clock.stop();
  source.close.tell();
  await assertEachRejects(calls, PoolLostError);
});
