/** Many calls in one message. */
import assert from "node:assert/strict";
import {
  Actor,
  actor,
  ActorStoppedError,
  batched,
  CallTimeoutError,
  NotSerializableError,
} from "@dramatis/dramatis";
import { Batcher, HookedBatcher } from "../fixtures/message_actors.ts";
import { endsInside, withEnoughTime } from "../integration/enough_time.ts";
import { testEverywhere } from "../integration/placements.ts";

testEverywhere("batch: results in order, from none to ten thousand", async (stage) => {
  const batcher = await stage.create(Batcher, []);
  assert.deepEqual(await batcher.double.batch([]), []);
  assert.deepEqual(await batcher.double.batchSettled([]), []);
  assert.deepEqual(await batcher.double.batch([[21]]), [42]);
  const numbers = Array.from({ length: 10_000 }, (_, i) => i);
  const doubled = await batcher.double.batch(numbers.map((n) => [n]));
  assert.deepEqual(doubled, numbers.map((n) => 2 * n));
  assert.deepEqual(await batcher.nothing.batch([[], []]), [undefined, undefined]);
  const values = [[undefined], [null], [new Map([[1, new Date(0)]])], [new Uint8Array([1, 2])]];
  assert.deepEqual(
    await batcher.echo.batch(values as [unknown][]),
    values.map(([value]) => value),
  );
  const other = await stage.host.createActor(Batcher, []);
  assert.deepEqual(await other.forward(batcher, [1, 2, 3]), [2, 4, 6], "from an actor");
  const log = await batcher.log();
  assert.deepEqual(log.slice(1, 4), ["double 0", "double 1", "double 2"], "sync ones in order");
  const again = numbers.slice(0, 100).map((id): [number, number] => [2 * id, 200]);
  assert.deepEqual(
    await batcher.later.batch(again),
    again.map(([id]) => id),
    "async ones end in any order",
  );
});

testEverywhere("batch: async items run side by side, and nothing else with them", async (stage) => {
  const batcher = await stage.create(Batcher, []);
  const meeting = batcher.meet.batch([[0, 3], [1, 3], [2, 3]]);
  batcher.mark.tell("queued with it");
  await batcher.full();
  batcher.mark.tell("queued while it runs");
  assert.deepEqual(await batcher.glance.batch([[1], [2]]), [1, 2], "@reentrant does not wait");
  await batcher.open();
  assert.deepEqual(await meeting, [0, 1, 2]);
  assert.deepEqual(await batcher.log(), [
    "in 0",
    "in 1",
    "in 2",
    "out 0",
    "out 1",
    "out 2",
    "queued with it",
    "queued while it runs",
  ]);
});

testEverywhere("batch: failing items fail alone", async (stage) => {
  const batcher = await stage.create(Batcher, [], { uid: "batcher" });
  await assert.rejects(batcher.double.batch([[1], [-2], [3], [-4]]), (error) => {
    assert(error instanceof RangeError);
    assert.equal(error.message, "no -2", "the first by position");
    assert.match((error as { actor?: string }).actor ?? "", /Batcher batcher in pool \d+ of host/);
    return true;
  });
  const all = ["double 1", "double -2", "double 3", "double -4"];
  assert.deepEqual(await batcher.log(), all, "all have run");
  const items = [0, 1, 2, 3, 4].map((id): [number, number] => [id, 5]);
  await assert.rejects(batcher.later.batch(items), {
    name: "RangeError",
    message: "no 1",
  }, "the first by position, not by time");
  const settled = await batcher.later.batchSettled(items);
  assert.deepEqual(
    settled.map((one) => one.status === "fulfilled" ? one.value : one.reason.message),
    [0, "no 1", 2, "no 3", 4],
  );
  assert(settled[1]!.status === "rejected" && settled[1]!.reason instanceof RangeError);
  const sync = await batcher.double.batchSettled([[1], [-1]]);
  assert.deepEqual(sync.map(({ status }) => status), ["fulfilled", "rejected"]);
});

testEverywhere("@batched: the handler gets the whole list, once", async (stage) => {
  const batcher = await stage.create(Batcher, []);
  assert.deepEqual(await batcher.put.batch([["a", 1], ["b", 2]]), ["a=1", "b=2"]);
  assert.equal(await batcher.put("c", 3), "c=3");
  assert.deepEqual(await batcher.store.batch([["a"], ["b"], ["c"]]), ["A", "B", "C"]);
  assert.deepEqual(await batcher.put.batch([]), [], "not called for none");
  assert.deepEqual(await batcher.put.batchSettled([["d", 4]]), [
    { status: "fulfilled", value: "d=4" },
  ]);
  assert.deepEqual(await batcher.handled(), ["2 rows", "1 rows", "3 keys", "1 rows"]);
  await assert.rejects(batcher.wrong.batch([["short"], ["short"]]), (error) => {
    assert(error instanceof TypeError);
    assert.match(error.message, /Batcher must return one result for each of 2 calls, got 1$/);
    return true;
  });
  await assert.rejects(batcher.wrong.batchSettled([["text"]]), /of 1 calls, got a string/);
  await assert.rejects(batcher.wrong.batch([["throws"], ["short"]]), {
    name: "RangeError",
    message: "the whole batch",
  });
  assert.equal(await batcher.double(1), 2, "the lock is free");
});

testEverywhere("batch.tell: each call that fails is a dead letter", async (stage) => {
  const batcher = await stage.create(Batcher, [], { uid: "told" });
  batcher.double.batch.tell([[1], [-2], [3], [-4]]);
  for (const message of ["no -2", "no -4"]) {
    const { to, method, reason } = await stage.letter();
    assert.equal(to.uid, "told");
    assert.equal(method, "double");
    assert.equal(reason.message, message);
    assert(reason instanceof RangeError);
  }
  batcher.double.batch.tell([]);
  batcher.wrong.batch.tell([["short"], ["short"]]);
  assert.equal((await stage.letter()).method, "wrong", "one for a batch that fails as a whole");
  assert.deepEqual(await batcher.log(), ["double 1", "double -2", "double 3", "double -4"]);
  await stage.host.destroyActor(batcher);
  batcher.double.batch.tell([[1], [2]]);
  assert.match((await stage.letter()).reason.name, /^Actor(NotFound|Stopped)Error$/);
  assert.equal(stage.letters, 0);
});

testEverywhere("batch: what cannot be sent or called", async (stage) => {
  const batcher = await stage.create(Batcher, [], { mailbox: { messages: 1 } });
  const bad = () => {};
  for (const batch of [batcher.echo.batch, batcher.echo.batchSettled]) {
    await assert.rejects(batch([["fine"], [{ onDone: bad }]]), (error) => {
      assert(error instanceof NotSerializableError, String(error));
      assert.equal(error.path, "items[1][0].onDone");
      return true;
    });
  }
  assert.throws(() => batcher.echo.batch.tell([[bad]]), NotSerializableError);
  for (const items of [[1, 2], [[1], 2], [[1], "ab"], [{ length: 1 }]]) {
    const untyped = items as unknown as [unknown][];
    await assert.rejects(batcher.echo.batch(untyped), {
      name: "TypeError",
      message: /items\[\d\] of a batch is no list of arguments/,
    });
    assert.throws(() => batcher.echo.batch.tell(untyped), TypeError);
  }
  const anything = batcher as unknown as Record<string, Batcher["nothing"] & typeof batcher.echo>;
  await assert.rejects(anything["absent"]!.batch([[1]]), /has no method "absent"; it has: double/);
  anything["absent"]!.batch.tell([[1]]);
  assert.match((await stage.letter()).reason.message, /has no method "absent"/);
  const meeting = batcher.meet.batch([[0, 1]]);
  await batcher.full();
  const queued = batcher.double.batch([[1], [2], [3]]);
  await assert.rejects(batcher.double.batch([[4]]), { name: "MailboxFullError" });
  await batcher.open();
  assert.deepEqual([await meeting, await queued], [[0], [2, 4, 6]], "a batch is one message");
});

testEverywhere("batch: a result that cannot travel fails alone", async (stage) => {
  const batcher = await stage.create(Batcher, []);
  const settled = await batcher.unsendable.batchSettled([[0], [1], [2]]);
  assert.deepEqual(settled.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assert(settled[1]!.status === "rejected");
  assert(settled[1]!.reason instanceof NotSerializableError);
  assert.equal(settled[1]!.reason.path, "result");
  await assert.rejects(batcher.unsendable.batch([[0], [1]]), NotSerializableError);
  batcher.unsendable.tell(1);
  batcher.unsendable.batch.tell([[1]]);
  assert.equal(await batcher.double(1), 2);
  assert.equal(stage.letters, 0, "nobody wanted the results");
});

testEverywhere("batch: given up by time, by signal and by the actor's end", async (stage) => {
  let batcher = await stage.create(Batcher, []);
  await withEnoughTime(async (timeoutMs) => {
    batcher = await stage.create(Batcher, []);
    const lingering = batcher.linger.batch([[1], [2]], { timeoutMs });
    return await endsInside(lingering, batcher.lingered(2));
  });
  const controller = new AbortController();
  const { signal } = controller;
  const lingering = batcher.linger.batchSettled([[3], [4]], { signal });
  await batcher.lingered(4);
  const queued = batcher.double.batch([[5]], { signal });
  const timed = batcher.double.batch([[6]], { timeoutMs: 20 });
  await assert.rejects(timed, CallTimeoutError);
  controller.abort(new RangeError("enough"));
  await assert.rejects(lingering, { message: "enough" });
  await assert.rejects(queued, { message: "enough" });
  await assert.rejects(batcher.double.batch([[7]], { signal }), { message: "enough" });
  assert.deepEqual(await batcher.log(), [], "none of the others has run");
  const names = (await batcher.aborts()).map((reason) => (reason as Error).name);
  assert.deepEqual(names, ["CallTimeoutError", "CallTimeoutError", "RangeError", "RangeError"]);
  const ended = batcher.linger.batch([[8]]);
  const marked = batcher.mark.batch([["never"]]);
  const rejected = Promise.all([
    assert.rejects(ended, ActorStoppedError),
    assert.rejects(marked, ActorStoppedError),
  ]);
  await batcher.glance(1);
  await stage.host.killActor(batcher);
  await rejected;
});

testEverywhere("batch: a hook may send one to its own actor, with options", async (stage) => {
  const hooked = await stage.create(HookedBatcher, []);
  assert.deepEqual(await hooked.report(), { doubled: [2, 4], late: "CallTimeoutError" });
});

Deno.test("@batched: a handler of a method that is not there", () => {
  assert.throws(
    () => {
      @actor(import.meta)
      class Nobody extends Actor {
        @batched("absent")
        all(calls: unknown[][]): unknown[] {
          return calls;
        }
      }
      return Nobody;
    },
    { name: "TypeError", message: '@batched("absent") on Nobody.all: no such method' },
  );
});
