/** The parts of debugging by themselves. */
import assert from "node:assert/strict";
import { type DeadLetter, formatReport } from "@dramatis/dramatis";
import { Marks } from "../../src/actor/marks.ts";
import type { Comeback } from "../../src/actor/deadlock.ts";
import type { Clock } from "../../src/core/clock.ts";
import { CodeNames } from "../../src/debug/code_names.ts";
import { Comebacks } from "../../src/debug/comebacks.ts";
import { DeadLetters } from "../../src/debug/dead_letters.ts";
import { LoopWatch, type WatchedLoop } from "../../src/debug/loop_watch.ts";
import { ReportLimit } from "../../src/debug/report_limit.ts";
import type { LoopReport } from "../../src/debug/report.ts";

/** A clock whose one timer is rung by hand. */
class HandClock implements Clock {
  readonly tickMs = 1;
  time = 0;
  timer: (() => void) | undefined;
  now(): number {
    return this.time;
  }
  setTimeout(callback: () => void): () => void {
    return this.timer = callback;
  }
  clearTimeout(timer: unknown): void {
    if (this.timer === timer) this.timer = undefined;
  }
  /** Lets time pass, then rings what is set. */
  ring(ms: number): void {
    this.time += ms;
    this.timer!();
  }
}

Deno.test("ReportLimit: so many a second, and how many were left out", () => {
  const clock = new HandClock();
  const limit = new ReportLimit(clock);
  for (let i = 0; i < 100; i++) assert.equal(limit.next(), 0);
  for (let i = 0; i < 7; i++) assert.equal(limit.next(), null);
  clock.time = 999;
  assert.equal(limit.next(), null);
  clock.time = 1000;
  assert.equal(limit.next(), 8);
  assert.equal(limit.next(), 0);
});

Deno.test("Marks: tell another thread what runs, nested, and what is under way", () => {
  const marks = new Marks();
  const seen = new Marks(marks.memory);
  assert.deepEqual(seen.read(), { running: null, open: [] });
  const [outer, inner] = [{ code: 3, generation: 2 ** 33 + 1 }, { code: 60_000, generation: 1 }];
  const nothing = marks.enter(Marks.of(outer));
  const before = marks.enter(Marks.of(inner));
  assert.deepEqual(seen.read().running, inner);
  marks.leave(before);
  assert.deepEqual(seen.read().running, outer);
  marks.leave(nothing);
  assert.equal(seen.read().running, null);
  // Past what a mark can say, it says nothing.
  const high = Marks.of({ code: 65_000, generation: 1 }) + 1;
  marks.leave(marks.enter(high));
  const ended = marks.enter(high);
  assert.equal(seen.read().running, null);
  marks.leave(ended);
  marks.close(marks.open(high));
  const places = Array.from({ length: 20 }, (_, i) => {
    return marks.open(Marks.of({ code: i + 1, generation: 7 }));
  });
  assert.deepEqual(
    seen.read().open.map(({ code }) => code),
    [...Array(16).keys()].map((i) => i + 1),
  );
  for (const place of places.slice(1)) marks.close(place);
  assert.deepEqual(seen.read().open, [{ code: 1, generation: 7 }]);
});

Deno.test("CodeNames: what runs, or else what may go on", () => {
  const names = new CodeNames();
  names.add("Counter", 1, ["postCreate", "preDestroy", "add"]);
  const uidOf = (generation: number) => generation === 7 ? "c7" : null;
  const [known, ended] = [{ code: 3, generation: 7 }, { code: 1, generation: 8 }];
  const unknown = { code: 9, generation: 7 };
  assert.deepEqual(names.running({ running: known, open: [ended] }, uidOf), [
    { type: "Counter", method: "add", uid: "c7" },
  ]);
  assert.deepEqual(names.running({ running: null, open: [ended, unknown] }, uidOf), [
    { type: "Counter", method: "postCreate", uid: null },
  ]);
});

Deno.test("DeadLetters: keeps the last, and as many reasons as it can name", () => {
  const letters = new DeadLetters();
  const letter = (i: number): DeadLetter => {
    const to = { host: 1, pool: 0, uid: `u${i}`, generation: 1 };
    const reason = Object.assign(new Error("no"), { name: `Reason${i}` });
    return { to, method: "m", from: to, args: [i], reason };
  };
  for (let i = 0; i < 100; i++) letters.add(letter(i));
  const { total, byReason, last } = letters.read();
  assert.equal(total, 100);
  assert.equal(Object.keys(byReason).length, 65);
  assert.equal(byReason["other"], 36);
  assert.deepEqual(last.map(({ args }) => args![0]), [...Array(16).keys()].map((i) => 84 + i));
});

/** A loop that answers when told. */
class HandLoop implements WatchedLoop {
  readonly address = { host: 1, pool: 2 };
  readonly name = "worker-2";
  pings = 0;
  #answer: () => void = () => {};
  ping(): Promise<void> {
    this.pings++;
    return new Promise((resolve) => this.#answer = resolve);
  }
  running() {
    return [{ type: "Counter", uid: "c1", method: "spin" }];
  }
  /** Answers, and lets that be heard. */
  async answer(): Promise<void> {
    this.#answer();
    await Promise.resolve();
    await Promise.resolve();
  }
}

Deno.test("LoopWatch: reports a silence once, and its end", async () => {
  const clock = new HandClock();
  const reports: LoopReport[] = [];
  const watch = new LoopWatch(1000, clock, (report) => reports.push(report));
  const loop = new HandLoop();
  watch.add(loop);
  clock.ring(500);
  assert.equal(watch.lagOf(loop), null);
  clock.time += 2;
  await loop.answer();
  assert.equal(watch.lagOf(loop), 2);
  clock.ring(498);
  assert.equal(loop.pings, 2);
  clock.ring(500);
  assert.equal(reports.length, 0);
  clock.ring(500);
  clock.ring(500);
  assert.equal(loop.pings, 2, "one question at a time");
  assert.deepEqual(reports.map(({ kind, ms }) => [kind, ms]), [["blocked", 1000]]);
  assert.deepEqual(reports[0]!.running, loop.running());
  assert.equal(watch.lagOf(loop), 1500);
  await loop.answer();
  assert.deepEqual(reports.map(({ kind, ms }) => [kind, ms]), [
    ["blocked", 1000],
    ["unblocked", 1500],
  ]);
  watch.remove(loop);
  assert.equal(clock.timer, undefined, "nothing is left behind");
});

Deno.test("LoopWatch: who was blocked himself blames nobody", async () => {
  const clock = new HandClock();
  const reports: LoopReport[] = [];
  const watch = new LoopWatch(1000, clock, (report) => reports.push(report));
  const loop = new HandLoop();
  watch.add(loop);
  clock.ring(500);
  // Its answer waits in the queue of our own loop.
  clock.ring(3000);
  await loop.answer();
  assert.equal(reports.length, 0);
  watch.stop();
  assert.equal(clock.timer, undefined);
});

Deno.test("formatReport: a storm says what it left out, a pool without messages that it has none", () => {
  const to = { host: 0xa, pool: 1, uid: "c1", generation: 1 };
  const call = { to, type: "Counter", method: "add", from: to, ms: 1234, chain: [], waiting: 0 };
  assert.equal(
    formatReport({ ...call, kind: "slow", heldBy: [], suppressed: 3 }),
    "slow call: add of Counter c1 in pool 1 of host 00000000000a has run for 1.2 s; " +
      "3 more reports were left out",
  );
  assert.equal(
    formatReport({ ...call, kind: "queued", heldBy: [], suppressed: 0, waiting: 2 }),
    "queued call: add of Counter c1 in pool 1 of host 00000000000a has waited for 1.2 s behind " +
      "a hook; 2 in the queue",
  );
  const pool = { host: 0xa, pool: 1 };
  assert.equal(
    formatReport({ kind: "blocked", pool, name: "worker-1", ms: 1000, running: [] }),
    "blocked: worker-1 (pool 1 of host 00000000000a) has not answered for 1.0 s; it runs no message",
  );
});

Deno.test("Comebacks: a call is not looked at once it was given up, or its actor has ended", async () => {
  let asked = 0;
  const ask = () => {
    asked++;
    return Promise.resolve(null);
  };
  const comebacks = new Comebacks(ask, () => false);
  const hop = { host: 1, pool: 2, uid: "a", generation: 3, method: "run", serial: 4 };
  const holder = { ended: false, open: 1, calls: [{ to: { ...hop, uid: "b" }, method: "back" }] };
  const cell = { isStopped: false, holders: [holder] };
  const message = { ended: false, cell: null };
  const over = [
    { cell, holder, hops: [hop], message: { ...message, ended: true } },
    { cell: { ...cell, isStopped: true }, holder, hops: [hop], message },
  ];
  for (const one of over) comebacks.add(one as unknown as Comeback);
  // After the look; what it would keep it would look at again, and leave a timer.
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(asked, 0);
});
