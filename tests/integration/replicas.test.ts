/** One actor in several pools: where its messages go, and what becomes of it when pools die. */
import assert from "node:assert/strict";
import {
  ActorExistsError,
  ActorNotFoundError,
  type ActorRef,
  ActorStoppedError,
  addressOf,
  anyHost,
  type CreateOptions,
  type Host,
  HostLostError,
  label,
  mainPool,
  onPool,
  type Placement,
  PlacementError,
  PoolLostError,
  processPool,
  startHost,
  transfer,
  workerPool,
} from "@dramatis/dramatis";
import { Counter } from "../fixtures/actors.ts";
import { Customer, Doors, Picky, Places, Worker } from "../fixtures/stateless_actors.ts";
import { Letters, startTwoHosts } from "./placements.ts";

/** A call that is not answered in this time is a deadlock. */
const SOON = { timeoutMs: 60_000 };

/** A host with so many workers. */
function openHost(count: number, letters: Letters = new Letters()): Promise<Host> {
  const pools = [workerPool({ count })];
  return startHost({ pools, autoRecover: false, onDeadLetter: letters.take });
}

function everyPool(
  host: Host,
  options: CreateOptions<Placement> = {},
): Promise<ActorRef<Worker>> {
  return host.createActor(Worker, [], { replicas: "everyPool", ...options });
}

/** The numbers of the pools that an actor has replicas in, as its ref knows. */
function poolsOf(ref: ActorRef<Worker>): number[] | undefined {
  return addressOf(ref).replicas?.map(({ pool }) => pool);
}

/** How many actors each pool has. */
function actorsOf(host: Host): number[] {
  return host.pools().map(({ actors }) => actors);
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** How often each of a list is in it, most first. */
function tally(list: readonly string[]): number[] {
  const counts = new Map<string, number>();
  for (const one of list) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts.values()].sort((a, b) => b - a);
}

/** Ends the isolate that a replica is in, and waits until everybody has been told. */
async function killPool(host: Host, worker: ActorRef<Worker>, pool: number): Promise<void> {
  const probe = await host.createActor(Doors, [], { place: onPool(pool) });
  const told = probe.entered(1).catch((error) => error);
  const { host: owner, uid, generation } = addressOf(worker);
  const single = await host.createActor(Worker, [], { place: onPool(pool) });
  assert.notDeepEqual(addressOf(single), { host: owner, pool, uid, generation });
  single.exit.tell();
  assert(await told instanceof PoolLostError);
}

Deno.test("replicas: one in every pool but main, or in so many", async () => {
  await using host = await openHost(3);
  const all = await everyPool(host);
  assert.deepEqual(poolsOf(all), [1, 2, 3]);
  assert.deepEqual(actorsOf(host).slice(1), [1, 1, 1]);
  assert.match(String(all), /^ActorRef\(.+ in pool 1 of host [0-9a-f]{12}, 3 replicas\)$/);
  const two = await host.createActor(Worker, [], { replicas: 2 });
  assert.equal(poolsOf(two)!.length, 2);
  const one = await host.createActor(Worker, [], { replicas: 1 });
  assert.equal(poolsOf(one), undefined, "a single actor");
  assert.deepEqual(actorsOf(host).slice(1), [2, 2, 2], "the pools with the fewest actors");
});

Deno.test("replicas: main has one only if no other pool will do; place filters", async () => {
  await using host = await startHost({
    pools: [workerPool({ count: 2, labels: ["io"] }), workerPool({ count: 1 })],
  });
  const io = await everyPool(host, { place: label("io") });
  assert.deepEqual(poolsOf(io)!.sort(), [1, 2]);
  const main = await everyPool(host, { place: mainPool() });
  assert.equal(await main.place(), `${host.id}/0`);
  const tooMany = host.createActor(Worker, [], { replicas: 3, place: label("io") });
  await assert.rejects(tooMany, (error) => {
    assert(error instanceof PlacementError);
    assert.match(error.message, /3 replicas of Worker need as many pools, and only 2 will do:/);
    assert.match(error.message, /worker-3 .*: its label is not set/);
    return true;
  });
  const all = host.createActor(Worker, [], { replicas: 4 });
  await assert.rejects(all, /only 3 will do:\n.*main .*: replicas go to a main pool only if/);
  await assert.rejects(everyPool(host, { place: label("none") }), /No pool can take Worker:/);
});

Deno.test("replicas: are for actors without state, and are checked", async () => {
  await using host = await openHost(2);
  await assert.rejects(host.createActor(Counter, [], { replicas: 2 }), {
    name: "TypeError",
    message: /Cannot create Counter with replicas: .* extend StatelessActor/,
  });
  for (const replicas of [0, -1, 1.5, NaN, Infinity, 2000, "all"]) {
    await assert.rejects(host.createActor(Worker, [], { replicas: replicas as number }), {
      name: "RangeError",
      message: /replicas is "everyPool" or a whole number from 1 to 1024, got/,
    });
  }
  assert.deepEqual(actorsOf(host), [0, 0, 0]);
});

Deno.test("replicas: calls go where the fewest are under way", async () => {
  await using host = await openHost(3);
  const worker = await everyPool(host);
  const doors = await host.createActor(Doors, [], { place: mainPool() });
  const calls = numbers(9).map((id) => worker.work.with(SOON)(id, doors));
  await doors.entered(9);
  // Two replicas have nothing left to do, the third has all its three.
  const [first, ...rest] = await Promise.all([0, 1, 2].map((id) => whereIs(doors, calls, id)));
  assert(rest.every((place) => place !== first), "each has its own");
  for (const id of [3, 4, 6, 7]) await whereIs(doors, calls, id);
  const more = numbers(4).map((id) => worker.work.with(SOON)(10 + id, doors));
  await doors.entered(13);
  await doors.openAll();
  const places = await Promise.all(calls);
  assert.deepEqual(tally(places), [3, 3, 3]);
  assert(!(await Promise.all(more)).includes(places[8]!), "not to the one that is busy");
});

async function whereIs(
  doors: ActorRef<Doors>,
  calls: readonly Promise<string>[],
  id: number,
): Promise<string> {
  await doors.open(id);
  return await calls[id]!;
}

Deno.test("replicas: among equals the caller's own pool, else they take turns", async () => {
  await using host = await openHost(3);
  const worker = await everyPool(host);
  const fromMain: string[] = [];
  for (let i = 0; i < 6; i++) fromMain.push(await worker.place());
  assert.deepEqual(tally(fromMain), [2, 2, 2]);
  for (const pool of [1, 2, 3]) {
    const customer = await host.createActor(Customer, [worker], { place: onPool(pool) });
    assert.deepEqual(tally(await customer.places(6)), [6]);
    assert.equal((await customer.places(1))[0], `${host.id}/${pool}`);
    const doors = await host.createActor(Doors, []);
    const places = customer.work(numbers(6), doors);
    await doors.entered(6);
    await doors.openAll();
    assert.deepEqual(tally(await places), [2, 2, 2]);
  }
});

Deno.test("replicas: all refs to them in a pool know of each other's calls", async () => {
  await using host = await openHost(2);
  const worker = await everyPool(host, { uid: "worker" });
  const doors = await host.createActor(Doors, []);
  const calls = [worker.work(0, doors), (await host.actorRef<Worker>("worker")).work(1, doors)];
  await doors.entered(2);
  await doors.openAll();
  assert.deepEqual(tally(await Promise.all(calls)), [1, 1]);
});

Deno.test("replicas: tells, batches, streams and timers are spread too", async () => {
  await using host = await openHost(2);
  const worker = await everyPool(host);
  const places = await host.createActor(Places, []);
  for (let i = 0; i < 4; i++) worker.report.tell(places);
  assert.deepEqual(tally(await places.first(4)), [2, 2]);
  const batches = await Promise.all([worker.place.batch([[], []]), worker.place.batch([[], []])]);
  assert.deepEqual(tally(batches.flat()), [2, 2]);
  const streamed: string[] = [];
  for (let i = 0; i < 2; i++) for await (const place of worker.places(2)) streamed.push(place);
  assert.deepEqual(tally(streamed), [2, 2]);
  const later = await host.createActor(Places, []);
  for (let i = 0; i < 2; i++) worker.report.after(1, later);
  assert.deepEqual(tally(await later.first(2)), [1, 1]);
  const again = await host.createActor(Places, []);
  using _timer = worker.report.every(1, again);
  assert.deepEqual(tally(await again.first(4)), [2, 2]);
});

Deno.test("replicas: concurrency is of each", async () => {
  await using host = await openHost(2);
  const worker = await everyPool(host, { concurrency: 2 });
  const doors = await host.createActor(Doors, []);
  const calls = numbers(8).map((id) => worker.work(id, doors));
  await doors.entered(4);
  assert.equal((await doors.report()).most, 4);
  await doors.openAll();
  await Promise.all(calls);
  assert.equal((await doors.report()).most, 4);
});

Deno.test("replicas: they have one uid and end together", async () => {
  await using host = await openHost(2);
  const worker = await everyPool(host, { uid: "worker" });
  await assert.rejects(everyPool(host, { uid: "worker" }), ActorExistsError);
  await assert.rejects(host.createActor(Counter, [], { uid: "worker" }), ActorExistsError);
  assert.deepEqual(actorsOf(host).slice(1), [1, 1]);
  assert.deepEqual(addressOf(await host.actorRef("worker")), addressOf(worker));
  const doors = await host.createActor(Doors, [], { place: mainPool() });
  const calls = numbers(2).map((id) => worker.work(id, doors));
  await doors.entered(2);
  const destroyed = host.destroyActor(worker);
  await doors.openAll();
  assert.deepEqual(tally(await Promise.all(calls)), [1, 1], "it waits for those that run");
  await destroyed;
  assert.equal(await host.hasActor("worker"), false);
  assert.deepEqual(actorsOf(host).slice(1), [0, 0]);
  for (let i = 0; i < 2; i++) await assert.rejects(worker.place(), ActorNotFoundError);

  const again = await everyPool(host, { uid: "worker" });
  assert.deepEqual(
    tally([await worker.place(), await worker.place()]),
    [1, 1],
    "the ref works again",
  );
  const closed = await host.createActor(Doors, [], { place: mainPool() });
  const killed = Promise.allSettled(numbers(4).map((id) => again.work(id, closed)));
  await closed.entered(4);
  await host.killActor("worker");
  for (const one of await killed) {
    assert.equal(one.status, "rejected");
    assert(one.reason instanceof ActorStoppedError, String(one.reason));
  }
  assert.equal(await host.hasActor(worker), false);
  await closed.openAll();
});

Deno.test("replicas: one that fails to start undoes the others", async () => {
  const letters = new Letters();
  await using host = await openHost(3, letters);
  const ended = await host.createActor(Places, [], { place: mainPool() });
  const options = { replicas: "everyPool", uid: "picky" } as const;
  await assert.rejects(host.createActor(Picky, [2, ended], options), {
    name: "ActorStartError",
    message: /Picky picky in pool 2 .* postCreate threw RangeError: not here/,
  });
  assert.deepEqual((await ended.first(2)).sort(), ["1", "3"]);
  assert.deepEqual(actorsOf(host).slice(1), [0, 0, 0]);
  assert.equal(await host.hasActor("picky"), false);
  await host.createActor(Picky, [0, ended], options);
});

Deno.test("replicas: each is made with arguments of its own", async () => {
  await using host = await openHost(2);
  const ended = await host.createActor(Places, []);
  const bytes = new Uint8Array(100_000).fill(1);
  const picky = await host.createActor(Picky, [0, ended, transfer(bytes)], { replicas: 2 });
  assert.equal(bytes.length, 0, "moved");
  assert.deepEqual([await picky.sum(), await picky.sum()], [100_000, 100_000]);
  assert.deepEqual([await picky.sum(), await picky.sum()], [0, 0]);
});

Deno.test("replicas: when a pool dies its calls reject, and the others go on", async () => {
  const letters = new Letters();
  await using host = await openHost(3, letters);
  const worker = await everyPool(host, { uid: "worker" });
  const customer = await host.createActor(Customer, [worker], { place: onPool(2) });
  const doors = await host.createActor(Doors, [], { place: mainPool() });
  const calls = Promise.allSettled(numbers(6).map((id) => worker.work(id, doors)));
  await doors.entered(6);
  await killPool(host, worker, 1);
  await doors.openAll();
  const settled = await calls;
  const lost = settled.filter((one) => one.status === "rejected");
  assert.equal(lost.length, 2);
  for (const { reason } of lost) assert(reason instanceof PoolLostError, String(reason));
  for (const ref of [worker, await host.actorRef<Worker>("worker"), await customer.ref()]) {
    assert.deepEqual(poolsOf(ref), [2, 3]);
    const places = await Promise.all(numbers(10).map(() => ref.place.with(SOON)()));
    assert.deepEqual(tally(places), [5, 5]);
  }
  const places = await customer.work(numbers(10).map((id) => 10 + id), doors);
  assert.deepEqual(tally(places), [5, 5]);
  assert.equal(await host.hasActor(worker), true);

  await killPool(host, worker, 2);
  assert.equal(await worker.place(), `${host.id}/3`);
  assert.equal(await host.hasActor("worker"), true);
  await killPool(host, worker, 3);
  assert.equal(await host.hasActor("worker"), false);
  await assert.rejects(worker.place(), PoolLostError);
  await assert.rejects(worker.place(), PoolLostError);
  await host.appendPool(workerPool({ count: 1 }));
  assert.deepEqual(poolsOf(worker)!.length, 1, "the last knowledge stays");
  await everyPool(host, { uid: "worker" });
});

Deno.test("replicas: they are made again with their pool, and refs find them there", async () => {
  await using host = await startHost({
    pools: [workerPool({ count: 1 }), processPool({ count: 1 })],
    onDeadLetter: () => {},
    debug: false,
    recovery: { waitMs: 120_000 },
  });
  const worker = await everyPool(host, { uid: "worker" });
  const passing = await everyPool(host, { uid: "passing", restart: "temporary" });
  for (const pool of [1, 2]) {
    await killPool(host, worker, pool);
    await host.waitPoolRecovered(pool, { timeoutMs: 120_000 });
    const seen = new Set<string>();
    while (seen.size < 2) seen.add(await worker.place());
    assert.deepEqual(poolsOf(worker), [1, 2]);
  }
  assert.equal(await host.hasActor(passing), false, "temporary ones are not");
  await killPool(host, worker, 1);
  await host.waitPoolRecovered(1, { timeoutMs: 120_000 });
  await host.destroyActor(worker);
  assert.equal(await host.hasActor("worker"), false);
  await everyPool(host, { uid: "worker" });
  await host.removePool(1);
  assert.equal(await host.hasActor("worker"), true);
  assert.equal(await (await host.actorRef<Worker>("worker")).place(), `${host.id}/2`);
});

Deno.test("replicas: a timer goes on as long as there is one", async () => {
  const letters = new Letters();
  await using host = await openHost(2, letters);
  const worker = await everyPool(host);
  const ticks = await host.createActor(Places, [], { place: mainPool() });
  using _timer = worker.report.every(1, ticks);
  using _waits = worker.wait.every(1);
  await ticks.first.with(SOON)(2);
  await killPool(host, worker, 1);
  await ticks.first.with(SOON)(20);
  await killPool(host, worker, 2);
  while (!((await letters.next()).reason instanceof PoolLostError));
});

Deno.test("replicas: a pool that comes later learns of dead ones by the ref", async () => {
  await using host = await openHost(3);
  const worker = await everyPool(host);
  await killPool(host, worker, 2);
  const [late] = await host.appendPool(workerPool({ count: 1 }));
  const customer = await host.createActor(Customer, [worker], { place: onPool(late!) });
  assert.deepEqual(tally(await customer.places(4)), [2, 2]);
});

Deno.test("replicas: on other hosts too, and refs to them work from everywhere", async () => {
  const [host, owner] = await startTwoHosts({ pools: [workerPool({ count: 2 })] });
  await using _host = host;
  await using _owner = owner;
  const worker = await everyPool(host, { uid: "worker", place: anyHost() });
  assert.equal(poolsOf(worker)!.length, 4);
  assert.equal(addressOf(worker).host, host.id);
  const doors = await host.createActor(Doors, []);
  for (const place of [onPool(host.pools()[1]!), onPool(owner.pools()[1]!)]) {
    const customer = await host.createActor(Customer, [worker], { place });
    const ids = numbers(8);
    const places = customer.work(ids, doors);
    await doors.openAll();
    assert.deepEqual(tally(await places), [2, 2, 2, 2]);
  }
  const there = await owner.actorRef<Worker>("worker");
  assert.equal(poolsOf(there)!.length, 4);
  await assert.rejects(owner.createActor(Counter, [], { uid: "worker" }), ActorExistsError);
  // Whichever host is asked, and whoever asks.
  const leaver = await Promise.all(numbers(4).map(() => worker.leave.with(SOON)(worker)));
  assert(leaver.length > 0);
});

Deno.test("replicas: on other hosts they end together, whichever host is asked", async () => {
  const [host, owner] = await startTwoHosts({ pools: [workerPool({ count: 1 })] });
  await using _host = host;
  await using _owner = owner;
  for (const asked of [host, owner]) {
    for (const verb of ["destroyActor", "killActor"] as const) {
      await everyPool(host, { uid: "worker", place: anyHost() });
      await asked[verb]("worker");
      for (const one of [host, owner]) assert.equal(await one.hasActor("worker"), false);
    }
  }
  // A uid that is taken on one of them is taken.
  await owner.createActor(Counter, [], { uid: "worker" });
  await assert.rejects(everyPool(host, { uid: "worker", place: anyHost() }), ActorExistsError);
  assert.equal(await host.hasActor("worker"), false);
});

Deno.test("replicas: when a host is lost the others go on", async () => {
  const [host, owner] = await startTwoHosts({
    pools: [workerPool({ count: 1 })],
    stopTimeoutMs: 50,
  });
  await using _host = host;
  const worker = await everyPool(host, { uid: "worker", place: anyHost() });
  const doors = await host.createActor(Doors, [], { place: mainPool() });
  const calls = Promise.allSettled(numbers(4).map((id) => worker.work(id, doors)));
  await doors.entered(4);
  await owner.stop();
  await doors.openAll();
  const lost = (await calls).filter((one) => one.status === "rejected");
  assert.equal(lost.length, 2);
  for (const { reason } of lost) {
    assert(reason instanceof HostLostError || reason instanceof PoolLostError, String(reason));
  }
  for (let i = 0; i < 4; i++) assert.equal(await worker.place(), `${host.id}/1`);
  assert.equal(addressOf(worker).replicas!.length, 1);
  assert.equal(addressOf(await host.actorRef("worker")).replicas, undefined);
  await host.destroyActor(worker);
  assert.equal(await host.hasActor("worker"), false);
});
