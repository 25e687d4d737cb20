/** Messages to an actor that has failed alone, while it is made again where it was. */
import assert from "node:assert/strict";
import {
  ActorNotFoundError,
  ActorStoppedError,
  addressOf,
  mainPool,
  onPool,
  type Placement,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { ManualClock } from "@dramatis/dramatis/testing";
import { startHostWith } from "../../src/host/start_host.ts";
import { Diary, Member } from "../fixtures/family.ts";
import { Door, Listener, SleepyParent, Speaker } from "../fixtures/vacancy_actors.ts";

const MODULE = import.meta.resolve("../fixtures/vacancy_actors.ts");
const QUIET = { debug: false as const, onDeadLetter: () => {} };

/** A listener that has failed, and cannot begin before the door is opened. */
async function failed(
  host: Awaited<ReturnType<typeof startHost>>,
  place: Placement,
  restart: object = {},
) {
  const door = await host.createActor(Door, [], { place: mainPool() });
  const options = { uid: "listener", place, restart: { kind: "permanent", ...restart } as const };
  const listener = await host.createActor(Listener, [door], options);
  assert.deepEqual(await listener.hear(0), [0]);
  await door.close();
  await assert.rejects(listener.fail(), ActorStoppedError);
  return { door, listener };
}

for (const where of ["main", "worker"] as const) {
  Deno.test(`made again alone (${where}): messages wait, in order, from wherever they come`, async () => {
    const token = crypto.randomUUID();
    await using host = await startHost({
      ...QUIET,
      pools: [workerPool({ count: 2 })],
      token,
      listen: { port: 0 },
      modules: [MODULE],
      recovery: { waitMs: 120_000 },
    });
    await using there = await startHost({
      ...QUIET,
      pools: [],
      token,
      modules: [MODULE],
      join: [`ws://${host.address}`],
    });
    const speakers = await Promise.all([0, 1, 2].map((pool) => {
      return host.createActor(Speaker, [], { place: onPool(pool) });
    }));
    speakers.push(await there.createActor(Speaker, [], { place: onPool(0) }));
    const place = where === "main" ? mainPool() : onPool(1);
    const { door, listener } = await failed(host, place);
    const all = Promise.all(speakers.map((one, i) => one.speak(listener, 100 * (i + 1), 5)));
    const own = listener.hear(1);
    assert.equal(await host.hasActor(listener), true);
    await door.open();
    await own;
    const heard = (await all).flat().concat([await listener.hear(2)]);
    const last = heard.reduce((a, b) => a.length > b.length ? a : b);
    assert.equal(last.length, 1 + 4 * 5 + 1, "each once, and none of before");
    for (let i = 1; i <= 4; i++) {
      const one = last.filter((n) => Math.floor(n / 100) === i);
      assert.deepEqual(one, one.toSorted((a, b) => a - b));
    }
    assert.equal(last.at(-1), 2);
    const { generation } = addressOf(await host.actorRef("listener"));
    assert(generation > addressOf(listener).generation);
  });
}

Deno.test("made again alone: a message waits for recovery.waitMs, and one that is given up not at all", async () => {
  const clock = new ManualClock();
  const host = await startHostWith({ ...QUIET, pools: [], recovery: { waitMs: 100 } }, clock);
  await using _ = host;
  const { door, listener } = await failed(host, mainPool());
  const early = listener.hear(1).catch((error) => error);
  const gaveUp = new AbortController();
  const left = listener.hear.with({ signal: gaveUp.signal })(7).catch((error) => error);
  gaveUp.abort(new Error("never mind"));
  await clock.advance(60);
  const late = listener.hear(2);
  await clock.advance(40);
  const error = await early;
  assert(error instanceof ActorStoppedError, String(error));
  assert.match(error.message, /listener .* was not made again in 100 ms: .* RangeError: deaf/);
  assert.equal((await left).message, "never mind");
  await door.open();
  assert.deepEqual(await late, [2]);
});

Deno.test("made again alone: with waitMs 0, or given up, or destroyed, messages fail at once", async () => {
  for (const [waitMs, maxRestarts] of [[0, 5], [60_000, 0], [60_000, 5]] as const) {
    await using host = await startHost({
      ...QUIET,
      pools: [],
      recovery: { waitMs, onGiveUp: () => {} },
    });
    const { listener, door } = await failed(host, mainPool(), { maxRestarts });
    const calls = [1, 2].map((n) => listener.hear(n).catch((error) => error));
    if (waitMs > 0 && maxRestarts > 0) await host.destroyActor(listener);
    for (const error of await Promise.all(calls)) {
      const isRight = error instanceof ActorStoppedError || error instanceof ActorNotFoundError;
      assert(isRight, String(error));
    }
    await door.open();
  }
});

Deno.test("childDown: a parent that is parked is woken for it, and keeps its children meanwhile", async () => {
  const clock = new ManualClock();
  const host = await startHostWith({ ...QUIET, pools: [] }, clock);
  await using _ = host;
  const diary = await host.createActor(Diary, [], { place: mainPool() });
  const options = { uid: "parent", idleMs: 100, place: mainPool() };
  const parent = await host.createActor(SleepyParent, [diary], options);
  await parent.make("frail");
  const frail = await host.actorRef<import("../fixtures/vacancy_actors.ts").Frail>("frail");
  await clock.advance(100);
  assert.deepEqual(await diary.take(1), ["-parent"]);
  assert.equal(await host.hasActor(frail), true);
  await assert.rejects(frail.fail(), ActorStoppedError);
  assert.deepEqual(await diary.take(1), ["frail: frail"]);
});

Deno.test("made again with a sibling: messages wait from its end on", async () => {
  await using host = await startHost({ ...QUIET, pools: [workerPool({ count: 1 })] });
  const diary = await host.createActor(Diary, [], { place: mainPool() });
  const plans = [{ uid: "a", place: onPool(1) }, { uid: "b", place: onPool(1) }];
  const options = { uid: "parent", supervision: "allForOne", place: mainPool() } as const;
  await host.createActor(Member, [diary, plans], options);
  const [a, b] = [await host.actorRef<Member>("a"), await host.actorRef<Member>("b")];
  assert.deepEqual([await b.count(), await b.count()], [1, 2]);
  await diary.take(3);
  await assert.rejects(a.fail("broken"), ActorStoppedError);
  assert.deepEqual((await diary.take(1))[0], "-b");
  assert.deepEqual(await Promise.all([b.count(), b.count(), a.count()]), [1, 2, 1]);
});
