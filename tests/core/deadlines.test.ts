/** Many deadlines on one timer. */
import assert from "node:assert/strict";
import { type Deadline, Deadlines } from "../../src/core/deadlines.ts";

/** Notes when it expires. */
class Noted implements Deadline {
  readonly expiresAt: number;
  readonly done = Promise.withResolvers<number>();
  times = 0;
  constructor(ms: number, readonly onExpired: () => void = () => {}) {
    this.expiresAt = performance.now() + ms;
  }
  expired(): void {
    this.times++;
    this.onExpired();
    this.done.resolve(performance.now());
  }
}

Deno.test("Deadlines: none too early, all soon, in order", async () => {
  const deadlines = new Deadlines();
  const order: number[] = [];
  const all = [40, 10, 25, 10, 0, -5].map((ms) => new Noted(ms, () => order.push(ms)));
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

Deno.test("Deadlines: what is removed never expires, and leaves no timer", async () => {
  const deadlines = new Deadlines();
  const far = new Noted(3_600_000);
  const near = new Noted(5);
  const last = new Noted(20);
  for (const one of [far, near, last]) deadlines.add(one);
  deadlines.remove(near);
  deadlines.remove(near);
  await last.done.promise;
  assert.equal(near.times, 0);
  assert.equal(deadlines.size, 1);
  // The sanitizer of this test finds the timer if it stays.
  deadlines.remove(far);
  assert.equal(deadlines.size, 0);
  deadlines.remove(new Noted(1));
});

Deno.test("Deadlines: a sooner one that comes later is kept", async () => {
  const deadlines = new Deadlines();
  const far = new Noted(3_600_000);
  const never = { expiresAt: Infinity, expired: () => assert.fail("never") };
  const furthest = { expiresAt: Number.MAX_VALUE, expired: () => assert.fail("never") };
  deadlines.add(far);
  deadlines.add(never);
  assert.equal(deadlines.size, 1, "Infinity is none");
  deadlines.add(furthest);
  const near = new Noted(10);
  deadlines.add(near);
  await near.done.promise;
  assert.equal(far.times, 0);
  for (const one of [far, never, furthest]) deadlines.remove(one);
  assert.equal(deadlines.size, 0);
});

Deno.test("Deadlines: one that expires may add and remove others", async () => {
  const deadlines = new Deadlines();
  const added = new Noted(0);
  const removed = new Noted(60_000);
  const first = new Noted(5, () => {
    deadlines.remove(removed);
    deadlines.remove(first);
    deadlines.add(added);
  });
  deadlines.add(removed);
  deadlines.add(first);
  await added.done.promise;
  assert.deepEqual([first.times, added.times, removed.times], [1, 1, 0]);
  assert.equal(deadlines.size, 0);
});

Deno.test("Deadlines: one that fails takes no other with it", async () => {
  const deadlines = new Deadlines();
  const reported = Promise.withResolvers<ErrorEvent>();
  const listener = (event: ErrorEvent) => {
    event.preventDefault();
    reported.resolve(event);
  };
  globalThis.addEventListener("error", listener, { once: true });
  const others = [new Noted(5), new Noted(12)];
  deadlines.add({
    expiresAt: others[0]!.expiresAt,
    expired: () => {
      throw new RangeError("a fault of ours");
    },
  });
  for (const one of others) deadlines.add(one);
  assert.equal((await reported.promise).error.message, "a fault of ours");
  await Promise.all(others.map((one) => one.done.promise));
  assert.equal(deadlines.size, 0);
});
