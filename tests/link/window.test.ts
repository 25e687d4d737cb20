import assert from "node:assert/strict";
import { Window } from "../../src/link/window.ts";

const PART = 256 * 1024;

/** Sends parts as long as the window lets it, takes one after the other; returns how many fit at the end. */
function run(window: Window, rounds: number, delayMs: (onTheWay: number) => number): number {
  const arrivals: number[] = [];
  let now = 0;
  for (let round = 0; round < rounds; round++) {
    while (window.isOpen) {
      window.sent(PART, now);
      arrivals.push(Math.max(now + delayMs(arrivals.length), arrivals.at(-1) ?? 0));
    }
    now = arrivals.shift()!;
    assert.ok(window.taken(now));
  }
  const count = arrivals.length;
  for (const at of arrivals) assert.ok(window.taken(at));
  return count;
}

Deno.test("Window: is as wide as the way is long", () => {
  // 100 ms, and nothing waits anywhere: all that fits goes.
  assert.ok(run(new Window(), 2_000, () => 100) > 500);
});

Deno.test("Window: lets bulk wait for about 4 ms", () => {
  // Each part before it takes a millisecond.
  const parts = run(new Window(), 2_000, (before) => 1 + before);
  assert.ok(parts >= 3 && parts <= 6, String(parts));
});

Deno.test("Window: shrinks when the way becomes slow, but always lets a part follow another", () => {
  const window = new Window();
  run(window, 500, () => 20);
  assert.equal(run(window, 2_000, (before) => 20 + 20 * before), 1);
});

Deno.test("Window: nothing is taken that was not sent", () => {
  const window = new Window();
  assert.equal(window.taken(0), false);
  window.sent(1, 0);
  assert.equal(window.taken(1), true);
  assert.equal(window.taken(1), false);
});
