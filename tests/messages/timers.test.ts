/** Messages that are sent later, once or again and again. */
import assert from "node:assert/strict";
import type { ActorRef, DeadLetter } from "@dramatis/dramatis";
import { ManualClock, settled, startTestCluster, type TestHost } from "@dramatis/dramatis/testing";
import { Clock, Ticking } from "../fixtures/message_actors.ts";
import { testEverywhere } from "../integration/placements.ts";

/** A host that sends, one that is sent to, which may be the same, and their time. */
interface Stage {
  readonly clock: ManualClock;
  readonly here: TestHost;
  readonly there: TestHost;
  /** Makes an actor there, for use from here. */
  target(uid: string): Promise<ActorRef<Clock>>;
  readonly letters: readonly DeadLetter[];
}

/** Registers a test by a clock of its own, once in a host and once across two. */
function testByHand(name: string, body: (stage: Stage) => Promise<void>): void {
  for (const place of ["main", "remote"] as const) {
    Deno.test(`${name} (${place}, by hand)`, async () => {
      const clock = new ManualClock();
      await using cluster = await startTestCluster({ clock });
      const [here, other] = cluster.hosts;
      const there = place === "main" ? here : other;
      const target = async (uid: string) => {
        await there.host.createActor(Clock, [], { uid });
        return await here.host.actorRef<Clock>(uid, there.host.id);
      };
      await body({ clock, here, there, target, letters: here.deadLetters });
      assert.deepEqual(there === here ? [] : there.deadLetters, []);
    });
  }
}

/** What has been ticked so far. */
async function ticks(target: ActorRef<Clock>): Promise<unknown[]> {
  return await target.ticked(0);
}

testByHand("after: a tell later, once, unless cancelled", async ({ clock, target }) => {
  const ticker = await target("ticker");
  const argument = { at: "the call" };
  const first = ticker.tick.after(30, argument);
  argument.at = "later";
  ticker.tick.after(0, "at once");
  ticker.tick.after(15, "sooner");
  ticker.tick.after(15, "cancelled").cancel();
  {
    using _ended = ticker.tick.after(15, "disposed");
  }
  await clock.advance(14);
  assert.deepEqual(await ticks(ticker), ["at once"]);
  await clock.advance(15);
  assert.deepEqual(await ticks(ticker), ["at once", "sooner"]);
  await clock.advance(1);
  assert.deepEqual((await ticks(ticker)).slice(2), [{ at: "the call" }], "copied at the call");
  first.cancel();
  first[Symbol.dispose]();
  await clock.advance(1000);
  assert.equal((await ticks(ticker)).length, 3);
});

testByHand("after and every refuse times that no timer keeps", async ({ target }) => {
  const ticker = await target("ticker");
  for (const ms of [-1, NaN, Infinity, 2 ** 31]) {
    assert.throws(() => ticker.tick.after(ms, "never"), { name: "RangeError" });
    assert.throws(() => ticker.tick.every(ms, "never"), { name: "RangeError" });
  }
  for (const ms of [0, 0.5]) {
    assert.throws(() => ticker.tick.every(ms, "never"), {
      name: "RangeError",
      message: `expected 1 to 2147483647 milliseconds, got ${ms}`,
    });
  }
  assert.throws(() => ticker.tick.after(1, () => {}), { name: "NotSerializableError" });
});

testByHand("every: again and again, in its turns", async ({ clock, target, letters }) => {
  const ticker = await target("ticker");
  const timer = ticker.tick.every(10, "tick");
  using other = ticker.tick.every(7, "tock");
  await clock.advance(30);
  const words = ["tock", "tick", "tock", "tick", "tock", "tock", "tick"];
  assert.deepEqual(await ticks(ticker), words);
  timer.cancel();
  other.cancel();
  await clock.advance(1000);
  assert.deepEqual(await ticks(ticker), words, "cancelled ones do nothing");
  const failing = ticker.fail.every(5);
  await clock.advance(10);
  assert.deepEqual(
    letters.map(({ reason }) => reason.message),
    ["no tick", "no tick"],
    "a failure does not end it",
  );
  failing.cancel();
});

testByHand("every: a slow target leaves turns out", async ({ clock, here, there }) => {
  const probe = await there.probe<Clock>({ uid: "slow" });
  const slow = await here.host.actorRef<Clock>("slow", there.host.id);
  using _timer = slow.slowTick.every(10, 25);
  for (const began of [10, 40, 70]) {
    await clock.advance(began - clock.now());
    const { reply } = await probe.next("slowTick");
    await clock.advance(25);
    await probe.expectNone();
    reply();
    await settled();
  }
});

testByHand("timers: those of an actor end with it", async ({ clock, here, target, letters }) => {
  const { host } = here;
  const ticker = await target("ticker");
  const ends = [
    (ref: ActorRef<Clock>) => host.destroyActor(ref),
    (ref: ActorRef<Clock>) => host.killActor(ref),
  ];
  for (const end of ends) {
    const maker = await host.createActor(Clock, []);
    await maker.start(ticker, 3, "one");
    await maker.start(ticker, 4, "two");
    await maker.once(ticker, 60, "never");
    const { length } = await ticks(ticker);
    await clock.advance(12);
    assert.equal((await ticks(ticker)).length, length + 4 + 3);
    await end(maker);
    await clock.advance(70);
    assert.equal((await ticks(ticker)).length, length + 4 + 3);
  }
  const maker = await host.createActor(Clock, []);
  await maker.start(ticker, 3, "stopped");
  await clock.advance(6);
  await maker.stop();
  const { length } = await ticks(ticker);
  await clock.advance(20);
  assert.equal((await ticks(ticker)).length, length, "cancelled by its owner");
  const using = maker.startUsing(ticker, 3, length + 3);
  await clock.advance(20);
  await using;
  assert.equal((await ticks(ticker)).length, length + 3, "ended with its block");
  assert.equal(letters.length, 0);
});

testByHand("timers: with the target gone, one dead letter is the last", async (stage) => {
  const { clock, here, there, target, letters } = stage;
  const ticker = await target("target");
  const maker = await here.host.createActor(Clock, []);
  await maker.start(ticker, 3, "from an actor");
  const ours = ticker.tick.every(3, "from outside");
  await clock.advance(3);
  assert.equal((await ticks(ticker)).length, 2);
  await there.host.destroyActor("target");
  await clock.advance(100);
  assert.deepEqual(
    letters.map(({ to, method, reason }) => [to.uid, method, reason.name]),
    [["target", "tick", "ActorNotFoundError"], ["target", "tick", "ActorNotFoundError"]],
    "one for each timer",
  );
  ours.cancel();
  const again = await target("target");
  await clock.advance(100);
  assert.deepEqual(await ticks(again), [], "a new actor of this name hears of none of them");
});

/** Waits for a word. */
async function until(word: string, target: ActorRef<Clock>): Promise<void> {
  let heard = await target.ticked(0);
  while (!heard.includes(word)) heard = await target.ticked(heard.length + 1);
}

testEverywhere("timers: they keep the real time, and end with their actors", async (stage) => {
  const { host } = stage;
  const ticker = await stage.create(Clock, []);
  const started = performance.now();
  ticker.tick.after(30, "after");
  await ticker.ticked(1);
  assert(performance.now() - started >= 29);
  // Code that outlives its message makes them too, and so do hooks.
  const maker = await stage.create(Clock, []);
  await maker.start(ticker, 3, "message");
  await maker.startLate(ticker, 3, "late");
  const hooked = await stage.create(Ticking, [ticker]);
  for (const word of ["message", "late", "hook", "late hook"]) await until(word, ticker);
  await host.destroyActor(hooked);
  await host.killActor(maker);
  const { length } = await ticks(ticker);
  const last = await stage.create(Clock, []);
  await last.once(ticker, 40, "last");
  await until("last", ticker);
  const more = (await ticks(ticker)).length - length - 1;
  assert(more <= 4, `${more} more: what was on its way`);
  assert.equal(stage.letters, 0);
});
