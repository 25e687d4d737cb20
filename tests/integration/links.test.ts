/** Actors that are linked: who goes down with whom, and when. */
import assert from "node:assert/strict";
import {
  ActorFailedError,
  ActorNotFoundError,
  type ActorRef,
  ActorStartError,
  ActorStoppedError,
  addressOf,
  type Host,
  HostLostError,
  LinkedActorDownError,
  mainPool,
  onPool,
  PoolLostError,
  processPool,
  share,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { startTestCluster } from "@dramatis/dramatis/testing";
import { Partner } from "../fixtures/linked_actors.ts";
import { type Stage, testEverywhere } from "./placements.ts";

const PARTNERS = import.meta.resolve("../fixtures/linked_actors.ts");
const ONCE = { restart: "temporary" } as const;
/** Whoever is given up says so to nobody. */
const QUIET = { debug: false, onDeadLetter: () => {}, recovery: { onGiveUp: () => {} } } as const;
/** As often as a test likes, and at once. */
const AGAIN = { restart: { maxRestarts: 1000, maxBackoffMs: 0 } };

function everywhere(name: string, body: (stage: Stage) => Promise<void>): void {
  testEverywhere(name, body, QUIET);
}

/** One in the place of the stage, the other in the main pool of the host that calls. */
async function pairOn(stage: Stage, options: object = ONCE) {
  const there = await stage.create(Partner, [], options);
  const here = await stage.host.createActor(Partner, [], { place: mainPool(), ...options });
  return [there, here] as const;
}

/** Why an actor has gone down that was linked with another. */
async function downBy(host: Host, actor: ActorRef<Partner>): Promise<LinkedActorDownError> {
  const { reason } = await host.watch(actor);
  assert(reason instanceof ActorFailedError, String(reason));
  assert(reason.cause instanceof LinkedActorDownError, String(reason.cause));
  return reason.cause;
}

/** Waits, turn by turn, until something is so. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!await isSo()) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Waits until an actor that has counted has been made again. */
function begunAnew(actor: ActorRef<Partner>): Promise<void> {
  return until(async () => await actor.count().catch(() => 0) === 1);
}

function uidOf(ref: ActorRef<Partner>): string {
  return addressOf(ref).uid;
}

everywhere("link: when either goes down, the other fails with the cause", async (stage) => {
  const { host } = stage;
  for (const isLinker of [true, false]) {
    for (const end of ["fail", "kill"] as const) {
      const [there, here] = await pairOn(stage);
      const [a, b] = isLinker ? [there, here] : [here, there];
      await a.link(b);
      const downs = [downBy(host, there), downBy(host, here)];
      downs.forEach((down) => down.catch(() => {}));
      if (end === "kill") await host.killActor(there);
      else await assert.rejects(there.fail("broken"), ActorStoppedError);
      const error = await downs[1]!;
      assert.equal(error.linked.uid, uidOf(there));
      assert.match(error.message, /which it is linked with, is down: /);
      const { cause } = error;
      if (end === "kill") {
        assert(cause instanceof ActorStoppedError, String(cause));
        assert.equal(cause.exit, "killed");
      } else {
        assert(cause instanceof ActorFailedError, String(cause));
        assert.equal((cause.cause as Error).message, "broken");
      }
      assert.equal(await host.hasActor(here), false);
    }
  }
});

everywhere(
  "link: one that ends in order takes nobody along, and the link ends",
  async (stage) => {
    const { host } = stage;
    const [a, b] = await pairOn(stage);
    await a.link(b);
    await host.destroyActor(b);
    assert.equal(await a.count(), 1);
    const uid = uidOf(b);
    const again = await host.createActor(Partner, [], { uid, place: mainPool(), ...ONCE });
    await host.killActor(again);
    assert.equal(await a.count(), 2, "another of the same uid is another actor");
    const c = await host.createActor(Partner, [], { place: mainPool(), ...ONCE });
    await c.link(a);
    await host.destroyActor(a);
    assert.equal(await c.count(), 1);
  },
);

everywhere(
  "link: with one that is gone, the linker fails at once; in postCreate it does not start",
  async (stage) => {
    const { host } = stage;
    for (const method of ["link", "linkSoon"] as const) {
      const [a, b] = await pairOn(stage);
      await host.killActor(b);
      const down = downBy(host, a);
      await a[method](b).catch((error) => {
        assert(error instanceof ActorStoppedError && error.exit === "error", String(error));
        assert(error.cause instanceof LinkedActorDownError, String(error.cause));
      });
      assert((await down).cause instanceof ActorNotFoundError);
      await assert.rejects(stage.create(Partner, [b]), (error) => {
        assert(error instanceof ActorStartError, String(error));
        assert.match(String(error.cause), /LinkedActorDownError: .* is down: ActorNotFoundError/);
        return true;
      });
    }
  },
);

everywhere("unlink: neither hears of the other's end, from the call on", async (stage) => {
  const { host } = stage;
  for (let round = 0; round < 10; round++) {
    const [a, b] = await pairOn(stage);
    await a.link(b);
    assert.equal(await a.killAndUnlink(b), "alive");
    assert.equal(await a.count(), 1);
    const [c, d] = await pairOn(stage);
    await c.link(d);
    await (round % 2 === 0 ? c : d).unlink(round % 2 === 0 ? d : c);
    await host.killActor(round < 5 ? c : d);
    assert.equal(await (round < 5 ? d : c).count(), 1);
    await a.linkAndUnlink(b);
    await a.unlink(b);
    assert.equal(await a.count(), 2, "it is gone, but no link is left");
  }
});

everywhere("link: twice and from both sides is one; with itself is none", async (stage) => {
  const { host } = stage;
  const [a, b] = await pairOn(stage, AGAIN);
  await Promise.all([a.link(b, b), b.link(a, a), a.linkWithSelf()]);
  await Promise.all([a.link(b), b.link(a)]);
  assert.deepEqual([await a.count(), await a.count()], [1, 2]);
  await host.killActor(b);
  await begunAnew(a);
  assert.equal(await a.count(), 2, "it was made again once");
  await a.linkWithSelf();
  const [c, d] = await pairOn(stage);
  await Promise.all([c.link(d), d.link(c)]);
  await c.unlink(d);
  await host.killActor(d);
  assert.equal(await c.count(), 1);
});

everywhere(
  "link: chains and rings go down as a whole, with the first one's reason",
  async (stage) => {
    const { host } = stage;
    for (const isRing of [false, true]) {
      const all: ActorRef<Partner>[] = [];
      for (let i = 0; i < 3; i++) all.push(...await pairOn(stage));
      for (let i = 1; i < all.length; i++) await all[i]!.link(all[i - 1]!);
      if (isRing) await all[0]!.link(all.at(-1)!);
      const downs = all.slice(1).map((one) => downBy(host, one));
      await assert.rejects(all[0]!.fail("the first"), ActorStoppedError);
      for (const { cause } of await Promise.all(downs)) {
        assert(cause instanceof ActorFailedError, String(cause));
        assert.equal((cause.cause as Error).message, "the first");
      }
    }
  },
);

everywhere("link: both may go down at once, in any number of pairs", async (stage) => {
  const { host } = stage;
  const pairs = await Promise.all(Array.from({ length: 10 }, () => pairOn(stage)));
  await Promise.all(pairs.map(([a, b]) => Promise.all([a.link(b), b.link(a)])));
  const ends = pairs.flat().map((one) => host.watch(one));
  await Promise.all(pairs.flatMap(([a, b]) => [host.killActor(a), b.fail("too").catch(() => {})]))
    .catch(() => {});
  assert.equal((await Promise.all(ends)).length, 20);
  for (const one of pairs.flat()) assert.equal(await host.hasActor(one), false);
});

everywhere("link: outlives that either is made again", async (stage) => {
  const { host } = stage;
  const [a, b] = await pairOn(stage, AGAIN);
  await a.link(b);
  for (const one of [a, b]) {
    await one.count();
    await assert.rejects(one.fail("broken"), ActorStoppedError);
    assert.equal(await one.count(), 1, "it has begun anew");
  }
  assert.deepEqual([await a.count(), await b.count()], [2, 2], "and the other lived on");
  await host.killActor(b);
  await begunAnew(a);
  const [c, d] = await pairOn(stage, AGAIN);
  await c.link(d);
  await assert.rejects(c.fail("broken"), ActorStoppedError);
  await c.count();
  await host.killActor(c);
  await begunAnew(d);
});

for (
  const [name, spec] of [["worker", workerPool({ count: 1 })], ["process", processPool()]] as const
) {
  Deno.test(`link: one whose ${name} pool is lost for good takes those elsewhere along`, async () => {
    await using host = await startHost({
      ...QUIET,
      pools: [spec],
      autoRecover: false,
    });
    const [a, b] = [
      await host.createActor(Partner, [], { place: onPool(1) }),
      await host.createActor(Partner, [], { place: mainPool() }),
    ];
    const neighbour = await host.createActor(Partner, [b], { place: onPool(1) });
    await neighbour.link(a);
    await a.link(b);
    const down = downBy(host, b);
    a.crash.tell();
    const { cause } = await down;
    assert(cause instanceof PoolLostError, String(cause));
    assert.equal(await host.hasActor(neighbour), false);
  });

  Deno.test(`link: a ${name} pool that comes back is no end, one that is removed is an end in order`, async () => {
    await using host = await startHost({ ...QUIET, pools: [spec] });
    const a = await host.createActor(Partner, [], { place: onPool(1) });
    const b = await host.createActor(Partner, [], { place: mainPool() });
    await a.link(b);
    const lost = host.watch(await host.createActor(Partner, [], { place: onPool(1), ...ONCE }));
    a.crash.tell();
    assert((await lost).reason instanceof PoolLostError);
    assert.equal(await a.count(), 1);
    assert.equal(await b.count(), 1);
    await host.removePool(1);
    assert.equal(await host.hasActor(a), false);
    assert.equal(await b.count(), 2);
  });
}

Deno.test("unlink: holds from the call on, even if the news of the end is there already", async () => {
  await using host = await startHost({ ...QUIET, pools: [workerPool({ count: 1 })] });
  const a = await host.createActor(Partner, [], { place: onPool(1), ...ONCE });
  const b = await host.createActor(Partner, [], { place: mainPool(), ...ONCE });
  await a.link(b);
  const signal = new SharedArrayBuffer(8);
  const words = new Int32Array(signal);
  const late = a.unlinkLate(b, share(signal));
  await until(() => Promise.resolve(Atomics.load(words, 0) === 1));
  await host.killActor(b);
  // What goes to the worker now comes after the news.
  const counted = a.count();
  await new Promise<void>((resolve) => setImmediate(resolve));
  Atomics.store(words, 1, 1);
  Atomics.notify(words, 1);
  await late;
  assert.deepEqual([await counted, await a.count()], [1, 2]);
});

Deno.test("link: a lost host takes those elsewhere along, one that stops does not", async () => {
  for (const end of ["lost", "stopped"] as const) {
    await using cluster = await startTestCluster({ ...QUIET, modules: [PARTNERS] });
    const [near, far] = cluster.hosts;
    const [a, b] = [
      await near.host.createActor(Partner, [], ONCE),
      await far.host.createActor(Partner, [], ONCE),
    ];
    await a.link(b);
    const downs = [near.host.watch(a), far.host.watch(b)];
    if (end === "lost") {
      cluster.link(near, far).drop();
      for (const { reason } of await Promise.all(downs)) {
        assert(reason instanceof ActorFailedError, String(reason));
        assert((reason.cause as Error).cause instanceof HostLostError, String(reason.cause));
      }
    } else {
      const gone = near.host.watch(b);
      await far.host.stop();
      await gone;
      assert.equal(await a.count(), 1);
    }
  }
});

Deno.test("link: one that is parked fails with the other and begins anew", async () => {
  await using host = await startHost({ ...QUIET, pools: [workerPool({ count: 1 })] });
  const a = await host.createActor(Partner, [], { place: onPool(1), idleMs: 1, uid: "a" });
  const b = await host.createActor(Partner, [], { place: mainPool(), ...ONCE });
  await b.link(a);
  const state = async () =>
    (await host.inspect()).pools[1]!.actors.find(({ address }) => address.uid === "a")?.state;
  await until(async () => await state() === "parked");
  const before = addressOf(await host.actorRef("a")).generation;
  await host.killActor(b);
  const generation = async () => addressOf(await host.actorRef("a")).generation;
  await until(async () => await generation() !== before);
  assert.equal(await a.count(), 1);
});

Deno.test("link: one that fails while it is woken is made again, or given up with the reason", async () => {
  await using host = await startHost({ ...QUIET, pools: [workerPool({ count: 1 })] });
  const b = await host.createActor(Partner, [], { place: mainPool() });
  const restart = { maxRestarts: 2, maxBackoffMs: 0 };
  const a = await host.createActor(Partner, [b], { place: onPool(1), idleMs: 1, restart });
  const parked = async () => (await host.inspect()).pools[1]!.actors[0]?.state === "parked";
  await until(parked);
  await host.destroyActor(b);
  const down = host.watch(a);
  await assert.rejects(a.count(), ActorStoppedError);
  assert.match(String((await down).reason), /LinkedActorDownError: .* is down: ActorNotFoundError/);
  await assert.rejects(a.count(), ActorNotFoundError);
});

Deno.test("link: one that links in its start is made again in vain, until it is given up", async () => {
  await using host = await startHost({ ...QUIET, pools: [workerPool({ count: 1 })] });
  const b = await host.createActor(Partner, [], { place: mainPool(), ...ONCE });
  const restart = { maxRestarts: 3, maxBackoffMs: 0 };
  const a = await host.createActor(Partner, [b], { place: onPool(1), restart });
  await host.killActor(b);
  const { reason } = await host.watch(a);
  assert.match(String((reason as Error).cause), /LinkedActorDownError/);
});
