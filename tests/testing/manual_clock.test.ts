/** Time that goes on only when told. */
import assert from "node:assert/strict";
import { ManualClock, settled } from "@dramatis/dramatis/testing";

/** A clock, and what its callbacks have noted with the time. */
function noting() {
  const clock = new ManualClock();
  const notes: string[] = [];
  const note = (text: string) => () => void notes.push(`${text} at ${clock.now()}`);
  return { clock, notes, note };
}

Deno.test("ManualClock: callbacks come in order, each in its own time", async () => {
  const { clock, notes, note } = noting();
  clock.setTimeout(note("late"), 30);
  clock.setTimeout(note("soon"), 10);
  clock.setTimeout(note("soon too"), 10);
  clock.setTimeout(note("never"), 31);
  clock.setTimeout(note("at once"), -5);
  assert.deepEqual([clock.pending, clock.now(), notes], [5, 0, []]);
  await clock.advance(9);
  assert.deepEqual(notes.splice(0), ["at once at 0"]);
  await clock.advance(21);
  assert.deepEqual(notes, ["soon at 10", "soon too at 10", "late at 30"]);
  assert.deepEqual([clock.pending, clock.now()], [1, 30]);
});

Deno.test("ManualClock: what a callback sets, and what it leads to, comes in the same advance", async () => {
  const { clock, notes, note } = noting();
  clock.setTimeout(async () => {
    for (let i = 0; i < 100; i++) await Promise.resolve();
    clock.setTimeout(note("second"), 10);
  }, 10);
  const cancelled = clock.setTimeout(note("cancelled"), 20);
  clock.setTimeout(() => clock.clearTimeout(cancelled), 20 - 1);
  await clock.advance(100);
  assert.deepEqual(notes, ["second at 20"]);
  assert.deepEqual([clock.pending, clock.now()], [0, 100]);
});

Deno.test("ManualClock: a stall makes all late, and nothing twice", async () => {
  const { clock, notes, note } = noting();
  clock.setTimeout(() => {
    note("first")();
    clock.setTimeout(note("next"), 0);
    clock.clearTimeout(cancelled);
  }, 10);
  const cancelled = clock.setTimeout(note("cancelled"), 20);
  clock.stall(1000);
  assert.deepEqual(notes, ["first at 1000"]);
  await clock.advance(0);
  assert.deepEqual(notes, ["first at 1000", "next at 1000"]);
});

Deno.test("ManualClock: a callback that throws ends the advance, not the clock", async () => {
  const { clock, notes, note } = noting();
  clock.setTimeout(() => {
    throw new RangeError("a fault of the test");
  }, 10);
  clock.setTimeout(note("other"), 20);
  await assert.rejects(clock.advance(100), { message: "a fault of the test" });
  assert.equal(clock.now(), 10);
  await clock.advance(10);
  assert.deepEqual(notes, ["other at 20"]);
});

Deno.test("ManualClock refuses times that cannot pass, and two advances at once", async () => {
  const clock = new ManualClock();
  for (const ms of [-1, NaN, Infinity]) {
    await assert.rejects(clock.advance(ms), {
      name: "RangeError",
      message: `Cannot let ${ms} ms pass: expected a number from 0 up`,
    });
    assert.throws(() => clock.stall(ms), { name: "RangeError" });
  }
  const first = clock.advance(10);
  await assert.rejects(clock.advance(10), { name: "TypeError", message: /await each advance/ });
  await first;
  assert.equal(clock.now(), 10);
});

Deno.test("settled: all that waits for nothing from outside has happened", async () => {
  const steps: number[] = [];
  void (async () => {
    for (let i = 0; i < 1000; i++) {
      await Promise.resolve();
      steps.push(i);
    }
  })();
  await settled();
  assert.equal(steps.length, 1000);
});
