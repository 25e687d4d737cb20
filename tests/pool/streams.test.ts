import assert from "node:assert/strict";
import type { PoolAddress } from "../../src/core/address.ts";
import { Deadlines } from "../../src/core/deadlines.ts";
import { PoolLostError } from "../../src/core/host_errors.ts";
import type { Frame, RawFrame } from "../../src/core/protocol.ts";
import { RemoteStream } from "../../src/actor/remote_stream.ts";
import { Scopes } from "../../src/actor/scopes.ts";
import { poolCodec } from "../../src/pool/pool_codec.ts";
import { Streams } from "../../src/pool/streams.ts";

/** Pools that hand each other frames at once. */
class Net {
  readonly #pools: Streams[] = [];
  readonly #addresses: PoolAddress[] = [];
  readonly deadlines = new Deadlines();
  /** Frames to this pool fail. */
  lostPool: number | undefined;
  /** Looks at each frame; `false` keeps it back. */
  pass: (frame: Frame) => boolean = () => true;

  pool(pool: number, unreadMs?: number): Streams {
    const address = { host: 1, pool };
    const streams: Streams = new Streams({
      address,
      codec: poolCodec(() => ({ streams }) as never),
      router: { send: (frame) => this.send(frame), forward: () => {} },
      deadlines: this.deadlines,
      scopes: new Scopes(),
      failure: (thrown) => thrown as Error,
      ...(unreadMs === undefined ? {} : { unreadMs }),
    });
    this.#pools[pool] = streams;
    this.#addresses[pool] = address;
    return streams;
  }

  send(frame: Frame): void {
    if (frame.to.pool === this.lostPool) throw new PoolLostError("it is gone", "lost");
    if (this.pass(frame)) this.#pools[frame.to.pool]!.receive(frame as never);
  }

  /** The stream as it is in another pool. */
  arrive<T>({ owner, id }: RemoteStream<T>, at: number): RemoteStream<T> {
    return new RemoteStream(owner, id, this.#pools[at]!);
  }

  /** Whether everything is over. */
  get isEmpty(): boolean {
    return this.deadlines.size === 0 && this.#pools.every(({ size }) => size === 0);
  }
}

/** Counts its ends. */
class Numbers {
  ended = 0;
  async *to(count: number): AsyncGenerator<number> {
    try {
      for (let i = 0; i < count; i++) yield i;
    } finally {
      this.ended++;
    }
  }
}

async function sum(items: AsyncIterable<unknown>): Promise<number> {
  let sum = 0;
  for await (const item of items) sum += item as number;
  return sum;
}

/** Some turns of the event loop. */
async function turns(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

Deno.test("Streams: nothing is left of a stream that was read to its end, left or given up", async () => {
  const net = new Net();
  const here = net.pool(0);
  net.pool(1);
  const numbers = new Numbers();
  for (const at of [0, 1]) {
    assert.equal(await sum(net.arrive(here.offer(numbers.to(100)), at)), 4950);
    for await (const i of net.arrive(here.offer(numbers.to(100)), at)) if (i === 70) break;
    const controller = new AbortController();
    const stream = net.arrive(here.offer(numbers.to(100)), at);
    stream.reading = { signal: controller.signal };
    const reading = (async () => {
      for await (const i of stream) if (i === 50) controller.abort(new RangeError("enough"));
    })();
    await assert.rejects(reading, /enough/);
    await turns();
    assert(net.isEmpty, `in pool ${at}`);
  }
  assert.equal(numbers.ended, 6);
});

Deno.test("Streams: one that nobody reads in time is dropped", async () => {
  const net = new Net();
  const here = net.pool(0, 5);
  net.pool(1);
  const dropped = Promise.withResolvers<void>();
  const stream = here.offer({
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.reject(new Error("nobody has asked")),
      return: () => {
        dropped.resolve();
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  });
  assert.equal(here.size, 1);
  await dropped.promise;
  assert(net.isEmpty);
  await assert.rejects(sum(net.arrive(stream, 1)), /nobody read it in time/);
  await assert.rejects(sum(stream), /nobody read it in time/);
  assert(net.isEmpty);
});

Deno.test("Streams: one that is read has all the time", async () => {
  const net = new Net();
  const here = net.pool(0, 5);
  net.pool(1);
  const iterator = net.arrive(here.offer(new Numbers().to(2)), 1)[Symbol.asyncIterator]();
  await iterator.next();
  assert.equal(net.deadlines.size, 0);
  await iterator.return!();
});

Deno.test("Streams: it is read once, in one pool or in two", async () => {
  const net = new Net();
  const here = net.pool(0);
  net.pool(1);
  net.pool(2);
  const numbers = new Numbers();
  const stream = here.offer(numbers.to(100));
  const first = net.arrive(stream, 1)[Symbol.asyncIterator]();
  await first.next();
  for (const at of [0, 1, 2]) {
    const again = net.arrive(stream, at);
    await assert.rejects(sum(again), { name: "TypeError", message: /can be read once/ });
  }
  let rest = 1;
  while (!(await first.next()).done) rest++;
  assert.equal(rest, 100);
  await turns();
  assert(net.isEmpty);
});

Deno.test("Streams: who is not the consumer can neither drop it nor feed it", async () => {
  const net = new Net();
  const here = net.pool(0);
  net.pool(1);
  const stream = here.offer(new Numbers().to(3));
  const { id, owner } = stream;
  const iterator = net.arrive(stream, 1)[Symbol.asyncIterator]();
  await iterator.next();
  const stranger = { host: 9, pool: 9 };
  net.pass = ({ to }) => to.pool !== 9;
  here.receive({ kind: "drop", id, to: owner, from: stranger });
  here.receive({ kind: "credit", id, to: owner, from: stranger, count: 5 });
  net.send({ kind: "items", id, to: { host: 1, pool: 1 }, from: stranger, values: ["x"] });
  net.send({
    kind: "end",
    id,
    to: { host: 1, pool: 1 },
    from: stranger,
    failed: false,
    error: undefined,
  });
  assert.deepEqual(await iterator.next(), { done: false, value: 1 });
  assert.deepEqual(await iterator.next(), { done: false, value: 2 });
  assert.equal((await iterator.next()).done, true);
  assert(net.isEmpty);
});

Deno.test("Streams: what can be iterated once is one stream, however often it is sent", () => {
  const net = new Net();
  const here = net.pool(0);
  const generator = new Numbers().to(3);
  assert.equal(here.offer(generator), here.offer(generator));
  const web = ReadableStream.from([1]);
  assert.equal(here.offer(web), here.offer(web));
  const many = { [Symbol.asyncIterator]: () => new Numbers().to(3) };
  assert.notEqual(here.offer(many), here.offer(many));
  here.stop();
  assert(net.isEmpty);
});

Deno.test("Streams: the other pool is lost", async () => {
  const net = new Net();
  const here = net.pool(0);
  const there = net.pool(1);
  const numbers = new Numbers();
  const read = net.arrive(here.offer(numbers.to(1000)), 1)[Symbol.asyncIterator]();
  await read.next();
  const gone = new PoolLostError("pool 0 is gone", "exit");
  there.lost(({ pool }) => pool === 0, gone);
  const rest = async () => {
    while (!(await read.next()).done);
  };
  await assert.rejects(rest(), PoolLostError);
  here.lost(({ pool }) => pool === 1, gone);
  await turns();
  assert.equal(numbers.ended, 1);
  net.lostPool = 0;
  const never = net.arrive(new RemoteStream({ host: 1, pool: 0 }, 77, there), 1);
  await assert.rejects(sum(never), PoolLostError);
  assert(net.isEmpty);
});

Deno.test("Streams: a pool that stops cuts nothing off as if it were complete", async () => {
  const net = new Net();
  const here = net.pool(0);
  const there = net.pool(1);
  const numbers = new Numbers();
  const iterator = net.arrive(here.offer(numbers.to(1000)), 1)[Symbol.asyncIterator]();
  await iterator.next();
  there.stop();
  await assert.rejects(iterator.next(), PoolLostError);
  await turns();
  assert.equal(numbers.ended, 1);
  assert(net.isEmpty);
});

Deno.test("Streams: a frame that cannot be delivered ends the stream on both sides", async () => {
  const net = new Net();
  const here = net.pool(0);
  const there = net.pool(1);
  const numbers = new Numbers();
  for (const kind of ["items", "credit"] as const) {
    const stream = here.offer(numbers.to(1000));
    const kept: Frame[] = [];
    net.pass = (frame) => frame.kind !== kind || kept.push(frame) === 0;
    const next = net.arrive(stream, 1)[Symbol.asyncIterator]().next();
    await turns();
    const refuser = kind === "items" ? there : here;
    refuser.refuse(kept[0] as unknown as RawFrame, new RangeError("cannot be read"));
    await assert.rejects(next, /cannot be read/);
    net.pass = () => true;
    if (kind === "credit") here.stop();
    await turns();
    assert(net.isEmpty, kind);
  }
  assert.equal(numbers.ended, 1);
});
