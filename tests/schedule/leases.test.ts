/** What was decided counts at once, on this host and on others that have not told of it yet. */
import assert from "node:assert/strict";
import { PlacementError } from "../../src/core/host_errors.ts";
import type { PoolDescription } from "../../src/core/protocol.ts";
import { device } from "../../src/schedule/device_policy.ts";
import { Leases } from "../../src/schedule/leases.ts";
import { anyHost, idleLabel, onHost } from "../../src/schedule/policy.ts";
import { card, chooser, HERE, hostWith, THERE, where, worker } from "./pools.ts";

const NEED = { marks: ['["a","b"]'], memoryBytes: 10, exclusive: false };

function seen(leases: Leases, pool: PoolDescription): PoolDescription {
  return leases.described([pool])[0]!;
}

Deno.test("Leases: of this host's pools, what an actor has counts until it has ended", () => {
  const leases = new Leases(HERE);
  const pool = worker(1, { actors: 2, busy: 0.5 });
  const lease = leases.take(pool, NEED);
  assert.equal(seen(leases, pool).actors, 3, "it is on its way");
  assert(seen(leases, pool).busy! > 0.5, "and will have something to do");
  lease.settle();
  assert.deepEqual(seen(leases, pool), { ...pool, held: NEED }, "its host counts it itself");
  lease[Symbol.dispose]();
  assert.equal(seen(leases, pool), pool);
  const plain = leases.take(pool);
  plain.settle();
  assert.equal(seen(leases, pool), pool, "nothing is kept for those that have nothing");
  leases.take(pool)[Symbol.dispose]();
  assert.equal(seen(leases, pool), pool);
});

Deno.test("Leases: of others' pools, until their host has told of them", () => {
  const leases = new Leases(HERE);
  const pool = worker(1, { host: THERE });
  const [made, onItsWay, failed] = [1, 2, 3].map(() => leases.take(pool, NEED));
  made!.settle();
  assert.equal(seen(leases, pool).actors, 3);
  assert.equal(seen(leases, pool).held!.memoryBytes, 30);
  failed![Symbol.dispose]();
  assert.equal(seen(leases, pool).actors, 2);
  leases.reported(THERE);
  assert.deepEqual(
    [seen(leases, pool).actors, seen(leases, pool).held],
    [1, undefined],
    "what is on its way counts, but not what it may have been given already",
  );
  onItsWay!.settle();
  assert.equal(seen(leases, pool).actors, 1);
  leases.reported(THERE);
  assert.equal(seen(leases, pool), pool);
  leases.take(pool);
  leases.forget(THERE);
  assert.equal(seen(leases, pool), pool);
});

Deno.test("a burst of decisions goes everywhere before any host has told of it", () => {
  const pools = [1, 2, 3, 4].flatMap((host) => hostWith(host, 4));
  const { at } = chooser(pools);
  const counts = new Map<string, number>();
  for (let i = 0; i < 1600; i++) {
    const pool = at(anyHost());
    counts.set(pool, (counts.get(pool) ?? 0) + 1);
  }
  assert.equal(counts.size, 16);
  assert.deepEqual(new Set(counts.values()), new Set([100]));
});

Deno.test("what was given on another host is not given twice", () => {
  const pools = [1, 2].map((pool) =>
    worker(pool, { host: THERE, kind: "gpu", labels: ["card"], device: card(100) })
  );
  const { choose } = chooser(pools);
  const marked = [onHost(THERE), idleLabel("card", "m")];
  assert.deepEqual([1, 2].map(() => where(choose(marked))), ["2/1", "2/2"]);
  assert.throws(() => choose(marked), PlacementError);
  const large = [onHost(THERE), device({ require: { memoryBytes: 60 } })];
  assert.deepEqual([1, 2].map(() => where(choose(large, "gpu"))), ["2/1", "2/2"]);
  assert.throws(() => choose(large, "gpu"), /of which actors have 60, not 60/);
  const held = { marks: ['["card","n"]'], memoryBytes: 0, exclusive: true };
  const told = chooser(pools.map((pool) => ({ ...pool, held })));
  assert.throws(() => told.choose([onHost(THERE), idleLabel("card", "n")]), PlacementError);
  assert.throws(() => told.choose(large, "gpu"), /an actor has it to itself/);
});
