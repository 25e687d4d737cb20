/** Actors without state run as many messages at once as they are told, and no more. */
import assert from "node:assert/strict";
import {
  type ActorRef,
  ActorStoppedError,
  CallTimeoutError,
  MailboxFullError,
  startHost,
} from "@dramatis/dramatis";
import { Counter } from "../fixtures/actors.ts";
import { Doors, Worker } from "../fixtures/stateless_actors.ts";
import { type Stage, testEverywhere } from "./placements.ts";

/** A call that is not answered in this time is a deadlock. */
const SOON = { timeoutMs: 60_000 };

const NUMBERS = Array.from({ length: 10 }, (_, i) => i);

async function open(
  stage: Stage,
  concurrency: number,
  messages: number = 100,
): Promise<[ActorRef<Worker>, ActorRef<Doors>]> {
  const worker = await stage.create(Worker, [], { concurrency, mailbox: { messages } });
  return [worker, await stage.host.createActor(Doors, [])];
}

/** Resolves when every message that was sent before has come to the mailbox. */
async function arrived(stage: Stage): Promise<void> {
  const probe = await stage.create(Counter, []);
  await probe.get();
}

testEverywhere("concurrency: never more at once, first in first out", async (stage) => {
  const [worker, doors] = await open(stage, 3);
  const calls = NUMBERS.map((id) => worker.work(id, doors));
  await doors.entered(3);
  await arrived(stage);
  assert.deepEqual(await doors.report(), { inside: 3, most: 3, order: [0, 1, 2] });
  await doors.open(1);
  await calls[1];
  await doors.entered.with(SOON)(4);
  assert.deepEqual((await doors.report()).order, [0, 1, 2, 3]);
  await doors.openAll();
  await Promise.all(calls);
  assert.deepEqual(await doors.report(), { inside: 0, most: 3, order: NUMBERS });
});

testEverywhere("concurrency: of those that wait the highest priority is first", async (stage) => {
  const [worker, doors] = await open(stage, 1);
  const calls = [worker.work(0, doors)];
  await doors.entered(1);
  calls.push(worker.work(1, doors), worker.work.with({ priority: 1 })(2, doors));
  await arrived(stage);
  await doors.openAll();
  await Promise.all(calls);
  assert.deepEqual(await doors.report(), { inside: 0, most: 1, order: [0, 2, 1] });
});

testEverywhere("concurrency: one that waits can be cancelled, and expires", async (stage) => {
  const [worker, doors] = await open(stage, 1);
  const running = worker.work(0, doors);
  await doors.entered(1);
  const caller = new AbortController();
  const cancelled = worker.work.with({ signal: caller.signal })(1, doors);
  const expired = worker.work.with({ timeoutMs: 20 })(2, doors);
  const waiting = worker.work(3, doors);
  caller.abort(new RangeError("enough"));
  await assert.rejects(cancelled, /enough/);
  await assert.rejects(expired, CallTimeoutError);
  await doors.openAll();
  await Promise.all([running, waiting]);
  assert.deepEqual((await doors.report()).order, [0, 3]);
});

testEverywhere("concurrency: the mailbox bounds those that wait", async (stage) => {
  const [worker, doors] = await open(stage, 2, 2);
  const running = [worker.work(0, doors), worker.work(1, doors)];
  await doors.entered(2);
  const waiting = [worker.work(2, doors), worker.work(3, doors)];
  await assert.rejects(worker.work(4, doors), MailboxFullError);
  await doors.openAll();
  await Promise.all([...running, ...waiting]);
  assert.deepEqual(await doors.report(), { inside: 0, most: 2, order: [0, 1, 2, 3] });
});

testEverywhere("concurrency: destroyActor waits for those that run", async (stage) => {
  const [worker, doors] = await open(stage, 2);
  const running = [worker.work(0, doors), worker.work(1, doors)];
  await doors.entered(2);
  const waiting = worker.work(2, doors);
  const destroyed = stage.host.destroyActor(worker);
  await assert.rejects(waiting, ActorStoppedError);
  assert.equal((await doors.report()).inside, 2);
  await doors.openAll();
  await Promise.all([...running, destroyed]);
  assert.deepEqual((await doors.report()).order, [0, 1]);
});

testEverywhere("concurrency: killActor ends those that run and those that wait", async (stage) => {
  const [worker, doors] = await open(stage, 1);
  const calls = Promise.allSettled([worker.work(0, doors), worker.work(1, doors)]);
  await doors.entered(1);
  await stage.host.killActor(worker);
  for (const one of await calls) {
    assert.equal(one.status, "rejected");
    assert(one.reason instanceof ActorStoppedError, String(one.reason));
  }
  await doors.openAll();
});

testEverywhere("concurrency: whatever ends makes room, errors and batches too", async (stage) => {
  const [worker, doors] = await open(stage, 1);
  const failures = await Promise.allSettled([
    worker.fail.with(SOON)(true),
    worker.fail.with(SOON)(false),
    worker.failAtOnce.with(SOON)(),
  ]);
  assert(failures.every((one) => one.status === "rejected" && /as told/.test(one.reason.message)));
  worker.failAtOnce.tell();
  await stage.letter();
  const batch = worker.work.batch([[1, doors], [2, doors]], SOON);
  await doors.entered(2);
  assert.equal((await doors.report()).most, 2, "a batch is one message");
  await doors.openAll();
  await batch;
  const calls = Array.from({ length: 100 }, () => worker.bytes.with(SOON)());
  assert.equal((await Promise.all(calls)).length, 100);
});

testEverywhere("concurrency: a stream counts until it is over", async (stage) => {
  const [worker, doors] = await open(stage, 1);
  await doors.openAll();
  const calls: Promise<string>[] = [];
  let isDone = false;
  for await (const _ of worker.places.with({ window: 1 })(1000)) {
    if (calls.length === 1) break;
    const call = worker.work.with(SOON)(0, doors);
    calls.push(call.finally(() => isDone = true));
    await arrived(stage);
    assert.equal(isDone, false, "the stream has the only place");
  }
  await Promise.all(calls);
  let items = 0;
  for await (const _ of worker.places(3)) items++;
  assert.equal(items, 3);
  await worker.bytes.with(SOON)();
});

Deno.test("createActor: concurrency is for actors without state, and is checked", async () => {
  await using host = await startHost({ pools: [] });
  await assert.rejects(host.createActor(Counter, [], { concurrency: 2 }), {
    name: "TypeError",
    message: /Cannot create Counter with concurrency: .* extend StatelessActor/,
  });
  for (const concurrency of [0, -1, 1.5, NaN, Infinity]) {
    await assert.rejects(host.createActor(Worker, [], { concurrency }), {
      name: "RangeError",
      message: `concurrency is a whole number from 1 up, got ${concurrency}`,
    });
  }
  assert.equal(host.pools()[0]!.actors, 0);
});
