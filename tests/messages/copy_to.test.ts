import assert from "node:assert/strict";
import {
  type ActorRef,
  BufferRef,
  type CopySource,
  type Host,
  onPool,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { startSecondHost } from "../../examples/second_host.ts";
import { firstWrong, Keeper, pattern } from "../fixtures/buffer_actors.ts";
import { startTwoHosts, testEverywhere } from "../integration/placements.ts";
import { Trickle } from "./trickle.ts";

const MIB = 2 ** 20;
const SIZES = [0, 1, 4096, 4097, MIB - 1, MIB, MIB + 1, 4 * MIB - 1, 4 * MIB + 1];

testEverywhere("copyTo: every byte arrives, whatever the size", async (stage) => {
  const keeper = await stage.create(Keeper, []);
  for (const size of SIZES) {
    await stage.host.copyTo(pattern(size), await keeper.keep(size));
    assert.equal(await keeper.firstWrong(size), -1, `${size} bytes`);
  }
});

testEverywhere("copyTo: more than a message may have, there and back", async (stage) => {
  // More than a message may have; of a link, since elsewhere the size makes no difference.
  const size = (stage.host === stage.owner ? 5 : 64) * MIB + 3;
  const keeper = await stage.create(Keeper, []);
  await stage.host.copyTo(pattern(size), await keeper.keep(size));
  assert.equal(await keeper.firstWrong(size), -1);
  const bytes = new Uint8Array(size);
  using ref = stage.host.bufferRef(bytes);
  await keeper.send(size, ref);
  assert.equal(firstWrong(bytes, size, 0), -1);
});

testEverywhere("copyTo: an actor writes to the memory of the host that calls it", async (stage) => {
  const keeper = await stage.create(Keeper, []);
  for (const size of SIZES) {
    const bytes = new Uint8Array(size + 5);
    using ref = stage.host.bufferRef(bytes);
    await keeper.send(size, ref, "plain", { offset: 5 });
    assert.equal(firstWrong(bytes, size, 5), -1, `${size} bytes`);
  }
});

testEverywhere("copyTo: views on either side, and nothing beside them", async (stage) => {
  const keeper = await stage.create(Keeper, []);
  const size = 2 * MIB + 6;
  const whole = new Uint8Array(size + 32).fill(255);
  whole.set(pattern(size), 10);
  const sources: CopySource[] = [
    whole.subarray(10, 10 + size),
    new DataView(whole.buffer, 10, size),
    new Float16Array(whole.buffer, 10, size / 2),
    whole.slice(10, 10 + size).buffer,
  ];
  for (const source of sources) {
    await stage.host.copyTo(source, await keeper.keep(size, "inner"));
    assert.equal(await keeper.firstWrong(size, 8), -1);
  }
  // A shorter source leaves the rest, an offset what is before it.
  await stage.host.copyTo(whole.subarray(10, 110), await keeper.keep(300, "inner"), { offset: 50 });
  assert.equal(await keeper.firstWrong(100, 58), -1);
});

testEverywhere("copyTo: shared memory on either side", async (stage) => {
  const keeper = await stage.create(Keeper, []);
  for (const size of [1, 4097, 3 * MIB + 1]) {
    const shared = new Uint8Array(new SharedArrayBuffer(size));
    shared.set(pattern(size));
    await stage.host.copyTo(shared, await keeper.keep(size, "shared"));
    assert.equal(await keeper.firstWrong(size), -1);
    const back = new SharedArrayBuffer(size);
    using ref = stage.host.bufferRef(back);
    await keeper.send(size, ref, "shared");
    assert.equal(firstWrong(new Uint8Array(back), size, 0), -1);
  }
});

testEverywhere("copyTo: of many, one that fails stops no other", async (stage) => {
  const { host } = stage;
  const keepers = await Promise.all(Array.from({ length: 5 }, () => stage.create(Keeper, [])));
  const refs = await Promise.all(keepers.map((keeper) => keeper.keep(6 * MIB)));
  await keepers[1]!.dispose();
  const error = await rejection(host.copyTo(refs.map(() => pattern(6 * MIB)), refs));
  assert.ok(error instanceof AggregateError);
  assert.deepEqual(error.errors.map(({ name }) => name), ["BufferNotFoundError"]);
  assert.match(error.message, /^1 of 5 copies failed:\n {2}targets\[1\], buffer \w+ in pool \d/);
  for (const [i, keeper] of keepers.entries()) {
    assert.equal(await keeper.firstWrong(i === 1 ? 0 : 6 * MIB), -1, `keeper ${i}`);
  }
  await host.copyTo([], []);
});

testEverywhere("copyTo: a ref that has ended is not written to", async (stage) => {
  const { host } = stage;
  const ended = async (end: (keeper: ActorRef<Keeper>, ref: BufferRef) => unknown) => {
    const keeper = await stage.create(Keeper, []);
    const ref = await keeper.keep(8);
    await host.copyTo(pattern(8), ref);
    await end(keeper, ref);
    await assert.rejects(host.copyTo(pattern(8), ref), {
      name: "BufferNotFoundError",
      message: /buffer \w+ in pool/,
    });
  };
  await ended((keeper) => keeper.dispose());
  await ended((keeper) => keeper.moveAway());
  await ended((keeper) => host.destroyActor(keeper));
  await ended((keeper) => host.killActor(keeper));
  // By a holder: what comes after it from there finds it gone.
  await ended((_, ref) => ref.dispose());
  await ended(async (keeper, ref) => {
    using returned = await keeper.echo(ref);
    assert.deepEqual({ ...returned }, { ...ref });
  });
  assert.equal(stage.letters, 0);
});

testEverywhere("bufferRef: ends with its actor, in whatever code it was made", async (stage) => {
  const keeper = await stage.create(Keeper, []);
  const ref = await keeper.keepLater(4);
  await stage.host.copyTo(pattern(4), ref);
  await stage.host.destroyActor(keeper);
  await assert.rejects(stage.host.copyTo(pattern(4), ref), { name: "BufferNotFoundError" });
});

testEverywhere("copyTo: what does not fit is refused, here and by the owner", async (stage) => {
  const { host } = stage;
  const keeper = await stage.create(Keeper, []);
  const ref = await keeper.keep(10);
  await assert.rejects(host.copyTo(pattern(11), ref), {
    name: "RangeError",
    message: /^Cannot copy 11 bytes of source to 0 of buffer \w+ in pool .*, which has 10 bytes$/,
  });
  await assert.rejects(host.copyTo(pattern(10), ref, { offset: 1 }), RangeError);
  await assert.rejects(host.copyTo([pattern(1), pattern(11)], [ref, ref]), /source|s\[1\]/);
  assert.equal(await keeper.firstWrong(0), -1);
  // One who lies about the size, or guesses a number, reaches nothing.
  const { owner, id } = ref;
  const nobody = { free: () => {} };
  const forged = new BufferRef({ owner, id, byteLength: 2 * MIB }, nobody);
  await assert.rejects(host.copyTo(pattern(11), forged), { name: "RangeError" });
  await assert.rejects(host.copyTo(pattern(2 * MIB), forged), { name: "RangeError" });
  assert.equal(await keeper.firstWrong(0), -1);
  for (const other of [id + 1, 1, -1, 0.5]) {
    const guessed = new BufferRef({ owner, id: other, byteLength: 10 }, nobody);
    await assert.rejects(host.copyTo(pattern(1), guessed), { name: "BufferNotFoundError" });
  }
  await host.copyTo(pattern(10), ref);
  assert.equal(await keeper.firstWrong(10), -1);
});

Deno.test("copyTo: a pool that has no buffers has none of another's", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1 })] });
  const bytes = new Uint8Array(4);
  using ref = host.bufferRef(bytes);
  const owner = { host: host.id, pool: 1 };
  const moved = new BufferRef({ owner, id: ref.id, byteLength: 4 }, { free: () => {} });
  await assert.rejects(host.copyTo(pattern(4), moved), { name: "BufferNotFoundError" });
  assert.equal(firstWrong(bytes, 0, 0), -1);
});

Deno.test("copyTo: from worker to worker, and across hosts from worker to worker", async () => {
  const [host, owner] = await startTwoHosts({ pools: [workerPool({ count: 2 })] });
  try {
    const pools = [...host.pools(), ...owner.pools()].filter((pool, i, all) =>
      pool.kind === "worker" &&
      all.findIndex((one) => one.host === pool.host && one.pool === pool.pool) === i
    );
    const keepers = await Promise.all(
      pools.map((pool) => host.createActor(Keeper, [], { place: onPool(pool) })),
    );
    assert.equal(keepers.length, 4);
    const size = 5 * MIB + 1;
    for (const [i, keeper] of keepers.entries()) {
      const ref = await keeper.keep(size);
      const sender = keepers[(i + 1) % 4]!;
      await sender.send(size, ref, i % 2 === 0 ? "plain" : "shared");
      assert.equal(await keeper.firstWrong(size), -1);
    }
  } finally {
    await host.stop();
    await owner.stop();
  }
});

testEverywhere("copyTo: aborted in the middle, it rejects and ends its source", async (stage) => {
  const keeper = await stage.create(Keeper, []);
  const ref = await keeper.keep(16 * MIB);
  const controller = new AbortController();
  const reason = new Error("enough");
  const source = new Trickle(12, () => controller.abort(reason));
  await assert.rejects(
    stage.host.copyTo(source.stream, ref, { signal: controller.signal }),
    (error) => error === reason,
  );
  assert.equal(await source.cancelled, reason);
  await assert.rejects(
    stage.host.copyTo(pattern(1), ref, { signal: controller.signal }),
    (error) => error === reason,
  );
  // The buffer is as good as before.
  await stage.host.copyTo(new Uint8Array(16 * MIB), ref);
  await stage.host.copyTo(pattern(100), ref);
  assert.equal(await keeper.firstWrong(100), -1);
});

testEverywhere("copyTo: a ref that ends in the middle ends the copy", async (stage) => {
  const keeper = await stage.create(Keeper, []);
  const ref = await keeper.keep(16 * MIB);
  const source = new Trickle(12, () => keeper.dispose());
  await assert.rejects(stage.host.copyTo(source.stream, ref), { name: "BufferNotFoundError" });
  await source.cancelled;
});

Deno.test("copyTo: a source that is moved away in the middle rejects", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1 })] });
  const keeper = await host.createActor(Keeper, [], { place: onPool(1) });
  const bytes = pattern(32 * MIB);
  const copy = host.copyTo(bytes, await keeper.keep(32 * MIB));
  bytes.buffer.transfer();
  await assert.rejects(copy, { name: "TypeError", message: /was moved away while it was copied/ });
  // One of a list may be moved before its turn.
  const ref = await keeper.keep(32 * MIB);
  const late = pattern(4);
  const parts = [...Array.from({ length: 5 }, () => new Uint8Array(32 * MIB)), late];
  const copies = host.copyTo(parts, parts.map(() => ref));
  late.buffer.transfer();
  await assert.rejects(copies, {
    message: /^1 of 6 copies failed:\n {2}targets\[5\], .* moved away/,
  });
});

testEverywhere("copyTo: a timeout ends a copy whose source gives nothing", async (stage) => {
  const keeper = await stage.create(Keeper, []);
  const ref = await keeper.keep(8);
  const source = new Trickle(0, () => new Promise(() => {}));
  await assert.rejects(stage.host.copyTo(source.stream, ref, { timeoutMs: 20 }), {
    name: "CallTimeoutError",
  });
  await source.cancelled;
});

testEverywhere(
  "copyTo: messages are answered while a copy runs, and see it once it is over",
  async (stage) => {
    const keeper = await stage.create(Keeper, []);
    const ref = await keeper.keep(4 * MIB);
    const pong = Promise.withResolvers<string>();
    const source = new Trickle(2, () => pong.resolve(keeper.ping()), 3);
    const copy = stage.host.copyTo(source.stream, ref);
    assert.equal(await pong.promise, "pong");
    await copy;
    assert.equal(await keeper.firstWrong(3 * MIB), -1);
  },
);

Deno.test("copyTo: the death of the pool in the middle rejects with how it died", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1 })], autoRecover: false });
  const keeper = await host.createActor(Keeper, [], { place: onPool(1) });
  const ref = await keeper.keep(16 * MIB);
  const source = new Trickle(12, () => keeper.crash.tell());
  await assert.rejects(host.copyTo(source.stream, ref), { name: "PoolLostError", exit: "error" });
  await source.cancelled;
  await assert.rejects(host.copyTo(pattern(1), ref), { name: "PoolLostError" });
});

Deno.test("copyTo: the death of the host in the middle rejects", async () => {
  const token = crypto.randomUUID();
  await using second = await startSecondHost({
    workers: 0,
    token,
    modules: [new URL("../fixtures/buffer_actors.ts", import.meta.url).href],
  });
  await using host = await startHost({ pools: [], token });
  const { pools } = await host.join(second.url);
  const keeper = await host.createActor(Keeper, [], { place: onPool(pools[0]!) });
  const ref = await keeper.keep(16 * MIB);
  const source = new Trickle(12, () => keeper.exit.tell());
  await assert.rejects(host.copyTo(source.stream, ref), { name: "HostLostError" });
  await source.cancelled;
  await assert.rejects(host.copyTo(pattern(1), ref), { name: "HostLostError" });
});

Deno.test("copyTo: a host that stops does not wait for a copy without an end", async () => {
  const host = await startHost({ pools: [], stopTimeoutMs: 60_000 });
  const ref = host.bufferRef(new Uint8Array(64 * MIB));
  const pulled = Promise.withResolvers<void>();
  const source: Trickle = new Trickle(6, (): Promise<unknown> => {
    pulled.resolve();
    return source.cancelled;
  });
  const copy = assert.rejects(host.copyTo(source.stream, ref));
  await pulled.promise;
  await host.stop();
  await copy;
});

Deno.test("bufferRef and copyTo: wrong arguments are named before anything is sent", async () => {
  await using host = await startHost({ pools: [] });
  assert.throws(() => host.bufferRef([1] as never), {
    name: "TypeError",
    message: /bufferRef takes/,
  });
  const stream = new WritableStream();
  assert.throws(() => host.bufferRef(stream as never), {
    message: /write\(bytes\), got \[object W/,
  });
  const detached = new Uint8Array(4);
  detached.buffer.transfer();
  assert.throws(() => host.bufferRef(detached), { name: "TypeError", message: /moved away/ });
  using ref = host.bufferRef(new Uint8Array(4));
  const refuse = async (message: RegExp, ...args: unknown[]) => {
    await assert.rejects(host.copyTo(...args as [never, never]), { message });
  };
  await refuse(/^source of copyTo is no .* but a string$/, "bytes", ref);
  await refuse(/^target of copyTo is no BufferRef but \[object Uint8Array\]$/, detached, detached);
  await refuse(/^The memory of source was moved away$/, detached, ref);
  await refuse(/^The memory of sources\[1\] was/, [new Uint8Array(1), detached], [ref, ref]);
  await refuse(/as many targets as sources, got 1 and 2/, [new Uint8Array(1)], [ref, ref]);
  await refuse(/as many targets as sources, got no list and 1/, new Uint8Array(1), [ref]);
  await refuse(/^offset is a whole number/, new Uint8Array(1), ref, { offset: -1 });
  await refuse(/^timeoutMs is/, new Uint8Array(1), await elsewhere(host), { timeoutMs: -1 });
});

/** A ref that is not in the main pool. */
async function elsewhere(host: Host): Promise<BufferRef> {
  const [pool] = await host.appendPool(workerPool({ count: 1 }));
  const keeper = await host.createActor(Keeper, [], { place: onPool(pool!) });
  return await keeper.keep(4);
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(() => assert.fail("it did not reject"), (error) => error);
}
