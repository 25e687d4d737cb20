/** What each policy does, beside those that `scheduler.test.ts` looks at. */
import assert from "node:assert/strict";
import { PlacementError } from "../../src/core/host_errors.ts";
import { custom } from "../../src/schedule/custom_policy.ts";
import { device } from "../../src/schedule/device_policy.ts";
import {
  anyHost,
  byHash,
  idleLabel,
  label,
  leastLoaded,
  onHost,
  onPool,
  pack,
  poolIndex,
  prefer,
  roundRobin,
  spread,
} from "../../src/schedule/policy.ts";
import { settleRules } from "../../src/pool/settle_rules.ts";
import { card, chooser, FAR, HERE, hostWith, main, THERE, where, worker } from "./pools.ts";

function refusalsOf(choose: () => unknown): string[] {
  try {
    choose();
  } catch (error) {
    assert(error instanceof PlacementError);
    return error.refusals.map(({ reason }) => reason);
  }
  assert.fail("it was placed");
}

Deno.test("poolIndex: counts the pools there are, of each host by itself", () => {
  const pools = [worker(9), main(), worker(4), ...hostWith(THERE, 2)];
  const { at, choose } = chooser(pools);
  assert.deepEqual([0, 1, 2].map((n) => at(poolIndex(n))), ["1/0", "1/4", "1/9"]);
  assert.equal(at([onHost(THERE), poolIndex(2)]), "2/2");
  assert(refusalsOf(() => choose(poolIndex(3))).includes("it is not number 3"));
  for (const index of [-1, 1.5, NaN, Infinity]) assert.throws(() => poolIndex(index), RangeError);
});

Deno.test("idleLabel: one actor for each label and mark, until its lease ends", () => {
  const pools = [
    main(),
    worker(1),
    worker(2, { labels: ["x", "gpu"] }),
    worker(3, { labels: ["gpu"] }),
  ];
  const { at, choose } = chooser(pools);
  const first = choose(idleLabel("gpu", "m"));
  assert.deepEqual([where(first), at(idleLabel("gpu", "m"))], ["1/2", "1/3"]);
  assert.deepEqual(refusalsOf(() => choose(idleLabel("gpu", "m"))), [
    "its label is not set",
    "its label is not set",
    "an actor is there with the mark m",
    "an actor is there with the mark m",
  ]);
  assert.equal(at(idleLabel("x", "m")), "1/2", "another label");
  assert.equal(at(idleLabel("gpu", "n")), "1/3", "another mark");
  first.lease.settle();
  assert.throws(() => choose(idleLabel("gpu", "m")), PlacementError);
  first.lease[Symbol.dispose]();
  first.lease[Symbol.dispose]();
  assert.equal(at(idleLabel("gpu", "m")), "1/2", "it is free again");
  assert.throws(() => choose(idleLabel("gpu", "m")), PlacementError, "once");
  for (const bad of ["", "x".repeat(600), 5 as never]) {
    assert.throws(() => idleLabel("gpu", bad), /mark is a name/);
    assert.throws(() => idleLabel(bad, "m"), /label is a name/);
  }
});

Deno.test("leastLoaded: the least busy, then the fewest actors; a burst does not all go to one", () => {
  const busy = [main(), worker(1, { busy: 0.9 }), worker(2, { busy: 0.05, actors: 50 })];
  assert.equal(chooser(busy).at(leastLoaded()), "1/2", "an idle pool with many actors");
  const even = [worker(1, { busy: 0.3, actors: 4 }), worker(2, { busy: 0.45, actors: 3 })];
  assert.equal(chooser(even).at(), "1/2", "about as busy");
  const pools = [worker(1, { busy: 1 }), worker(2, { busy: 1 }), worker(3, { busy: 0 })];
  const { at } = chooser(pools);
  const counts = new Map<string, number>();
  for (let i = 0; i < 1000; i++) {
    const pool = at();
    counts.set(pool, (counts.get(pool) ?? 0) + 1);
  }
  assert.deepEqual([...counts.values()].sort(), [333, 333, 334]);
});

Deno.test("leastLoaded: says how loaded, and how old that is", () => {
  const pools = [worker(1, { host: THERE, actors: 1, busy: 0.5, ageMs: 212.4 })];
  const { reason } = chooser(pools).choose(anyHost());
  assert.match(reason, /; it has 1 actor, busy for 50 % of the time, as it said 212 ms ago$/);
});

Deno.test("roundRobin: each in turn whatever its load, late ones too, main only if it is alone", () => {
  const pools = [main(), worker(1, { actors: 99, busy: 1 }), worker(2)];
  const { at } = chooser(pools);
  const take = (count: number) => Array.from({ length: count }, () => at(roundRobin()));
  assert.deepEqual(take(4), ["1/1", "1/2", "1/1", "1/2"]);
  pools.push(worker(3));
  assert.deepEqual(take(3), ["1/3", "1/1", "1/2"]);
  assert.equal(chooser([main()]).at(roundRobin()), "1/0");
});

Deno.test("spread: the emptiest host, and there the emptiest pool", () => {
  const pools = [
    ...[1, 2].map((pool) => worker(pool, { actors: 3 })),
    ...[1, 2].map((pool) => worker(pool, { host: THERE, actors: 2 * pool })),
  ];
  const { at } = chooser(pools);
  assert.deepEqual([1, 2, 3].map(() => at([anyHost(), spread()])), ["2/1", "1/1", "1/2"]);
  assert.equal(at(spread()), "1/1", "on this host alone");
});

Deno.test("pack: the fullest host and pool that will do, then the next", () => {
  const pools = [...hostWith(HERE, 2), ...hostWith(THERE, 1)];
  const { at, choose } = chooser(pools);
  const place = [anyHost(), pack(2)];
  const chosen = Array.from({ length: 6 }, () => at(place));
  assert.deepEqual(chosen, ["1/1", "1/1", "1/2", "1/2", "2/1", "2/1"]);
  assert.equal(at(place), "1/0", "at last where it would hold up a host");
  assert.equal(at(pack()), "1/1", "any number");
  assert(refusalsOf(() => choose([onPool(1), pack(2)])).includes("it has 3 actors"));
  for (const bad of [0, -1, 1.5]) assert.throws(() => pack(bad), RangeError);
  const gpus = [1, 2].map((pool) => worker(pool, { kind: "gpu", device: card(1000) }));
  const packed = chooser(gpus);
  const placed = [1, 2, 3].map(() =>
    where(packed.choose([device({ require: { memoryBytes: 400 } }), pack()], "gpu"))
  );
  assert.deepEqual(placed, ["1/1", "1/1", "1/2"], "as much as its memory holds");
});

Deno.test("byHash: the same pool for a key; a pool that is added moves only what it takes", () => {
  const pools = hostWith(HERE, 8);
  const before = chooser(pools);
  const keys = Array.from({ length: 2000 }, (_, i) => `key-${i}`);
  const placed = new Map(keys.map((key) => [key, before.at(byHash(key))]));
  const counts = Map.groupBy(placed.values(), (pool) => pool);
  assert.equal(counts.size, 8);
  for (const { length } of counts.values()) assert(length > 150 && length < 370, `${length}`);
  const after = chooser([...pools, worker(9)]);
  const moved = keys.filter((key) => after.at(byHash(key)) !== placed.get(key));
  assert(moved.every((key) => after.at(byHash(key)) === "1/9"), "to the new one alone");
  assert(moved.length > 120 && moved.length < 370, `${moved.length}`);
  const fewer = chooser(pools.filter(({ pool }) => pool !== 3));
  for (const [key, pool] of placed) if (pool !== "1/3") assert.equal(fewer.at(byHash(key)), pool);
});

Deno.test("near: its pool, else its host, else any; a replica's pool will do", () => {
  const pools = [...hostWith(HERE, 2), ...hostWith(THERE, 2)];
  const near = (...pools: [number, number][]) =>
    ({ policy: "near", pools: pools.map(([host, pool]) => ({ host, pool })) }) as const;
  const { at } = chooser(pools);
  assert.equal(at(near([THERE, 2])), "2/2");
  assert.equal(at(near([THERE, 2])), "2/2", "whatever its load");
  assert.equal(at([onPool(pools[1]!), near([THERE, 2])]), "1/1");
  assert.match(at(near([THERE, 99])), /^2\//, "its host");
  assert.match(at(near([FAR, 1])), /^[12]\//);
  assert.match(at(near([FAR, 1], [THERE, 1])), /^2\/1$/);
});

Deno.test("prefer: a wish that nobody fulfils is none; requirements stay", () => {
  const pools = [main(), worker(1), worker(2, { labels: ["ssd"], actors: 5 }), worker(3)];
  const { at, choose } = chooser(pools);
  assert.equal(at(prefer(label("ssd"))), "1/2");
  assert.equal(at([onPool(1), prefer(label("ssd"))]), "1/1");
  assert.match(at(prefer(label("nvme"))), /^1\/[13]$/);
  const { reason } = choose([onPool(1), prefer(label("ssd"))]);
  assert.match(
    reason,
    /best by onPool, prefer\(label\), leastLoaded; against the wish: its label is not set;/,
  );
});

function fail(): never {
  throw new RangeError("no idea");
}

Deno.test("custom: filters and scores by the descriptions, its name is in every reason", () => {
  const pools = [main(), worker(1, { actors: 3 }), worker(2, { actors: 9 }), worker(3)];
  const even = custom("even", {
    refuse: ({ pool }) => pool % 2 === 1 ? "it is odd" : undefined,
    score: ({ actors }) => -actors,
  });
  const { choose, at } = chooser(pools);
  const { pool, reason, refusals } = choose(even);
  assert.equal(pool.pool, 2);
  assert.match(reason, /is best by even, leastLoaded/);
  assert.deepEqual(refusals.map((one) => one.reason), ["it is odd", "it is odd"]);
  assert.equal(at([even, onPool(0)]), "1/0");
  assert.throws(() => choose([even, onPool(1)]), /it is odd/);
  const settled = settleRules([even, prefer(even), label("x")], pools);
  assert.deepEqual(structuredClone(settled), settled, "plain data");
  assert.equal(at(settled.slice(0, 1)), "1/2");
  const late = chooser([...pools, worker(4)]);
  assert(
    late.choose(settled[0]!).refusals.some((one) =>
      one.reason === "it was not there when even was asked"
    ),
  );
  for (
    const [rules, message] of [
      [{ refuse: () => fail() }, /refuse of the policy "odd" has thrown RangeError: no idea/],
      [{ refuse: () => false }, /refuse of the policy "odd" answers .* reason .*, got false/],
      [{ refuse: () => Promise.reject(new RangeError()) }, /got a promise/],
      [{ score: () => NaN }, /score of the policy "odd" answers with a number, got NaN/],
      [{ score: () => "1" }, /got 1/],
      [{ score: (pool: { actors: number }) => pool.actors = 0 }, /score .* has thrown TypeError/],
      [{ score: ({ labels }: { labels: string[] }) => labels.push("x") }, /thrown TypeError/],
    ] as const
  ) {
    assert.throws(
      () => choose(custom("odd", rules as never)),
      (error) => error instanceof TypeError && message.test(error.message),
    );
  }
  assert.throws(() => custom("none", {}), /The policy "none" needs refuse or score/);
  assert.throws(() => custom("bad", { score: 5 as never }), TypeError);
});

Deno.test("policies compose: all filter, what scores first scores first, load tells the rest apart", () => {
  const pools = [
    worker(1, { labels: ["io", "ssd"], actors: 4 }),
    worker(2, { labels: ["io"], actors: 0 }),
    worker(3, { labels: ["io", "ssd"], actors: 2 }),
    worker(4, { labels: ["ssd"], actors: 0 }),
  ];
  const { at, choose } = chooser(pools);
  assert.equal(at([label("io"), label("ssd")]), "1/3");
  assert.equal(at([label("io"), prefer(label("ssd")), leastLoaded()]), "1/3");
  assert.equal(at([leastLoaded(), label("io"), prefer(label("ssd"))]), "1/2");
  assert.equal(choose([label("io"), label("ssd"), onPool(2)].slice(0, 2)).pool.pool, 1);
});
