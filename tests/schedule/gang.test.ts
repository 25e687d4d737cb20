/** Several actors together: near each other, or far from each other, and all or none. */
import assert from "node:assert/strict";
import { PlacementError } from "../../src/core/host_errors.ts";
import { chooseGang, gangError, withdraw } from "../../src/schedule/gang.ts";
import {
  anyHost,
  idleLabel,
  label,
  onPool,
  pack,
  type Placement,
} from "../../src/schedule/policy.ts";
import type { Choice } from "../../src/schedule/scheduler.ts";
import { chooser, HERE, hostWith, THERE, where, worker } from "./pools.ts";

const member = (place: Placement = anyHost()) => ({ type: "T", home: "cpu", place }) as const;
const members = (count: number, place?: Placement) =>
  Array.from({ length: count }, () => member(place));
const placesOf = (chosen: readonly (Choice | PlacementError)[]) =>
  chosen.map((one) => one instanceof PlacementError ? "none" : where(one));

Deno.test("spread: on as many hosts as there are, then in as many pools", () => {
  const { scheduler } = chooser([]);
  const pools = [...hostWith(HERE, 2), ...hostWith(THERE, 2)];
  const chosen = placesOf(chooseGang(scheduler, members(6), pools, "spread"));
  assert.equal(new Set(chosen.slice(0, 2).map((place) => place[0])).size, 2);
  assert.equal(new Set(chosen.slice(0, 4)).size, 4, "each pool once, before one has two");
  assert(chosen.every((place) => !place.endsWith("/0")), "none in a main pool");
});

Deno.test("pack: on the one host that can take all, in as few pools as will do", () => {
  const { scheduler } = chooser([]);
  const roomy = hostWith(THERE, 3).slice(1).map((pool) => ({ ...pool, actors: 4 }));
  const pools = [...hostWith(HERE, 1), ...roomy];
  const together = chooseGang(scheduler, members(4, [anyHost(), pack(5)]), pools, "pack");
  assert.deepEqual(placesOf(together), ["1/1", "1/1", "1/1", "1/1"]);
  withdraw(together);
  const labelled = pools.map((pool) => pool.host === THERE ? { ...pool, labels: ["x"] } : pool);
  const apart = [...members(2), ...members(3, [anyHost(), label("x"), idleLabel("x", "m")])];
  const elsewhere = placesOf(chooseGang(scheduler, apart, labelled, "pack"));
  assert(elsewhere.every((place) => place.startsWith("2/")), `${elsewhere}`);
  assert.equal(new Set(elsewhere.slice(2)).size, 3, "what each asks for comes first");
});

Deno.test("pack: over several hosts if none can take all", () => {
  const { scheduler } = chooser([]);
  const pools = [HERE, THERE].flatMap((host) =>
    [1, 2].map((pool) => worker(pool, { host, labels: ["x"] }))
  );
  const chosen = chooseGang(scheduler, members(3, [anyHost(), idleLabel("x", "m")]), pools, "pack");
  assert.deepEqual(placesOf(chosen).map((place) => place[0]), ["1", "1", "2"]);
});

Deno.test("a gang that has no room leaves nothing behind", () => {
  const pools = [1, 2].map((pool) => worker(pool, { labels: ["x"] }));
  const { scheduler, at } = chooser(pools);
  const requests = members(3, idleLabel("x", "m"));
  for (const strategy of ["pack", "spread", null] as const) {
    const chosen = chooseGang(scheduler, requests, pools, strategy);
    assert.deepEqual(placesOf(chosen), ["1/1", "1/2", "none"]);
    withdraw(chosen);
    assert.deepEqual(scheduler.leases.described(pools), pools);
    const error = gangError(chosen[2] as PlacementError, 2, requests);
    assert.match(error.message, /^Member 2 of 3 has no place: No pool can take T:\n/);
    assert.equal(error.refusals.length, 2);
  }
  assert.equal(at(), "1/1", "turns are as they were");
});

Deno.test("without a strategy each goes where its own placement says, and they see each other", () => {
  const pools = hostWith(HERE, 3);
  const { scheduler } = chooser(pools);
  const requests = [...members(3), member(onPool(2))];
  const chosen = placesOf(chooseGang(scheduler, requests, pools, null));
  assert.deepEqual(chosen, ["1/1", "1/2", "1/3", "1/2"]);
});
