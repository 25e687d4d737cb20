/** Actors and hooks that misbehave: whoever waits is told, and the host and its other actors live on. */
import assert from "node:assert/strict";
import {
  ActorStartError,
  ActorStoppedError,
  onPool,
  type PoolLostError,
  type PoolSpec,
  processPool,
  type RecoveryOptions,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { Diary } from "../fixtures/family.ts";
import {
  Changeling,
  Expectant,
  Hostile,
  Promised,
  Quitter,
  Sticky,
} from "../fixtures/hostile_actors.ts";

const SOON = { timeoutMs: 120_000 };

function open(pools: PoolSpec[], recovery: RecoveryOptions = {}) {
  return startHost({
    pools,
    recovery: { backoffMs: 1, maxBackoffMs: 5, waitMs: 120_000, ...recovery },
    debug: false,
    onDeadLetter: () => {},
  });
}

for (
  const [kind, pool] of [["worker", workerPool({ count: 1 })], ["process", processPool()]] as const
) {
  Deno.test(`an actor in a ${kind} that writes to its host past the runtime changes nothing`, async () => {
    const downs: string[] = [];
    const onPoolDown = ({ reason }: { reason: PoolLostError }) => downs.push(reason.message);
    await using host = await open([pool], { onPoolDown: (event) => void onPoolDown(event) });
    const hostile = await host.createActor(Hostile, [], { place: onPool(1) });
    assert(await hostile.forge() > 10);
    assert.equal(await hostile.ping(), "pong");
    const { pools } = await host.inspect();
    assert.deepEqual(pools.map(({ responding }) => responding), [true, true]);
    // A type that was not there before is told of by the same way.
    await host.createActor(Diary, [], { place: onPool(1) });
    assert.deepEqual(downs, []);
  });

  Deno.test(`what a ${kind} throws that cannot be shown ends it, and it is back`, async () => {
    const down = Promise.withResolvers<PoolLostError>();
    const onPoolDown = ({ reason }: { reason: PoolLostError }) => down.resolve(reason);
    await using host = await open([pool], { onPoolDown });
    const hostile = await host.createActor(Hostile, [], { place: onPool(1) });
    hostile.throwRiddle.tell();
    const { exit, message } = await down.promise;
    assert.equal(exit, "error");
    assert.match(message, /what cannot be shown, of type object/);
    await host.waitPoolRecovered(1, SOON);
    assert.equal(await hostile.ping(), "pong");
  });
}

Deno.test("createActor: what is no actor, or would be taken for a promise, is refused by name", async () => {
  await using host = await open([workerPool({ count: 1 })]);
  for (const pool of [0, 1]) {
    const place = onPool(pool);
    for (const kind of ["object", "promise"] as const) {
      const error = await host.createActor(Changeling, [kind], { uid: "x", place })
        .catch((error) => error);
      assert(error instanceof ActorStartError, String(error));
      assert.equal(error.phase, "construct");
      assert.match(error.message, /its constructor has returned no actor/);
    }
    await assert.rejects(
      host.createActor(Promised, [], { uid: "x", place }),
      (error) => error instanceof ActorStartError && /has a method then/.test(error.message),
    );
    assert.equal(await host.hasActor("x"), false);
  }
});

Deno.test("killActor: an isolate that cannot carry it out is given up, and comes back", async () => {
  const down = Promise.withResolvers<PoolLostError>();
  const onPoolDown = ({ reason }: { reason: PoolLostError }) => down.resolve(reason);
  await using host = await open([processPool()], { onPoolDown });
  const place = onPool(1);
  const neighbour = await host.createActor(Hostile, [], { place });
  const hostile = await host.createActor(Hostile, [], { place });
  await hostile.breakPromises();
  await host.killActor(hostile);
  const { exit, message } = await down.promise;
  assert.equal(exit, "killed", message);
  await host.waitPoolRecovered(1, SOON);
  assert.equal(await neighbour.ping(), "pong");
  assert.equal(await host.hasActor(hostile), false);
});

Deno.test("hooks that reject later stop nothing, and it is said whose they are", async () => {
  const printed: string[] = [];
  const { error } = console;
  // deno-lint-ignore no-console -- where it says so
  console.error = (...line: unknown[]) => void printed.push(String(line[0]));
  try {
    const fail = () => Promise.reject(new RangeError("a hook"));
    await using host = await startHost({
      pools: [workerPool({ count: 1 })],
      recovery: { onPoolDown: fail, onPoolRecovered: fail, backoffMs: 1 },
      onDeadLetter: () => {
        throw new RangeError("a hook");
      },
      debug: false,
    });
    const hostile = await host.createActor(Hostile, [], { place: onPool(1) });
    hostile.throwRiddle.tell();
    while (printed.length < 2) await hostile.ping.with({ idempotent: true })().catch(() => {});
    const gone = await host.createActor(Hostile, [], { place: onPool(0) });
    await host.destroyActor(gone);
    gone.ping.tell();
    while (!printed.some((line) => line.includes("onDeadLetter"))) await hostile.ping();
    assert.match(printed.join("\n"), /recovery\.onPoolDown has thrown/);
    assert.match(printed.join("\n"), /recovery\.onPoolRecovered has thrown/);
  } finally {
    // deno-lint-ignore no-console
    console.error = error;
  }
});

Deno.test("an actor that is made again for ever can be destroyed, and its uid is free in its pool", async () => {
  await using host = await open([workerPool({ count: 1 })]);
  const diary = await host.createActor(Diary, []);
  for (const end of ["destroyActor", "killActor"] as const) {
    const sticky = await host.createActor(Sticky, [diary, "again"], { uid: end, place: onPool(1) });
    await sticky.fail().catch(() => {});
    assert.deepEqual(await diary.take(2), [`+${end}`, `+${end}`]);
    await host[end](sticky);
    const again = await host.createActor(Hostile, [], { uid: end, place: onPool(1) });
    assert.equal(await again.ping(), "pong");
  }
});

Deno.test("a parent that ends while its child never starts has none, and the child's uid is free", async () => {
  await using host = await open([workerPool({ count: 2 })]);
  const diary = await host.createActor(Diary, []);
  for (const end of ["destroyActor", "killActor"] as const) {
    const parent = await host.createActor(Expectant, [], { place: onPool(1) });
    const expecting = parent.expect(diary).catch((error) => error);
    await diary.take(1);
    await host[end](parent);
    const error = await expecting;
    assert(error instanceof ActorStoppedError || error instanceof ActorStartError, String(error));
    while (await host.hasActor("unborn"));
    const again = await host.createActor(Hostile, [], { uid: "unborn" });
    await host.destroyActor(again);
  }
});

Deno.test("an actor that fails in postCreate: its creator hears why once its children have ended", async () => {
  await using host = await open([workerPool({ count: 2 })]);
  for (const pool of [0, 1, 2]) {
    const error = await host.createActor(Quitter, [], { uid: "quitter", place: onPool(pool) })
      .catch((error) => error);
    assert(error instanceof ActorStartError, String(error));
    assert.match(error.message, /RangeError: not for me/);
    assert.equal(await host.hasActor("of the quitter"), false);
    const child = await host.createActor(Hostile, [], { uid: "of the quitter" });
    await host.destroyActor(child);
  }
});
