/** Names that hosts keep among themselves: the contract, and what comes of lost and split hosts. */
import assert from "node:assert/strict";
import { ActorNotFoundError, memoryDirectory, NameTakenError, startHost } from "@dramatis/dramatis";
import {
  ManualClock,
  settled,
  startTestCluster,
  type TestCluster,
  type TestHost,
} from "@dramatis/dramatis/testing";
import { Leader } from "../../fixtures/named_actors.ts";
import { eventOf, testDirectory } from "./contract.ts";
import { HostProcess } from "../../fixtures/host_process.ts";

testDirectory({
  name: "memoryDirectory",
  // All join the first: they are linked with it, and with each other only when they must be.
  open: () =>
    Promise.resolve({
      options: (hosts) => ({
        directory: memoryDirectory(),
        join: hosts.slice(0, 1).map(({ address }) => address!),
      }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
});

Deno.test("memoryDirectory: a host that is killed is down, and its names are free", async () => {
  await using child = await HostProcess.start("./named_host.ts");
  await using host = await startHost({
    pools: [],
    join: [child.address],
    heartbeatMs: 100,
    graceMs: 60_000,
  });
  assert.equal(await (await host.lookup<Leader>("leader")).from(), "a process");
  await assert.rejects(host.createActor(Leader, ["?"], { name: "leader" }), NameTakenError);
  const events: string[] = [];
  using _watch = host.watchHosts(({ kind }) => events.push(kind));
  const down = eventOf(host, ({ kind }) => kind === "down");
  child.kill();
  assert.equal((await down).host.id, child.id);
  await assert.rejects(host.lookup("leader"), ActorNotFoundError);
  await host.createActor(Leader, ["here"], { name: "leader" });
  assert.deepEqual(events, ["unreachable", "down"]);
});

Deno.test("memoryDirectory: hosts with one host in common have one holder, even if they cannot dial each other", async () => {
  await using seed = await startHost({ pools: [], listen: { port: 0 } });
  await using a = await startHost({ pools: [], join: [seed.address!] });
  await using b = await startHost({ pools: [], join: [seed.address!] });
  await a.createActor(Leader, ["a"], { name: "leader" });
  await assert.rejects(b.createActor(Leader, ["b"], { name: "leader" }), NameTakenError);
  // By way of the seed, as neither of the two listens.
  assert.equal(await (await b.lookup<Leader>("leader")).from(), "a");
  assert.equal(await (await seed.lookup<Leader>("leader")).from(), "a");
});

/** Two hosts of one cluster, the one with the lower id first. */
function byId(cluster: TestCluster): [TestHost, TestHost] {
  const [a, b] = cluster.hosts;
  return a.host.id < b.host.id ? [a, b] : [b, a];
}

Deno.test("memoryDirectory: split hosts have a holder each, and one when they are linked again", async () => {
  const clock = new ManualClock();
  await using cluster = await startTestCluster({ clock });
  const [low, high] = byId(cluster);
  const link = cluster.link(low, high);
  link.fence();
  await clock.advance(3000);
  assert.deepEqual([...low.host.hosts(), ...high.host.hosts()], []);
  const kept = await low.host.createActor(Leader, ["low"], { name: "leader" });
  const lost = await high.host.createActor(Leader, ["high"], { name: "leader", uid: "lost" });
  await high.host.createActor(Leader, ["other"], { name: "other" });
  link.lift();
  await settled();

  await link.connect();
  await settled();
  assert.equal(await kept.from(), "low");
  await assert.rejects(lost.from(), ActorNotFoundError);
  assert.deepEqual(high.deadLetters.map(({ to, reason }) => [to.uid, reason.name]), [
    ["lost", "NameTakenError"],
  ]);
  for (const { host } of [low, high]) {
    assert.equal(await (await host.lookup<Leader>("leader")).from(), "low");
    assert.equal(await (await host.lookup<Leader>("other")).from(), "other");
    await assert.rejects(host.createActor(Leader, ["?"], { name: "leader" }), NameTakenError);
  }
  await low.host.destroyActor(kept);
  await high.host.createActor(Leader, ["again"], { name: "leader" });
});

Deno.test("memoryDirectory: two who held a name apart are told by the host that links them", async () => {
  const clock = new ManualClock();
  await using cluster = await startTestCluster({ clock, hosts: 3 });
  const [seed, b, c] = cluster.hosts as unknown as [TestHost, TestHost, TestHost];
  const links = [cluster.link(seed, b), cluster.link(seed, c), cluster.link(b, c)];
  for (const link of links) link.drop();
  await settled();
  const ofB = await b.host.createActor(Leader, ["b"], { name: "leader" });
  const ofC = await c.host.createActor(Leader, ["c"], { name: "leader" });
  await links[0]!.connect();
  await links[1]!.connect();
  await settled();
  const [kept, lost] = b.host.id < c.host.id ? [ofB, ofC] : [ofC, ofB];
  await assert.rejects(lost.from(), ActorNotFoundError);
  assert.equal(await (await seed.host.lookup<Leader>("leader")).from(), await kept.from());
});

Deno.test("memoryDirectory: a host that asks while a link ends is answered all the same", async () => {
  const clock = new ManualClock();
  await using cluster = await startTestCluster({ clock });
  const [low, high] = byId(cluster);
  cluster.link(low, high).fence();
  // It waits for the other's promise, which never comes.
  const made = high.host.createActor(Leader, ["high"], { name: "leader" });
  await clock.advance(3000);
  assert.equal(await (await made).from(), "high");
});

Deno.test("host.stop: whoever waits for a name is told", async () => {
  const clock = new ManualClock();
  await using cluster = await startTestCluster({ clock });
  const [low, high] = byId(cluster);
  cluster.link(low, high).fence();
  const lookup = high.host.lookup("leader");
  const made = high.host.createActor(Leader, ["high"], { name: "leader" });
  const outcomes = Promise.allSettled([lookup, made]);
  await settled();
  await high.host.stop();
  assert.deepEqual((await outcomes).map(({ status }) => status), ["rejected", "rejected"]);
});
