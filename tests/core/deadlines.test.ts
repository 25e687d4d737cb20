/** Many deadlines on one timer. */
import assert from "node:assert/strict";
import { ManualClock, settled } from "@dramatis/dramatis/testing";
import { type Clock, SYSTEM_CLOCK } from "../../src/core/clock.ts";
import { type Deadline, Deadlines } from "../../src/core/deadlines.ts";

/** Notes when it expires. */
class Noted implements Deadline {
  readonly expiresAt: number;
  readonly done = Promise.withResolvers<number>();
  times = 0;
  constructor(readonly clock: Clock, ms: number, readonly onExpired: () => void = () => {}) {
    this.expiresAt = clock.now() + ms;
  }
  expired(): void {
    this.times++;
    this.onExpired();
    this.done.resolve(this.clock.now());
  }
}

Deno.test("Deadlines: none too early, all soon, in order, in real time", async () => {
  const deadlines = new Deadlines();
  const order: number[] = [];
  const all = [40, 10, 25, 10, 0, -5].map((ms) =>
    new Noted(SYSTEM_CLOCK, ms, () => order.push(ms))
  );
  for (const one of all) deadlines.add(one);
  assert.equal(deadlines.size, all.length);
  for (const one of all) {
    const at = await one.done.promise;
    assert(at >= one.expiresAt, `${one.expiresAt - at} ms too early`);
    assert(at < one.expiresAt + 2000);
    assert.equal(one.times, 1);
  }
  assert.equal(deadlines.size, 0);
  assert.deepEqual(order.slice(-2), [25, 40]);
  assert.deepEqual(new Set(order.slice(0, 2)), new Set([0, -5]));
});

Deno.test("Deadlines: those of the same few milliseconds share a timer, which comes after all", async () => {
  // As coarse as the real time.
  const clock = Object.assign(new ManualClock(), { tickMs: SYSTEM_CLOCK.tickMs });
  const deadlines = new Deadlines(clock);
  const times: number[] = [];
  const note = () => times.push(clock.now());
  for (const ms of [5, 8, 6, 9]) deadlines.add(new Noted(clock, ms, note));
  assert.equal(clock.pending, 1);
  await clock.advance(100);
  assert.deepEqual(times, [8, 8, 8, 12]);
  assert.equal(clock.pending, 0);
});

Deno.test("Deadlines: a fine clock's are kept to the millisecond, however many", async () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const times: number[] = [];
  const note = () => times.push(clock.now());
  for (const ms of [30, 10, 29, 31, 10]) deadlines.add(new Noted(clock, ms, note));
  assert.equal(clock.pending, 1);
  await clock.advance(100);
  assert.deepEqual(times, [10, 10, 29, 30, 31]);
});

Deno.test("Deadlines: what is removed never expires, and leaves no timer", async () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const far = new Noted(clock, 3_600_000);
  const near = new Noted(clock, 5);
  const last = new Noted(clock, 20);
  for (const one of [far, near, last]) deadlines.add(one);
  deadlines.remove(near);
  deadlines.remove(near);
  await clock.advance(20);
  assert.deepEqual([near.times, last.times, deadlines.size], [0, 1, 1]);
  deadlines.remove(far);
  await settled();
  assert.deepEqual([deadlines.size, clock.pending], [0, 0]);
  deadlines.remove(new Noted(clock, 1));
});

Deno.test("Deadlines: a sooner one that comes later is kept", async () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const far = new Noted(clock, 3_600_000);
  const never = { expiresAt: Infinity, expired: () => assert.fail("never") };
  const furthest = { expiresAt: Number.MAX_VALUE, expired: () => assert.fail("never") };
  deadlines.add(far);
  deadlines.add(never);
  assert.equal(deadlines.size, 1, "Infinity is none");
  deadlines.add(furthest);
  const near = new Noted(clock, 10);
  deadlines.add(near);
  await clock.advance(10);
  assert.deepEqual([near.times, far.times], [1, 0]);
  for (const one of [far, never, furthest]) deadlines.remove(one);
  await settled();
  assert.deepEqual([deadlines.size, clock.pending], [0, 0]);
});

Deno.test("Deadlines: one that expires may add and remove others", async () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const added = new Noted(clock, 0);
  const removed = new Noted(clock, 60_000);
  const first = new Noted(clock, 5, () => {
    deadlines.remove(removed);
    deadlines.remove(first);
    deadlines.add(added);
  });
  deadlines.add(removed);
  deadlines.add(first);
  await clock.advance(5);
  assert.deepEqual([first.times, added.times, removed.times], [1, 1, 0]);
  await settled();
  assert.deepEqual([deadlines.size, clock.pending], [0, 0]);
});

Deno.test("Deadlines: one that fails takes no other with it", async () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const reported = Promise.withResolvers<ErrorEvent>();
  const listener = (event: ErrorEvent) => {
    event.preventDefault();
    reported.resolve(event);
  };
  globalThis.addEventListener("error", listener, { once: true });
  const others = [new Noted(clock, 5), new Noted(clock, 12)];
  deadlines.add({
    expiresAt: others[0]!.expiresAt,
    expired: () => {
      throw new RangeError("a fault of ours");
    },
  });
  for (const one of others) deadlines.add(one);
  await clock.advance(12);
  assert.equal((await reported.promise).error.message, "a fault of ours");
  assert.deepEqual(others.map(({ times }) => times), [1, 1]);
  assert.equal(deadlines.size, 0);
});

Deno.test("Deadlines: there may be any number of them, each in a moment of its own", async () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const first = new Noted(clock, 1);
  deadlines.add(first);
  for (let ms = 2; ms <= 150_000; ms++) deadlines.add(new Noted(clock, ms));
  await clock.advance(1);
  assert.equal(first.times, 1);
  assert.equal(deadlines.size, 149_999);
  assert.equal(clock.pending, 1);
});
