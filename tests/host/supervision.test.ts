/** Parents and children: who ends with whom, who is made again with whom, and who is told. */
import assert from "node:assert/strict";
import {
  ActorExistsError,
  type ActorRef,
  ActorStoppedError,
  type GiveUpEvent,
  type Host,
  mainPool,
  onHost,
  onPool,
  processPool,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { ManualClock, startTestCluster, startTestHost } from "@dramatis/dramatis/testing";
import { startHostWith } from "../../src/host/start_host.ts";
import { Diary, Member, Patient, type Plan, Stoic } from "../fixtures/family.ts";

const FAMILY = import.meta.resolve("../fixtures/family.ts");

function open(pools = [workerPool({ count: 2 })], onGiveUp: (e: GiveUpEvent) => void = () => {}) {
  const recovery = { onGiveUp, backoffMs: 1, maxBackoffMs: 5 };
  return startHost({ pools, debug: false, onDeadLetter: () => {}, recovery });
}

function diaryOn(host: Host): Promise<ActorRef<Diary>> {
  return host.createActor(Diary, [], { place: mainPool() });
}

/** Waits until an actor that is being made again answers. */
async function answers(host: Host, uid: string): Promise<void> {
  const ref = await host.actorRef<Member>(uid);
  while (!await ref.count().then(() => true, () => false));
  await ref.count();
}

/** Whether they are there. */
function there(host: Host, uids: readonly string[]): Promise<boolean[]> {
  return Promise.all(uids.map((uid) => host.hasActor(uid)));
}

Deno.test("children end before their parent, the last made first, wherever they are", async () => {
  await using cluster = await startTestCluster({ modules: [FAMILY] });
  const [near, far] = cluster.hosts;
  for (const spec of [workerPool({ count: 1 }), processPool()]) await near.host.appendPool(spec);
  const diary = await diaryOn(near.host);
  const plans: Plan[] = [
    { uid: "a", place: mainPool() },
    { uid: "b", place: onPool(far.host.pools()[0]!), plans: [{ uid: "b1" }, { uid: "b2" }] },
    { uid: "c", place: onPool(2) },
  ];
  const parent = await near.host.createActor(Member, [diary, plans], {
    uid: "parent",
    place: onPool(1),
  });
  const begun = ["+parent", "+a", "+b", "+b1", "+b2", "+c"];
  assert.deepEqual(await diary.take(6), begun);
  assert.equal(await far.host.hasActor("b2"), true);
  await near.host.destroyActor(parent);
  assert.deepEqual(await diary.take(6), ["-c", "-b2", "-b1", "-b", "-a", "-parent"]);
  assert.deepEqual(await there(near.host, ["parent", "a", "c"]), [false, false, false]);
  assert.deepEqual(await there(far.host, ["b", "b1", "b2"]), [false, false, false]);
});

Deno.test("killActor of a parent kills its children; detached ones are none", async () => {
  await using host = await open();
  const diary = await diaryOn(host);
  const plans = [{ uid: "a" }, { uid: "free", detached: true }];
  const parent = await host.createActor(Member, [diary, plans], { uid: "parent" });
  await host.killActor(parent);
  assert.deepEqual(await there(host, ["parent", "a", "free"]), [false, false, true]);
  assert.deepEqual(await diary.take(0), ["+parent", "+a", "+free"], "no preDestroy");
});

Deno.test("a host that stops ends its trees in order", async () => {
  const host = await open();
  await using _ = host;
  const diary = await diaryOn(host);
  const plans = [{ uid: "a", place: onPool(1) }, { uid: "b", place: onPool(2) }];
  await host.createActor(Member, [diary, plans], { uid: "parent", place: onPool(1) });
  await diary.take(3);
  const ended = diary.take(3);
  await host.stop();
  assert.deepEqual(await ended, ["-b", "-a", "-parent"]);
});

Deno.test("a child that does not end in time is killed", async () => {
  const clock = new ManualClock();
  await using test = await startTestHost({ clock });
  const { host } = test;
  const diary = await diaryOn(host);
  const plans = [{ uid: "a" }, { uid: "b", isStubborn: true }];
  const supervision = { stopTimeoutMs: 300 };
  const parent = await host.createActor(Member, [diary, plans], { uid: "parent", supervision });
  await diary.take(3);
  const ended = host.destroyActor(parent);
  assert.deepEqual(await diary.take(1), ["-b"]);
  await clock.advance(299);
  assert.deepEqual(await diary.take(0), []);
  await clock.advance(1);
  await ended;
  assert.deepEqual(await diary.take(2), ["-a", "-parent"]);
  assert.equal(await host.hasActor("b"), false);
});

Deno.test("fail: callers hear why, and the actor begins anew; a temporary one does not", async () => {
  const gaveUp = Promise.withResolvers<GiveUpEvent>();
  await using host = await open([workerPool({ count: 1 })], gaveUp.resolve);
  const diary = await diaryOn(host);
  for (const place of [onPool(1), mainPool()]) {
    const plans = [{ uid: "child" }];
    const options = { uid: "x", place, restart: "permanent" as const };
    const x = await host.createActor(Member, [diary, plans], options);
    const watch = host.watch(await host.actorRef("child"));
    assert.deepEqual([await x.count(), await x.count()], [1, 2]);
    await diary.take(2);
    await assert.rejects(x.failQuietly("quiet"), /has failed: RangeError: quiet/);
    await diary.take(3);
    await answers(host, "x");
    await assert.rejects(x.fail("broken"), (error) => {
      assert(error instanceof ActorStoppedError);
      assert.match(error.message, /Member x .* has failed: RangeError: broken/);
      assert(error.cause instanceof RangeError);
      return true;
    });
    assert((await watch).reason instanceof ActorStoppedError, "its children end with it");
    assert.deepEqual(await diary.take(3), ["-child", "+x", "+child"]);
    await answers(host, "x");
    assert.equal(await x.count(), 3, "begun anew");
    await answers(host, "child");
    await host.destroyActor(x);
    assert.deepEqual(await diary.take(2), ["-child", "-x"]);
  }
  const last = await host.createActor(Member, [diary], { uid: "last", restart: "temporary" });
  await assert.rejects(last.fail("for good"), ActorStoppedError);
  const { actor, error } = await gaveUp.promise;
  assert.equal(actor?.uid, "last");
  assert.equal((error.cause as Error).message, "for good");
  assert.equal(await host.hasActor("last"), false);
});

for (
  const [strategy, expected] of [
    ["oneForOne", ["+b"]],
    ["allForOne", ["-c", "-a", "+a", "+b", "+c"]],
    ["restForOne", ["-c", "+b", "+c"]],
  ] as const
) {
  Deno.test(`supervision: ${strategy}, in every kind of pool and on another host`, async () => {
    await using cluster = await startTestCluster({ modules: [FAMILY] });
    const [near, far] = cluster.hosts;
    for (const spec of [workerPool({ count: 1 }), processPool()]) await near.host.appendPool(spec);
    const diary = await diaryOn(near.host);
    const places = [mainPool(), onPool(1), onPool(2), onPool(far.host.pools()[0]!)];
    for (const i of places.keys()) {
      const plans = ["a", "b", "c"].map((uid, at) => ({ uid, place: places[(i + at) % 4] }));
      const options = { uid: "parent", place: onPool(1), supervision: strategy };
      const parent = await near.host.createActor(Member, [diary, plans], options);
      await diary.take(4);
      const homes = plans.map(({ place }) => place === places[3] ? far.host : near.host);
      const b = await homes[1]!.actorRef<Member>("b");
      assert.equal(await b.count(), 1);
      await assert.rejects(b.fail("broken"), ActorStoppedError);
      assert.deepEqual(await diary.take(expected.length), expected);
      for (const [at, home] of homes.entries()) await answers(home, plans[at]!.uid);
      await near.host.destroyActor(parent);
      assert.deepEqual(await diary.take(4), ["-c", "-b", "-a", "-parent"]);
    }
  });
}

Deno.test("supervision: a pool that dies takes the group of its child with it", async () => {
  await using host = await open();
  const diary = await diaryOn(host);
  const plans = [{ uid: "a", place: onPool(1) }, { uid: "b", place: onPool(2) }];
  await host.createActor(Member, [diary, plans], {
    uid: "parent",
    place: mainPool(),
    supervision: "allForOne",
  });
  await diary.take(3);
  (await host.actorRef<Member>("b")).crash.tell();
  assert.deepEqual(await diary.take(3), ["-a", "+a", "+b"]);
});

Deno.test("supervision: how often and how fast, on a manual clock, then the parent fails", async () => {
  const clock = new ManualClock();
  const gaveUp: GiveUpEvent[] = [];
  const host = await startHostWith({
    pools: [],
    debug: false,
    onDeadLetter: () => {},
    recovery: { onGiveUp: (event) => gaveUp.push(event) },
  }, clock);
  await using _ = host;
  const diary = await diaryOn(host);
  const supervision = { maxRestarts: 3, withinMs: 60_000, backoffMs: 100, maxBackoffMs: 150 };
  const plans = [{ uid: "a", restart: { maxRestarts: 100, backoffMs: 0 } }];
  const parent = await host.createActor(Member, [diary, plans], {
    uid: "parent",
    supervision,
    restart: { maxRestarts: 1 },
  });
  await diary.take(2);
  const child = await host.actorRef<Member>("a");
  const fail = () => assert.rejects(child.fail("broken"), ActorStoppedError);
  await fail();
  assert.deepEqual(await diary.take(1), ["+a"], "the first is at once");
  for (const [least, most] of [[50, 100], [75, 150]] as const) {
    await fail();
    await clock.advance(least - 1);
    assert.deepEqual(await diary.take(0), [], "no less than half of the back-off");
    await clock.advance(most - least + 1);
    assert.deepEqual(await diary.take(1), ["+a"], "no more than all of it");
  }
  await fail();
  assert.deepEqual(
    await diary.take(2),
    ["+parent", "+a"],
    "the parent has failed, and begins anew",
  );
  const watch = host.watch(parent);
  await assert.rejects(parent.fail("once more"), ActorStoppedError);
  assert.match((await watch).reason.message, /parent .* has failed: RangeError: once more/);
  assert.equal(await host.hasActor("a"), false);
  assert.deepEqual(gaveUp.map(({ actor }) => actor?.uid), ["parent"]);
});

Deno.test("a child whose restarts are used up: its parent fails, up to the host's handler", async () => {
  const gaveUp = Promise.withResolvers<GiveUpEvent>();
  await using host = await open([workerPool({ count: 2 })], gaveUp.resolve);
  const diary = await diaryOn(host);
  const restart = { maxRestarts: 0 };
  const plans = [{ uid: "mid", restart, plans: [{ uid: "leaf", restart }] }];
  await host.createActor(Member, [diary, plans], { uid: "top", restart });
  await diary.take(3);
  await (await host.actorRef<Member>("leaf")).fail("broken").catch(() => {});
  const { actor, error } = await gaveUp.promise;
  assert.equal(actor?.uid, "top");
  let root: unknown = error;
  while ((root as Error).cause !== undefined) root = (root as Error).cause;
  assert.equal((root as Error).message, "broken");
  assert.deepEqual(await there(host, ["top", "mid", "leaf"]), [false, false, false]);
});

Deno.test("childDown: a parent that copes goes on, and is not told of what somebody has ended", async () => {
  await using host = await open();
  const diary = await diaryOn(host);
  const temporary = { restart: "temporary" as const, place: onPool(2) };
  const plans: Plan[] = [
    { uid: "a", restart: { maxRestarts: 0 } },
    { uid: "b", ...temporary },
    { uid: "c" },
    { uid: "d" },
  ];
  const parent = await host.createActor(Stoic, [diary, plans], { uid: "parent", place: onPool(1) });
  assert.equal(await parent.count(), 1);
  await diary.take(5);
  await host.destroyActor("c");
  await host.killActor("d");
  assert.deepEqual(await diary.take(1), ["-c"]);
  await (await host.actorRef<Member>("a")).fail("broken").catch(() => {});
  assert.deepEqual(await diary.take(1), ["a is down: ActorFailedError true"]);
  (await host.actorRef<Member>("b")).crash.tell();
  assert.deepEqual(await diary.take(1), ["b is down: PoolLostError false"]);
  assert.equal(await parent.count(), 2, "it has not been made again");
});

Deno.test("a parent whose pool dies: its children end, and are made again by it", async () => {
  await using host = await open([workerPool({ count: 2 }), processPool()]);
  const diary = await diaryOn(host);
  for (const pool of [1, 3]) {
    const plans = [{ uid: "a", place: onPool(2) }, { uid: "b", place: onPool(pool) }];
    const options = { uid: "parent", place: onPool(pool) };
    const parent = await host.createActor(Member, [diary, plans], options);
    await diary.take(3);
    const a = await host.actorRef<Member>("a");
    await a.count();
    parent.crash.tell();
    assert.deepEqual(await diary.take(4), ["-a", "+parent", "+a", "+b"]);
    await host.waitPoolRecovered(pool, { timeoutMs: 20_000 });
    assert.equal(await a.count(), 1, "another one with its uid");
    for (const uid of ["parent", "b"]) await answers(host, uid);
    await host.destroyActor(parent);
    assert.deepEqual(await diary.take(3), ["-b", "-a", "-parent"]);
  }
});

Deno.test("a host that is lost: children there are down, and children of its actors end", async () => {
  await using cluster = await startTestCluster({ modules: [FAMILY] });
  const [near, far] = cluster.hosts;
  const diary = await diaryOn(near.host);
  const other = await diaryOn(far.host);
  const plans: Plan[] = [{ uid: "a", place: onPool(far.host.pools()[0]!) }];
  await near.host.createActor(Stoic, [diary, plans], { uid: "near" });
  const mirrored: Plan[] = [{ uid: "b", place: onPool(near.host.pools()[0]!) }];
  await far.host.createActor(Stoic, [other, mirrored], { uid: "far" });
  await diary.take(2);
  await other.take(2);
  const orphan = near.host.watch(await near.host.actorRef("b"));
  cluster.link(near, far).drop();
  assert.deepEqual(await diary.take(1), ["a is down: HostLostError true"]);
  assert.deepEqual(await other.take(1), ["b is down: HostLostError true"]);
  assert.equal((await orphan).actor.uid, "b");
});

Deno.test("a parent that ends while it makes a child has none", async () => {
  await using host = await open();
  const diary = await diaryOn(host);
  const parent = await host.createActor(Member, [diary], { uid: "parent", place: onPool(1) });
  await diary.take(1);
  const made = assert.rejects(parent.make({ uid: "late", place: onPool(2) }), ActorStoppedError);
  assert.deepEqual(await diary.take(1), ["+late"]);
  await host.killActor(parent);
  await made;
  while (await host.hasActor("late"));
});

for (const where of ["own", "another"]) {
  Deno.test(`a child that starts for ever ends with its parent, on ${where} host`, async () => {
    await using cluster = await startTestCluster({ modules: [FAMILY] });
    const [near, far] = cluster.hosts;
    const diary = await diaryOn(near.host);
    const parent = await near.host.createActor(Patient, [], { uid: "parent" });
    const other = where === "own" ? near : far;
    const made = assert.rejects(parent.make(diary, { uid: "late", place: onHost(other.host.id) }));
    assert.deepEqual(await diary.take(1), ["+late"]);
    await assert.rejects(other.host.createActor(Diary, [], { uid: "late" }), ActorExistsError);
    await near.host.killActor(parent);
    await made;
    await other.host.createActor(Diary, [], { uid: "late" });
  });
}

Deno.test("supervision: what is wrong with it is named", async () => {
  await using test = await startTestHost();
  const diary = await diaryOn(test.host);
  for (
    const [supervision, message] of [
      ["all", /supervision is one of oneForOne, allForOne, restForOne, got "all"/],
      [{ maxRestarts: -1 }, /supervision\.maxRestarts/],
      [{ stopTimeoutMs: NaN }, /supervision\.stopTimeoutMs/],
    ] as const
  ) {
    const options = { supervision } as never;
    await assert.rejects(test.host.createActor(Member, [diary], options), message);
  }
});
