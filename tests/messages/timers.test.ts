/** Messages that are sent later, once or again and again. */
import assert from "node:assert/strict";
import { type ActorRef, addressOf, onPool } from "@dramatis/dramatis";
import { Clock, Ticking } from "../fixtures/message_actors.ts";
import { type Stage, testEverywhere } from "../integration/placements.ts";

/** Lets so many milliseconds pass, by a timer of the runtime. */
async function wait(stage: Stage, ms: number): Promise<void> {
  const clock = await stage.host.createActor(Clock, []);
  clock.tick.after(ms, "waited");
  await clock.ticked(1);
  await stage.host.destroyActor(clock);
}

/** How many ticks come while time passes. */
async function ticksIn(stage: Stage, ms: number, clock: ActorRef<Clock>): Promise<number> {
  const before = (await clock.ticked(0)).length;
  await wait(stage, ms);
  return (await clock.ticked(0)).length - before;
}

testEverywhere("after: a tell later, once, unless cancelled", async (stage) => {
  const clock = await stage.create(Clock, []);
  const started = performance.now();
  const argument = { at: "the call" };
  const first = clock.tick.after(30, argument);
  argument.at = "later";
  clock.tick.after(0, "at once");
  clock.tick.after(15, "sooner");
  clock.tick.after(15, "cancelled").cancel();
  {
    using _ended = clock.tick.after(15, "disposed");
  }
  const ticks = await clock.ticked(3);
  assert(performance.now() - started >= 29);
  assert.deepEqual(ticks, ["at once", "sooner", { at: "the call" }], "copied at the call");
  first.cancel();
  first[Symbol.dispose]();
  assert.equal(await ticksIn(stage, 20, clock), 0);
  for (const ms of [-1, NaN, Infinity, 2 ** 31]) {
    assert.throws(() => clock.tick.after(ms, "never"), { name: "RangeError" });
    assert.throws(() => clock.tick.every(ms, "never"), { name: "RangeError" });
  }
  for (const ms of [0, 0.5]) {
    assert.throws(() => clock.tick.every(ms, "never"), {
      name: "RangeError",
      message: `expected 1 to 2147483647 milliseconds, got ${ms}`,
    });
  }
  assert.throws(() => clock.tick.after(1, () => {}), { name: "NotSerializableError" });
});

testEverywhere("every: again and again, no sooner than its turns", async (stage) => {
  const clock = await stage.create(Clock, []);
  const started = performance.now();
  const timer = clock.tick.every(10, "tick");
  using other = clock.tick.every(7, "tock");
  await clock.ticked(12);
  timer.cancel();
  const passed = performance.now() - started;
  const ticks = await clock.ticked(0);
  const count = (word: string) => ticks.filter((tick) => tick === word).length;
  assert(count("tick") <= passed / 10 + 1, `${count("tick")} ticks in ${passed} ms`);
  assert(count("tock") <= passed / 7 + 1, `${count("tock")} tocks in ${passed} ms`);
  assert(count("tick") >= 3 && count("tock") >= 4);
  other.cancel();
  await clock.ticked(0);
  assert.equal(await ticksIn(stage, 40, clock), 0, "cancelled ones do nothing");
  const failing = clock.fail.every(5);
  assert.equal((await stage.letter()).reason.message, "no tick");
  assert.equal((await stage.letter()).reason.message, "no tick", "a failure does not end it");
  failing.cancel();
});

testEverywhere("every: a slow target leaves turns out", async (stage) => {
  const clock = await stage.create(Clock, []);
  const started = performance.now();
  {
    using _slow = clock.slowTick.every(10, 25);
    await clock.ticked(4);
  }
  const passed = performance.now() - started;
  assert(passed >= 100, `each takes 25 ms and begins in a turn of its own: ${passed} ms`);
  assert(passed < 10_000);
  const most = await clock.ticked(4);
  assert.deepEqual(most.slice(0, 4), [1, 1, 1, 1], "never two at once");
  await clock.ticked(0);
});

testEverywhere("timers: those of an actor end with it", async (stage) => {
  const { host } = stage;
  const [, worker] = host.pools();
  const clock = await host.createActor(Clock, []);
  const ends = [
    (ref: ActorRef<Clock>) => host.destroyActor(ref),
    (ref: ActorRef<Clock>) => host.killActor(ref),
  ];
  for (const end of ends) {
    for (const place of [stage.place, onPool(worker!)]) {
      const maker = await host.createActor(Clock, [], { place });
      await maker.start(clock, 3, "one");
      await maker.start(clock, 4, "two");
      await maker.once(clock, 60, "never");
      await maker.startLate(clock, 3, "late");
      const have = (await clock.ticked(0)).length;
      await clock.ticked(have + 9);
      await end(maker);
      const { length } = await clock.ticked(0);
      const more = await ticksIn(stage, 70, clock);
      assert(more <= 3, `${more} more after ${length}: what was on its way`);
    }
  }
  assert(!(await clock.ticked(0)).includes("never"));
  const maker = await stage.create(Clock, []);
  await maker.start(clock, 3, "stopped");
  await clock.ticked((await clock.ticked(0)).length + 2);
  await maker.stop();
  assert(await ticksIn(stage, 20, clock) <= 1, "cancelled by its owner");
  const { length } = await clock.ticked(0);
  await maker.startUsing(clock, 3, length + 3);
  assert(await ticksIn(stage, 20, clock) <= 1, "ended with its block");
  assert.equal(stage.letters, 0);
});

testEverywhere("timers: those that a hook makes end with the actor too", async (stage) => {
  const { host } = stage;
  const clock = await host.createActor(Clock, []);
  const ticking = await stage.create(Ticking, [clock]);
  const ticks = await clock.ticked(8);
  assert(ticks.includes("hook") && ticks.includes("late hook"));
  await host.destroyActor(ticking);
  await clock.ticked(0);
  assert(await ticksIn(stage, 30, clock) <= 2, "what was on its way");
});

testEverywhere("timers: with the target gone, one dead letter is the last", async (stage) => {
  const { host } = stage;
  const clock = await stage.create(Clock, [], { uid: "target" });
  const maker = await stage.create(Clock, []);
  await maker.start(clock, 3, "from an actor");
  const ours = clock.tick.every(3, "from outside");
  await clock.ticked(6);
  await host.destroyActor(clock);
  for (let i = 0; i < 2; i++) {
    const { to, method, reason } = await stage.letter();
    assert.equal(to.uid, "target");
    assert.equal(method, "tick");
    assert.match(reason.name, /^Actor(NotFound|Stopped)Error$/);
  }
  await wait(stage, 30);
  assert.equal(stage.letters, 0, "one for each timer");
  ours.cancel();
  // A new actor of this name hears of none of them.
  const again = await stage.create(Clock, [], { uid: "target" });
  assert.equal(await ticksIn(stage, 20, again), 0);
  assert.equal(addressOf(again).uid, "target");
});
