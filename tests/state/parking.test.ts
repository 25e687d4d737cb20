/** Actors that are parked when they are idle, and wake for the next message. */
import assert from "node:assert/strict";
import {
  type ActorInspection,
  ActorNotFoundError,
  ActorStartError,
  ActorStoppedError,
  type Host,
  type HostOptions,
  memoryStore,
  onPool,
  PoolLostError,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { ManualClock, settled } from "@dramatis/dramatis/testing";
import { startHostWith } from "../../src/host/start_host.ts";
import { Idler, Plain, Tally } from "../fixtures/state_actors.ts";
import { Sleepy } from "../fixtures/sleepy_actors.ts";

/** A host whose time goes on when the test says so. */
async function withHost(
  body: (host: Host, clock: ManualClock, letters: string[]) => Promise<void>,
  options: HostOptions = {},
): Promise<void> {
  const clock = new ManualClock();
  const letters: string[] = [];
  const host = await startHostWith({
    pools: [],
    debug: false,
    onDeadLetter: ({ to, method, reason }) => letters.push(`${to.uid} ${method}: ${reason}`),
    ...options,
  }, clock);
  try {
    await body(host, clock, letters);
  } finally {
    await host.stop();
  }
}

async function inspected(host: Host, uid: string): Promise<ActorInspection> {
  const actors = (await host.inspect()).pools.flatMap(({ actors }) => actors);
  return actors.find(({ address }) => address.uid === uid)!;
}

Deno.test("parking: an idle actor is dropped with its state saved, and made again for the next message", () =>
  withHost(async (host, clock) => {
    const tally = await host.createActor(Tally, [10], { uid: "t", idleMs: 1000 });
    assert.equal(await tally.add(1), 11);
    await clock.advance(999);
    assert.equal((await inspected(host, "t")).state, "running");
    await clock.advance(1);
    const parked = await inspected(host, "t");
    assert.equal(parked.state, "parked");
    assert.equal(parked.counters.calls, 1);
    assert(parked.saved!.savedAt !== null);
    assert.equal(await host.hasActor("t"), true);
    assert.equal(host.pools()[0]!.actors, 1);
    const generation = 1;
    assert.equal(await tally.add(1), 12);
    assert.deepEqual(await tally.trace(), ["made", "restore", "postCreate"]);
    assert.equal(await tally.generation(), generation, "the same actor");
    assert.equal((await inspected(host, "t")).state, "running");
    await clock.advance(900);
    await tally.get();
    await clock.advance(999);
    assert.equal((await inspected(host, "t")).state, "running", "each message counts anew");
    await clock.advance(1);
    assert.equal((await inspected(host, "t")).state, "parked");
    await host.snapshot(tally);
    assert.equal((await inspected(host, "t")).state, "parked", "it has been saved");
  }));

Deno.test("parking: what comes while the actor is parked or woken waits in order, and nothing is lost", () =>
  withHost(async (host, clock, letters) => {
    const gate = Promise.withResolvers<void>();
    const sleepy = await host.createActor(Sleepy, [], { uid: "s", idleMs: 10 });
    await sleepy.note(0);
    Sleepy.hold = { preDestroy: gate.promise };
    await clock.advance(10);
    assert.equal((await inspected(host, "s")).state, "parking");
    const during = [sleepy.note(1), sleepy.note(2)];
    sleepy.note.tell(3);
    const aborted = new AbortController();
    const given = sleepy.note.with({ signal: aborted.signal })(99).catch((error) => error.name);
    const now = sleepy.now();
    await settled();
    aborted.abort();
    gate.resolve();
    assert.deepEqual(await Promise.all(during), [2, 3]);
    assert.equal(await given, "AbortError");
    assert.equal(await now, "now");
    const wakeGate = Promise.withResolvers<void>();
    await clock.advance(10);
    assert.equal((await inspected(host, "s")).state, "parked");
    Sleepy.hold = { restore: wakeGate.promise };
    const woken = [4, 5, 6].map((n) => sleepy.note(n));
    await settled();
    const late = sleepy.note(7);
    const lateAbort = new AbortController();
    const lateGiven = sleepy.note.with({ signal: lateAbort.signal })(98).catch((e) => e.name);
    await settled();
    lateAbort.abort();
    wakeGate.resolve();
    assert.deepEqual(await Promise.all([...woken, late]), [5, 6, 7, 8]);
    assert.equal(await lateGiven, "AbortError");
    assert.deepEqual(await sleepy.all(), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual(letters, []);
  }));

Deno.test("parking: a message that comes while the state is saved keeps the actor awake", async () => {
  const save = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const memory = memoryStore();
  const store = {
    kind: "held",
    open: async () => {
      const inner = await memory.open();
      return {
        scope: inner.scope,
        claim: async (key: string) => {
          const slot = await inner.claim(key);
          const put = async (bytes: Uint8Array) => {
            begun.resolve();
            await save.promise;
            await slot.put(bytes);
          };
          return { bytes: slot.bytes, put, delete: () => slot.delete() };
        },
        [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
      };
    },
  };
  await withHost(async (host, clock) => {
    const tally = await host.createActor(Tally, [10], { uid: "t", idleMs: 10 });
    await clock.advance(10);
    await begun.promise;
    const added = tally.add(1);
    await settled();
    save.resolve();
    assert.equal(await added, 11);
    assert.deepEqual(await tally.trace(), ["made", "postCreate"], "the same instance");
    await clock.advance(10);
    assert.equal((await inspected(host, "t")).state, "parked");
  }, { state: { store } });
});

Deno.test("parking: timers, streams and running messages keep an actor awake", () =>
  withHost(async (host, clock) => {
    const sleepy = await host.createActor(Sleepy, [], { uid: "s", idleMs: 10 });
    await sleepy.tick(1000);
    await clock.advance(100);
    assert.equal((await inspected(host, "s")).state, "running");
    await clock.advance(1000);
    assert.equal((await inspected(host, "s")).state, "parked", "its timer is over");
    const numbers = sleepy.count(1000)[Symbol.asyncIterator]();
    assert.equal((await numbers.next()).value, 0);
    await clock.advance(100);
    assert.equal((await inspected(host, "s")).state, "running");
    assert.equal((await numbers.next()).value, 1);
    await numbers.return!();
    await clock.advance(20);
    assert.equal((await inspected(host, "s")).state, "parked");
    const gate = Promise.withResolvers<void>();
    Sleepy.hold = { work: gate.promise };
    const work = sleepy.work();
    await clock.advance(100);
    assert.equal((await inspected(host, "s")).state, "running");
    gate.resolve();
    assert.equal(await work, "done");
  }));

Deno.test("parking: one that cannot be woken fails its messages with the cause, and is tried again", () =>
  withHost(async (host, clock) => {
    const sleepy = await host.createActor(Sleepy, [], { uid: "s", idleMs: 10 });
    await sleepy.note(1);
    await clock.advance(10);
    Sleepy.hold = { restore: Promise.reject(new RangeError("not now")) };
    const calls = [sleepy.note(2), sleepy.note(3)].map((call) => call.catch((error) => error));
    for (const error of await Promise.all(calls)) {
      assert(error instanceof ActorStoppedError, String(error));
      assert(error.cause instanceof ActorStartError, String(error.cause));
      assert.match(error.cause.message, /restore threw RangeError: not now/);
    }
    Sleepy.hold = {};
    assert.equal(await sleepy.note(4), 2);
    assert.deepEqual(await sleepy.all(), [1, 4]);
  }));

Deno.test("parking: a parked actor can be destroyed, killed and made again, and stops with its host", () =>
  withHost(async (host, clock, letters) => {
    const options = { uid: "t", idleMs: 10 };
    const tally = await host.createActor(Tally, [10], options);
    await tally.add(1);
    await clock.advance(10);
    await host.destroyActor(tally);
    assert.equal(await host.hasActor("t"), false);
    await assert.rejects(tally.get(), ActorNotFoundError);
    const again = await host.createActor(Tally, [20], options);
    assert.equal(await again.get(), 20, "destroyed it begins anew");
    await again.add(1);
    await clock.advance(10);
    await host.killActor(again);
    const third = await host.createActor(Tally, [30], options);
    assert.equal(await third.get(), 21);
    // While it is being woken.
    await clock.advance(10);
    const gate = Promise.withResolvers<void>();
    const sleepy = await host.createActor(Sleepy, [], { uid: "s", idleMs: 10 });
    await sleepy.note(1);
    await clock.advance(10);
    Sleepy.hold = { restore: gate.promise };
    const noted = sleepy.note(2);
    await settled();
    const destroyed = host.destroyActor(sleepy);
    gate.resolve();
    await Promise.all([noted, destroyed]);
    assert.equal(await host.hasActor("s"), false);
    assert.deepEqual(letters, []);
  }));

Deno.test("parking: without a state to keep it is refused, but to one that has none", () =>
  withHost(async (host, clock) => {
    await assert.rejects(
      host.createActor(Plain, [], { idleMs: 10 }),
      /Plain .*snapshot\(\) and restore\(state\)/,
    );
    const idler = await host.createActor(Idler, [], { uid: "i", idleMs: 10 });
    await clock.advance(10);
    assert.equal((await inspected(host, "i")).state, "parked");
    assert.equal(await idler.ping(), "pong");
    await assert.rejects(
      host.createActor(Idler, [], { idleMs: 10, replicas: 1 }),
      /replicas or idleMs/,
    );
  }));

Deno.test("parking: works in a worker, for many at once, and through the death of the pool", async () => {
  await using host = await startHost({
    pools: [workerPool({ count: 2 })],
    debug: false,
    onDeadLetter: () => {},
  });
  const tallies = await Promise.all(Array.from({ length: 50 }, (_, i) => {
    return host.createActor(Tally, [i], { uid: `t${i}`, idleMs: 1, place: onPool(1) });
  }));
  for (let round = 1; round <= 5; round++) {
    const sums = await Promise.all(tallies.map((tally) => tally.add(1000)));
    sums.forEach((sum, i) => assert.equal(sum, round * 1000 + i));
    await parkedAll(host);
  }
  const waiting = tallies[0]!.wait();
  tallies[0]!.crash.tell();
  await assert.rejects(waiting, PoolLostError);
  const sums = await Promise.all(tallies.map((tally) => tally.add(1)));
  sums.forEach((sum, i) => assert.equal(sum, 5001 + i));
});

/** Resolves when all actors of a host are parked. */
async function parkedAll(host: Host): Promise<void> {
  for (;;) {
    const actors = (await host.inspect()).pools.flatMap(({ actors }) => actors);
    if (actors.every(({ state }) => state === "parked")) return;
  }
}
