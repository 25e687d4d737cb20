import assert from "node:assert/strict";
import { StreamReader, type StreamUpstream } from "../../src/pool/stream_reader.ts";

/** A producer that writes down what it is told. */
class Upstream implements StreamUpstream {
  readonly owner = { host: 1, pool: 0 };
  readonly credits: number[] = [];
  begun = 0;
  drops = 0;
  ends = 0;
  onBegin: () => void = () => {};
  begin(): void {
    this.begun++;
    this.onBegin();
  }
  onCredit: () => void = () => {};
  credit(count: number): void {
    this.credits.push(count);
    this.onCredit();
  }
  drop(): void {
    this.drops++;
  }
  ended(): void {
    this.ends++;
  }
}

function open(window: number): { reader: StreamReader; upstream: Upstream } {
  const upstream = new Upstream();
  return { reader: new StreamReader(upstream, window), upstream };
}

const DONE = { done: true, value: undefined };

Deno.test("StreamReader: asks for nothing before its first next()", async () => {
  const { reader, upstream } = open(4);
  assert.deepEqual([upstream.begun, upstream.credits], [0, []]);
  const first = reader.next();
  const second = reader.next();
  assert.deepEqual([upstream.begun, upstream.credits], [1, [4]]);
  reader.take(["a", "b"]);
  assert.deepEqual(await first, { done: false, value: "a" });
  assert.deepEqual(await second, { done: false, value: "b" });
});

Deno.test("StreamReader: what a producer sends as soon as there is room comes after what came before", async () => {
  const { reader, upstream } = open(2);
  const nexts = Array.from({ length: 5 }, () => reader.next());
  let sent = 3;
  upstream.onCredit = () => {
    if (sent < 5) reader.take([sent++]);
  };
  reader.take([0, 1, 2]);
  const values = (await Promise.all(nexts)).map(({ value }) => value);
  assert.deepEqual(values, [0, 1, 2, 3, 4]);
});

Deno.test("StreamReader: credit is what has been consumed, never more than the window in all", async () => {
  for (const window of [1, 2, 3, 5, 16]) {
    const { reader, upstream } = open(window);
    let sent = 0;
    for (let consumed = 0; consumed < 100; consumed++) {
      const next = reader.next();
      const room = upstream.credits.reduce((sum, count) => sum + count, 0);
      if (sent === consumed) {
        assert(room > sent, "it waits, and the producer may go on");
        reader.take(Array.from({ length: room - sent }, (_, i) => sent + i));
        sent = room;
      }
      assert.deepEqual(await next, { done: false, value: consumed });
      const granted = upstream.credits.reduce((sum, count) => sum + count, 0);
      assert(granted - (consumed + 1) <= window, `${granted} granted, ${consumed + 1} consumed`);
    }
  }
});

Deno.test("StreamReader: the end comes after the items", async () => {
  const { reader, upstream } = open(4);
  const first = reader.next();
  reader.take([1, 2]);
  reader.end(false, undefined);
  reader.end(true, new Error("too late"));
  assert.equal(upstream.ends, 1);
  assert.equal((await first).value, 1);
  assert.equal((await reader.next()).value, 2);
  assert.deepEqual(await reader.next(), DONE);
  assert.deepEqual(await reader.next(), DONE);
  assert.equal(upstream.drops, 0);
});

Deno.test("StreamReader: an error is thrown once", async () => {
  const { reader } = open(4);
  const waiting = [reader.next(), reader.next(), reader.next()];
  reader.take([1]);
  reader.end(true, new RangeError("mine"));
  const settled = await Promise.allSettled(waiting);
  assert.deepEqual(settled.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assert.deepEqual(await reader.next(), DONE);
  const late = open(4);
  const first = late.reader.next();
  late.reader.take([1, 2]);
  late.reader.end(true, new RangeError("mine"));
  await first;
  assert.equal((await late.reader.next()).value, 2);
  await assert.rejects(late.reader.next(), /mine/);
  assert.deepEqual(await late.reader.next(), DONE);
});

Deno.test("StreamReader: return() drops once, and forgets what has come", async () => {
  const { reader, upstream } = open(4);
  const first = reader.next();
  reader.take([1, 2]);
  await first;
  const waiting = reader.return();
  assert.deepEqual(await waiting, DONE);
  assert.deepEqual(await reader.return(), DONE);
  reader.take([3]);
  assert.deepEqual(await reader.next(), DONE);
  assert.deepEqual([upstream.drops, upstream.ends], [1, 1]);
  const unread = open(4);
  await unread.reader.return();
  assert.deepEqual(await unread.reader.next(), DONE);
  assert.deepEqual([unread.upstream.begun, unread.upstream.drops], [0, 1]);
  assert.deepEqual(unread.upstream.credits, []);
});

Deno.test("StreamReader: return() settles what waits", async () => {
  const { reader } = open(4);
  const waiting = [reader.next(), reader.next()];
  await reader.return();
  assert.deepEqual(await Promise.all(waiting), [DONE, DONE]);
});

Deno.test("StreamReader: giveUp ends it with the reason, and drops", async () => {
  const { reader, upstream } = open(4);
  const first = reader.next();
  reader.take([1, 2]);
  await first;
  reader.giveUp(new RangeError("enough"));
  reader.giveUp(new RangeError("again"));
  await assert.rejects(reader.next(), /enough/);
  assert.deepEqual(await reader.next(), DONE);
  assert.deepEqual([upstream.drops, upstream.ends], [1, 1]);
});

Deno.test("StreamReader: one that is ended as it begins asks for nothing", async () => {
  const { reader, upstream } = open(4);
  upstream.onBegin = () => reader.end(true, new TypeError("read already"));
  await assert.rejects(reader.next(), /read already/);
  assert.deepEqual(upstream.credits, []);
});
