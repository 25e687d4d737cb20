import assert from "node:assert/strict";
import { Codec } from "../../src/core/codec.ts";
import { NotSerializableError } from "../../src/core/message_errors.ts";
import type { CallFrame, TellFrame } from "../../src/core/protocol.ts";
import { transfer } from "../../src/core/transfer.ts";
import type { Link } from "../../src/link/link.ts";
import { argsOf, assertSameBytes, Ear, pattern, random, raw, tell } from "./link_helpers.ts";

/** Two ends of one link, and what must be freed after both are closed. */
export interface LinkPair {
  readonly a: Link;
  readonly b: Link;
  dispose?(): Promise<void>;
}

/** What the suite has to know of an implementation. */
export interface LinkContract {
  /** For the names of the tests. */
  readonly name: string;
  /** Whether a SharedArrayBuffer is shared by both ends; else it is refused. */
  readonly sharesMemory: boolean;
  /** A fresh link, none of its ends open yet. */
  pair(codec: Codec): Promise<LinkPair>;
}

/** Registers the suite that every link has to pass. */
export function testLinkContract({ name, sharesMemory, pair }: LinkContract): void {
  const codec = new Codec();

  /** One test on one link, both ends of which are closed after it, heard of once by each. */
  function test(
    behaviour: string,
    body: (link: { a: Link; b: Link; earA: Ear; earB: Ear }) => Promise<void> | void,
  ): void {
    Deno.test(`${name} ${behaviour}`, async () => {
      const { a, b, dispose } = await pair(codec);
      const [earA, earB] = [new Ear(a), new Ear(b)];
      try {
        await body({ a, b, earA, earB });
      } finally {
        a.close();
        b.close();
        await Promise.all([earA.closing, earB.closing]);
        await dispose?.();
      }
      assert.equal(earA.closings.length, 1, "closings heard by a");
      assert.equal(earB.closings.length, 1, "closings heard by b");
    });
  }

  test("moves frames in order, both ways at once", async ({ a, b, earA, earB }) => {
    for (let id = 1; id <= 100; id++) {
      a.send(tell(id, id));
      b.send(tell(1000 + id, "back"));
      if (id % 10 === 0) await Promise.resolve();
    }
    const there = await earB.heard(100);
    const back = await earA.heard(100);
    assert.deepEqual(there.map((frame) => frame.id), Array.from({ length: 100 }, (_, i) => i + 1));
    assert.deepEqual(back.map((frame) => frame.id), there.map((frame) => frame.id + 1000));
    assert.deepEqual(codec.decode(there[6]!), tell(7, 7));
  });

  test("sends what one turn says together", async ({ a, earB }) => {
    for (let id = 1; id <= 20; id++) a.send(tell(id));
    await earB.heard(20);
    assert.equal(earB.arrivals, 1);
  });

  test("moves 10,000 small frames of one turn in order", async ({ a, earB }) => {
    for (let id = 1; id <= 10_000; id++) a.send(tell(id, "small"));
    const frames = await earB.heard(10_000);
    assert.ok(frames.every((frame, index) => frame.id === index + 1));
  });

  for (const size of [0, 100, 1_400, 20_000, 65_536, 1_000_000, 20_000_000]) {
    test(`moves ${size} bytes there and back`, async ({ a, b, earA, earB }) => {
      const payload = pattern(size);
      a.send(tell(1, "before"));
      a.send(tell(2, payload));
      a.send(tell(3, "after"));
      const there = await earB.heard(3);
      assert.deepEqual(there.map((frame) => frame.id), [1, 2, 3]);
      const [arrived] = argsOf(codec.decode(there[1]!)) as [Uint8Array];
      assertSameBytes(arrived, payload);
      b.send(tell(4, arrived));
      const [back] = await earA.heard(1);
      assertSameBytes(argsOf(codec.decode(back!))[0] as Uint8Array, payload);
      assert.equal(payload.byteLength, size, "the sender keeps what it did not transfer");
    });
  }

  test("keeps the order of large and small frames of many turns", async ({ a, earB }) => {
    const sizes = [10, 300_000, 0, 1_000_000, 50, 5_000, 600_000, 1];
    for (const [index, size] of sizes.entries()) {
      a.send(tell(index, new Uint8Array(size)));
      if (index % 2 === 1) await Promise.resolve();
    }
    const frames = await earB.heard(sizes.length);
    const lengths = frames.map((frame) => (argsOf(codec.decode(frame))[0] as Uint8Array).length);
    assert.deepEqual(lengths, sizes);
  });

  test("keeps the order from one pool to one actor in random turns", async ({ a, earB }) => {
    const next = random(20_240_607);
    const pick = <T>(...items: T[]) => items[Math.floor(next() * items.length)]!;
    const sent = new Map<string, number[]>();
    let count = 0;
    for (let round = 0; round < 200; round++) {
      for (let left = 1 + next() * 8; left > 0; left--) {
        const size = next() < 0.15 ? 100_000 + next() * 500_000 : next() * pick(50, 5_000, 80_000);
        const from = { host: 1, pool: pick(0, 1) };
        const uid = pick("a", "b", "ein Zähler");
        const payload = new Uint8Array(size);
        const frame = { ...tell(count, payload), kind: pick("call", "tell"), from, uid } as const;
        if (next() < 0.5) a.send(frame);
        else a.forward(raw(codec, frame));
        const order = `${from.pool} ${uid}`;
        sent.set(order, [...sent.get(order) ?? [], count++, payload.length]);
      }
      if (next() < 0.7) await new Promise<void>(pick(queueMicrotask, (done) => setTimeout(done)));
    }
    const arrived = new Map<string, number[]>();
    for (const arrival of await earB.heard(count)) {
      const { id, from, uid, args } = codec.decode(arrival) as CallFrame | TellFrame;
      const order = `${from.pool} ${uid}`;
      arrived.set(order, [...arrived.get(order) ?? [], id, (args[0] as Uint8Array).length]);
    }
    for (const [order, frames] of sent) assert.deepEqual(arrived.get(order), frames, order);
  });

  test("keeps a cancel behind its large call, and a goodbye behind everything", async (link) => {
    const { a, earB } = link;
    const to = (uid: string, id: number, size: number) => ({ ...tell(id, pattern(size)), uid });
    a.send({ ...to("a", 1, 1_000_000), kind: "call" });
    a.send(to("b", 2, 1_500_000));
    a.send({ ...tell(3), kind: "cancel", uid: "a", reason: null });
    a.send({ ...tell(4), kind: "goodbye", code: "ended", reason: "enough", error: null });
    a.send({ ...tell(5), kind: "ping" });
    const ids = (await earB.heard(5)).map((frame) => frame.id);
    assert.ok(ids.indexOf(3) > ids.indexOf(1), String(ids));
    assert.deepEqual(ids.slice(3), [4, 5]);
  });

  test("keeps everything behind a large frame that is about no actor", async ({ a, earB }) => {
    const pools = { ...tell(2), kind: "pools", pools: [] } as const;
    const device = { kind: "cpu", name: "x".repeat(500_000), features: [], limits: {} } as const;
    const pool = { host: 1, pool: 1, name: "p", kind: "worker", labels: [], actors: 0 } as const;
    a.send({ ...tell(1, pattern(300_000)), uid: "a" });
    a.send({ ...pools, pools: [{ ...pool, device }] });
    a.send({ ...pools, id: 3 });
    a.send({ ...tell(4), uid: "b" });
    assert.deepEqual((await earB.heard(4)).map((frame) => frame.id), [1, 2, 3, 4]);
  });

  test("carries several segments in one frame", async ({ a, earB }) => {
    const floats = Float64Array.from({ length: 2_000 }, (_, i) => i / 3);
    for (const size of [70_000, 700_000]) {
      const args = [pattern(5_000), { nested: [floats] }, pattern(size).buffer, "x".repeat(size)];
      a.send(tell(1, ...args));
      const frame = (await earB.heard(earB.frames.length + 1)).at(-1);
      assert.deepEqual(argsOf(codec.decode(frame!)), args);
    }
  });

  test("detaches a buffer that is transferred", async ({ a, earB }) => {
    const moved = pattern(100_000);
    const expected = moved.slice();
    a.send(tell(1, transfer(moved)));
    const [frame] = await earB.heard(1);
    assert.equal(moved.byteLength, 0);
    assertSameBytes(argsOf(codec.decode(frame!))[0] as Uint8Array, expected);
  });

  if (sharesMemory) {
    test("shares a SharedArrayBuffer", async ({ a, earB }) => {
      const shared = new SharedArrayBuffer(8192);
      a.send(tell(1, shared));
      const [frame] = await earB.heard(1);
      const [arrived] = argsOf(codec.decode(frame!)) as [SharedArrayBuffer];
      assert.ok(arrived instanceof SharedArrayBuffer);
      new Uint8Array(arrived)[8191] = 42;
      assert.equal(new Uint8Array(shared)[8191], 42);
    });
  } else {
    test("refuses a SharedArrayBuffer", async ({ a, earB }) => {
      assert.throws(() => a.send(tell(1, new SharedArrayBuffer(8192))), NotSerializableError);
      a.send(tell(2));
      assert.deepEqual((await earB.heard(1)).map((frame) => frame.id), [2]);
    });
  }

  test("sends nothing of a frame that cannot travel and stays usable", async ({ a, earB }) => {
    a.send(tell(1));
    assert.throws(
      () => a.send(tell(2, pattern(5_000), { onDone: () => {} })),
      NotSerializableError,
    );
    a.send(tell(3, pattern(5_000)));
    const frames = await earB.heard(2);
    assert.deepEqual(frames.map((frame) => frame.id), [1, 3]);
    assertSameBytes(argsOf(codec.decode(frames[1]!))[0] as Uint8Array, pattern(5_000));
  });

  for (const size of [100_000, 1_000_000]) {
    test(`forwards a frame of ${size} bytes as it is, one hop further`, async ({ a, earB }) => {
      const second = await pair(codec);
      const [earC, earD] = [new Ear(second.a), new Ear(second.b)];
      a.send(tell(7, "small", pattern(size)));
      const [arrived] = await earB.heard(1);
      const body = arrived!.body.slice();
      second.a.forward(arrived!);
      const [forwarded] = await earD.heard(1);
      assert.equal(forwarded!.hops, arrived!.hops + 1);
      assertSameBytes(forwarded!.body, body);
      assert.deepEqual(codec.decode(forwarded!), tell(7, "small", pattern(size)));
      second.a.close();
      await Promise.all([earC.closing, earD.closing]);
      await second.dispose?.();
    });
  }

  test("flushes before it closes, and both sides hear of it without an error", async (link) => {
    const { a, earA, earB } = link;
    for (let id = 1; id <= 2_000; id++) a.send(tell(id));
    for (const uid of ["a", "b", "a"]) a.send({ ...tell(2_001, pattern(1_000_000)), uid });
    a.send({ ...tell(2_002), uid: "a" });
    a.close();
    a.close();
    assert.equal(await earB.closing, undefined);
    assert.equal(await earA.closing, undefined);
    assert.equal(earB.frames.length, 2_004);
  });

  test("ignores what is sent after its end", async ({ a, b, earA, earB }) => {
    b.send(tell(1));
    b.close();
    await Promise.all([earA.closing, earB.closing]);
    a.send(tell(2));
    b.send(tell(3));
    a.forward(earA.frames[0]!);
    assert.equal(earB.frames.length, 0);
  });

  test("delivers nothing more to an owner that has closed it", async ({ a, b, earA }) => {
    const frames: number[] = [];
    const second = await pair(codec);
    const closed = Promise.withResolvers<void>();
    second.b.open({
      frame: (frame) => {
        frames.push(frame.id);
        if (frame.id === 2) second.b.close();
      },
      closed: () => closed.resolve(),
    });
    const ear = new Ear(second.a);
    for (let id = 1; id <= 4; id++) second.a.send(tell(id));
    await Promise.all([closed.promise, ear.closing]);
    assert.deepEqual(frames, [1, 2]);
    await second.dispose?.();
    // The link of this test is another one, and still alive.
    b.send(tell(1));
    await earA.heard(1);
    a.close();
  });

  test("ends with the error that its owner throws", async ({ a, b, earA, earB }) => {
    const error = new Error("the owner is broken");
    earB.frame = () => {
      throw error;
    };
    a.send(tell(1));
    assert.equal(await earB.closing, error);
    const cause = await earA.closing;
    assert.match(cause!.message, /the owner is broken/);
    b.send(tell(2));
  });

  Deno.test(`${name} keeps frames, and its end, for an owner that opens later`, async () => {
    const { a, b, dispose } = await pair(codec);
    const earA = new Ear(a);
    for (let id = 1; id <= 3; id++) a.send(tell(id));
    await new Promise((resolve) => setTimeout(resolve));
    const earB = new Ear(b);
    a.send(tell(4));
    assert.deepEqual((await earB.heard(4)).map((frame) => frame.id), [1, 2, 3, 4]);
    a.close();
    assert.equal(await earB.closing, undefined);
    await earA.closing;
    await dispose?.();

    const second = await pair(codec);
    const earC = new Ear(second.a);
    second.a.send(tell(1));
    second.a.close();
    await new Promise((resolve) => setTimeout(resolve));
    const earD = new Ear(second.b);
    assert.equal(await earD.closing, undefined);
    assert.equal(earD.frames.length, 1);
    await earC.closing;
    await second.dispose?.();
  });
}
