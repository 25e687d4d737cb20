/** The time that a call has, and how it travels. */
import assert from "node:assert/strict";
import { CallTimeoutError } from "@dramatis/dramatis";
import { Hop } from "../fixtures/message_actors.ts";
import { type Stage, testEverywhere } from "../integration/placements.ts";

/** More than any test takes. */
const LONG = { timeoutMs: 60_000 };

/** The milliseconds that calls of these hosts have unless they say otherwise. */
const DEFAULT_MS = 700;

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
  const blocked = hop.block.with({})(150).then((answer) => order.push(answer));
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
    const started = performance.now();
    const [first, ...rest] = path;
    await assert.rejects(first!.follow.with({ timeoutMs: 60 })(rest), CallTimeoutError);
    assert(performance.now() - started < 5000);
  }
  const [a, b, c] = await threeHops(stage);
  await assert.rejects(a.follow.with({ timeoutMs: 80 })([b, c]), { name: "CallTimeoutError" });
  // The others may see their own call fail before they are told.
  const reason = await c.aborted() as CallTimeoutError;
  assert(reason instanceof CallTimeoutError);
  assert(reason.timeoutMs <= 80, `${reason.timeoutMs} ms`);
});

testEverywhere("a deadline: of the outer and the own the sooner holds", async (stage) => {
  const [main, worker, placed] = await threeHops(stage);
  for (const [from, to] of [[main, placed], [worker, placed], [placed, worker]] as const) {
    const { name, timeoutMs } = await from.askWith.with(LONG)(to, 20);
    assert.deepEqual([name, timeoutMs], ["CallTimeoutError", 20]);
  }
  // These go on after the call that made them has been answered: its time holds all the same.
  for (const from of [main, worker]) await from.launch.with({ timeoutMs: 150 })(placed);
  for (const from of [main, worker]) {
    const { name, message, timeoutMs } = await from.outcome();
    assert.equal(name, "CallTimeoutError");
    assert.match(message, /^follow of /, "it was the nested call whose time was over");
    assert(timeoutMs! > 0 && timeoutMs! <= 150, `${timeoutMs} ms`);
  }
  // The nested call has what is left of the time, and may be the first to say so: its caller then answers.
  const ended = await worker.askWith.with({ timeoutMs: 40 })(placed, Infinity).catch((error) =>
    error
  );
  assert.equal(ended.name, "CallTimeoutError");
  assert(ended.timeoutMs <= 40, `${ended.timeoutMs} ms`);
});

testEverywhere("a deadline: tells and timers have none", async (stage) => {
  const [main, , placed] = await threeHops(stage);
  for (const [from, to] of [[main, placed], [placed, main]] as const) {
    await from.sendAll.with({ timeoutMs: 1000 })(to);
  }
  const started = performance.now();
  await assert.rejects(main.follow.with({ timeoutMs: 60 })([]), CallTimeoutError);
  assert(performance.now() - started >= 55, "timers have had their time");
  for (const hop of [placed, main]) {
    await hop.open();
    while ((await hop.marks()).length < 2) await hop.mark.with({ timeoutMs: 5000 })("poll");
    assert((await hop.marks()).includes("told"));
  }
  assert.equal(stage.letters, 0);
});

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
}, { callTimeoutMs: DEFAULT_MS });

Deno.test("a deadline: no timer keeps the process alive once calls are answered", async () => {
  const script = `
    import { startHost } from "@dramatis/dramatis";
    import { Hop } from ${JSON.stringify(import.meta.resolve("../fixtures/message_actors.ts"))};
    const host = await startHost({ pools: [], callTimeoutMs: 100_000 });
    const hop = await host.createActor(Hop, []);
    await hop.mark("a");
    await hop.mark.with({ timeoutMs: 50_000 })("b");
    await hop.block.with({ timeoutMs: 50_000 })("x").catch(() => {});
    await host.stop();
  `;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", script],
    cwd: new URL("../..", import.meta.url),
    signal: AbortSignal.timeout(20_000),
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
});
