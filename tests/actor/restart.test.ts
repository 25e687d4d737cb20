/** Whether what has ended is started again: the decision alone, by numbers. */
import assert from "node:assert/strict";
import {
  decideRestart,
  outlives,
  resolveLimits,
  resolveRestart,
  RESTART_DEFAULTS,
} from "../../src/actor/restart.ts";

const LIMITS = { maxRestarts: 4, withinMs: 1000, backoffMs: 10, maxBackoffMs: 25 };

/** Ends one after another; the delays, until it is given up. */
function delays(times: readonly number[], random: number): (number | "given up")[] {
  let history: readonly number[] = [];
  return times.map((now) => {
    const decision = decideRestart(history, LIMITS, now, random);
    if (!decision.restart) return "given up";
    history = decision.history;
    return decision.delayMs;
  });
}

Deno.test("decideRestart: at once, then twice as long each time up to the longest, then no more", () => {
  assert.deepEqual(delays([0, 1, 2, 3, 4], 0), [0, 10, 20, 25, "given up"]);
  assert.deepEqual(delays([0, 1, 2, 3, 4], 0.5), [0, 7.5, 15, 18.75, "given up"]);
});

Deno.test("decideRestart: what is longer ago than the time does not count", () => {
  assert.deepEqual(delays([0, 400, 800, 1200, 1300, 1350], 0), [0, 10, 20, 20, 25, "given up"]);
  assert.deepEqual(delays([0, 1000, 2000, 3000, 4000, 5000], 0), [0, 0, 0, 0, 0, 0]);
});

Deno.test("decideRestart: 2,000 random lives never break a bound", () => {
  for (let life = 0; life < 2000; life++) {
    const limits = {
      maxRestarts: Math.floor(Math.random() * 6),
      withinMs: 1 + Math.random() * 1000,
      backoffMs: Math.random() * 100,
      maxBackoffMs: Math.random() * 500,
    };
    const restarts: number[] = [];
    let history: readonly number[] = [];
    let now = 0;
    for (let end = 0; end < 30; end++) {
      now += Math.random() * 300;
      const recent = restarts.filter((time) => now - time < limits.withinMs);
      const decision = decideRestart(history, limits, now, Math.random());
      assert.equal(decision.restart, recent.length < limits.maxRestarts);
      if (!decision.restart) continue;
      assert.deepEqual(decision.history, [...recent, now], "nothing else is kept");
      const longest = Math.min(limits.maxBackoffMs, limits.backoffMs * 2 ** (recent.length - 1));
      if (recent.length === 0) assert.equal(decision.delayMs, 0);
      else assert(decision.delayMs <= longest && decision.delayMs >= longest / 2);
      restarts.push(now);
      history = decision.history;
    }
  }
});

Deno.test("outlives: by the kind, and how the pool has ended", () => {
  const kinds = ["permanent", "transient", "temporary"] as const;
  const of = (exit: string) => kinds.map((kind) => outlives(resolveRestart(kind), exit));
  assert.deepEqual(of("error"), [true, true, false]);
  assert.deepEqual(of("killed"), [true, true, false]);
  assert.deepEqual(of("exit"), [true, false, false]);
});

Deno.test("resolveRestart: what is not said is the default, and what is wrong is named", () => {
  assert.equal(resolveRestart(), RESTART_DEFAULTS);
  assert.deepEqual(resolveRestart("permanent"), RESTART_DEFAULTS);
  const { kind, maxRestarts } = resolveRestart({ kind: "transient", maxRestarts: 1 });
  assert.deepEqual([kind, maxRestarts], ["transient", 1]);
  assert.throws(() => resolveRestart("always" as never), /restart is one of .*, got "always"/);
  assert.throws(() => resolveRestart({ maxRestarts: -1 }), /restart\.maxRestarts .*, got -1/);
  assert.throws(() => resolveLimits({ withinMs: NaN }, "recovery"), /recovery\.withinMs .*NaN/);
  assert.throws(() => resolveRestart(null as never), TypeError);
});
