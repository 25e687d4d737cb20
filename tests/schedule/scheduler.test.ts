/** Where actors go, and why not elsewhere. */
import assert from "node:assert/strict";
import { PlacementError } from "../../src/core/host_errors.ts";
import type { DeviceKind } from "../../src/core/device.ts";
import type { PoolDescription } from "../../src/core/protocol.ts";
import { device } from "../../src/schedule/device_policy.ts";
import {
  anyHost,
  label,
  leastLoaded,
  mainPool,
  onHost,
  onPool,
  type Placement,
  random,
  randomWorker,
} from "../../src/schedule/policy.ts";
import { type Choice, type PlacementRequest, Scheduler } from "../../src/schedule/scheduler.ts";

const HERE = 1, THERE = 2;

function pool(
  number: number,
  kind: PoolDescription["kind"],
  more: Partial<Omit<PoolDescription, "device">> & { device?: DeviceKind } = {},
): PoolDescription {
  const { device = kind === "gpu" ? "gpu" : "cpu", ...rest } = more;
  return {
    host: HERE,
    pool: number,
    name: kind === "main" ? "main" : `${kind}-${number}`,
    kind,
    labels: [],
    device: { kind: device, name: device, features: [], limits: {} },
    actors: 0,
    ...rest,
  };
}

/** A host with one pool of every kind, and another host. */
const POOLS: readonly PoolDescription[] = [
  pool(0, "main"),
  pool(1, "worker"),
  pool(2, "worker", { labels: ["io"] }),
  pool(3, "worker", { labels: ["io"] }),
  pool(4, "gpu", { device: "software" }),
  pool(5, "gpu", { labels: ["big"] }),
  pool(0, "main", { host: THERE }),
  pool(1, "worker", { host: THERE }),
];

/** A choice whose actor has ended already. */
function settled(choice: Choice): Choice {
  choice.lease[Symbol.dispose]();
  return choice;
}

/** The names of the pools that are chosen in a number of turns, with the other host's marked. */
function chosen(
  place: Placement | undefined,
  { home = "cpu", pools = POOLS, turns = 60 }: {
    home?: PlacementRequest["home"];
    pools?: readonly PoolDescription[];
    turns?: number;
  } = {},
): string[] {
  const scheduler = new Scheduler(HERE);
  const names = new Set<string>();
  for (let turn = 0; turn < turns; turn++) {
    const { pool } = settled(scheduler.choose({ type: "T", home, place }, pools));
    names.add(pool.host === HERE ? pool.name : `${pool.name} there`);
  }
  return [...names].sort();
}

Deno.test("each policy chooses from its own pools, and from all of them", () => {
  const workers = ["worker-1", "worker-2", "worker-3"];
  const cases: [Placement | undefined, string[]][] = [
    [undefined, workers],
    [leastLoaded(), workers],
    [onPool(1), ["worker-1"]],
    [onPool("worker-3"), ["worker-3"]],
    [onPool(POOLS[7]!), ["worker-1 there"]],
    [mainPool(), ["main"]],
    [randomWorker(), workers],
    [random(), ["main", ...workers]],
    [label("io"), ["worker-2", "worker-3"]],
    [label("big"), ["gpu-5"]],
    [onHost(THERE), ["worker-1 there"]],
    [onHost(HERE), workers],
    [anyHost(), [...workers, "worker-1 there"].sort()],
    [device({ prefer: "cpu" }), workers],
    [device(), ["gpu-5"]],
    [device({ prefer: "software" }), ["gpu-4"]],
    [[label("io"), random()], ["worker-2", "worker-3"]],
    [[label("io"), onPool(3)], ["worker-3"]],
    [[anyHost(), mainPool()], ["main", "main there"]],
    [[anyHost(), randomWorker()], [...workers, "worker-1 there"].sort()],
    [[onHost(THERE), mainPool()], ["main there"]],
  ];
  for (const [place, names] of cases) {
    assert.deepEqual(chosen(place), names, JSON.stringify(place));
  }
});

Deno.test("kernels go to a device, classes do not, unless they are told to", () => {
  assert.deepEqual(chosen(undefined, { home: "gpu" }), ["gpu-5"]);
  assert.deepEqual(chosen(leastLoaded(), { home: "gpu" }), ["gpu-5"]);
  assert.deepEqual(chosen(onPool(4), { home: "gpu" }), ["gpu-4"]);
  assert.deepEqual(chosen(onPool(4)), ["gpu-4"]);
  assert.deepEqual(chosen(label("io"), { home: "gpu" }), ["worker-2", "worker-3"]);
});

Deno.test("device: the fallback says what will do", () => {
  const software = POOLS.filter(({ device }) => device.kind !== "gpu");
  const cpu = software.filter(({ device }) => device.kind !== "software");
  const workers = ["worker-1", "worker-2", "worker-3"];
  assert.deepEqual(chosen(device(), { pools: software }), ["gpu-4"]);
  assert.deepEqual(chosen(device({ fallback: "cpu" }), { pools: software }), ["gpu-4"]);
  assert.deepEqual(chosen(device({ fallback: "cpu" }), { pools: cpu }), workers);
  assert.throws(() => chosen(device(), { pools: cpu }), PlacementError);
  assert.throws(() => chosen(device({ fallback: "none" }), { pools: software }), PlacementError);
  assert.throws(
    () => chosen(device({ prefer: "cpu" }), { pools: [pool(0, "main")] }),
    /its device is cpu of the main pool/,
  );
});

Deno.test("leastLoaded: the emptiest, in turn among equals, the main pool last", () => {
  const scheduler = new Scheduler(HERE);
  const pools = [pool(0, "main"), pool(1, "worker"), pool(2, "worker"), pool(3, "worker")];
  const decide = (pools: readonly PoolDescription[]) =>
    settled(scheduler.choose({ type: "T", home: "cpu" }, pools)).pool.name;
  assert.deepEqual([1, 2, 3, 4].map(() => decide(pools)), [
    "worker-1",
    "worker-2",
    "worker-3",
    "worker-1",
  ]);
  const loaded = [
    pool(0, "main"),
    pool(1, "worker", { actors: 9 }),
    pool(2, "worker", { actors: 2 }),
  ];
  assert.deepEqual([1, 2].map(() => decide(loaded)), ["worker-2", "worker-2"]);
  assert.equal(decide([pool(0, "main"), pool(1, "worker", { actors: 1e6 })]), "worker-1");
  assert.equal(decide([pool(0, "main", { actors: 5 })]), "main", "if there is no other");
});

Deno.test("chooseSeveral: the best pools, in turn among equals, the main pool if it is alone", () => {
  const scheduler = new Scheduler(HERE);
  const pools = [
    pool(0, "main"),
    pool(1, "worker", { actors: 3 }),
    pool(2, "worker"),
    pool(3, "worker"),
    pool(4, "gpu"),
  ];
  const choose = (count: number, place?: Placement, among: readonly PoolDescription[] = pools) =>
    scheduler.chooseSeveral({ type: "T", home: "cpu", place }, among, count).map((lease) => {
      lease[Symbol.dispose]();
      return among.find(({ pool }) => pool === lease.pool.pool)!.name;
    });
  assert.deepEqual(choose(1), ["worker-2"]);
  assert.deepEqual(choose(1), ["worker-3"]);
  assert.deepEqual(choose(2), ["worker-2", "worker-3"]);
  assert.deepEqual(choose(3), ["worker-2", "worker-3", "worker-1"]);
  assert.deepEqual(choose(Infinity), ["worker-2", "worker-3", "worker-1"]);
  assert.deepEqual(choose(Infinity, random()).sort(), ["worker-1", "worker-2", "worker-3"]);
  assert.deepEqual(choose(Infinity, device({ fallback: "cpu" })).at(0), "gpu-4");
  assert.deepEqual(choose(Infinity, undefined, pools.slice(0, 1)), ["main"]);
  assert.deepEqual(choose(Infinity, mainPool()), ["main"]);
  for (const [count, place, found] of [[4, undefined, 3], [2, mainPool(), 1]] as const) {
    assert.throws(() => choose(count, place), (error) => {
      assert(error instanceof PlacementError);
      assert.match(error.message, new RegExp(`^${count} replicas of T .* only ${found} will do:`));
      assert.equal(error.refusals.length, pools.length - found);
      return true;
    });
  }
  assert.throws(() => choose(Infinity, label("none")), /No pool can take T:\n/);
  assert.throws(() => choose(1, undefined, []), /No pool can take T: there are no pools/);
});

Deno.test("several policies: all filter, the first scores first", () => {
  const pools = [
    pool(1, "gpu", { actors: 5 }),
    pool(2, "gpu", { actors: 1, device: "software" }),
    pool(3, "gpu", { actors: 3 }),
  ];
  const first = (place: Placement) =>
    new Scheduler(HERE).decide({ type: "T", home: "gpu", place }, pools).pool.name;
  assert.equal(first([device()]), "gpu-3", "the kind, then the load");
  assert.equal(first([device(), leastLoaded()]), "gpu-3");
  assert.equal(first([leastLoaded(), device()]), "gpu-2");
});

Deno.test("PlacementError: lists every candidate and why not", () => {
  const scheduler = new Scheduler(HERE);
  const place = [label("gpus"), anyHost()];
  assert.throws(
    () => scheduler.decide({ type: "Render", home: "cpu", place }, POOLS.slice(0, 3)),
    (error) => {
      assert(error instanceof PlacementError);
      assert.deepEqual(error.refusals, [
        { pool: "main (pool 0 of host 000000000001)", reason: "its label is not set" },
        { pool: "worker-1 (pool 1 of host 000000000001)", reason: "its label is not set" },
        { pool: "worker-2 (pool 2 of host 000000000001)", reason: "its label is io" },
      ]);
      assert.match(error.message, /^No pool can take Render:\n\s+main \(pool 0.*\n\s+worker-1/);
      return true;
    },
  );
  const reasons = (place: Placement, home: "cpu" | "gpu" = "cpu") => {
    try {
      scheduler.decide({ type: "T", home, place }, POOLS);
    } catch (error) {
      assert(error instanceof PlacementError);
      return error.refusals.map(({ reason }) => reason);
    }
    assert.fail("it was placed");
  };
  assert.equal(reasons(onPool("nowhere")).length, POOLS.length);
  assert(reasons(onPool("nowhere")).every((reason) => reason === "it is not nowhere"));
  assert(reasons(onHost(77)).every((reason) => reason === "it is on another host"));
  const twice = reasons([mainPool(), randomWorker()]);
  assert(twice.includes("it is a main pool"));
  assert(twice.includes("it is not the main pool"));
  assert(reasons([label("io"), mainPool()]).every((reason) => reason !== ""));
  const elsewhere = reasons([onPool(7)]);
  assert(elsewhere.every((reason) => reason === "it is not 7"));
  assert.throws(() => scheduler.decide({ type: "T", home: "cpu" }, []), /there are no pools/);
});

Deno.test("PlacementError: an unknown policy from another version is refused, not obeyed", () => {
  const place = { policy: "fastest" } as never;
  assert.throws(() => chosen(place), /its policy is unknown/);
  assert.throws(() => chosen({} as never), PlacementError);
});

Deno.test("a decision says why", () => {
  const { reason, refusals, pool } = new Scheduler(HERE).decide(
    { type: "T", home: "cpu", place: label("io") },
    POOLS,
  );
  assert.equal(pool.name, "worker-2");
  assert.equal(
    reason,
    "worker-2 (pool 2 of host 000000000001) is best by label, leastLoaded; it has 0 actors",
  );
  assert.equal(refusals.length, POOLS.length - 2);
});
