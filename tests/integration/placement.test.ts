/** Placement on a host with all that goes with it: leases, gangs, and pools that come and go. */
import assert from "node:assert/strict";
import {
  type Actor,
  type ActorRef,
  addressOf,
  custom,
  type Host,
  idleLabel,
  label,
  mainPool,
  near,
  onPool,
  PlacementError,
  poolIndex,
  PoolLostError,
  roundRobin,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { Counter, Gate } from "../fixtures/actors.ts";
import { Doomed } from "../fixtures/doomed.ts";
import { Fragile, Planner } from "../fixtures/placement_actors.ts";

const cards = (count: number) => workerPool({ count, labels: ["card"] });
const place = idleLabel("card", "model");
const poolOf = (ref: ActorRef<Actor>) => addressOf(ref).pool;
const actorsOf = (host: Host) => host.pools().map(({ actors }) => actors);
const marksOf = (host: Host) => host.pools().flatMap(({ held }) => held?.marks ?? []);

Deno.test("idleLabel: two at once are in two pools, there is no third, and pools that come later count", async () => {
  await using host = await startHost({ pools: [cards(2)] });
  const two = await Promise.all([0, 1].map(() => host.createActor(Counter, [], { place })));
  assert.deepEqual(two.map(poolOf).sort(), [1, 2]);
  await assert.rejects(host.createActor(Counter, [], { place }), (error) => {
    assert(error instanceof PlacementError);
    assert.deepEqual(error.refusals.map(({ reason }) => reason), [
      "its label is not set",
      "an actor is there with the mark model",
      "an actor is there with the mark model",
    ]);
    return true;
  });
  assert.equal(marksOf(host).length, 2, "everyone can see it");
  await host.appendPool(cards(1));
  assert.equal(poolOf(await host.createActor(Counter, [], { place })), 3);
  const other = await host.createActor(Counter, [], { place: idleLabel("card", "other") });
  assert([1, 2, 3].includes(poolOf(other)));
});

Deno.test("idleLabel: its place is free after destroy, kill, failed creation, a taken uid or name", async () => {
  await using host = await startHost({ pools: [cards(1)] });
  const again = async () => {
    assert.deepEqual(marksOf(host), []);
    return await host.createActor(Counter, [], { place, uid: "x" });
  };
  await host.destroyActor(await again());
  await host.killActor(await again());
  await assert.rejects(host.createActor(Fragile, [true], { place }), /it is broken/);
  await assert.rejects(host.createActor(Fragile, [true], { place, name: "n" }), /it is broken/);
  const holder = await host.createActor(Counter, [], { uid: "u", name: "n", place: mainPool() });
  await assert.rejects(host.createActor(Counter, [], { place, uid: "u" }), {
    name: "ActorExistsError",
  });
  await assert.rejects(host.createActor(Counter, [], { place, name: "n" }), {
    name: "NameTakenError",
  });
  await host.destroyActor(holder);
  const raced = await Promise.allSettled(
    [1, 2].map(() => host.createActor(Counter, [], { place, name: "n" })),
  );
  assert.deepEqual(raced.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  await host.destroyActor(await host.lookup("n"));
  await again();
});

Deno.test("idleLabel: its place is free when the pool is gone for good, and kept while it is recovered", async () => {
  {
    await using host = await startHost({ pools: [cards(1)], autoRecover: false });
    const doomed = await host.createActor(Doomed, [], { place });
    const watch = host.watch(doomed);
    doomed.exit.tell();
    await watch;
    assert.deepEqual(marksOf(host), []);
    await host.appendPool(cards(1));
    await host.createActor(Doomed, [], { place });
  }
  for (const autoRecover of ["actor", "pool"] as const) {
    const recovered = Promise.withResolvers<void>();
    const recovery = { onPoolRecovered: () => recovered.resolve() };
    await using host = await startHost({ pools: [cards(1)], autoRecover, recovery });
    const doomed = await host.createActor(Doomed, [], { place, uid: "d" });
    doomed.exit.tell();
    await recovered.promise;
    if (autoRecover === "actor") {
      await assert.rejects(host.createActor(Doomed, [], { place }), PlacementError);
      await host.destroyActor(doomed);
    }
    await host.createActor(Doomed, [], { place });
    assert.equal(marksOf(host).length, 1);
  }
});

Deno.test("createActors: all are made, near or far, and each has its own type", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 3 })] });
  const members = [
    { type: Counter, args: [5] },
    { type: Fragile, args: [] },
    { type: Counter, args: [6], options: { uid: "six", name: "VI" } },
  ] as const;
  const [five, fragile, six] = await host.createActors([
    { type: Counter, args: [5] },
    { type: Fragile, args: [] },
    { type: Counter, args: [6], options: { uid: "six", name: "VI" } },
  ], { strategy: "spread" });
  assert.deepEqual([await five.get(), await six.get()], [5, 6]);
  assert.equal((await fragile.here()).pool, poolOf(fragile));
  assert.deepEqual([five, fragile, six].map(poolOf).sort(), [1, 2, 3]);
  assert.equal(poolOf(await host.lookup("VI")), poolOf(six));
  const near = await host.createActors(
    Array.from({ length: 4 }, (_, i) => ({ type: Counter, args: [i] as [number] })),
    { strategy: "pack" },
  );
  assert.equal(new Set(near.map(poolOf)).size, 1);
  assert.equal(members.length, 3);
  assert.deepEqual(await host.createActors([]), []);
});

Deno.test("createActors, createActor: what is no member, and no options, is named", async () => {
  await using host = await startHost({ pools: [] });
  const good = { type: Counter, args: [1] };
  const holes = new Array(1);
  const bad: [unknown, RegExp][] = [
    [null, /takes a list of members, got null/],
    [[good, null], /member 1: a member is \{ type, args, options\? \}, got null/],
    [[good, 5], /member 1: .* got 5$/],
    [holes, /member 0: .* got undefined/],
    [[{ type: Counter }], /member 0: .* got an object with type$/],
    [[{ ...good, options: null }], /options of createActor are an object, got null/],
    [[{ ...good, type: null }], /Cannot create an actor of null/],
  ];
  for (const [members, message] of bad) {
    await assert.rejects(
      host.createActors(members as []),
      (error) => error instanceof TypeError && message.test(error.message),
    );
  }
  await assert.rejects(async () => await host.createActor(Counter, [], null as never), TypeError);
  assert.equal(host.pools()[0]!.actors, 0);
});

Deno.test("createActors: nothing is left of a gang that cannot be made", async () => {
  await using host = await startHost({ pools: [cards(2)] });
  const gang = (isBroken: boolean) =>
    host.createActors([
      { type: Counter, args: [1], options: { uid: "a", name: "A", place } },
      { type: Counter, args: [2], options: { uid: "b", place: mainPool() } },
      { type: Fragile, args: [isBroken], options: { uid: "c", place } },
    ]);
  await assert.rejects(gang(true), /it is broken/);
  assert.deepEqual(actorsOf(host), [0, 0, 0]);
  assert.deepEqual(marksOf(host), []);
  await assert.rejects(host.lookup("A"), { name: "ActorNotFoundError" });
  const [a] = await gang(false);
  await assert.rejects(
    host.createActors([
      { type: Counter, args: [], options: { uid: "d" } },
      { type: Counter, args: [], options: { uid: "e", place } },
    ]),
    /^PlacementError: Member 1 of 2 has no place: No pool can take Counter:/,
  );
  assert.equal(await host.hasActor("d"), false, "the first was not even made");
  await host.destroyActor(a);
  assert.deepEqual(actorsOf(host), [1, 0, 1]);
});

Deno.test("createActors: without allOrNothing what can be made is, and it is said why the rest is not", async () => {
  await using host = await startHost({ pools: [cards(1)] });
  const settled = await host.createActors([
    { type: Counter, args: [3], options: { place } },
    { type: Counter, args: [4], options: { place } },
    { type: Fragile, args: [true] },
  ], { allOrNothing: false });
  assert.deepEqual(settled.map(({ status }) => status), ["fulfilled", "rejected", "rejected"]);
  const [made, unplaced, broken] = settled;
  assert(made.status === "fulfilled" && await made.value.get() === 3);
  assert(unplaced.status === "rejected" && unplaced.reason instanceof PlacementError);
  assert(broken.status === "rejected");
  assert.match(broken.reason.message, /it is broken/);
});

Deno.test("createActors: says what is wrong with it", async () => {
  await using host = await startHost({ pools: [] });
  const one = { type: Counter, args: [] as [] };
  await assert.rejects(
    host.createActors([one], { strategy: "heap" as never }),
    /strategy is "pack" or "spread", got "heap"/,
  );
  await assert.rejects(
    host.createActors([{ ...one, options: { replicas: 2 } as never }]),
    /A member of a gang has no replicas/,
  );
  const inner = host.createActors([{ type: Counter, args: [(() => 1) as never] }]);
  await assert.rejects(inner, { name: "NotSerializableError" });
});

Deno.test("explainGang: says where each would go, without a consequence", async () => {
  await using host = await startHost({ pools: [cards(2)] });
  const members = [1, 2].map(() => ({ type: Counter, args: [] as [], options: { place } }));
  for (let i = 0; i < 2; i++) {
    const decisions = host.explainGang(members, { strategy: "spread" });
    assert.deepEqual(decisions.map(({ pool }) => pool.pool), [1, 2]);
    assert.match(decisions[1]!.reason, /worker-2 .* is best by idleLabel, leastLoaded/);
    assert.equal(decisions[1]!.refusals.at(-1)!.reason, "an actor is there with the mark model");
  }
  assert.throws(() => host.explainGang(members.concat(members[0]!)), /Member 2 of 3 has no place/);
  assert.deepEqual(marksOf(host), []);
});

Deno.test("an actor places others by rules of its own, and gangs", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 4 })] });
  for (const at of [0, 1]) {
    const planner = await host.createActor(Planner, [], { place: onPool(at) });
    const counter = await planner.makeInLastEven();
    assert.equal(await counter.get(), 7);
    assert.equal(poolOf(counter), 4);
    await assert.rejects(planner.makeTwo(true), /it is broken/);
    assert.equal(await host.hasActor("first"), false);
    assert.equal(new Set(await planner.makeTwo(false)).size, 2);
    await host.destroyActor("first");
    await host.destroyActor("second");
  }
  const never = custom("never", { refuse: () => "never" });
  await assert.rejects(host.createActor(Counter, [], { place: never }), /worker-1 .*: never/);
});

Deno.test("near, poolIndex and roundRobin on a host whose pools change", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 2 })] });
  const first = await host.createActor(Counter, [], { place: onPool(2) });
  assert.equal(poolOf(await host.createActor(Counter, [], { place: near(first) })), 2);
  assert.equal(poolOf(await host.createActor(Counter, [], { place: poolIndex(1) })), 1);
  await host.removePool(1);
  assert.equal(poolOf(await host.createActor(Counter, [], { place: poolIndex(1) })), 2);
  await host.appendPool(workerPool({ count: 2 }));
  const turns = [];
  for (let i = 0; i < 6; i++) {
    turns.push(poolOf(await host.createActor(Counter, [], { place: roundRobin() })));
  }
  assert.deepEqual(turns.toSorted(), [2, 2, 3, 3, 4, 4]);
  assert.throws(() => near({} as never), /near takes a ref or the address of a pool/);
});

Deno.test("removePool: at once by force, by its deadline, or in order", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 3, labels: ["x"] })] });
  const [held, hanging, calm] = await Promise.all([
    host.createActor(Doomed, [], { place: onPool(1) }),
    host.createActor(Gate, [true], { place: onPool(2) }),
    host.createActor(Counter, [], { place: onPool(3), uid: "calm" }),
  ]);
  const waiting = held.wait();
  const forced = host.removePool(1, { force: true });
  await assert.rejects(waiting, (error) => {
    assert(error instanceof PoolLostError);
    assert.match(error.message, /worker-1 was removed at once/);
    return true;
  });
  await forced;
  const slow = host.removePool(host.poolOf(hanging), { deadlineMs: 50 });
  await assert.rejects(
    host.createActor(Counter, [], { place: onPool(2) }),
    PlacementError,
    "no more actors from the beginning",
  );
  await slow;
  assert.equal(await calm.get(), 0);
  await host.removePool(3);
  await assert.rejects(calm.get(), PoolLostError);
  assert.deepEqual(host.pools().map(({ name }) => name), ["main"]);
  await assert.rejects(host.createActor(Counter, [], { place: label("x") }), PlacementError);
  await assert.rejects(host.removePool(1), /This host has no pool 1/);
  await assert.rejects(host.removePool(1, { deadlineMs: -1 }), /deadlineMs is a number/);
  await assert.rejects(host.removePool({ host: 5, pool: 1 }), /is one of host 000000000005/);
});

Deno.test("labels: several for a pool, checked", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1, labels: ["a", "b"] })] });
  assert.deepEqual(host.pools()[1]!.labels, ["a", "b"]);
  const both = await host.createActor(Counter, [], { place: [label("a"), label("b")] });
  assert.equal(poolOf(both), 1);
  await assert.rejects(host.createActor(Counter, [], { place: label("c") }), /its label is a, b/);
  for (const labels of ["a", [""], [5]]) {
    assert.throws(() => workerPool({ labels: labels as never }), /labels is a list of names/);
  }
});
