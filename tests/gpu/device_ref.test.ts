/** DeviceRefs: counted by their owner, parts of them, moved ones, and those from elsewhere. */
import assert from "node:assert/strict";
import {
  ActorNotFoundError,
  type ActorRef,
  device,
  GpuDeviceLostError,
  type Host,
  KernelArgumentError,
  mainPool,
  NotSerializableError,
  onHost,
  onPool,
  PoolLostError,
  startHost,
  transfer,
  workerPool,
} from "@dramatis/dramatis";
import { type DeviceRef, gpuPool, type KernelActor } from "@dramatis/dramatis/gpu";
import { deviceRefExtension, dropResult, PIECE_BYTES } from "../../src/actor/device_ref.ts";
import { ArrayStore } from "../../gpu/device_store.ts";
import { next, scale, type ScaleArgs, type StepArgs } from "./fixtures/chains.ts";
import { type Probe, probe } from "./fixtures/actors.ts";
import { saxpy } from "./fixtures/kernels.ts";
import { Holder } from "./fixtures/holders.ts";
import { gpuHostTest } from "./gpu_host.ts";
import { count } from "./kernels.ts";

const ON_GPU = device({ prefer: "gpu", fallback: "software" });
const ON_WORKER = onPool("worker-1");
/** Not a whole number of pieces. */
const MANY = 2 * PIECE_BYTES / 4 + 1001;

type Step = ActorRef<KernelActor<StepArgs, "out">>;
type Scale = ActorRef<KernelActor<ScaleArgs, "y">>;

function isDisposed(error: unknown): boolean {
  return error instanceof KernelArgumentError && /was disposed of/.test(error.message);
}

function assertCounts(array: ArrayLike<number>, length: number, first = 0): void {
  assert.equal(array.length, length);
  for (let i = 0; i < length; i++) {
    if (array[i] !== first + i) assert.fail(`[${i}] is ${array[i]}, not ${first + i}`);
  }
}

async function liveBytes(look: ActorRef<Probe>, expected: number): Promise<void> {
  assert.equal(await look.liveBytes(), expected);
}

// Parts.

/** What parts promise, on a device and by a twin. */
async function assertSlices(step: Step, scaler: Scale): Promise<void> {
  const { out: whole } = await step.run({ x: count(1000) });
  assert.equal(whole.byteLength, 4000);
  assertCounts(await whole.read(10, 20), 10, 11);
  const middle = await whole.slice(64, 128);
  const odd = await whole.slice(3);
  const inner = await middle.slice(1, 3);
  const none = await whole.slice(5, 5);
  const same = await whole.slice();
  whole.dispose();
  await assert.rejects(whole.read(), isDisposed);
  await assert.rejects(whole.slice(1), isDisposed);
  assertCounts(await middle.read(), 64, 65);
  assertCounts(await inner.read(), 2, 66);
  assertCounts(await same.read(), 1000, 1);
  assert.equal((await none.read()).length, 0);
  // Aligned as the device wants it, and not.
  assertCounts((await step.compute({ x: middle })).out, 64, 66);
  assertCounts((await step.compute({ x: odd })).out, 997, 5);
  assertCounts((await step.compute({ x: none })).out, 0);
  // A part is written as a copy.
  const { y } = await scaler.compute({ y: odd, p: { factor: 2 } });
  assert.deepEqual([y[0], y[996]], [8, 2000]);
  assertCounts(await same.read(), 1000, 1);
  for (const [start, end] of [[-1, 2], [2, 1], [0, 1001], [0.5, 2]]) {
    await assert.rejects(same.slice(start, end), RangeError);
    await assert.rejects(same.read(start, end), RangeError);
  }
  for (const ref of [middle, odd, inner, none, same]) ref.dispose();
  await assert.rejects(inner.read(), isDisposed);
}

gpuHostTest("DeviceRef.slice: a view that holds the memory and is counted by itself", async ({
  host,
}) => {
  const step = await host.createActor(next, []);
  const look = await host.createActor(probe, []);
  await assertSlices(step, await host.createActor(scale, []));
  await liveBytes(look, 0);
  const { out } = await step.run({ x: count(1024) });
  const alive = await look.liveBytes();
  const parts = await Promise.all([0, 1, 2, 3].map((i) => out.slice(i * 256, i * 256 + 256)));
  await liveBytes(look, alive);
  out.dispose();
  parts.slice(1).forEach((part) => part.dispose());
  await liveBytes(look, alive);
  parts[0]!.dispose();
  await liveBytes(look, 0);
});

Deno.test("DeviceRef.slice: the same of a twin", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1 })] });
  for (const place of [mainPool(), ON_WORKER]) {
    const step = await host.createActor(next, [], { place });
    await assertSlices(step, await host.createActor(scale, [], { place }));
  }
});

Deno.test("DeviceRef.slice: of f16 from a multiple of 4 bytes", async () => {
  const caller = { call: () => assert.fail("it asks its owner") } as never;
  const { fromWire } = deviceRefExtension(() => caller);
  const ref = fromWire([1, 2, "kernel", 1, 7, "f16", 10]);
  await assert.rejects(ref.slice(1), /start must be a multiple of 4 bytes/);
  assert.equal(ref.byteLength, 20);
});

// Moved refs.

/** What moving promises, on a device and by a twin. */
async function assertMoves(scaler: Scale): Promise<void> {
  const p = { factor: 2 };
  const first = (await scaler.run({ y: count(8), p })).y;
  // Without it nothing changes that somebody holds.
  const copied = (await scaler.run({ y: first, p })).y;
  assert.deepEqual([(await first.read())[3], (await copied.read())[3]], [6, 12]);
  const second = (await scaler.run({ y: transfer(first), p })).y;
  await assert.rejects(first.read(), isDisposed);
  await assert.rejects(scaler.run({ y: first, p }), isDisposed);
  await assert.rejects(scaler.run({ y: transfer(first), p }), isDisposed);
  assert.equal((await second.read())[3], 12);
  // Another one has a count of its own, so the memory is not written.
  const same = await second.slice();
  const third = (await scaler.run({ y: transfer(second), p })).y;
  assert.deepEqual([(await same.read())[3], (await third.read())[3]], [12, 24]);
  // What is refused is not moved.
  await assert.rejects(scaler.run({ y: transfer(third) }), KernelArgumentError);
  assert.equal((await scaler.compute({ y: transfer(third), p })).y[3], 48);
  await assert.rejects(third.read(), isDisposed);
  copied.dispose();
  same.dispose();
}

gpuHostTest("transfer(ref): the memory of the only ref is written in place", async ({ host }) => {
  const scaler = await host.createActor(scale, []);
  const look = await host.createActor(probe, []);
  await assertMoves(scaler);
  await liveBytes(look, 0);
  let { y } = await scaler.run({ y: count(4096), p: { factor: 1 } });
  const alive = await look.liveBytes();
  const idle = await look.idleBytes();
  for (let i = 0; i < 20; i++) {
    ({ y } = await scaler.run({ y: transfer(y), p: { factor: -1 } }));
  }
  assert.equal(await look.idleBytes(), idle, "it has never asked for another buffer");
  await liveBytes(look, alive);
  assert.equal((await y.read())[5], 5);
  // One of two who move the same gets it.
  const both = await Promise.allSettled(
    [1, 2].map((factor) => scaler.run({ y: transfer(y), p: { factor } })),
  );
  assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  for (const one of both) {
    if (one.status === "fulfilled") one.value.y.dispose();
    else assert(one.reason instanceof KernelArgumentError);
  }
  await liveBytes(look, 0);
});

Deno.test("transfer(ref): of a twin", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1 })] });
  for (const place of [mainPool(), ON_WORKER]) {
    await assertMoves(await host.createActor(scale, [], { place }));
  }
});

// From elsewhere.

gpuHostTest("a DeviceRef of another pool is fetched in pieces, whichever way", async ({ host }) => {
  await host.appendPool(gpuPool());
  const gpus = host.pools().filter(({ kind }) => kind === "gpu");
  const [here, there] = await Promise.all(
    gpus.map((pool) => host.createActor(next, [], { place: onPool(pool) })),
  );
  const looks = await Promise.all(
    gpus.map((pool) => host.createActor(probe, [], { place: onPool(pool) })),
  );
  const twin = await host.createActor(next, [], { place: ON_WORKER });
  const { out: first } = await here!.run({ x: count(MANY) });
  const { reads } = await looks[0]!.counts();
  const { out: second } = await there!.run({ x: first }); // without being asked
  assert.equal((await looks[0]!.counts()).reads - reads, 3, "in pieces");
  const { out: third } = await twin.run({ x: transfer(second) });
  const { out } = await here!.compute({ x: third });
  assertCounts(out, MANY, 4);
  let length = 0;
  for await (const piece of first.pieces(2 ** 22)) {
    assertCounts(piece, Math.min(2 ** 20, MANY - length), 1 + length);
    length += piece.length;
  }
  assert.equal(length, MANY);
  await assert.rejects(Array.fromAsync(first.pieces(6)), RangeError);
  first.dispose();
  third.dispose();
  for (const look of looks) await liveBytes(look, 0);
});

gpuHostTest(
  "a DeviceRef of another pool that is bound twice, or wanted twice, is fetched once",
  async ({
    host,
  }) => {
    await host.appendPool(gpuPool());
    const gpus = host.pools().filter(({ kind }) => kind === "gpu");
    const here = await host.createActor(next, [], { place: onPool(gpus[0]!) });
    const looks = await Promise.all(
      gpus.map((pool) => host.createActor(probe, [], { place: onPool(pool) })),
    );
    const { out: first } = await here.run({ x: count(100) });
    for (const pool of [gpus[1]!, host.pools().find(({ kind }) => kind === "worker")!]) {
      const { reads } = await looks[0]!.counts();
      const adder = await host.createActor(saxpy, [], { place: onPool(pool) });
      const p = { a: 2, n: 100 };
      const twice = await adder.compute({ x: first, y: first, p });
      assert.deepEqual([...twice.y.subarray(0, 3)], [3, 6, 9]);
      assert.equal((await looks[0]!.counts()).reads - reads, 1);
    }
    const adder = await host.createActor(saxpy, [], { place: onPool(gpus[1]!) });
    const { reads } = await looks[0]!.counts();
    const results = await Promise.all([1, 2, 3, 4].map((a) =>
      // What is written is nobody's but the call's.
      adder.compute({ x: first, y: a % 2 === 0 ? first : count(100), p: { a, n: 100 } })
    ));
    assert.deepEqual(results.map(({ y }) => y[1]), [3, 6, 7, 10]);
    assert.equal((await looks[0]!.counts()).reads - reads, 1);
    first.dispose();
    const p = { a: 1, n: 100 };
    for (const call of [1, 2].map(() => adder.run({ x: first, y: count(100), p }))) {
      await assert.rejects(call, isDisposed);
    }
    for (const look of looks) await liveBytes(look, 0);
  },
);

gpuHostTest("a call goes to the replica that has its data", async ({ host }) => {
  await host.appendPool(gpuPool());
  const gpus = host.pools().filter(({ kind }) => kind === "gpu");
  const step = await host.createActor(next, [], { place: device(), replicas: 2 });
  const looks = await Promise.all(
    gpus.map((pool) => host.createActor(probe, [], { place: onPool(pool) })),
  );
  const readsBefore = await Promise.all(looks.map(async (look) => (await look.counts()).reads));
  const firsts = await Promise.all([1, 2].map(() => step.run({ x: count(100) })));
  assert.equal(new Set(firsts.map(({ out }) => out.owner.pool)).size, 2, "without data in turn");
  for (const { out } of firsts) {
    const more = await Promise.all(Array.from({ length: 9 }, () => step.run({ x: out })));
    for (const { out: next } of more) {
      assert.equal(next.owner.pool, out.owner.pool);
      next.dispose();
    }
    out.dispose();
  }
  for (const [i, look] of looks.entries()) {
    assert.equal((await look.counts()).reads, readsBefore[i], "nothing was fetched");
    await liveBytes(look, 0);
  }
});

gpuHostTest("DeviceRef.to: copies to the device of another pool, which keeps it", async ({
  host,
}) => {
  const home = host.pools().find(({ kind }) => kind === "gpu")!;
  const [pool] = await host.appendPool(gpuPool());
  const step = await host.createActor(next, [], { place: onPool(home) });
  const look = await host.createActor(probe, [], { place: onPool(pool!) });
  const { out: first } = await step.run({ x: count(100) });
  const second = await first.to(pool!);
  const same = await second.to(pool!);
  assert(second.isIn(pool!) && same.isIn(pool!));
  await host.destroyActor(step);
  await assert.rejects(first.read(), ActorNotFoundError);
  await assert.rejects(first.to(pool!), ActorNotFoundError);
  second.dispose();
  assertCounts(await same.read(), 100, 1);
  const there = await host.createActor(next, [], { place: onPool(pool!) });
  const { reads } = await look.counts();
  using third = (await there.run({ x: same })).out;
  assert.equal((await look.counts()).reads, reads, "it was there");
  await assert.rejects(second.to(host.poolOf(there)), isDisposed);
  const worker = host.pools().find(({ kind }) => kind === "worker")!;
  await assert.rejects(third.to(worker), ActorNotFoundError);
  same.dispose();
});

gpuHostTest("a DeviceRef of another host is fetched, moved and brought here", async ({ host }) => {
  assert.equal(host.hosts().length, 0);
  const modules = ["./fixtures/chains.ts", "./fixtures/actors.ts"]
    .map((path) => new URL(path, import.meta.url).href);
  await using server = await startHost({ pools: [gpuPool()], listen: { port: 0 }, modules });
  await using client = await startHost({
    pools: [gpuPool()],
    join: [`ws://${server.address}`],
  });
  const far = { place: [onHost(server.id), ON_GPU] };
  const step = await client.createActor(next, [], far);
  const look = await client.createActor(probe, [], far);
  const near = await client.createActor(next, []);
  assert.notEqual(client.poolOf(step).host, client.poolOf(near).host);
  const { out: first } = await step.run({ x: count(MANY) });
  using here = await first.to(client.poolOf(near));
  assert(here.isIn(client.poolOf(near)));
  assertCounts((await near.compute({ x: here })).out, MANY, 2);
  const { out: second } = await near.run({ x: transfer(first) });
  await assert.rejects(first.read(), isDisposed);
  await liveBytes(look, 0);
  assertCounts(await second.read(), MANY, 2);
  second.dispose();
});

// Counts that end.

gpuHostTest("2,000 calls leave nothing on the device", async ({ host }) => {
  const step = await host.createActor(next, []);
  const scaler = await host.createActor(scale, []);
  const look = await host.createActor(probe, []);
  const x = count(64);
  for (let i = 0; i < 20; i++) {
    await Promise.all(Array.from({ length: 25 }, async (_, j) => {
      const { out } = await step.run({ x }); // 1
      using part = await out.slice(j, 32); // 2
      const { y } = await scaler.run({ y: transfer(out), p: { factor: j } }); // 3
      using kept = y;
      const { out: sum } = await step.compute({ x: part }); // 4
      if (sum[0] !== j + 2) assert.fail(`${sum[0]} is not ${j + 2}`);
      void kept;
    }));
  }
  await liveBytes(look, 0);
});

gpuHostTest("what a pool has asked for is freed when it dies, but for counts of others", async ({
  host,
}) => {
  const step = await host.createActor(next, []);
  const look = await host.createActor(probe, []);
  const holder = await host.createActor(Holder, [], { place: ON_WORKER });
  const x = count(1024);
  const [kept, lost] = [await holder.run(step, x), await holder.run(step, x)];
  const second = await holder.slice(lost);
  const alive = await look.liveBytes();
  const own = await kept.slice();
  const ended = assert.rejects(holder.read.with({ timeoutMs: 120_000 })(kept), PoolLostError);
  await holder.die().catch(() => {});
  await ended.catch(() => {});
  await until(async () => await look.liveBytes() === alive / 2);
  assertCounts(await own.read(), 1024, 1);
  for (const ref of [kept, lost, second]) await assert.rejects(ref.read(), isDisposed);
  own.dispose();
  await liveBytes(look, 0);
});

gpuHostTest("what an actor has asked for is freed when it ends, but for counts of others", async ({
  host,
}) => {
  const step = await host.createActor(next, []);
  const twin = await host.createActor(next, [], { place: ON_WORKER });
  const look = await host.createActor(probe, []);
  const x = count(1024);
  for (const end of ["destroyActor", "killActor"] as const) {
    for (const place of [ON_WORKER, mainPool(), ON_GPU]) {
      const holder = await host.createActor(Holder, [], { place });
      const other = await host.createActor(Holder, [], { place });
      const [first, second] = [await holder.run(step, x), await holder.run(step, x)];
      const part = await holder.slice(first);
      const theirs = await other.run(step, x);
      const ofTwin = await holder.run(twin, x);
      const own = await second.slice();
      const alive = await look.liveBytes();
      await host[end](holder);
      await until(async () => await look.liveBytes() === alive * 2 / 3);
      for (const ref of [first, second, part]) await assert.rejects(ref.read(), isDisposed);
      await until(() => ofTwin.read().then(() => false, isDisposed));
      assertCounts(await own.read(), 1024, 1);
      assertCounts(await theirs.read(), 1024, 1);
      own.dispose();
      theirs.dispose();
      await liveBytes(look, 0);
      await host[end](other);
    }
  }
});

gpuHostTest(
  "an actor of another host that ends gives back what it has asked for",
  async ({ host }) => {
    assert.equal(host.hosts().length, 0);
    const modules = ["./fixtures/chains.ts", "./fixtures/actors.ts"]
      .map((path) => new URL(path, import.meta.url).href);
    await using server = await startHost({ pools: [gpuPool()], listen: { port: 0 }, modules });
    const look = await server.createActor(probe, []);
    await server.createActor(next, [], { uid: "step" });
    await using client = await startHost({
      pools: [workerPool({ count: 1 })],
      join: [`ws://${server.address}`],
    });
    const step = await client.actorRef<KernelActor<StepArgs, "out">>("step", server.id);
    for (const place of [ON_WORKER, mainPool()]) {
      const holder = await client.createActor(Holder, [], { place });
      const ref = await holder.run(step, count(256));
      const far = await client.createActor(next, [], { place: ON_WORKER });
      const there = await ref.to(server.pools().find(({ kind }) => kind === "gpu")!);
      assertCounts((await far.compute({ x: ref })).out, 256, 2);
      await client.destroyActor(holder);
      await until(() => ref.read().then(() => false, isDisposed));
      assertCounts(await there.read(), 256, 1);
      there.dispose();
      await until(async () => await look.liveBytes() === 0);
    }
  },
);

gpuHostTest("what a host has asked for is freed when it is gone", async ({ host }) => {
  assert.equal(host.hosts().length, 0);
  const modules = ["./fixtures/chains.ts", "./fixtures/actors.ts"]
    .map((path) => new URL(path, import.meta.url).href);
  await using server = await startHost({ pools: [gpuPool()], listen: { port: 0 }, modules });
  const look = await server.createActor(probe, []);
  const own = await server.createActor(next, [], { uid: "step" });
  const client = await startHost({ pools: [], join: [`ws://${server.address}`] });
  const [id] = client.hosts().map(({ id }) => id);
  const step = await client.actorRef<KernelActor<StepArgs, "out">>("step", id);
  const { out } = await step.run({ x: count(256) });
  assertCounts(await out.read(), 256, 1);
  assert.notEqual(await look.liveBytes(), 0);
  await client.stop();
  await until(async () => await look.liveBytes() === 0);
  assertCounts((await own.compute({ x: count(1) })).out, 1, 1);
});

gpuHostTest("who gives a call up leaves nothing behind", async ({ host }) => {
  const step = await host.createActor(next, []);
  const look = await host.createActor(probe, []);
  const giver = new AbortController();
  const calls = Array.from(
    { length: 20 },
    () => step.run.with({ signal: giver.signal })({ x: count(1 << 18) }),
  );
  giver.abort(new Error("enough"));
  for (const call of calls) await assert.rejects(call, /enough/);
  await until(async () => await look.liveBytes() === 0);
});

gpuHostTest(
  "an answer that comes too late, or that nobody wants, is nobody's",
  async ({ host }) => {
    const step = await host.createActor(next, []);
    const look = await host.createActor(probe, []);
    await step.compute({ x: count(1) });
    const giver = new AbortController();
    const { signal } = giver;
    const { out: held } = await step.run({ x: count(256) });
    const alive = await look.liveBytes();
    const late = [step.run.with({ signal })({ x: count(256) }), held.slice()];
    for (let i = 0; i < 10; i++) await null; // what is sent in one turn goes at its end
    // It answers meanwhile, as it is in a thread of its own, and nobody here hears of it yet.
    for (const end = performance.now() + 200; performance.now() < end;);
    giver.abort(new Error("too late"));
    await assert.rejects(late[0]!, /too late/);
    (await late[1] as DeviceRef).dispose();
    step.run.tell({ x: count(256) });
    step.run.batch.tell([[{ x: count(256) }]]);
    await until(async () => await look.liveBytes() === alive);
    assertCounts(await held.read(), 256, 1);
    held.dispose();
    await until(async () => await look.liveBytes() === 0);
  },
);

Deno.test("DeviceRef: a ref is disposed of with an answer that nobody wants, held ones are not", () => {
  const freed: number[] = [];
  const caller = { free: (_owner: unknown, id: number) => freed.push(id) };
  const { fromWire, toWire, copy } = deviceRefExtension(() => caller as never);
  const made = fromWire([1, 2, "kernel", 1, 7, "f32", 10]).as("made");
  const owner = { host: 1, pool: 2, uid: "kernel", generation: 1 };
  assert.deepEqual(made.owner, owner);
  for (const arrived of [fromWire(toWire(made)), copy!(made)]) {
    assert.equal(arrived.state, "answered");
    for (const later of [fromWire(toWire(arrived)), copy!(arrived)]) {
      assert.equal(later.state, "held");
      assert.equal(copy!(later), later);
      dropResult({ later }, "answered");
      dropResult(later, "made");
    }
    dropResult({ arrived }, "made");
    assert.deepEqual(freed, []);
    dropResult({ arrived, other: 1 }, "answered");
    assert.deepEqual(freed.splice(0), [7]);
  }
  assert.equal(fromWire(toWire(transfer(made))).state, "moved");
  dropResult([made], "made");
  assert.deepEqual(freed, [7]);
});

Deno.test("DeviceRef.dispose: once for each ref, which then is of no use wherever it goes", async () => {
  const freed: number[] = [];
  const caller = { free: (_owner: unknown, id: number) => freed.push(id) };
  const { fromWire, toWire, copy } = deviceRefExtension(() => caller as never);
  const ref = fromWire([1, 2, "kernel", 1, 7, "f32", 10]);
  ref.dispose();
  ref.dispose();
  for (const one of [ref, copy!(ref), fromWire(toWire(ref)), transfer(ref)]) {
    assert.equal(one.state, "disposed");
    await assert.rejects(one.read(), isDisposed);
    await assert.rejects(one.slice(), isDisposed);
    await assert.rejects(one.to({ host: 1, pool: 3 }), isDisposed);
    await assert.rejects(one.pieces().next(), isDisposed);
    one.dispose();
  }
  assert.deepEqual(freed, [7]);
});

gpuHostTest("a lost device's refs are errors of their kind, whatever is done", async ({ host }) => {
  const [other] = await host.appendPool(gpuPool());
  const gpu = host.pools().find(({ kind }) => kind === "gpu")!;
  const where = { place: onPool(gpu) };
  const step = await host.createActor(next, [], where);
  const scaler = await host.createActor(scale, [], where);
  const twin = await host.createActor(next, [], { place: ON_WORKER });
  const look = await host.createActor(probe, [], where);
  const { out } = await step.run({ x: count(256) });
  const part = await out.slice(8);
  await look.loseDevice();
  assert.equal((await step.compute({ x: count(1) })).out[0], 1);
  const isLost = (error: unknown) => error instanceof GpuDeviceLostError;
  for (const ref of [out, part]) {
    await assert.rejects(ref.read(), isLost);
    await assert.rejects(ref.slice(), isLost);
    await assert.rejects(ref.to(other!), isLost);
    await assert.rejects(Array.fromAsync(ref.pieces()), isLost);
    await assert.rejects(step.run({ x: ref }), isLost);
    await assert.rejects(twin.run({ x: ref }), isLost);
    await assert.rejects(scaler.run({ y: transfer(ref), p: { factor: 1 } }), isLost);
    ref.dispose();
    await assert.rejects(ref.read(), isDisposed);
  }
  await liveBytes(look, 0);
});

// What is refused.

gpuHostTest("GPU objects do not travel, and it is said where they are", async ({ host }) => {
  const holder = await host.createActor(Holder, [], { place: ON_WORKER });
  const look = await host.createActor(probe, []);
  const error = await look.device().then(() => assert.fail(), (error) => error);
  assert(error instanceof NotSerializableError, String(error));
  assert.match(error.path, /found\[0\]$/);
  assert.match(error.message, /GPUDevice.*pass a DeviceRef instead/);
  await assert.rejects(
    async () => await holder.read({ deep: { gpu: navigator.gpu } } as never),
    (error) => error instanceof NotSerializableError && error.path === "args[0].deep.gpu",
  );
});

Deno.test("DeviceRef: what is no ref on the wire is refused", () => {
  const { fromWire } = deviceRefExtension(() => assert.fail());
  for (
    const data of [
      null,
      [1, 2, "k", 1, 7, "f32"],
      [1, 2, "k", 1, 7, "f64", 10],
      [1, 2, "k", 1, 7, "f32", 1.5],
      [1, 2, 3, 1, 7, "f32", 10],
      [1, 2, "k", 1, 7, "f32", 10, 1],
      [1, 2, "k", 1, 7, "f32", 10, "made"],
      [1, 2, "k", 1, 7, "f32", 10, "moved", 1],
    ]
  ) assert.throws(() => fromWire(data), TypeError);
});

Deno.test("DeviceStore: no two have the same ids, and a closed one keeps nothing", async () => {
  const holder = { host: 1, pool: 1 };
  const [first, second] = [new ArrayStore(), new ArrayStore()];
  const { id } = first.keep(count(4), holder);
  assert.notEqual(second.keep(count(4), holder).id, id);
  await assert.rejects(second.read(id, 0, 1), isDisposed);
  assert.equal((await first.slice(id, 0, 2, { host: 2, pool: 1 })).id, id + 1);
  first.lost(({ host }) => host === 1);
  await assert.rejects(first.read(id, 0, 1), isDisposed);
  assertCounts(await first.read(id + 1, 0, 2), 2);
  first.close();
  await assert.rejects(first.read(id + 1, 0, 2), isDisposed);
  await assert.rejects(first.read(first.keep(count(4), holder).id, 0, 1), isDisposed);
});

/** Asks again and again: what is asked answers when something has happened. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!await holds()) {
    assert(performance.now() < deadline, "it does not come to pass");
  }
}

// For the type checker: what a ref is of, whatever it goes through.
export async function types(ref: DeviceRef<Float32Array<ArrayBuffer>>, host: Host): Promise<void> {
  const part: DeviceRef<Float32Array<ArrayBuffer>> = await ref.slice(1);
  const there: DeviceRef<Float32Array<ArrayBuffer>> = await part.to(host.pools()[0]!);
  const array: Float32Array<ArrayBuffer> = await transfer(there).read();
  void array;
}
