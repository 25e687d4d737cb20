/** One actor with replicas on several hosts: all hosts know which there are, and they end together. */
import assert from "node:assert/strict";
import {
  type Actor,
  type ActorRef,
  addressOf,
  anyHost,
  type Host,
  HostLostError,
  onHost,
  onPool,
} from "@dramatis/dramatis";
import { startTestCluster, type TestCluster } from "@dramatis/dramatis/testing";
import { Counter } from "../fixtures/actors.ts";
import { Late, Mortal } from "../fixtures/shared_fate.ts";
import { Doors, Worker } from "../fixtures/stateless_actors.ts";
import { startTwoHosts } from "../integration/placements.ts";

const MODULES = ["actors.ts", "shared_fate.ts", "stateless_actors.ts"].map((file) =>
  import.meta.resolve(`../fixtures/${file}`)
);

const EVERYWHERE = { replicas: "everyPool", uid: "mortal", place: anyHost() } as const;

/** Three hosts that have a main pool alone, each with a replica. */
async function withMortal(
  body: (cluster: TestCluster, mortal: ActorRef<Mortal>, hosts: readonly Host[]) => Promise<void>,
): Promise<void> {
  await using cluster = await open();
  const hosts = cluster.hosts.map(({ host }) => host);
  const mortal = await hosts[0]!.createActor(Mortal, [], EVERYWHERE);
  assert.equal(poolsOf(mortal).size, 3);
  await body(cluster, mortal, hosts);
}

function open(): Promise<TestCluster> {
  return startTestCluster({ hosts: 3, modules: MODULES, recovery: { onGiveUp: () => {} } });
}

/** Nobody hears of a host any more. */
function cutOff(cluster: TestCluster, lost: number): void {
  cluster.hosts.forEach((host, i) => {
    if (i !== lost) cluster.link(host, cluster.hosts[lost]!).drop();
  });
}

async function link(cluster: TestCluster, a: number, b: number): Promise<void> {
  await cluster.link(cluster.hosts[a]!, cluster.hosts[b]!).connect();
}

/** Resolves when something holds that other turns of the event loop lead to. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!await holds()) await new Promise((resolve) => setTimeout(resolve));
}

/** Where its replicas are, as a ref knows. */
function poolsOf(ref: ActorRef<Actor>): Set<string> {
  const { host, pool, replicas = [{ host, pool }] } = addressOf(ref);
  return new Set(replicas.map((one) => `${one.host}/${one.pool}`));
}

async function poolsFrom(host: Host): Promise<Set<string>> {
  return poolsOf(await host.actorRef("mortal"));
}

/** The same as a host says it to another, which has not seen for itself whether it is so. */
async function listOf(host: Host, asker: Host): Promise<Set<string>> {
  return poolsOf(await asker.actorRef("mortal", host.id));
}

/** Which of the hosts have it. */
function having(hosts: readonly Host[]): Promise<boolean[]> {
  return Promise.all(hosts.map((host) => host.hasActor("mortal")));
}

/** Resolves when a host has it no more, with why. */
async function endedOn(host: Host): Promise<Error> {
  const watch = host.watch(await host.actorRef("mortal", host.id));
  return (await watch).reason;
}

Deno.test("replicas over hosts: one that is made again on another host gets messages again, from old refs and new ones", async () => {
  const [host, owner] = await startTwoHosts({ debug: false, recovery: { waitMs: 120_000 } });
  await using _host = host;
  await using _owner = owner;
  const options = { ...EVERYWHERE, uid: "mortal" } as const;
  const worker = await host.createActor(Worker, [], options);
  const whole = poolsOf(worker);
  assert.equal(whole.size, 2);
  const away = owner.pools().find(({ kind, host }) => kind === "worker" && host === owner.id)!;
  const killer = await owner.createActor(Worker, [], { place: onPool(away) });
  const died = owner.watch(
    await owner.createActor(Counter, [], {
      place: onPool(away),
      restart: "temporary",
    }),
  );
  killer.exit.tell();
  await died;
  await owner.waitPoolRecovered(away.pool, { timeoutMs: 120_000 });
  const seen = new Set<string>();
  await until(async () => seen.add(await worker.place.with({ idempotent: true })()).size === 2);
  assert.deepEqual(seen, whole, "an old ref");
  await until(async () => (await listOf(host, owner)).size === 2);
  assert.deepEqual(await listOf(host, owner), whole, "the list of the other host");
  assert.deepEqual(await listOf(owner, host), whole, "and of its own");
});

Deno.test("replicas over hosts: two that had lost sight of each other know each other again", async () => {
  await withMortal(async (cluster, mortal, hosts) => {
    const whole = poolsOf(mortal);
    cutOff(cluster, 2);
    for (const host of hosts.slice(0, 2)) assert.equal((await poolsFrom(host)).size, 2);
    assert.equal((await poolsFrom(hosts[2]!)).size, 1);
    await link(cluster, 0, 2);
    await link(cluster, 1, 2);
    for (const host of hosts) {
      const asker = hosts.find((one) => one !== host)!;
      await until(async () => (await listOf(host, asker)).size === 3);
      assert.deepEqual(await listOf(host, asker), whole);
    }
    await until(async () => {
      const calls = Array.from({ length: 6 }, () => mortal.place.with({ idempotent: true })());
      return new Set(await Promise.all(calls)).size === 3;
    });
  });
});

Deno.test("replicas over hosts: if one fails, all end, wherever they are", async () => {
  await withMortal(async (_cluster, mortal, hosts) => {
    const ended = hosts.map(endedOn);
    await assert.rejects(mortal.die("as told"), { name: "ActorStoppedError" });
    for (const reason of await Promise.all(ended)) assert.match(String(reason), /as told/);
    assert.deepEqual(await having(hosts), [false, false, false]);
    await hosts[1]!.createActor(Counter, [], { uid: "mortal" });
  });
});

Deno.test("replicas over hosts: a host that cannot be reached hears of the end when it can", async () => {
  for (const end of ["destroyActor", "killActor", "fail"] as const) {
    await withMortal(async (cluster, mortal, hosts) => {
      cutOff(cluster, 2);
      if (end !== "fail") await hosts[0]!.destroyActor(mortal);
      else await assert.rejects(mortal.die("as told"), { name: "ActorStoppedError" });
      await until(async () => !(await having(hosts.slice(0, 2))).includes(true));
      assert.deepEqual(await having(hosts), [false, false, true]);
      const ended = endedOn(hosts[2]!);
      await Promise.all([link(cluster, 0, 2), link(cluster, 1, 2)]);
      await ended;
      assert.deepEqual(await having(hosts), [false, false, false]);
    });
  }
});

Deno.test("replicas over hosts: another actor that has the uid by then lives on", async () => {
  await withMortal(async (cluster, mortal, hosts) => {
    cutOff(cluster, 2);
    await hosts[0]!.destroyActor(mortal);
    await hosts[2]!.destroyActor("mortal");
    const counter = await hosts[2]!.createActor(Counter, [7], { uid: "mortal" });
    await link(cluster, 0, 2);
    await link(cluster, 1, 2);
    // What is owed goes ahead of this, on the same link.
    for (const host of hosts.slice(0, 2)) {
      const found = await host.actorRef<Counter>("mortal", hosts[2]!.id);
      assert.equal(await found.get(), 7);
    }
    assert.equal(await counter.get(), 7);
  });
});

Deno.test("replicas over hosts: a ref whose host is lost ends and finds the others", async () => {
  await withMortal(async (cluster, _mortal, hosts) => {
    const far = await hosts[1]!.actorRef<Mortal>("mortal", hosts[2]!.id);
    cutOff(cluster, 2);
    assert.equal(await hosts[1]!.hasActor(far), true);
    await hosts[1]!.destroyActor(far);
    assert.deepEqual(await having(hosts), [false, false, true]);
    const alone = await hosts[2]!.actorRef("mortal");
    const ended = hosts[2]!.watch(alone);
    await link(cluster, 1, 2);
    await ended;
  });
});

Deno.test("replicas over hosts: a host that drains takes its own with it, and no others", async () => {
  await withMortal(async (cluster, mortal, hosts) => {
    await hosts[2]!.drain();
    assert.deepEqual(await having(hosts.slice(0, 2)), [true, true]);
    for (let i = 0; i < 6; i++) await mortal.place.with({ idempotent: true })();
    void cluster;
  });
});

Deno.test("replicas over hosts: of an actor that is not made, nothing stays, wherever it was started", async () => {
  await using cluster = await open();
  const [first, second, third] = cluster.hosts.map(({ host }) => host) as [Host, Host, Host];
  const doors = await first.createActor(Doors, [], { place: onHost(third.id) });
  const options = { ...EVERYWHERE, uid: "late" } as const;
  const made = first.createActor(Late, [doors], options);
  await doors.entered(3);
  const failed = assert.rejects(made);
  cutOff(cluster, 2);
  await failed;
  assert.equal(await first.hasActor("late") || await second.hasActor("late"), false);
  await (await third.actorRef<Doors>(addressOf(doors).uid)).openAll();
  await until(() => third.hasActor("late"));
  const ended = third.watch(await third.actorRef("late"));
  await link(cluster, 0, 2);
  assert(!((await ended).reason instanceof HostLostError));
  assert.equal(await third.hasActor("late"), false);
});
