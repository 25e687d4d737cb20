/** A host that is drained hands its actors with failover over: what has not run goes to the successor. */
import assert from "node:assert/strict";
import {
  type ActorRef,
  addressOf,
  HostLostError,
  mainPool,
  randomWorker,
  workerPool,
} from "@dramatis/dramatis";
import {
  ManualClock,
  startTestCluster,
  type TestCluster,
  type TestClusterOptions,
  type TestHost,
} from "@dramatis/dramatis/testing";
import { Gate } from "../fixtures/actors.ts";
import { Caller, Roll } from "../fixtures/roll.ts";
import { passing } from "./passing.ts";

const MODULES = ["actors.ts", "roll.ts"].map((file) => import.meta.resolve(`../fixtures/${file}`));

const HEARTBEAT_MS = 1000;

/** How time passes where something is waited for. */
const STEP_MS = HEARTBEAT_MS / 4;

/** A cluster whose last host has the actor, as the two others know it. */
interface Stage {
  readonly clock: ManualClock;
  readonly cluster: TestCluster;
  readonly first: TestHost;
  readonly last: TestHost;
  readonly rolls: readonly [ActorRef<Roll>, ActorRef<Roll>];
  readonly gate: ActorRef<Gate>;
}

async function withRoll(
  options: TestClusterOptions,
  body: (stage: Stage) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  await using cluster = await startTestCluster({
    hosts: 3,
    modules: MODULES,
    heartbeatMs: HEARTBEAT_MS,
    clock,
    ...options,
  });
  const [first, second] = cluster.hosts;
  const last = cluster.hosts.at(-1)!;
  await last.host.createActor(Roll, [], { name: "roll", uid: "r", failover: true });
  const rolls = await Promise.all([first, second].map(({ host }) => host.lookup<Roll>("roll")));
  const gate = await first.host.createActor(Gate, [], { place: mainPool() });
  await body({ clock, cluster, first, last, rolls: [rolls[0]!, rolls[1]!], gate });
}

for (const kind of ["main", "worker"] as const) {
  const pools = kind === "main" ? [] : [workerPool({ count: 1 })];
  Deno.test(`handover: what runs ends, what waits or comes meanwhile goes to the successor in order, ${kind} pool`, async () => {
    // Workers have the real time, which may take long.
    const recovery = { waitMs: Infinity };
    await withRoll(
      { pools, recovery },
      async ({ clock, first, last, rolls: [roll, other], gate }) => {
        assert.equal(addressOf(roll).pool !== 0, kind === "worker");
        const running = roll.pass(gate, 1);
        await gate.entered();
        const queued = [roll.take("a", 1), roll.take("a", 2)];
        roll.take.tell("a", 3);
        const batch = roll.take.batch([["a", 4], ["a", 5]]);
        const far = other.take("b", 1);
        const own = (await last.host.actorRef<Roll>("r")).take("c", 1);
        const drained = last.host.drain();
        const later = roll.take("a", 6);
        await clock.advance(HEARTBEAT_MS);
        const items = Array.fromAsync(roll.climb(3));
        await gate.open();
        assert.equal(await passing(clock, STEP_MS, running), 1, "it ends where it runs");
        assert.equal(await passing(clock, STEP_MS, later), 6);
        assert.deepEqual(await Promise.all([...queued, far, own]), [1, 2, 1, 1]);
        assert.deepEqual(await batch, [4, 5]);
        assert.deepEqual(await items, [1, 2, 3]);
        await passing(clock, STEP_MS, drained);
        const taken = await roll.taken();
        const of = (who: string) => taken.filter((one) => one[0] === who).map(([, n]) => n);
        assert.deepEqual([of("a"), of("b"), of("c")], [[1, 2, 3, 4, 5, 6], [1], [1]]);
        assert.notEqual(addressOf(await first.host.lookup("roll")).host, last.host.id);
        assert.deepEqual([first.deadLetters, last.deadLetters], [[], []]);
      },
    );
  });
}

Deno.test("handover: of those who send all the while nothing fails, and each one's order is kept", async () => {
  await withRoll({}, async ({ clock, last, rolls }) => {
    let isOver = false;
    const load = rolls.map(async (roll, i) => {
      const calls: Promise<number>[] = [];
      while (!isOver) {
        calls.push(roll.take(String(i), calls.length));
        await new Promise((resolve) => setImmediate(resolve));
      }
      return await Promise.all(calls);
    });
    await Promise.all(rolls.map((roll) => roll.take("", 0)));
    const before = await rolls[0].taken();
    await passing(clock, STEP_MS, last.host.drain());
    await clock.advance(HEARTBEAT_MS);
    isOver = true;
    const sent = await passing(clock, STEP_MS, Promise.all(load));
    const taken = await rolls[0].taken();
    sent.forEach((numbers, i) => {
      const own = ([who]: [string, number]) => who === String(i);
      const seen = taken.filter(own).map(([, n]) => n);
      // Those before have run on the host that was drained.
      assert.deepEqual(seen, numbers.slice(-seen.length));
      assert(seen.length > 0 && before.some(own));
      assert.deepEqual(numbers, [...numbers.keys()]);
    });
  });
});

Deno.test("handover: those who send from a worker pool wait too, in order", async () => {
  // Workers have the real time, which may take long.
  const options = { pools: [workerPool({ count: 1 })], recovery: { waitMs: Infinity } };
  await withRoll(options, async ({ clock, first, last, rolls: [roll], gate }) => {
    const caller = await first.host.createActor(Caller, [roll], { place: randomWorker() });
    const before = await caller.take("w", 0);
    // Something else that runs there holds up the end of its host.
    const other = await last.host.createActor(Gate, [], { place: mainPool() });
    const running = other.follow(gate, 1);
    await gate.entered();
    const drained = last.host.drain();
    const calls: Promise<number>[] = [];
    while (calls.length < 50) {
      calls.push(caller.take("w", calls.length + 1));
      await clock.advance(50);
    }
    const numbers = await passing(clock, STEP_MS, Promise.all(calls));
    await gate.open();
    assert.deepEqual([before, ...numbers], [...Array(51).keys()]);
    const seen = (await roll.taken()).map(([, n]) => n);
    assert(seen.length > 0);
    assert.deepEqual(seen, numbers.slice(-seen.length));
    await running;
    await passing(clock, STEP_MS, drained);
  });
});

Deno.test("handover: a ref of long ago is as good as a new one, when the successor is drained too", async () => {
  await withRoll({ hosts: 4 }, async ({ clock, cluster, first, last, rolls: [roll], gate }) => {
    // So that it is not this one that makes it.
    for (let i = 0; i < 3; i++) await first.host.createActor(Gate, []);
    await passing(clock, STEP_MS, last.host.drain());
    const { host } = addressOf(await first.host.lookup("roll"));
    const next = cluster.hosts.find((one) => one.host.id === host)!;
    assert(next !== first && next !== last);
    const running = roll.pass(gate, 1);
    await gate.entered();
    const young = await first.host.lookup<Roll>("roll");
    const calls = [roll.take("a", 1), young.take("a", 2)];
    const drained = next.host.drain();
    calls.push(roll.take("a", 3), young.take("a", 4));
    await clock.advance(10);
    await gate.open();
    calls.push(roll.take("a", 5), young.take("a", 6));
    assert.equal(await passing(clock, STEP_MS, running), 1);
    assert.deepEqual(await passing(clock, STEP_MS, Promise.all(calls)), [1, 2, 3, 4, 5, 6]);
    await passing(clock, STEP_MS, drained);
    assert.deepEqual((await roll.taken()).map(([, n]) => n), [1, 2, 3, 4, 5, 6]);
  });
});

Deno.test("handover: what still runs when the deadline ends rejects, what waits behind it does not", async () => {
  await withRoll({}, async ({ clock, last, rolls: [roll], gate }) => {
    const running = roll.pass(gate, 1).then(() => null, (error) => error);
    await gate.entered();
    const queued = roll.take("a", 1);
    const drained = last.host.drain({ deadlineMs: 20 });
    assert.match(String(await running), /was killed/);
    assert.equal(await passing(clock, STEP_MS, queued), 1);
    await passing(clock, STEP_MS, drained);
    await gate.open();
  });
});

Deno.test("handover: a call whose caller gives up meanwhile does not run", async () => {
  await withRoll({}, async ({ clock, last, rolls: [roll], gate }) => {
    const running = roll.pass(gate, 1);
    await gate.entered();
    const early = new AbortController();
    const late = new AbortController();
    const ends = [early, late].map((one, i) => {
      if (one === late) return Promise.resolve();
      return roll.take.with({ signal: one.signal })("a", i).then(() => null, (error) => error);
    });
    const drained = last.host.drain();
    const after = roll.take.with({ signal: late.signal })("a", 2).catch((error) => error);
    const kept = roll.take("a", 3);
    await clock.advance(10);
    early.abort(new RangeError("early"));
    late.abort(new RangeError("late"));
    await gate.open();
    assert.equal(await running, 1);
    assert.equal(await passing(clock, STEP_MS, kept), 3);
    assert.deepEqual([String(await ends[0]), String(await after)], [
      "RangeError: early",
      "RangeError: late",
    ]);
    await passing(clock, STEP_MS, drained);
    assert.deepEqual(await roll.taken(), [["a", 3]]);
  });
});

Deno.test("handover: with nobody to take an actor, what waits for it is handed back at once", async () => {
  await withRoll({ modules: [] }, async ({ clock, last, rolls: [roll], gate }) => {
    const running = roll.pass(gate, 1);
    await gate.entered();
    const queued = roll.take("a", 1).then(() => null, (error) => error);
    const drained = last.host.drain();
    assert.equal((await queued).name, "ActorStoppedError");
    await gate.open();
    assert.equal(await running, 1);
    await passing(clock, STEP_MS, drained);
  });
});

Deno.test("handover: a host that dies while it hands over is one that is lost", async () => {
  await withRoll({}, async ({ clock, cluster, last, rolls: [roll], gate }) => {
    const running = roll.pass(gate, 1).then(() => null, (error) => error);
    await gate.entered();
    const there = roll.take("a", 1).then(() => null, (error) => error);
    const drained = last.host.drain({ deadlineMs: 50 });
    await clock.advance(10);
    for (const other of cluster.hosts) if (other !== last) cluster.link(last, other).drop();
    assert(await running instanceof HostLostError);
    assert(await there instanceof HostLostError, "nobody can say whether it has run");
    assert.equal(await passing(clock, STEP_MS, roll.take("a", 2)), 2);
    await gate.open();
    await passing(clock, STEP_MS, drained);
  });
});
