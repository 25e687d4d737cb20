/** Pools that die and come back, with their actors, and who waits for that. */
import assert from "node:assert/strict";
import {
  ActorNotFoundError,
  type ActorRef,
  ActorStoppedError,
  addressOf,
  CallTimeoutError,
  type DebugReport,
  type GiveUpEvent,
  type Host,
  HostLostError,
  type HostOptions,
  mainPool,
  onPool,
  type PoolDownEvent,
  PoolLostError,
  type PoolRecoveredEvent,
  type PoolSpec,
  PoolStartError,
  processPool,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { startTestCluster } from "@dramatis/dramatis/testing";
import type { PoolStarter } from "../../src/pool/pool.ts";
import { Counter } from "../fixtures/actors.ts";
import { Suspect } from "../fixtures/debug_actors.ts";
import {
  Gatekeeper,
  Judge,
  Judged,
  Log,
  Phoenix,
  Poison,
  Reader,
  Writer,
} from "../fixtures/phoenix.ts";

/** Waits that end long before a test is given up. */
const SOON = { timeoutMs: 60_000 };

/** What becomes of the pools of a host. */
class Events {
  readonly downs: PoolDownEvent[] = [];
  readonly ups: PoolRecoveredEvent[] = [];
  readonly #gaveUp = Promise.withResolvers<GiveUpEvent>();

  get options() {
    return {
      onPoolDown: (event: PoolDownEvent) => void this.downs.push(event),
      onPoolRecovered: (event: PoolRecoveredEvent) => void this.ups.push(event),
      onGiveUp: (event: GiveUpEvent) => this.#gaveUp.resolve(event),
    };
  }

  get gaveUp(): Promise<GiveUpEvent> {
    return this.#gaveUp.promise;
  }
}

async function open(
  pools: PoolSpec[],
  { recovery, ...options }: HostOptions = {},
): Promise<{ host: Host; events: Events }> {
  const events = new Events();
  const host = await startHost({
    pools,
    onDeadLetter: () => {},
    debug: false,
    ...options,
    // A start takes long on a busy machine.
    recovery: { waitMs: 120_000, ...events.options, ...recovery },
  });
  return { host, events };
}

function phoenix(host: Host, pool: number, uid: string, options = {}): Promise<ActorRef<Phoenix>> {
  const ashes = { start: 5, bytes: new Uint8Array(100_000).fill(1) };
  return host.createActor(Phoenix, [ashes], { uid, place: onPool(pool), ...options });
}

async function lost(call: Promise<unknown>): Promise<PoolLostError> {
  const error = await call.then(() => "answered", (error) => error);
  assert(error instanceof PoolLostError, String(error));
  return error;
}

/** A pool whose isolates start, or not, as the test says. */
function pools(spec: PoolSpec, mayStart: () => boolean): PoolSpec {
  const starter = spec as PoolStarter;
  const guarded: PoolStarter = {
    ...starter,
    start: (start) => {
      if (!mayStart()) throw new PoolStartError("not now", "spawn");
      return starter.start(start);
    },
  };
  return guarded;
}

for (const [name, spec] of [["worker", workerPool], ["process", processPool]] as const) {
  Deno.test(`a ${name} pool that dies comes back with its actors, and calls meanwhile wait`, async () => {
    const { host, events } = await open([]);
    await using _ = host;
    const pool = (await host.appendPool(spec({ count: 2 })))[0]!.pool;
    const bird = await phoenix(host, pool, "bird");
    const plain = await host.createActor(Counter, [7], { uid: "plain", place: onPool(pool) });
    assert.deepEqual([await bird.sum(), await bird.add(10), await plain.add(1)], [100_000, 15, 8]);
    const before = addressOf(bird).generation;
    const waiting = lost(bird.wait());
    bird.crash.tell();
    const error = await waiting;
    assert.equal(error.exit, "error");
    assert.match((error.cause as Error).message, /burnt/);
    assert.equal(await host.hasActor(bird), true);
    const calls = [bird.sum(), bird.add(1), plain.get()];
    assert.deepEqual(await Promise.all(calls), [100_000, 6, 7], "made of what it was made of");
    await host.waitPoolRecovered(pool, SOON);
    assert.equal(addressOf(await host.actorRef("bird")).generation, await bird.generation());
    assert(await bird.generation() > before);
    assert.deepEqual(host.pools().map((one) => [one.pool, one.actors]), [[0, 0], [1, 2], [2, 0]]);

    bird.close.tell();
    await lost(bird.wait());
    assert.deepEqual([await bird.sum(), await plain.get()], [100_000, 7], "again");
    assert.deepEqual(events.downs.map((down) => [down.generation, down.reason.exit]), [
      [1, "error"],
      [2, "exit"],
    ]);
    await host.waitPoolRecovered(pool, SOON);
    assert.deepEqual(events.ups.map((up) => [up.pool.pool, up.generation, up.actors]), [
      [1, 2, 2],
      [1, 3, 2],
    ]);
    await host.destroyActor(bird);
    assert.equal(await host.hasActor("bird"), false);
  });
}

Deno.test("recovery: siblings and other hosts reach the actor as before", async () => {
  const token = crypto.randomUUID();
  const { host } = await open([workerPool({ count: 2 })], {
    token,
    listen: { port: 0 },
    modules: [import.meta.resolve("../fixtures/phoenix.ts")],
  });
  await using _ = host;
  await using there = await startHost({ pools: [], token, join: [`ws://${host.address}`] });
  const bird = await phoenix(host, 1, "bird");
  const far = await there.actorRef<Phoenix>("bird", host.id);
  const sibling = await phoenix(host, 2, "sibling");
  const calls = [lost(far.wait()), lost(bird.wait())];
  assert.equal(await far.add(1), 6);
  bird.crash.tell();
  await Promise.all(calls);
  assert.deepEqual([await far.add(1), await bird.add(1)], [6, 7]);
  assert.equal(await sibling.add(1), 6);
  await there.waitPoolRecovered({ host: host.id, pool: 1 }, SOON);
});

Deno.test("recovery: what a pool has sent arrives in order, before and after", async () => {
  const { host } = await open([workerPool({ count: 2 })]);
  await using _ = host;
  const reader = await host.createActor(Reader, [], { place: mainPool() });
  const log = await host.createActor(Log, [reader], { place: onPool(1) });
  const writer = await host.createActor(Writer, [], { place: onPool(2) });
  const writing = writer.write(log);
  for (let round = 0; round < 3; round++) {
    const before = await reader.count();
    while (await reader.count() < before + 50);
    const dead = lost(log.wait());
    log.close.tell();
    await dead;
    await host.waitPoolRecovered(1, SOON);
  }
  const before = await reader.count();
  while (await reader.count() < before + 50);
  await writer.stop();
  await writing;
  const seen = await reader.all();
  assert.deepEqual(seen, seen.toSorted((a, b) => a - b));
  assert.equal(new Set(seen).size, seen.length, "nothing comes twice");
});

Deno.test("recovery: an answer to an earlier isolate is not one to the next", async () => {
  const { host } = await open([workerPool({ count: 1 })]);
  await using _ = host;
  const gate = await host.createActor(Gatekeeper, [], { place: mainPool() });
  const bird = await phoenix(host, 1, "bird");
  const first = lost(bird.askGate(gate, "first"));
  await gate.come("first");
  bird.crash.tell();
  await first;
  const second = bird.askGate(gate, "second");
  await gate.come("second");
  await gate.open("first");
  await gate.open("second");
  assert.equal(await second, "second");
});

Deno.test("recovery.waitMs: 0 fails at once; else calls wait for so long", async () => {
  let mayStart = true;
  const spec = pools(workerPool({ count: 1 }), () => mayStart);
  for (const waitMs of [0, 100]) {
    mayStart = true;
    const recovery = { waitMs, backoffMs: 200, maxRestarts: 100_000 };
    const { host, events } = await open([spec], { recovery });
    await using _ = host;
    const bird = await phoenix(host, 1, "bird");
    mayStart = false;
    bird.crash.tell();
    await lost(bird.wait());
    const started = performance.now();
    const placed = phoenix(host, 1, "placed");
    await assert.rejects(placed, { name: "PlacementError" });
    const error = await lost(bird.add(1));
    assert.match(error.message, waitMs === 0 ? /being recovered/ : /not recovered in 100 ms/);
    assert.equal(performance.now() - started >= waitMs - 1, true);
    await assert.rejects(host.waitPoolRecovered(1, { timeoutMs: 10 }), CallTimeoutError);
    mayStart = true;
    await host.waitPoolRecovered(1, SOON);
    assert.equal(await bird.add(1), 6);
    assert.equal(events.downs.length, 1, "told once");
  }
});

Deno.test("recovery.waitMs: an actor to be made in a pool that is being recovered waits for it", async () => {
  let mayStart = true;
  const spec = pools(workerPool({ count: 1 }), () => mayStart);
  const recovery = { waitMs: 60_000, backoffMs: 10, maxBackoffMs: 10, maxRestarts: 100_000 };
  const { host } = await open([spec], { recovery });
  await using _ = host;
  const bird = await phoenix(host, 1, "bird");
  mayStart = false;
  bird.crash.tell();
  await lost(bird.wait());
  const placed = phoenix(host, 1, "placed");
  await assert.rejects(phoenix(host, 7, "nowhere"), { name: "PlacementError" });
  mayStart = true;
  assert.equal(await (await placed).add(1), 6);
});

Deno.test("restart: temporary and transient actors, and their uids", async () => {
  const { host } = await open([workerPool({ count: 1 })]);
  await using _ = host;
  const kinds = ["permanent", "transient", "temporary"] as const;
  const [, transient, temporary] = await Promise.all(
    kinds.map((restart) => phoenix(host, 1, restart, { restart })),
  );
  const ends = [host.watch(transient!), host.watch(temporary!)];
  temporary!.crash.tell();
  await lost(transient!.wait());
  await host.waitPoolRecovered(1, SOON);
  const there = () => Promise.all(kinds.map((uid) => host.hasActor(uid)));
  assert.deepEqual(await there(), [true, true, false]);
  await assert.rejects(temporary!.add(1), ActorNotFoundError);
  assert((await ends[1]!).reason instanceof PoolLostError);
  transient!.close.tell();
  await lost(transient!.wait());
  await host.waitPoolRecovered(1, SOON);
  assert.deepEqual(await there(), [true, false, false]);
  assert.equal(((await ends[0]!).reason as PoolLostError).exit, "exit");
  await phoenix(host, 1, "temporary");
  await assert.rejects(phoenix(host, 1, "x", { restart: "never" }), /restart is one of/);
});

Deno.test("autoRecover: pool, the pool comes back without actors; false, it is gone", async () => {
  for (const autoRecover of ["pool", false] as const) {
    const { host, events } = await open([workerPool({ count: 1 })], { autoRecover });
    await using _ = host;
    const bird = await phoenix(host, 1, "bird");
    bird.crash.tell();
    await lost(bird.wait());
    assert.equal(await host.hasActor("bird"), false);
    assert.deepEqual(events.downs.map(({ recovers }) => recovers), [autoRecover === "pool"]);
    if (autoRecover === false) {
      await lost(host.waitPoolRecovered(1));
      assert.deepEqual(host.pools().map(({ pool }) => pool), [0]);
    } else {
      await host.waitPoolRecovered(1, SOON);
      await assert.rejects(bird.add(1), ActorNotFoundError);
      assert.equal(await (await phoenix(host, 1, "bird")).add(1), 6);
    }
  }
});

Deno.test("an actor that cannot be made again is tried again, and others need not wait", async () => {
  const { host } = await open([workerPool({ count: 1 })]);
  await using _ = host;
  const judge = await host.createActor(Judge, [1], { place: mainPool() });
  const restart = { maxRestarts: 100_000, backoffMs: 1, maxBackoffMs: 5 };
  const judged = await host.createActor(Judged, [judge], { place: onPool(1), restart });
  const bird = await phoenix(host, 1, "bird");
  const watch = host.watch(judged);
  bird.crash.tell();
  await lost(bird.wait());
  assert.equal(await bird.add(1), 6);
  await judge.tried(4);
  const waiting = judged.ping();
  assert.equal(await host.hasActor(judged), true, "it is being made");
  await judge.allow(1);
  assert.equal(await waiting, "pong");
  await host.destroyActor(judged);
  assert((await watch).reason instanceof ActorStoppedError);
});

Deno.test("an actor that cannot be made again is given up, with the reason", async () => {
  const { host, events } = await open([workerPool({ count: 1 })]);
  await using _ = host;
  const judge = await host.createActor(Judge, [1], { place: mainPool() });
  const restart = { maxRestarts: 2, backoffMs: 1 };
  const options = { uid: "judged", place: onPool(1), restart };
  const judged = await host.createActor(Judged, [judge], options);
  const watch = host.watch(judged);
  const bird = await phoenix(host, 1, "bird");
  bird.crash.tell();
  const { actor, error } = await events.gaveUp;
  assert.equal(actor?.uid, "judged");
  assert.match(String(error.cause ?? error), /not allowed/);
  assert.deepEqual((await watch).reason, error);
  assert.equal(await host.hasActor("judged"), false);
  await judge.allow(1);
  assert.equal(await (await host.createActor(Judged, [judge], options)).ping(), "pong");
});

Deno.test("a pool that dies again and again is given up, and everybody is told", async () => {
  const recovery = { maxRestarts: 2, backoffMs: 1 };
  const { host, events } = await open([workerPool({ count: 2 })], { recovery });
  await using _ = host;
  const judge = await host.createActor(Judge, [1], { place: mainPool() });
  const poison = await host.createActor(Poison, [judge], { place: onPool(1) });
  const bird = await phoenix(host, 1, "bird");
  const watch = host.watch(bird);
  const waiting = lost(bird.wait());
  poison.close.tell();
  await waiting;
  const calls = [bird.add(1), host.waitPoolRecovered(1)].map(lost);
  const { pool, actor, error } = await events.gaveUp;
  assert.deepEqual([pool.pool, actor], [1, null]);
  assert(error instanceof PoolLostError);
  await Promise.all(calls);
  assert.equal((await watch).reason.name, "PoolLostError");
  assert.equal(await host.hasActor("bird"), false);
  assert.deepEqual(events.downs.map(({ generation }) => generation), [1, 2, 3]);
  assert.deepEqual(host.pools().map(({ pool }) => pool), [0, 2]);
  await lost(bird.add(1));
  assert.equal(await (await phoenix(host, 2, "bird")).add(1), 6);
});

Deno.test("a pool that is removed, or whose host stops, does not come back", async () => {
  let mayStart = true;
  const recovery = { maxRestarts: 100_000, backoffMs: 50 };
  const spec = pools(workerPool({ count: 1 }), () => mayStart);
  const { host, events } = await open([spec, spec, spec], { recovery });
  await using _ = host;
  const birds = [await phoenix(host, 1, "a"), await phoenix(host, 2, "b")];
  await host.removePool(3);
  mayStart = false;
  for (const bird of birds) {
    bird.crash.tell();
    await lost(bird.wait());
  }
  const call = lost(birds[0]!.add(1));
  const last = lost(birds[1]!.add(1));
  await host.removePool(1);
  assert.equal((await call).exit, "stopped");
  assert.equal(await host.hasActor("a"), false);
  await assert.rejects(host.removePool(1), RangeError);
  await host.destroyActor("b");
  assert.equal(await host.hasActor("b"), false);
  await host.stop();
  await last;
  assert.deepEqual(events.downs.map(({ pool }) => pool.pool), [1, 2]);
  assert.deepEqual(events.ups, []);
});

Deno.test("killActor of one that holds its process: it is gone, its neighbours come back", async () => {
  const blocked = Promise.withResolvers<void>();
  const onReport = (report: DebugReport) => {
    // On a busy machine its start alone may take so long.
    const isLoop = report.kind === "blocked" && report.running.some((one) => one.method === "loop");
    if (isLoop) blocked.resolve();
  };
  const { host, events } = await open([processPool()], { debug: { blockedLoopMs: 50, onReport } });
  await using _ = host;
  const bird = await phoenix(host, 1, "bird");
  const neighbour = await phoenix(host, 1, "neighbour");
  const calls = [bird.loop(), neighbour.add(1)].map(lost);
  await blocked.promise;
  await host.killActor(bird);
  for (const error of await Promise.all(calls)) assert.equal(error.exit, "killed");
  assert.equal(await neighbour.add(1), 6);
  assert.equal(await host.hasActor("bird"), false);
  assert.equal(host.abandonedThreads, 0);
  assert.equal(events.downs.length, 1);
});

Deno.test("recovery.silentMs: a pool that is silent for so long is ended, and comes back", async () => {
  // Longer than a start takes on a busy machine.
  const recovery = { silentMs: 3_000 };
  const options = { recovery, debug: { onReport: () => {} } };
  const { host, events } = await open([workerPool({ count: 1 }), processPool()], options);
  await using _ = host;
  const suspect = await host.createActor(Suspect, [], { place: onPool(1) });
  const bird = await phoenix(host, 2, "bird");
  const word = new SharedArrayBuffer(4);
  const calls = [suspect.spin(word), bird.loop()].map(lost);
  for (const error of await Promise.all(calls)) {
    assert.equal(error.exit, "silent");
    assert.match(error.message, /has not answered for .* it runs (spin|loop) of/);
  }
  // Its thread is let go, so that the process can end.
  Atomics.store(new Int32Array(word), 0, 1);
  assert.equal(await bird.add(1), 6);
  await host.waitPoolRecovered(1, SOON);
  assert.equal(await host.hasActor(suspect), true);
  assert.equal(host.abandonedThreads, 1);
  assert.deepEqual(events.downs.map(({ reason }) => reason.exit), ["silent", "silent"]);
});

Deno.test("recovery: hooks that throw stop nothing", async () => {
  const printed: unknown[] = [];
  const { error } = console;
  // deno-lint-ignore no-console -- where it says so
  console.error = (...line: unknown[]) => void printed.push(line[0]);
  try {
    const fail = () => {
      throw new RangeError("a hook");
    };
    const recovery = { onPoolDown: fail, onPoolRecovered: fail };
    const { host } = await open([workerPool({ count: 1 })], { recovery });
    await using _ = host;
    const bird = await phoenix(host, 1, "bird");
    for (let i = 0; i < 2; i++) {
      bird.crash.tell();
      await lost(bird.wait());
      await host.waitPoolRecovered(1, SOON);
    }
    assert.equal(await bird.add(1), 6);
    assert.equal(printed.length, 4);
  } finally {
    // deno-lint-ignore no-console
    console.error = error;
  }
});

Deno.test("waitPoolRecovered: pools that are there are not waited for, others are refused", async () => {
  const { host } = await open([workerPool({ count: 1 })]);
  await using _ = host;
  await host.waitPoolRecovered(0);
  await host.waitPoolRecovered(host.pools()[1]!);
  await lost(host.waitPoolRecovered(7));
});

Deno.test("recovery: a name stays with its actor", async () => {
  const { host } = await open([workerPool({ count: 1 })]);
  await using _ = host;
  const bird = await phoenix(host, 1, "bird", { name: "the bird" });
  bird.crash.tell();
  await lost(bird.wait());
  await host.waitPoolRecovered(1, SOON);
  const found = await host.lookup<Phoenix>("the bird");
  assert.equal(addressOf(found).generation, await found.generation());
  await assert.rejects(phoenix(host, 1, "other", { name: "the bird" }), { name: "NameTakenError" });
  await host.destroyActor(found);
  await phoenix(host, 1, "other", { name: "the bird" });
});

Deno.test("idempotent: a call is sent again when its pool has died, a plain one is not", async () => {
  const { host } = await open([workerPool({ count: 1 })]);
  await using _ = host;
  const gate = await host.createActor(Gatekeeper, [], { place: mainPool() });
  const bird = await phoenix(host, 1, "bird");
  const plain = lost(bird.askGate(gate, "plain"));
  const again = bird.askGate.with({ idempotent: { backoffMs: 1 } })(gate, "again");
  const never = bird.askGate.with({ idempotent: { times: 0 } })(gate, "never");
  await gate.come("plain");
  bird.crash.tell();
  await plain;
  await lost(never);
  await gate.open("again");
  assert.equal(await again, "again");
  await gate.open("plain");
  const aborted = new AbortController();
  const { signal } = aborted;
  const waits = bird.wait.with({ idempotent: { backoffMs: 60_000 }, signal })();
  bird.crash.tell();
  await lost(bird.wait());
  aborted.abort(new RangeError("enough"));
  await assert.rejects(waits, /enough/);
  await assert.rejects(bird.add.with({ idempotent: { times: -1 } })(1), /idempotent\.times/);
});

Deno.test("watch: why an actor has ended, once, and at once if it has", async () => {
  const { host } = await open([workerPool({ count: 1 })], { autoRecover: false });
  await using _ = host;
  const [a, b, c, d] = await Promise.all(
    ["a", "b", "c", "d"].map((uid) => phoenix(host, 1, uid)),
  ) as [ActorRef<Phoenix>, ActorRef<Phoenix>, ActorRef<Phoenix>, ActorRef<Phoenix>];
  const ends = [a, b, c].map((ref) => host.watch(ref));
  const left = host.watch(d);
  let isTold = false;
  void left.then(() => isTold = true);
  left[Symbol.dispose]();
  await c.add(1);
  await host.destroyActor(a);
  await host.killActor(b);
  c.crash.tell();
  const downs = await Promise.all(ends);
  assert.deepEqual(downs.map(({ actor }) => actor.uid), ["a", "b", "c"]);
  const names = downs.map(({ reason }) => reason.name);
  assert.deepEqual(names, ["ActorStoppedError", "ActorStoppedError", "PoolLostError"]);
  assert((await host.watch(a)).reason instanceof ActorNotFoundError);
  assert.equal(isTold, false, "nobody watches it any more");
});

Deno.test("watch: across hosts, and when the host goes", async () => {
  await using cluster = await startTestCluster({
    modules: [import.meta.resolve("../fixtures/actors.ts")],
  });
  const [near, far] = cluster.hosts;
  const place = onPool(far.host.pools()[0]!);
  const [first, second] = [
    await near.host.createActor(Counter, [], { place }),
    await near.host.createActor(Counter, [], { place }),
  ];
  const ends = [near.host.watch(first), near.host.watch(second)];
  await first.get();
  await near.host.destroyActor(first);
  assert((await ends[0]!).reason instanceof ActorStoppedError);
  cluster.link(near, far).drop();
  assert((await ends[1]!).reason instanceof HostLostError);
});
