/** The time that a call has, and how it travels. */
import assert from "node:assert/strict";
import { CallTimeoutError } from "@dramatis/dramatis";
import { Hop } from "../fixtures/message_actors.ts";
import { endsInside, inTime, withEnoughTime } from "../integration/enough_time.ts";
import { type Stage, testEverywhere } from "../integration/placements.ts";

/** More than any test takes. */
const LONG = { timeoutMs: 60_000 };

/** The milliseconds that calls of these hosts have unless they say otherwise. */
const DEFAULT_MS = 1_000;

/** Actors in the main pool, in a worker, in the place. */
async function threeHops(stage: Stage) {
  const { host } = stage;
  const [main, worker] = host.pools().filter((pool) => pool.host === host.id);
  const onMain = await host.createActor(Hop, [], {
    place: { policy: "onPool", pool: main!.pool, host: host.id },
  });
  const onWorker = await host.createActor(Hop, [], {
    place: { policy: "onPool", pool: worker!.pool, host: host.id },
  });
  return [onMain, onWorker, await stage.create(Hop, [])] as const;
}

testEverywhere("a deadline: what has waited too long in the mailbox never runs", async (stage) => {
  const hop = await stage.create(Hop, [], { uid: "hop" });
  const order: string[] = [];
  // With options, since a plain call to a free actor of the same pool begins at once.
  const ms = stage.pool.kind === "worker" ? 1_000 : 150;
  const blocked = hop.block.with({})(ms).then((answer) => order.push(answer));
  const late = assert.rejects(hop.mark.with({ timeoutMs: 30 })("never"), (error) => {
    order.push("late");
    assert(error instanceof CallTimeoutError);
    assert.equal(error.timeoutMs, 30);
    assert.match(error.message, /^mark of hop in pool \d+ of host .* did not answer in 30 ms$/);
    return true;
  });
  const inTime = hop.mark.with(LONG)("in time");
  hop.mark.tell("told");
  await Promise.all([blocked, late, inTime]);
  if (stage.pool.kind === "worker") {
    assert.deepEqual(order, ["late", "blocked"], "the caller's own clock ends its wait");
  }
  assert.equal(await hop.mark("last"), "last");
  assert.deepEqual(await hop.marks(), ["in time", "told", "last"]);
  await assert.rejects(hop.mark.with({ timeoutMs: 0 })("no time"), CallTimeoutError);
});

testEverywhere("a deadline: calls made from a call have what is left of it", async (stage) => {
  const [main, worker, placed] = await threeHops(stage);
  for (const path of [[worker, placed], [placed, worker], [main, placed, worker]]) {
    const [first, ...rest] = path;
    await assert.rejects(first!.follow.with({ timeoutMs: 60 })(rest), CallTimeoutError);
  }
  await withEnoughTime(async (timeoutMs) => {
    const [a, b, c] = await threeHops(stage);
    const isInside = await endsInside(a.follow.with({ timeoutMs })([b, c]), c.entered());
    if (!isInside) return false;
    // The others may see their own call fail before they are told.
    const reason = await c.aborted() as CallTimeoutError;
    assert(reason instanceof CallTimeoutError);
    assert(reason.timeoutMs <= timeoutMs, `${reason.timeoutMs} ms`);
    return true;
  });
}, { worker: true });

testEverywhere("a deadline: of the outer and the own the sooner holds", async (stage) => {
  const [main, worker, placed] = await threeHops(stage);
  for (const [from, to] of [[main, placed], [worker, placed], [placed, worker]] as const) {
    const { name, timeoutMs } = await from.askWith.with(LONG)(to, 20);
    assert.deepEqual([name, timeoutMs], ["CallTimeoutError", 20]);
  }
  // These go on after the call that made them has been answered: its time holds all the same.
  await withEnoughTime(async (outerMs) => {
    for (const from of (await threeHops(stage)).slice(0, 2)) {
      if (!await inTime(from.launch.with({ timeoutMs: outerMs })(placed))) return false;
      const { name, message, timeoutMs } = await from.outcome();
      assert.equal(name, "CallTimeoutError");
      assert.match(message, /^follow of /, "it was the nested call whose time was over");
      assert(timeoutMs! > 0 && timeoutMs! <= outerMs, `${timeoutMs} ms`);
    }
    return true;
  });
  // The nested call has what is left of the time, and may be the first to say so: its caller then answers.
  const ended = await worker.askWith.with({ timeoutMs: 40 })(placed, Infinity).catch((error) =>
    error
  );
  assert.equal(ended.name, "CallTimeoutError");
  assert(ended.timeoutMs <= 40, `${ended.timeoutMs} ms`);
}, { worker: true });

testEverywhere("a deadline: tells and timers have none", async (stage) => {
  const [main, , placed] = await threeHops(stage);
  for (const [from, to] of [[main, placed], [placed, main]] as const) {
    await withEnoughTime(async (timeoutMs) => {
      if (!await inTime(from.sendAll.with({ timeoutMs })(to))) return false;
      // By then the time of the message that has sent them is over.
      await assert.rejects(from.follow.with({ timeoutMs })([]), CallTimeoutError);
      return true;
    });
  }
  for (const hop of [placed, main]) {
    await hop.open();
    for (const mark of ["told", "timed"]) {
      while (!(await hop.marks()).includes(mark)) await hop.mark.with(LONG)("poll");
    }
  }
  assert.equal(stage.letters, 0);
}, { worker: true });

testEverywhere("callTimeoutMs: calls that do not say so have it", async (stage) => {
  const [main, worker, placed] = await threeHops(stage);
  const controller = new AbortController();
  const endless = placed.follow.with({ timeoutMs: Infinity, signal: controller.signal })([]);
  let ended = false;
  const done = assert.rejects(endless, { message: "enough" }).then(() => ended = true);
  await placed.entered();
  const timed = (error: unknown) => {
    assert(error instanceof CallTimeoutError);
    assert.equal(error.timeoutMs, DEFAULT_MS);
    return true;
  };
  // A nested call has its own default and the outer's rest, whichever ends sooner.
  const nested = [main, worker].map((hop) => hop.launch.with({ timeoutMs: Infinity })(placed));
  await Promise.all([
    assert.rejects(placed.mark("queued"), timed),
    assert.rejects(placed.mark.with({})("queued"), timed),
    assert.rejects(placed.mark.with({ signal: new AbortController().signal })("queued"), timed),
    assert.rejects(placed.mark.batch([["queued"]]), timed),
    ...nested,
  ]);
  for (const hop of [main, worker]) {
    const { name, timeoutMs } = await hop.outcome();
    assert.equal(name, "CallTimeoutError");
    assert(timeoutMs! <= DEFAULT_MS && timeoutMs! > DEFAULT_MS - 100, `${timeoutMs} ms`);
  }
  assert.equal(ended, false, "Infinity overrides it");
  controller.abort(new RangeError("enough"));
  await done;
  assert.equal(await placed.mark("after"), "after");
  assert.deepEqual(await placed.marks(), ["after"]);
}, { worker: true, callTimeoutMs: DEFAULT_MS });

Deno.test("a deadline: no timer keeps the process alive once calls are answered", async () => {
  const script = `
    import { startHost } from "@dramatis/dramatis";
    import { Hop } from ${JSON.stringify(import.meta.resolve("../fixtures/message_actors.ts"))};
    const host = await startHost({ pools: [], callTimeoutMs: 100_000 });
    const hop = await host.createActor(Hop, []);
    await hop.mark("a");
    await hop.mark.with({ timeoutMs: 50_000 })("b");
    await hop.block.with({ timeoutMs: 50_000 })(1);
    await host.stop();
  `;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", script],
    cwd: new URL("../..", import.meta.url),
    signal: AbortSignal.timeout(120_000),
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
});
