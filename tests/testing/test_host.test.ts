/** A host for a test, by a clock of the test's own. */
import assert from "node:assert/strict";
import { type ActorRef, CallTimeoutError, workerPool } from "@dramatis/dramatis";
import { ManualClock, settled, startTestHost, type TestHost } from "@dramatis/dramatis/testing";
import { Counter } from "../fixtures/actors.ts";
import { Clock, Hop } from "../fixtures/message_actors.ts";
import { Courier, type Post } from "./fixtures/courier.ts";

/** A host, its clock, and an actor that notes what it is told. */
async function started(options: Parameters<typeof startTestHost>[0] = {}): Promise<
  { test: TestHost; clock: ManualClock; hop: ActorRef<Hop> } & AsyncDisposable
> {
  const clock = new ManualClock();
  const test = await startTestHost({ clock, ...options });
  const hop = await test.host.createActor(Hop, []);
  return { test, clock, hop, [Symbol.asyncDispose]: () => test[Symbol.asyncDispose]() };
}

Deno.test("startTestHost: a main pool alone, and dead letters to look at", async () => {
  const heard: string[] = [];
  await using test = await startTestHost({ onDeadLetter: ({ method }) => heard.push(method) });
  assert.deepEqual(test.host.pools().map(({ kind }) => kind), ["main"]);
  const counter = await test.host.createActor(Counter, [1]);
  assert.equal(await counter.add(1), 2);
  counter.fail.tell("nobody waits");
  await settled();
  assert.equal(test.deadLetters.length, 1);
  assert.match(test.deadLetters[0]!.reason.message, /nobody waits/);
  assert.deepEqual(heard, ["fail"]);
});

Deno.test("startTestHost takes the options of a host, and refuses bad ones", async () => {
  await assert.rejects(startTestHost({ callTimeoutMs: -1 }), {
    name: "RangeError",
    message: "callTimeoutMs is a number of milliseconds above 0, got -1",
  });
  await using test = await startTestHost({ pools: [workerPool({ count: 1 })] });
  assert.deepEqual(test.host.pools().map(({ kind }) => kind), ["main", "worker"]);
});

Deno.test("startTestHost: after and every go by the clock, to the millisecond", async () => {
  await using stage = await started();
  const { test, clock, hop } = stage;
  const beats = await test.host.createActor(Clock, []);
  hop.mark.after(60_000, "a minute");
  const timer = beats.tick.every(1000, "tick");
  await clock.advance(59_999);
  assert.deepEqual([(await beats.ticked(0)).length, await hop.marks()], [59, []]);
  await clock.advance(1);
  assert.deepEqual([(await beats.ticked(0)).length, await hop.marks()], [60, ["a minute"]]);
  timer.cancel();
  assert.equal(clock.pending, 0);
});

Deno.test("startTestHost: a call's time is over exactly then, and it never runs", async () => {
  await using stage = await started();
  const { clock, hop } = stage;
  const endless = new AbortController();
  const running = hop.follow.with({ signal: endless.signal })([]);
  const late = hop.mark.with({ timeoutMs: 30 })("late");
  const inTime = hop.mark.with({ timeoutMs: 31 })("in time");
  const errors: unknown[] = [];
  late.catch((error) => errors.push(error));
  await clock.advance(29);
  assert.equal(errors.length, 0);
  await clock.advance(1);
  const [error] = errors;
  assert(error instanceof CallTimeoutError && error.timeoutMs === 30);
  endless.abort(new RangeError("enough"));
  await assert.rejects(running, { message: "enough" });
  assert.equal(await inTime, "in time");
  assert.deepEqual(await hop.marks(), ["in time"]);
  await settled();
  assert.equal(clock.pending, 0, "what is answered leaves no timer");
});

Deno.test("startTestHost: a call is not run once its time has passed while all was blocked", async () => {
  await using stage = await started();
  const { clock, hop } = stage;
  const late = hop.mark.with({ timeoutMs: 30 })("late");
  // The message waits for its turn still when the caller has given up, and after.
  clock.stall(1000);
  await assert.rejects(late, CallTimeoutError);
  assert.equal(await hop.mark("next"), "next");
  assert.deepEqual(await hop.marks(), ["next"]);
});

Deno.test("startTestHost: callTimeoutMs, and what is left of it for nested calls", async () => {
  await using stage = await started({ callTimeoutMs: 1000 });
  const { test, clock, hop } = stage;
  const other = await test.host.createActor(Hop, []);
  const outer = hop.follow([other]);
  let isOver = false;
  const rejected = assert.rejects(outer, (error) => {
    isOver = true;
    return error instanceof CallTimeoutError && error.timeoutMs === 1000;
  });
  await clock.advance(999);
  assert.equal(isOver, false);
  await clock.advance(1);
  await rejected;
  assert.equal((await other.aborted() as Error).name, "CallTimeoutError");
});

Deno.test("startTestHost: disposing of it does not wait for those that wait for its probes", async () => {
  const test = await startTestHost({ stopTimeoutMs: 2 ** 31 - 1 });
  const probe = await test.probe<Post>();
  const courier = await test.host.createActor(Courier, []);
  const weight = courier.weigh(probe.ref, "stone");
  await probe.next("weigh");
  const refused = assert.rejects(weight, { name: "ActorStoppedError" });
  await test[Symbol.asyncDispose]();
  await refused;
  await test[Symbol.asyncDispose]();
});
