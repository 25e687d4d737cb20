/** Streams are the same wherever the producer and the consumer live, and leave nothing behind. */
import assert from "node:assert/strict";
import {
  ActorStoppedError,
  HostLostError,
  mainPool,
  NotSerializableError,
  onPool,
  PoolLostError,
  startHost,
  transfer,
  workerPool,
} from "@dramatis/dramatis";
import { Consumer, FreeSource, Source } from "../fixtures/stream_actors.ts";
import { inTime, withEnoughTime } from "../integration/enough_time.ts";
import { startTwoHosts, testEverywhere } from "../integration/placements.ts";

const STREAMS = new URL("../fixtures/stream_actors.ts", import.meta.url).href;

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** The items up to the error, and the error. */
async function untilError<T>(items: AsyncIterable<T>): Promise<[T[], Error]> {
  const list: T[] = [];
  try {
    for await (const item of items) list.push(item);
  } catch (error) {
    return [list, error as Error];
  }
  assert.fail("it ended without an error");
}

async function* numbers(count: number, told?: { ended: number }): AsyncGenerator<number> {
  try {
    for (let i = 0; i < count; i++) yield i;
  } finally {
    if (told) told.ended++;
  }
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

testEverywhere(
  "stream: sync and async generators, directly and awaited, 10,000 items in order",
  async (stage) => {
    const source = await stage.create(Source, []);
    for (const count of [0, 1, 2, 63, 64, 65, 200]) {
      assert.deepEqual(await collect(source.count(count)), range(count));
      assert.deepEqual(await collect(source.countAsync(count)), range(count));
      assert.deepEqual(await collect(await source.count(count)), range(count));
      assert.deepEqual(await collect(await source.countAsync(count)), range(count));
    }
    assert.deepEqual(await collect(source.later(3)), range(3));
    assert.deepEqual(await collect(source.countUnlocked(3)), range(3));
    assert.deepEqual(await collect(source.web(100)), range(100));
    const free = await stage.create(FreeSource, []);
    assert.deepEqual(await collect(free.count(100)), range(100));
    assert.deepEqual(await collect(source.count(10_000)), range(10_000));
    assert.deepEqual(await collect(source.countAsync(10_000)), range(10_000));
  },
);

testEverywhere("stream: several at once, of one actor", async (stage) => {
  const source = await stage.create(Source, []);
  const all = range(8).map((i) => collect(i % 2 ? source.count(500) : source.countSlowly(20)));
  for (const [i, items] of (await Promise.all(all)).entries()) {
    assert.deepEqual(items, range(i % 2 ? 500 : 20));
  }
  assert.equal(await source.overlaps(), 0);
});

testEverywhere("stream: a method that streams at times", async (stage) => {
  const source = await stage.create(Source, []);
  assert.deepEqual(await collect(await source.maybe(true) as AsyncIterable<number>), [0, 1, 2]);
  assert.equal(await source.maybe(false), 3);
  const misread = source.maybe(false) as unknown as AsyncIterable<number>;
  await assert.rejects(collect(misread), {
    name: "TypeError",
    message: /returned a number, which is no stream/,
  });
});

testEverywhere(
  "stream: break runs the producer's finally once, and others go on",
  async (stage) => {
    const source = await stage.create(Source, []);
    const other = source.count(1000)[Symbol.asyncIterator]();
    await other.next();
    let ended = 0;
    for (const method of ["count", "countAsync", "countUnlocked", "countSlowly"] as const) {
      for (const at of [0, 1, 70]) {
        for await (const i of source[method](200)) if (i === at) break;
        await source.whenEnded(++ended);
      }
    }
    let rest = 1;
    while (!(await other.next()).done) rest++;
    assert.equal(rest, 1000);
    assert.equal((await source.report()).ended, ended + 1);
    assert.equal(await source.overlaps(), 0);
  },
);

testEverywhere("stream: throw inside the loop runs the producer's finally", async (stage) => {
  const source = await stage.create(Source, []);
  const failing = async () => {
    for await (const i of source.countAsync(1000)) if (i === 3) throw new RangeError("mine");
  };
  await assert.rejects(failing(), /mine/);
  await source.whenEnded(1);
  assert.equal((await source.report()).ended, 1);
});

testEverywhere("stream: whoever leaves does not wait for a producer that hangs", async (stage) => {
  const source = await stage.create(Source, []);
  for await (const i of source.stall(3)) if (i === 2) break;
  await source.stalled();
  // The step that runs is waited for, as JavaScript has it.
  assert.equal((await source.report()).ended, 0);
  source.open.tell();
  await source.whenEnded(1);
  // One that looks at its signal is told at once.
  for await (const i of source.stallUntilAborted(3)) if (i === 2) break;
  await source.whenEnded(2);
});

testEverywhere("stream: return() before the first item", async (stage) => {
  const source = await stage.create(Source, []);
  const direct = source.count(10)[Symbol.asyncIterator]();
  assert.deepEqual(await direct.return!(), { done: true, value: undefined });
  assert.deepEqual(await direct.next(), { done: true, value: undefined });
  const stream = await source.count(10);
  const iterator = stream[Symbol.asyncIterator]();
  assert.deepEqual(await iterator.return!(), { done: true, value: undefined });
  assert.deepEqual(await iterator.next(), { done: true, value: undefined });
  // A generator that has not begun has no finally to run, and takes no step.
  assert.deepEqual(await source.report(), { given: 0, ended: 0 });
});

testEverywhere("stream: next() several times at once, in order", async (stage) => {
  const source = await stage.create(Source, []);
  const iterator = source.count(5)[Symbol.asyncIterator]();
  const results = await Promise.all(range(7).map(() => iterator.next()));
  assert.deepEqual(results.map(({ value }) => value), [...range(5), undefined, undefined]);
  const failing = source.failAt(1)[Symbol.asyncIterator]();
  const settled = await Promise.allSettled(range(3).map(() => failing.next()));
  assert.deepEqual(settled.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
});

testEverywhere("stream: error in the middle, first and of any kind", async (stage) => {
  const source = await stage.create(Source, []);
  for (const index of [0, 1, 10, 100]) {
    const [items, error] = await untilError(source.failAt(index));
    assert.deepEqual(items, range(index));
    assert(error instanceof RangeError);
    assert.equal(error.message, "too far");
    assert(error.cause instanceof URIError);
    assert.match((error as Error & { actor: string }).actor, /^Source .* in pool \d of host/);
    const [odd, failed] = await untilError(source.failSync(index));
    assert.deepEqual(odd, range(index));
    assert.equal(failed.name, "ActorFailedError");
    assert.deepEqual(failed.cause, { odd: true });
  }
  assert.equal((await source.report()).ended, 4);
});

testEverywhere("stream: an item that cannot travel ends it", async (stage) => {
  const source = await stage.create(Source, []);
  let ended = 0;
  for (const [index, to] of [[0, 5], [3, 5], [4, 5], [70, 200]] as const) {
    const [items, error] = await untilError(source.unsendableAt(index, to));
    assert.deepEqual(items, range(index).map((f) => ({ f })));
    assert(error instanceof NotSerializableError, String(error));
    assert.match(error.path, /^items\[\d+\]\.f$/);
    await source.whenEnded(++ended);
  }
  assert.equal((await source.report()).ended, ended);
});

testEverywhere("stream: an item that cannot leave its host ends it", async (stage) => {
  const source = await stage.create(Source, []);
  for (const index of [0, 3]) {
    if (stage.sharesMemory) {
      const items = await collect(source.shared(index));
      assert(items.at(-1) instanceof SharedArrayBuffer);
    } else {
      // The worker may share it with its host, which then cannot send it on.
      const [, error] = await untilError(source.shared(index));
      assert(error instanceof NotSerializableError, String(error));
    }
  }
  await source.whenEnded(2);
});

testEverywhere("stream: it has one consumer", async (stage) => {
  const source = await stage.create(Source, []);
  const stream = await source.count(100);
  const first = stream[Symbol.asyncIterator]();
  assert.equal((await first.next()).value, 0);
  await assert.rejects(collect(stream), { name: "TypeError", message: /can be read once/ });
  // The same stream in other pools: sent on before it was read here.
  const near = await stage.host.createActor(Consumer, [], { place: mainPool() });
  const far = await stage.create(Consumer, []);
  for (const other of [near, far]) {
    await assert.rejects(other.sum(stream), { name: "TypeError", message: /can be read once/ });
  }
  let rest = 1;
  while (!(await first.next()).done) rest++;
  assert.equal(rest, 100);
  await assert.rejects(far.sum(stream), { name: "TypeError", message: /is over|is read already/ });
  for (const other of [near, far]) {
    assert.deepEqual(await other.readTwice(numbers(100)), ["TypeError", 99]);
  }
});

testEverywhere("stream: the producer is never more than the window ahead", async (stage) => {
  const source = await stage.create(Source, []);
  let before = 0;
  for (const window of [1, 2, 16, 64, 256]) {
    const count = window < 16 ? 100 : 600;
    for (const method of ["count", "countAsync"] as const) {
      let consumed = 0;
      for await (const _ of source[method].with({ window })(count)) {
        consumed++;
        if (consumed % 50 !== 1) continue;
        // The look takes longer than all that the producer may do.
        const given = (await source.report()).given - before;
        assert(given <= consumed + window, `${given} given, ${consumed} consumed, ${window}`);
        assert(given >= consumed);
      }
      before += count;
      assert.equal(consumed, count);
    }
  }
  const stream = await source.count.with({ window: 1 })(10);
  const iterator = stream[Symbol.asyncIterator]();
  await iterator.next();
  assert((await source.report()).given - before <= 2, "an awaited stream keeps its window");
  await iterator.return!();
  for (const window of [0, -1, 1.5, NaN, Infinity]) {
    await assert.rejects(collect(source.count.with({ window })(3)), RangeError);
  }
});

testEverywhere("stream: messages get their turn between its steps", async (stage) => {
  const source = await stage.create(Source, []);
  const iterator = source.countSlowly(1_000_000)[Symbol.asyncIterator]();
  for (let i = 0; i < 20; i++) {
    const [, , { value }] = await Promise.all([source.work(), source.name(), iterator.next()]);
    assert.equal(value, i);
  }
  // The consumer is slow: the producer waits for credit, without the lock.
  assert.equal(await source.name(), "source");
  // Many messages wait all the time, and the stream goes on.
  let open = true;
  const busy = range(4).map(async () => {
    while (open) await source.work();
  });
  for (let i = 20; i < 100; i++) assert.equal((await iterator.next()).value, i);
  open = false;
  await Promise.all(busy);
  await iterator.return!();
  await source.whenEnded(1);
  assert.equal(await source.overlaps(), 0);
});

testEverywhere("stream: one without an end lets timers run", async (stage) => {
  const source = await stage.create(Source, []);
  const consumer = await stage.create(Consumer, []);
  for (const reading of [source.count(Infinity), source.countAsync(Infinity)]) {
    let fired = false;
    const timer = setTimeout(() => fired = true, 5);
    for await (const _ of reading) if (fired) break;
    clearTimeout(timer);
  }
  await source.whenEnded(2);
  // In the producer's pool too.
  const sum = consumer.sum(await source.count(Infinity));
  assert.equal(await source.name(), "source");
  const stopped = assert.rejects(sum, ActorStoppedError);
  await stage.host.destroyActor(source);
  await stopped;
});

testEverywhere(
  "stream: a step may give up the lock, and sees its consumer leave",
  async (stage) => {
    const source = await stage.create(Source, []);
    const other = await stage.create(Consumer, []);
    assert.deepEqual(await collect(source.echoes(other, 3)), ["source", "source", "source"]);
    const [items, error] = await untilError(source.lockedEchoes(other));
    assert.deepEqual(items, []);
    assert.equal(error.name, "DeadlockError");
  },
);

testEverywhere("stream: an actor that passes another's stream on", async (stage) => {
  const source = await stage.create(Source, []);
  const relay = await stage.host.createActor(Source, [], { place: mainPool() });
  assert.deepEqual(await collect(relay.relay(source, 500)), range(500));
  for await (const i of relay.relay(source, 500)) if (i === 5) break;
  await relay.whenEnded(2);
  await source.whenEnded(2);
});

testEverywhere("stream: the producer is destroyed", async (stage) => {
  const source = await stage.create(Source, []);
  const reading = source.stall(3)[Symbol.asyncIterator]();
  for (let i = 0; i < 3; i++) assert.equal((await reading.next()).value, i);
  const next = assert.rejects(reading.next(), ActorStoppedError);
  await source.stalled();
  const unread = await source.count(3);
  const destroyed = stage.host.destroyActor(source);
  await next;
  assert.deepEqual(await reading.next(), { done: true, value: undefined });
  await assert.rejects(collect(unread), ActorStoppedError);
  // Its end waits for the step that runs, as for any message.
  source.open.tell();
  await stage.owner.killActor(source).catch(() => {});
  await destroyed;
});

testEverywhere(
  "stream: items that came before the producer's end are read first",
  async (stage) => {
    const source = await stage.create(Source, []);
    const reading = source.count.with({ window: 10 })(100)[Symbol.asyncIterator]();
    assert.equal((await reading.next()).value, 0);
    assert((await source.report()).given >= 10);
    await stage.host.destroyActor(source);
    for (let i = 1; i < 10; i++) assert.equal((await reading.next()).value, i);
    const rest = async () => {
      while (!(await reading.next()).done);
    };
    await assert.rejects(rest(), ActorStoppedError);
  },
);

testEverywhere("stream: the producer is killed", async (stage) => {
  const source = await stage.create(Source, []);
  const reading = source.stall(1)[Symbol.asyncIterator]();
  await reading.next();
  const next = assert.rejects(reading.next(), ActorStoppedError);
  await source.stalled();
  await stage.host.killActor(source);
  await next;
});

testEverywhere("stream: the consumer ends, and the generator is freed", async (stage) => {
  const source = await stage.create(Source, []);
  const near = await stage.host.createActor(Consumer, [], { place: mainPool() });
  const far = await stage.create(Consumer, []);
  for (const [i, consumer] of [near, far].entries()) {
    assert.equal(await consumer.startReading(source, 5), 4);
    if (i === 0) await stage.host.destroyActor(consumer);
    else await stage.host.killActor(consumer);
    await source.whenEnded(i + 1);
  }
  // A message that reads is waited for, and reads to the end.
  const last = await stage.create(Consumer, []);
  const all = last.readAll(source);
  await last.reading();
  const destroyed = stage.host.destroyActor(last);
  source.open.tell();
  assert.equal(await all, 4);
  await destroyed;
});

testEverywhere("stream: the call that reads is cancelled", async (stage) => {
  const source = await stage.create(Source, []);
  const consumer = await stage.create(Consumer, []);
  const controller = new AbortController();
  const reading = consumer.readAll.with({ signal: controller.signal })(source);
  await consumer.reading();
  controller.abort(new RangeError("enough"));
  await assert.rejects(reading, /enough/);
  source.open.tell();
  await source.whenEnded(1);
});

testEverywhere("stream: with({ signal }) ends it with the reason", async (stage) => {
  const source = await stage.create(Source, []);
  for (const [i, isAwaited] of [false, true].entries()) {
    const controller = new AbortController();
    const { signal } = controller;
    const call = source.stallUntilAborted.with({ signal })(3);
    const seen: number[] = [];
    const reading = async () => {
      for await (const item of isAwaited ? await call : call) {
        seen.push(item);
        if (item === 2) controller.abort(new RangeError("enough"));
      }
    };
    await assert.rejects(reading(), /enough/);
    assert.deepEqual(seen, [0, 1, 2]);
    await source.whenEnded(i + 1);
  }
  // Aborted between the answer and the first item.
  const controller = new AbortController();
  const stream = await source.count.with({ signal: controller.signal })(3);
  controller.abort(new RangeError("early"));
  await assert.rejects(collect(stream), /early/);
  // Aborted when it is over: nothing happens.
  const late = new AbortController();
  assert.deepEqual(await collect(source.count.with({ signal: late.signal })(3)), [0, 1, 2]);
  late.abort();
  assert.equal(await source.name(), "source");
});

testEverywhere("stream: one that nobody waits for is dropped at once", async (stage) => {
  const source = await stage.create(Source, []);
  source.web.tell(3);
  await source.whenEnded(1);
  const controller = new AbortController();
  const late = source.lateWeb.with({ signal: controller.signal })();
  await source.stalled();
  controller.abort(new RangeError("enough"));
  await assert.rejects(late, /enough/);
  await source.whenEnded(2);
  const early = source.web(3)[Symbol.asyncIterator]();
  await early.return!();
  await source.whenEnded(3);
});

testEverywhere("stream: timeoutMs is for the call, not for the stream", async (stage) => {
  const source = await stage.create(Source, []);
  const consumer = await stage.create(Consumer, []);
  const call = source.stall.with({ timeoutMs: 60_000 })(1);
  const iterator = call[Symbol.asyncIterator]();
  assert.equal((await iterator.next()).value, 0);
  const next = iterator.next();
  source.open.tell();
  assert.equal((await next).value, 1);
  assert.equal((await iterator.next()).done, true);
  // The calls that its steps make have their own time too.
  await withEnoughTime(async (timeoutMs) => {
    const opening = source.echoes.with({ timeoutMs })(consumer, 2);
    if (!await inTime(Promise.resolve(opening))) return false;
    await new Promise((resolve) => setTimeout(resolve, timeoutMs));
    assert.deepEqual(await collect(await opening), ["source", "source"]);
    return true;
  });
});

testEverywhere("stream: async iterables as arguments", async (stage) => {
  const consumer = await stage.create(Consumer, []);
  assert.equal(await consumer.sum(numbers(0)), 0);
  assert.equal(await consumer.sum(numbers(1000)), 499_500);
  assert.equal(await consumer.sum(ReadableStream.from(range(100))), 4950);
  class Own {
    async *[Symbol.asyncIterator]() {
      yield* [1, 2, 3];
    }
  }
  const own = new Own();
  assert.equal(await consumer.sum(own as AsyncIterable<number>), 6);
  assert.equal(await consumer.sum(own as AsyncIterable<number>), 6, "it can be iterated again");
  const parts: [AsyncIterable<number>, AsyncIterable<number>] = [numbers(10), numbers(5)];
  assert.equal(await consumer.sumNested({ parts }), 35);
  // What was produced elsewhere goes on from there.
  const source = await stage.create(Source, []);
  assert.equal(await consumer.sum(await source.count(100)), 4950);
});

testEverywhere("stream: streams inside of results", async (stage) => {
  const source = await stage.create(Source, []);
  const { numbers, letters } = await source.nested();
  assert.deepEqual(await collect(letters[0]), ["a", "b", "c"]);
  assert.deepEqual(await collect(numbers), [0, 1, 2]);
  const [some] = await source.countUnlocked.batch([[4]]);
  assert.deepEqual(await collect(some!), [0, 1, 2, 3]);
});

testEverywhere("stream: an argument that is passed on to a third actor", async (stage) => {
  const consumer = await stage.create(Consumer, []);
  const third = await stage.host.createActor(Consumer, [], { place: onPool(1) });
  assert.equal(await consumer.forward(numbers(1000), third), 499_500);
  const source = await stage.host.createActor(Source, [], { place: mainPool() });
  assert.equal(await consumer.forward(await source.count(1000), third), 499_500);
}, { worker: true });

testEverywhere(
  "stream: an argument that fails, is left early, or cannot be sent at first",
  async (stage) => {
    const consumer = await stage.create(Consumer, []);
    async function* failing() {
      yield 1;
      await null;
      throw new RangeError("mine");
    }
    await assert.rejects(consumer.sum(failing()), { name: "RangeError", message: "mine" });
    const told = { ended: 0 };
    assert.equal(await consumer.first(numbers(1_000_000, told)), 0);
    assert.equal(await consumer.first(numbers(0, told)), undefined);
    // Whoever leaves says so before it answers.
    assert.equal(told.ended, 2);
    async function* unsendable() {
      yield 1;
      yield Symbol("s") as unknown as number;
    }
    await assert.rejects(consumer.sum(unsendable()), NotSerializableError);
    // A call that could not be sent can be sent again, with the same stream.
    const items = numbers(10);
    const send = (extra: unknown) =>
      (consumer.sum as unknown as (...args: unknown[]) => Promise<number>)(items, extra);
    await assert.rejects(send(() => {}), NotSerializableError);
    assert.equal(await send(1), 45);
  },
);

testEverywhere("stream: chunks of 64 MiB, one at a time and moved", async (stage) => {
  const source = await stage.create(Source, []);
  const bytes = 64 * 2 ** 20;
  let seen = 0;
  for await (const chunk of source.chunks.with({ window: 1 })(4, bytes)) {
    seen++;
    assert.equal(chunk.length, bytes);
    assert.equal(chunk[0], seen);
    assert.equal(chunk.at(-1), seen);
    assert((await source.report()).given <= seen + 1);
  }
  assert.equal(seen, 4);
  // Of an argument too.
  const consumer = await stage.create(Consumer, []);
  const chunks = range(4).map((i) => new Uint8Array(1000).fill(i));
  async function* moving() {
    for (const chunk of chunks) yield transfer(chunk);
  }
  const list = await consumer.list(moving()) as Uint8Array[];
  assert.deepEqual(list.map((chunk) => [chunk.length, chunk[999]]), range(4).map((i) => [1000, i]));
  assert(chunks.every(({ length }) => length === 0));
});

Deno.test("stream: the producer's pool dies", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 2 })] });
  const source = await host.createActor(Source, [], { place: onPool(1) });
  const unread = await source.count(10);
  const far = await host.createActor(Consumer, [], { place: onPool(2) });
  const farReading = far.readAll(source);
  await far.reading();
  const [items, error] = await untilError((async function* () {
    for await (const i of source.stall(3)) {
      yield i;
      if (i === 2) source.close.tell();
    }
  })());
  assert.deepEqual(items, [0, 1, 2]);
  assert(error instanceof PoolLostError, String(error));
  assert.equal(error.exit, "exit");
  await assert.rejects(farReading, PoolLostError);
  await assert.rejects(collect(unread), PoolLostError);
  assert.equal(await far.sum(numbers(3)), 3);
});

Deno.test("stream: the consumer's pool dies, and the generator is freed", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 2 })] });
  const consumer = await host.createActor(Consumer, [], { place: onPool(2) });
  const near = await host.createActor(Source, [], { place: mainPool() });
  const far = await host.createActor(Source, [], { place: onPool(1) });
  const told = { ended: 0 };
  const given = consumer.sum(numbers(Infinity, told));
  given.catch(() => {});
  const others = [consumer.startReading(near, 5), consumer.startReading(far, 5)];
  others.forEach((call) => call.catch(() => {}));
  const second = await host.createActor(Consumer, [], { place: onPool(2) });
  assert.equal(await second.startReading(near, 5), 4);
  assert.equal(await second.startReading(far, 5), 4);
  consumer.close.tell();
  await Promise.all([near.whenEnded(1), far.whenEnded(1)]);
  await assert.rejects(given, PoolLostError);
  await Promise.allSettled(others);
  assert.equal(told.ended, 1);
});

Deno.test("stream: the consumer's host stops, and the generator is freed", async () => {
  const [host, owner] = await startTwoHosts({ modules: [STREAMS] });
  await using _ = owner;
  const source = await owner.createActor(Source, [], { place: mainPool() });
  const inWorker = await owner.createActor(Source, [], { place: onPool(owner.pools()[1]!) });
  const consumer = await host.createActor(Consumer, [], { place: onPool(host.pools()[1]!) });
  assert.equal(await consumer.startReading(source, 5), 4);
  assert.equal(await consumer.startReading(inWorker, 5), 4);
  const main = source.countAsync(1_000_000);
  await host.stop();
  await Promise.all([source.whenEnded(1), inWorker.whenEnded(1)]);
  assert.equal((await collect(await source.count(3))).length, 3);
  assert(main !== undefined);
});

Deno.test("stream: the producer's host stops", async () => {
  const [host, owner] = await startTwoHosts();
  await using _ = host;
  const remote = await host.createActor(Source, [], { place: onPool(owner.pools()[1]!) });
  const iterator = remote.count.with({ window: 10 })(1000)[Symbol.asyncIterator]();
  await iterator.next();
  await owner.stop();
  let seen = 1;
  const rest = async () => {
    for (; !(await iterator.next()).done; seen++);
  };
  await assert.rejects(rest(), (error) => {
    assert(error instanceof ActorStoppedError || error instanceof HostLostError, String(error));
    return true;
  });
  assert(seen >= 10);
  await assert.rejects(collect(remote.count(3)), (error) => {
    assert(error instanceof PoolLostError || error instanceof HostLostError, String(error));
    return true;
  });
});

Deno.test("stream: the host stops while its own program reads", async () => {
  const host = await startHost({ pools: [workerPool({ count: 1 })] });
  const near = await host.createActor(Source, [], { place: mainPool() });
  const far = await host.createActor(Source, [], { place: onPool(1) });
  const iterators = [near, far].map((source) => source.count(1000)[Symbol.asyncIterator]());
  await Promise.all(iterators.map((iterator) => iterator.next()));
  const ends = iterators.map(async (iterator) => {
    try {
      while (!(await iterator.next()).done);
      return null;
    } catch (error) {
      return error;
    }
  });
  const stopped = host.stop();
  for (const end of await Promise.all(ends)) {
    // A stream is whole or fails: nothing that is cut off looks complete.
    if (end !== null) assert(end instanceof ActorStoppedError || end instanceof PoolLostError);
  }
  await stopped;
});
