/** Placement over the cluster: what others have told of, and what they have not told of yet. */
import assert from "node:assert/strict";
import {
  type Actor,
  type ActorRef,
  addressOf,
  anyHost,
  byHash,
  type Host,
  type HostOptions,
  idleLabel,
  near,
  onHost,
  PlacementError,
  spread,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { Counter } from "../fixtures/actors.ts";
import { Fragile } from "../fixtures/placement_actors.ts";

const MODULES = ["actors.ts", "placement_actors.ts"].map((file) =>
  new URL(`../fixtures/${file}`, import.meta.url).href
);
const card = workerPool({ count: 1, labels: ["card"] });
const hostOf = (ref: ActorRef<Actor>) => addressOf(ref).host;

/** Hosts that are linked with the first. */
async function withHosts(
  options: readonly HostOptions[],
  body: (...hosts: Host[]) => Promise<void>,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const hosts: Host[] = [];
  for (const own of options) {
    const join = hosts.slice(0, 1).map(({ address }) => `ws://${address}`);
    const common = { token: "secret", listen: { port: 0 }, modules: MODULES, join };
    hosts.push(stack.use(await startHost({ pools: [], ...common, ...own })));
  }
  await body(...hosts);
}

/** Resolves when something holds that other hosts tell of soon. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}

Deno.test("a burst goes to all pools of the cluster before their hosts have told of it", async () => {
  const two = { pools: [workerPool({ count: 2 })] };
  await withHosts([two, two], async (here, there) => {
    const made = await Promise.all(
      Array.from({ length: 80 }, () => here.createActor(Counter, [], { place: anyHost() })),
    );
    const counts = Map.groupBy(made, (ref) => `${hostOf(ref)}/${addressOf(ref).pool}`);
    assert.equal(counts.size, 4);
    for (const { length } of counts.values()) assert.equal(length, 20);
    const actors = (host: Host) =>
      host.pools().filter(({ kind }) => kind === "worker").map(({ actors }) => actors);
    // What was on its way when its host told of it counts twice, until it tells again.
    await until(() => actors(here).join() === "20,20,20,20");
    await until(() => actors(there).join() === "20,20,20,20");
    const ages = here.pools().map(({ host, ageMs }) => [host === here.id, ageMs === undefined]);
    assert(ages.every(([isOwn, isAgeless]) => isOwn === isAgeless));
  });
});

Deno.test("a place that two hosts want at once goes to one of them", async () => {
  await withHosts([{ pools: [card] }, { pools: [card] }], async (here, there) => {
    const place = [anyHost(), idleLabel("card", "m")];
    for (let round = 0; round < 5; round++) {
      const asked = [here, there].flatMap((host) =>
        [1, 2].map(() => host.createActor(Counter, [1], { place }))
      );
      const settled = await Promise.allSettled(asked);
      const refs = settled.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
      assert.deepEqual(new Set(refs.map(hostOf)), new Set([here.id, there.id]));
      assert.equal(refs.length, 2, "each place once, and none is left free");
      for (const one of settled) {
        assert(one.status === "fulfilled" || one.reason instanceof PlacementError);
      }
      for (const ref of refs) assert.equal(await ref.get(), 1);
      for (const ref of refs) await here.destroyActor(ref);
      const isFree = (host: Host) => host.pools().every(({ held }) => held === undefined);
      await until(() => isFree(here) && isFree(there));
    }
  });
});

Deno.test("a host without pools places on others, at pools that they start later too", async () => {
  await withHosts([{}, {}], async (here, there) => {
    const [late] = await there.appendPool(card);
    await until(() => here.pools().some(({ labels }) => labels.includes("card")));
    const place = [anyHost(), idleLabel("card", "m")];
    const ref = await here.createActor(Counter, [], { place });
    assert.deepEqual([hostOf(ref), addressOf(ref).pool], [there.id, late!.pool]);
    const plain = await here.createActor(Counter, [], { place: anyHost() });
    assert.equal(hostOf(plain), there.id, "not in a main pool");
    assert.equal(hostOf(await here.createActor(Counter, [], { place: near(ref) })), there.id);
    await assert.rejects(here.createActor(Counter, [], { place }), /with the mark m/);
    await there.removePool(late!.pool);
    await until(() => here.pools().every(({ labels }) => labels.length === 0));
    await assert.rejects(here.createActor(Counter, [], { place }), PlacementError);
    await here.appendPool(card);
    assert.equal(hostOf(await here.createActor(Counter, [], { place })), here.id);
  });
});

Deno.test("what was placed on a host that is gone is forgotten", async () => {
  await withHosts([{}, { pools: [card] }], async (here, there) => {
    const place = [anyHost(), idleLabel("card", "m")];
    const ref = await here.createActor(Counter, [], { place });
    const watch = here.watch(ref);
    await there.stop();
    await watch;
    assert.deepEqual(here.pools().map(({ name, held }) => [name, held]), [["main", undefined]]);
    assert.throws(() => here.explainPlacement(Counter, place), PlacementError);
  });
});

Deno.test("gangs over hosts: spread or packed, and nothing is left of one that fails", async () => {
  const two = { pools: [workerPool({ count: 2 })] };
  await withHosts([two, two], async (here, there) => {
    const members = (isBroken: boolean) =>
      [false, isBroken].map((broken, i) => ({
        type: Fragile,
        args: [broken] as [boolean],
        options: { uid: `member-${i}`, place: anyHost() },
      }));
    const wide = await here.createActors(members(false), { strategy: "spread" });
    assert.deepEqual(new Set(wide.map(hostOf)), new Set([here.id, there.id]));
    for (const ref of wide) await here.destroyActor(ref);
    const close = await there.createActors(members(false), { strategy: "pack" });
    assert.equal(new Set(close.map((ref) => JSON.stringify(addressOf(ref).pool))).size, 1);
    assert.equal(new Set(close.map(hostOf)).size, 1);
    for (const ref of close) await here.destroyActor(ref);
    await assert.rejects(here.createActors(members(true), { strategy: "spread" }), /it is broken/);
    for (const host of [here, there]) {
      assert.equal(await host.hasActor("member-0") || await host.hasActor("member-1"), false);
    }
    await until(() => here.pools().every(({ actors }) => actors === 0));
  });
});

Deno.test("byHash and spread see the same cluster from everywhere", async () => {
  const two = { pools: [workerPool({ count: 2 })] };
  await withHosts([two, two], async (here, there) => {
    for (let i = 0; i < 8; i++) {
      const place = [anyHost(), byHash(`key-${i}`)];
      const [a, b] = [here, there].map((host) => host.explainPlacement(Counter, place).pool);
      assert.deepEqual([a!.host, a!.pool], [b!.host, b!.pool]);
    }
    const first = await here.createActor(Counter, [], { place: onHost(there.id) });
    const second = await here.createActor(Counter, [], { place: [anyHost(), spread()] });
    assert.notEqual(hostOf(first), hostOf(second));
  });
});
