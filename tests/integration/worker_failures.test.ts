/** A pool that dies takes nothing with it but what lived there, and whoever waits is told why. */
import assert from "node:assert/strict";
import {
  ActorNotFoundError,
  type ActorRef,
  ActorStartError,
  type ExitKind,
  type Host,
  onPool,
  PoolLostError,
  type PoolSpec,
  PoolStartError,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import type { PoolStarter } from "../../src/pool/pool.ts";
import { startWorker } from "../../src/pool/worker_start.ts";
import { Counter, Gate } from "../fixtures/actors.ts";
import {
  Doomed,
  hidden,
  NeverCreated,
  NotDecorated,
  pretendToBeFrom,
  Watcher,
} from "../fixtures/doomed.ts";
import { Letters } from "./placements.ts";

/** Milliseconds after which it is clear that who waits on a dead pool is not told. */
const TOLD_MS = 30_000;

/** Rejects with what it rejects with, but not later than promised. */
async function lostInTime(call: Promise<unknown>): Promise<PoolLostError> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("nobody was told in time")), TOLD_MS);
  });
  try {
    await Promise.race([call, late]);
  } catch (error) {
    assert(error instanceof PoolLostError, String(error));
    return error;
  } finally {
    clearTimeout(timer);
  }
  assert.fail("it was answered");
}

/** Two workers, one of which is doomed, and is not recovered. */
async function openDoomed(
  letters = new Letters(),
): Promise<{ host: Host; doomed: ActorRef<Doomed>; sibling: ActorRef<Doomed> }> {
  const pools = [workerPool({ count: 2 })];
  const host = await startHost({ pools, autoRecover: false, onDeadLetter: letters.take });
  const doomed = await host.createActor(Doomed, [], { uid: "doomed", place: onPool(1) });
  const sibling = await host.createActor(Doomed, [], { uid: "sibling", place: onPool(2) });
  return { host, doomed, sibling };
}

interface Death {
  readonly name: string;
  readonly exit: ExitKind;
  readonly cause: boolean;
  die(doomed: ActorRef<Doomed>): void;
}

const DEATHS: readonly Death[] = [
  { name: "throws", exit: "error", cause: true, die: (it) => it.throwLater.tell("uncaught") },
  { name: "closes itself", exit: "exit", cause: false, die: (it) => it.close.tell() },
  { name: "exits", exit: "exit", cause: false, die: (it) => it.exit.tell() },
];

for (const { name, exit, cause, die } of DEATHS) {
  Deno.test(`a worker that ${name}: every waiting call rejects, the host lives on`, async () => {
    const { host, doomed, sibling } = await openDoomed();
    await using _ = host;
    const watcher = await host.createActor(Watcher, [], { place: onPool(2) });
    const creation = host.createActor(NeverCreated, [watcher], { uid: "late", place: onPool(1) });
    await watcher.seen();
    const calls = [
      doomed.wait(),
      doomed.wait.with({ timeoutMs: 60_000 })(),
      sibling.waitFor(doomed),
      creation,
    ].map(lostInTime);
    die(doomed);
    for (const error of await Promise.all(calls)) {
      assert.equal(error.exit, exit);
      assert.match(error.message, /worker-1 \(pool 1 of host [0-9a-f]{12}\) is gone/);
      if (!cause) continue;
      assert(error.cause instanceof RangeError);
      assert.equal(error.cause.message, "uncaught");
    }
    assert.deepEqual(host.pools().map(({ pool }) => pool), [0, 2]);
    assert.equal(await host.hasActor("doomed"), false);
    assert.equal(await host.hasActor("late"), false);
    await lostInTime(doomed.wait());
    await lostInTime(sibling.waitFor(doomed));
    assert.throws(() => host.poolOf(doomed), PoolLostError);
    assert.equal(await sibling.ping(), "pong");
    // The uids are free.
    const again = await host.createActor(Doomed, [], { uid: "doomed", place: onPool(2) });
    const late = await host.createActor(Counter, [1], { uid: "late" });
    assert.equal(await again.ping(), "pong");
    assert.equal(await late.get(), 1);
    assert.equal(host.abandonedThreads, 0);
  });
}

Deno.test("a call that follows its actor to another pool is told of that pool's death", async () => {
  const { host, doomed } = await openDoomed();
  await using _ = host;
  await host.destroyActor(doomed);
  const moved = await host.createActor(Doomed, [], { uid: "doomed", place: onPool(2) });
  const third = await host.appendPool(workerPool({ count: 1 }));
  const caller = await host.createActor(Doomed, [], { place: onPool(third[0]!) });
  const calls = [doomed.wait(), caller.waitFor(doomed)].map(lostInTime);
  assert.equal(await doomed.ping(), "pong", "the old ref leads there");
  assert.equal(await caller.pingOf(doomed), "pong", "both calls are there");
  moved.throwLater.tell("uncaught");
  for (const error of await Promise.all(calls)) assert.equal(error.exit, "error");
});

Deno.test("a call that follows its actor to another pool can be given up", async () => {
  const { host, doomed } = await openDoomed();
  await using _ = host;
  await host.destroyActor(doomed);
  const gate = await host.createActor(Gate, [], { uid: "doomed", place: onPool(2) });
  const old = doomed as unknown as ActorRef<Gate>;
  const controller = new AbortController();
  const lingering = old.linger.with({ signal: controller.signal })();
  await gate.entered();
  controller.abort(new RangeError("no longer"));
  await assert.rejects(lingering, /no longer/);
  assert.match(String(await gate.aborted()), /no longer/);
  assert.equal(
    await old.pass.with({ timeoutMs: 1 })(1).catch((error) => error.name),
    "CallTimeoutError",
  );
  gate.open.tell();
  assert.equal(await gate.pass(2), 2);
});

Deno.test("a pool that dies while it is joined to the others is no candidate", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1 })] });
  const spec = poolWithEntry("../fixtures/worker_that_leaves.ts");
  await assert.rejects(host.appendPool(spec), (error) => {
    assert(error instanceof PoolStartError);
    assert.match(error.message, /was lost while it started/);
    return true;
  });
  assert.deepEqual(host.pools().map(({ name }) => name), ["main", "worker-1"]);
  assert.equal(await (await host.createActor(Counter, [1])).get(), 1);
});

Deno.test("an unhandled rejection in a worker is a dead letter, and the worker lives", async () => {
  const letters = new Letters();
  const { host, doomed } = await openDoomed(letters);
  await using _ = host;
  await doomed.rejectUnawaited("nobody awaits this");
  const { to, reason } = await letters.next();
  assert.equal(to.pool, 1);
  assert(reason instanceof RangeError);
  assert.equal(reason.message, "nobody awaits this");
  assert.equal(await doomed.ping(), "pong");
});

Deno.test("a pool that is removed: its actors end in order, then calls are refused", async () => {
  const { host, doomed, sibling } = await openDoomed();
  await using _ = host;
  const removed = host.removePool(1);
  await removed;
  assert.deepEqual(host.pools().map(({ pool }) => pool), [0, 2]);
  const error = await lostInTime(doomed.ping());
  assert.match(error.message, /pool 1/);
  assert.equal(await host.hasActor("doomed"), false);
  assert.equal(await sibling.ping(), "pong");
  await assert.rejects(host.removePool(1), RangeError);
});

Deno.test("a pool that is removed while a message runs waits for it; then callers are told", async () => {
  const letters = new Letters();
  const pools = [workerPool({ count: 1 })];
  await using host = await startHost({ pools, stopTimeoutMs: 300, onDeadLetter: letters.take });
  const doomed = await host.createActor(Doomed, [], { place: onPool(1) });
  const call = lostInTime(doomed.wait());
  assert.equal(await doomed.ping(), "pong");
  await host.removePool(1);
  const error = await call;
  assert.equal(error.exit, "killed");
  assert.match(error.message, /did not stop in 300 ms/);
  assert.equal(host.abandonedThreads, 1);
});

const BROKEN: readonly { name: string; type: new () => never; message: RegExp }[] = [
  {
    name: "at a URL where there is nothing",
    type: pretendToBeFrom("file:///nowhere/actors.ts") as never,
    message: /Cannot load Elsewhere from file:\/\/\/nowhere\/actors\.ts: .*not found/i,
  },
  {
    name: "with a syntax error",
    type: pretendToBeFrom("data:application/javascript,export class {") as never,
    message: /Cannot load Elsewhere from data:/,
  },
  {
    name: "that throws",
    type: pretendToBeFrom("data:application/javascript,throw new Error('at load')") as never,
    message: /Cannot load Elsewhere from data:.*at load/,
  },
  {
    name: "without that export",
    type: pretendToBeFrom("data:application/javascript,export const x = 1") as never,
    message: /does not export Elsewhere as an actor/,
  },
  {
    name: "that does not export the class",
    type: hidden as never,
    message: /doomed\.ts does not export NotExported as an actor/,
  },
];

for (const { name, type, message } of BROKEN) {
  Deno.test(`an actor of a module ${name} is not created, and its worker lives`, async () => {
    await using host = await startHost({ pools: [workerPool({ count: 1 })] });
    const counter = await host.createActor(Counter, [1], { place: onPool(1) });
    await assert.rejects(host.createActor(type, [], { uid: "broken" }), (error) => {
      assert(error instanceof ActorStartError);
      assert.equal(error.phase, "load");
      assert.match(error.message, message);
      return true;
    });
    assert.equal(await host.hasActor("broken"), false);
    await host.createActor(Counter, [], { uid: "broken", place: onPool(1) });
    assert.equal(await counter.get(), 1);
  });
}

Deno.test("createActor: a class that is not decorated is refused at once", async () => {
  await using host = await startHost({ pools: [] });
  await assert.rejects(host.createActor(NotDecorated, []), {
    name: "TypeError",
    message: /Cannot create an actor of class NotDecorated: decorate it with @actor/,
  });
});

function poolWithEntry(entry: string, count = 1): PoolSpec {
  const kind = { kind: "worker", labels: [] } as const;
  const url = new URL(entry, import.meta.url);
  const starter: PoolStarter = {
    ...kind,
    count,
    start: (start) => startWorker({ ...kind, entry: url }, start),
  };
  return starter;
}

for (
  const [name, entry, message] of [
    ["does not exist", "../fixtures/no_such_worker.ts", /worker-2 could not be started \(import\)/],
    ["throws", "../fixtures/worker_that_throws.ts", /\(import\).*the entry fails/],
    ["closes itself", "../fixtures/worker_that_closes.ts", /worker-2 could not be started/],
  ] as const
) {
  // Deno never closes a port that was on its way to a worker that ends before it has taken it.
  const sanitizeResources = name !== "does not exist";

  const alone = `a pool whose entry ${name} is not started, and the host lives on`;
  Deno.test(alone, { sanitizeResources }, async () => {
    await using host = await startHost({ pools: [workerPool({ count: 1 })] });
    await assert.rejects(host.appendPool(poolWithEntry(entry)), (error) => {
      assert(error instanceof PoolStartError);
      assert.match(error.message, message);
      return true;
    });
    assert.deepEqual(host.pools().map(({ name }) => name), ["main", "worker-1"]);
    const counter = await host.createActor(Counter, [1]);
    assert.equal(await counter.get(), 1);
  });

  const others = `startHost: a pool whose entry ${name} leaves no other pool behind`;
  Deno.test(others, { sanitizeResources }, async () => {
    const started = startHost({
      pools: [workerPool({ count: 2 }), poolWithEntry(entry)],
      listen: { port: 0 },
    });
    await assert.rejects(started, PoolStartError);
  });
}

Deno.test("appendPool: if one pool of several fails, none is left", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1 })] });
  let started = 0;
  const good = poolWithEntry("../../src/pool/worker_main.ts", 3) as PoolStarter;
  const bad = poolWithEntry("../fixtures/worker_that_throws.ts") as PoolStarter;
  const spec: PoolStarter = {
    ...good,
    start: (options) => (++started === 2 ? bad : good).start(options),
  };
  await assert.rejects(host.appendPool(spec), PoolStartError);
  assert.deepEqual(host.pools().map(({ name }) => name), ["main", "worker-1"]);
});

Deno.test("appendPool: pools that come later are equal to the first", async () => {
  await using host = await startHost({ pools: [] });
  const [first, second] = await host.appendPool(workerPool({ count: 2, labels: ["late"] }));
  const a = await host.createActor(Doomed, [], { place: onPool(first!) });
  const b = await host.createActor(Doomed, [], { place: onPool(second!) });
  const call = lostInTime(a.waitFor(b));
  b.close.tell();
  assert.equal((await call).exit, "exit");
  await assert.rejects(host.actorRef("nobody"), ActorNotFoundError);
});

Deno.test("an endless loop: killActor gives the pool up, everybody is told, its neighbours come back", async () => {
  const script = new URL("../fixtures/kill_a_loop.ts", import.meta.url).pathname;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-all", script],
    stdout: "piped",
    stderr: "inherit",
  });
  const { code, stdout } = await command.output();
  assert.equal(code, 0);
  const { ms, ...report } = JSON.parse(new TextDecoder().decode(stdout));
  assert.deepEqual(report, {
    outcomes: [1, 2, 3, 4].map(() => "PoolLostError killed"),
    sibling: "pong",
    stillThere: false,
    neighbour: 1,
    pools: ["main", "worker-1", "worker-2"],
    abandonedThreads: 1,
  });
  assert(ms < TOLD_MS, `told after ${ms} ms`);
});
