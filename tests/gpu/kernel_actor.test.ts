/** Kernels as actors: on a device and as twins, near and far. */
import assert from "node:assert/strict";
import {
  ActorExistsError,
  ActorNotFoundError,
  type ActorRef,
  ActorStartError,
  addressOf,
  anyHost,
  device,
  GpuUnavailableError,
  type Host,
  KernelArgumentError,
  KernelCompileError,
  mainPool,
  onPool,
  PlacementError,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { gpuPool, type KernelActor } from "@dramatis/dramatis/gpu";
import { Child, WITHOUT_GPU } from "../fixtures/child.ts";
import { Letters } from "../integration/placements.ts";
import { Courier, probe } from "./fixtures/actors.ts";
import {
  broken,
  BROKEN_LINE,
  failing,
  garbled,
  misnamed,
  saxpy,
  square,
  type SquareArgs,
  squareOnGpu,
} from "./fixtures/kernels.ts";
import { gpuHostTest } from "./gpu_host.ts";
import { count, type SaxpyArgs } from "./kernels.ts";

type Saxpy = ActorRef<KernelActor<SaxpyArgs, "y">>;
type Square = ActorRef<KernelActor<SquareArgs, "squares">>;

const KERNELS = new URL("./fixtures/kernels.ts", import.meta.url).href;
const ON_GPU = device({ prefer: "gpu", fallback: "software" });
const ON_WORKER = onPool("worker-1");

async function caught(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    assert(error instanceof Error);
    return error;
  }
  assert.fail("it did not reject");
}

async function assertArgumentError(
  promise: Promise<unknown>,
  binding: string,
  message: RegExp,
): Promise<void> {
  const error = await caught(promise);
  assert(error instanceof KernelArgumentError, String(error));
  assert.equal(error.binding, binding);
  assert.match(error.message, message);
}

function values(array: ArrayLike<number>): number[] {
  return Array.from(array);
}

// On a device and as a twin.

/** What a kernel actor promises wherever it is. */
async function assertKeepsPromises(host: Host, adder: Saxpy, squarer: Square): Promise<void> {
  const x = count(1000);
  const y = new Float32Array(1000).fill(1);
  const p = { a: 2, n: 1000 };
  const expected = values(x.map((value) => 2 * value + 1));

  const computed = await adder.compute({ x, y, p });
  assert.deepEqual(Object.keys(computed), ["y"]);
  assert(computed.y instanceof Float32Array);
  assert.deepEqual(values(computed.y), expected);
  assert.deepEqual(values(y.subarray(0, 2)), [1, 1], "the caller's array is untouched");

  const { y: ref } = await adder.run({ x, y, p });
  assert.equal(ref.dtype, "f32");
  assert.equal(ref.length, 1000);
  assert.deepEqual(ref.shape, [1000]);
  assert.deepEqual(ref.owner, addressOf(adder));
  assert.deepEqual(values(await ref.read()), expected);
  assert.deepEqual(values(await ref.read()), expected, "as often as one likes");

  // Into the same kernel and into another, which leaves it as it is.
  const { y: second } = await adder.run({ x: ref, y, p });
  const { squares } = await squarer.compute({ x: ref });
  assert.equal((await second.read())[3], 2 * expected[3]! + 1);
  assert.equal(squares[3], expected[3]! ** 2);
  assert.deepEqual(values(await ref.read()), expected);

  ref.dispose();
  await assertArgumentError(ref.read(), "", /DeviceRef \d+ was disposed of/);
  ref.dispose();
  assert.equal((await second.read()).length, 1000, "the other is still there");
  second[Symbol.dispose]();

  const many = await Promise.all(
    Array.from({ length: 50 }, (_, i) => squarer.compute({ x: Float32Array.of(i, i + 1) })),
  );
  assert.deepEqual(many.map(({ squares }) => squares[0]), many.map((_, i) => i * i));

  const empty = await squarer.compute({ x: new Float32Array(0) });
  assert.equal(empty.squares.length, 0);

  const { y: third } = await adder.run({ x, y, p });
  await host.destroyActor(adder);
  await assert.rejects(adder.compute({ x, y, p }), ActorNotFoundError);
  await assert.rejects(third.read(), ActorNotFoundError);
}

gpuHostTest("a kernel on the device keeps its promises", async ({ host }) => {
  const adder = await host.createActor(saxpy, []);
  const squarer = await host.createActor(squareOnGpu, []);
  const { kind, name } = host.poolOf(adder).device;
  assert.notEqual(kind, "cpu");
  assert.notEqual(name, "");
  assert.equal(host.poolOf(adder).kind, "gpu");
  await assertKeepsPromises(host, adder, squarer);
});

for (const [where, place] of [["worker", ON_WORKER], ["main", mainPool()]] as const) {
  Deno.test(`a kernel's twin in a ${where} pool keeps its promises`, async () => {
    await using host = await startHost({ pools: [workerPool({ count: 1 })] });
    const adder = await host.createActor(saxpy, [], { place });
    const squarer = await host.createActor(square, [], { place });
    assert.equal(host.poolOf(adder).kind, where);
    assert.equal(host.poolOf(adder).device.kind, "cpu");
    await assertKeepsPromises(host, adder, squarer);
  });
}

gpuHostTest("device and twin give the same", async ({ host }) => {
  const x = Float32Array.from({ length: 10_007 }, (_, i) => Math.fround(Math.sin(i)));
  const y = Float32Array.from(x, (value) => Math.fround(value / 3));
  const args = { x, y, p: { a: 0.1, n: x.length } };
  const results = [];
  for (const place of [ON_GPU, ON_WORKER, mainPool()]) {
    const adder = await host.createActor(saxpy, [], { place });
    results.push(values((await adder.compute(args)).y));
  }
  const [onDevice, onWorker, onMain] = results;
  assert.deepEqual(onWorker, onMain);
  // WGSL lets a device fuse a product and a sum, which rounds once instead of twice.
  const worst = Math.max(...onDevice!.map((value, i) => Math.abs(value - onMain![i]!)));
  assert(worst <= 2 ** -23, `they differ by ${worst}`);
});

// Refs that travel.

gpuHostTest("a DeviceRef for another kernel of its pool is not read back", async ({ host }) => {
  const adder = await host.createActor(saxpy, []);
  const squarer = await host.createActor(square, []);
  const look = await host.createActor(probe, []);
  const before = await look.counts();
  const args = { x: count(256), y: new Float32Array(256), p: { a: 1, n: 256 } };
  using y = (await adder.run(args)).y;
  using first = (await squarer.run({ x: y })).squares;
  using second = (await squarer.run({ x: first })).squares;
  const computed = await look.counts();
  assert.equal(computed.dispatches - before.dispatches, 3);
  assert.equal(computed.reads, before.reads);
  assert.equal((await second.read())[3], 81);
  assert.equal((await look.counts()).reads, before.reads + 1);
});

gpuHostTest("a DeviceRef goes through an actor's messages and back", async ({ host }) => {
  const squarer = await host.createActor(square, []);
  const courier = await host.createActor(Courier, [], { place: ON_WORKER });
  const { squares } = await squarer.run({ x: Float32Array.of(1, 2, 3) });
  await courier.keep(squares);
  const kept = (await courier.kept())!;
  assert.deepEqual(kept.owner, squares.owner);
  assert.equal(kept.id, squares.id);
  assert.deepEqual(values(await courier.read(kept)), [1, 4, 9]);
  const { squares: again } = await courier.square(squarer, kept);
  assert.deepEqual(values(await again.read() as Float32Array), [1, 16, 81]);
  kept.dispose();
  await assertArgumentError(courier.read(kept), "", /was disposed of/);
  await assertArgumentError(courier.read(squares), "", /was disposed of/);
  again.dispose();
});

gpuHostTest("a twin fetches what is on the device, and the other way round", async ({ host }) => {
  const onGpu = await host.createActor(square, []);
  const twin = await host.createActor(square, [], { place: ON_WORKER });
  using up = (await onGpu.run({ x: Float32Array.of(1, 2, 3) })).squares;
  using down = (await twin.run({ x: up })).squares;
  assert.deepEqual(values(await down.read()), [1, 16, 81]);
  assert.deepEqual(values((await onGpu.compute({ x: down })).squares), [1, 256, 6561]);
});

gpuHostTest("a DeviceRef works from another host, on the device and by its twin", async (stage) => {
  await using server = await startHost({
    pools: [gpuPool()],
    listen: { port: 0 },
    modules: [KERNELS, new URL("./fixtures/actors.ts", import.meta.url).href],
  });
  await using client = await startHost({
    pools: [workerPool({ count: 1 })],
    join: [`ws://${server.address}`],
  });
  assert.equal(stage.host.hosts().length, 0);
  const far = [anyHost(), ON_GPU];
  const remote = await client.createActor(square, [], { place: far });
  const look = await client.createActor(probe, [], { place: far });
  const near = await client.createActor(square, [], { place: ON_WORKER });
  assert.equal(client.poolOf(remote).host, server.id);
  assert.notEqual(client.poolOf(remote).device.kind, "cpu");

  const { squares } = await remote.run({ x: Float32Array.of(1, 2, 3) });
  const { reads } = await look.counts();
  const { squares: second } = await remote.run({ x: squares });
  assert.equal((await look.counts()).reads, reads, "it has not left the device");
  assert.deepEqual(values(await second.read()), [1, 16, 81]);
  assert.deepEqual(values((await near.compute({ x: squares })).squares), [1, 16, 81]);
  const { squares: local } = await near.run({ x: Float32Array.of(3) });
  assert.deepEqual(values((await remote.compute({ x: local })).squares), [81]);
  await assertArgumentError(remote.compute({}), "x", /it is missing/);
  await assertArgumentError(remote.compute({ x: Int32Array.of(1) as never }), "x", /Int32Array/);
});

// What is held, and for how long.

for (const end of ["destroyActor", "killActor"] as const) {
  gpuHostTest(`${end} frees what a kernel keeps, and only that`, async ({ host }) => {
    const look = await host.createActor(probe, []);
    const first = await host.createActor(square, [], { uid: "first" });
    const second = await host.createActor(square, []);
    assert.equal(await look.liveBytes(), 0);
    const x = count(1024);
    const kept = await first.run({ x });
    const alive = await look.liveBytes();
    assert(alive >= x.byteLength);
    for (let i = 0; i < 9; i++) await first.run({ x });
    using other = (await second.run({ x: kept.squares })).squares;
    assert.equal(await look.liveBytes(), 11 * alive);
    await host[end](first);
    assert.equal(await look.liveBytes(), alive);
    await assert.rejects(kept.squares.read(), ActorNotFoundError);
    await assertArgumentError(
      second.run({ x: kept.squares }),
      "x",
      /^square: the DeviceRef of binding "x" was disposed of or moved, or the actor that made it has ended$/,
    );
    assert.equal((await other.read())[2], 16);
    other.dispose();
    assert.equal(await look.liveBytes(), 0);
  });
}

gpuHostTest("dispose does not take the data from a call that is under way", async ({ host }) => {
  const onGpu = await host.createActor(saxpy, []);
  const twin = await host.createActor(square, [], { place: ON_WORKER });
  const { squares: elsewhere } = await twin.run({ x: Float32Array.of(1, 2) });
  const args = { x: Float32Array.of(5, 6), y: new Float32Array(2), p: { a: 1, n: 2 } };
  const { y: here } = await onGpu.run(args);
  // It has to be fetched for the one; the other is disposed of meanwhile.
  const answer = onGpu.compute({ x: here, y: elsewhere, p: { a: 1, n: 2 } });
  here.dispose();
  assert.deepEqual(values((await answer).y), [6, 10]);
});

for (const [where, pools] of [["device", [gpuPool()]], ["twin", []]] as const) {
  const test = where === "device" ? gpuHostTest : plainTest;
  test(`a DeviceRef (${where}) does not outlive its actor into the next of that name`, async () => {
    const letters = new Letters();
    await using host = await startHost({ pools, onDeadLetter: letters.take });
    const options = { uid: "again", place: where === "device" ? ON_GPU : mainPool() };
    const first = await host.createActor(square, [], options);
    const { squares: old } = await first.run({ x: Float32Array.of(2) });
    await host.destroyActor(first);
    const second = await host.createActor(square, [], options);
    const { squares } = await second.run({ x: Float32Array.of(3) });
    await assertArgumentError(
      old.read(),
      "",
      /was disposed of or moved, or the actor that made it/,
    );
    old.dispose();
    assert.deepEqual(values(await squares.read()), [9]);
    await host.destroyActor(second);
    squares.dispose();
    await host.stop();
    assert.equal(letters.size, 0, "a dispose that comes too late is none");
  });
}

function plainTest(name: string, body: () => Promise<void>): void {
  Deno.test(name, body);
}

// What is refused.

/** The same on the device and by the twin. */
async function assertRefusesArguments(adder: Saxpy, squarer: Square): Promise<void> {
  const x = Float32Array.of(1, 2);
  const y = Float32Array.of(1, 2);
  const p = { a: 1, n: 2 };
  await assertArgumentError(adder.compute({ x, p }), "y", /"y" .*it is missing, expected Float32/);
  await assertArgumentError(adder.compute({ x, y }), "p", /"p" .*it is missing/);
  await assertArgumentError(
    adder.run({ x: [1, 2] as never, y, p }),
    "x",
    /Float32Array, got Array/,
  );
  await assertArgumentError(
    adder.compute({ x: Float64Array.of(1) as never, y, p }),
    "x",
    /expected Float32Array, got Float64Array/,
  );
  await assertArgumentError(adder.compute({ x, y, p: { a: 1 } as never }), "p", /n/);
  await assertArgumentError(adder.compute({ x, y, p, z: 1 } as never), "z", /no binding "z"/);
  await assertArgumentError(adder.compute(undefined as never), "", /takes one object .*undefined/);
  await assertArgumentError(adder.run([x, y, p] as never), "", /takes one object .*got Array/);
  const { y: ref } = await adder.run({ x, y, p });
  await assertArgumentError(adder.compute({ x, y, p: ref as never }), "p", /"p"/);
  ref.dispose();
  const gone = /^square: the DeviceRef of binding "x" was disposed of/;
  await assertArgumentError(squarer.compute({ x: ref }), "x", gone);
  assert.deepEqual(values((await adder.compute({ x, y, p })).y), [2, 4], "it still works");
}

gpuHostTest("a kernel on the device refuses arguments that do not fit", async ({ host }) => {
  const look = await host.createActor(probe, []);
  const squarer = await host.createActor(square, []);
  await assertRefusesArguments(await host.createActor(saxpy, []), squarer);
  assert.equal(await look.liveBytes(), 0, "nothing is held for a call that was refused");
});

Deno.test("a kernel's twin refuses arguments that do not fit", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1 })] });
  const place = ON_WORKER;
  const squarer = await host.createActor(square, [], { place });
  await assertRefusesArguments(await host.createActor(saxpy, [], { place }), squarer);
});

Deno.test("what a twin throws is what its caller gets", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1 })] });
  const actor = await host.createActor(failing, [], { place: ON_WORKER });
  const error = await caught(actor.compute({ x: Float32Array.of(1) }));
  assert(error instanceof RangeError);
  assert.equal(error.message, "the twin fails");
});

gpuHostTest("WGSL that does not compile fails the start, with the line", async ({ host }) => {
  const create = () => host.createActor(broken, [], { uid: "broken" });
  const error = await caught(create());
  assert(error instanceof ActorStartError);
  assert.equal(error.phase, "construct");
  assert(error.cause instanceof KernelCompileError);
  assert.match(error.cause.message, /broken/);
  const [diagnostic] = error.cause.diagnostics;
  assert.equal(diagnostic?.line, BROKEN_LINE);
  assert.equal(await host.hasActor("broken"), false);
  assert(!(await caught(create()) instanceof ActorExistsError), "the uid is free");
  const good = await host.createActor(square, [], { uid: "broken" });
  assert.equal((await good.compute({ x: Float32Array.of(3) })).squares[0], 9);
});

Deno.test("WGSL that does not parse fails the start of a twin too, with the line", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1 })] });
  for (const place of [ON_WORKER, mainPool()]) {
    const error = await caught(host.createActor(garbled, [], { place, uid: "garbled" }));
    assert(error instanceof ActorStartError);
    assert(error.cause instanceof KernelCompileError, String(error.cause));
    assert.equal(error.cause.diagnostics[0]?.line, 2);
    assert.equal(await host.hasActor("garbled"), false);
  }
});

Deno.test("a kernel without a twin does not start in a pool without a GPU", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1 })] });
  for (const place of [ON_WORKER, mainPool(), device({ prefer: "gpu", fallback: "cpu" })]) {
    const error = await caught(host.createActor(squareOnGpu, [], { place, uid: "one" }));
    assert(error instanceof ActorStartError);
    assert(error.cause instanceof GpuUnavailableError);
    assert.match(error.message, /squareOnGpu needs a GPU: .* no `cpu` twin\. .*apt-get install/);
    assert.equal(await host.hasActor("one"), false);
  }
});

Deno.test("a kernel that is not exported under its name says so when it is loaded", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1 })] });
  const error = await caught(host.createActor(misnamed, [], { place: ON_WORKER }));
  assert(error instanceof ActorStartError);
  assert.equal(error.phase, "load");
  assert.match(error.message, /fixtures\/kernels\.ts does not export othername as an actor/);
  assert.match(error.message, /a kernel under the name .*kernel\(import\.meta, "othername"/);
});

// Placement.

Deno.test("device(): without a gpu pool only fallback cpu finds a place", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1 })] });
  for (const place of [undefined, device({ fallback: "none" }), device({ fallback: "software" })]) {
    const options = place === undefined ? {} : { place };
    const error = await caught(host.createActor(square, [], options));
    assert(error instanceof PlacementError);
    assert.match(error.message, /^No pool can take square:/);
    assert.deepEqual(error.refusals.map(({ reason }) => reason), [
      "its device is cpu of the main pool",
      "its device is cpu",
    ]);
  }
  const place = device({ prefer: "gpu", fallback: "cpu" });
  const twin = await host.createActor(square, [], { place });
  assert.equal(host.poolOf(twin).name, "worker-1");
  assert.equal(host.poolOf(twin).device.kind, "cpu", "and it is said which device it is");
  assert.equal((await twin.compute({ x: Float32Array.of(4) })).squares[0], 16);
});

gpuHostTest(
  "device(): takes the gpu pool whatever the fallback, if it will do",
  async ({ host }) => {
    const gpu = host.pools().find(({ kind }) => kind === "gpu")!;
    for (const fallback of ["software", "cpu"] as const) {
      const actor = await host.createActor(square, [], {
        place: device({ prefer: "gpu", fallback }),
      });
      assert.equal(host.poolOf(actor).pool, gpu.pool);
      assert.equal(host.poolOf(actor).device.name, gpu.device.name);
    }
    const exact = device({ prefer: gpu.device.kind, fallback: "none" });
    assert.equal(host.poolOf(await host.createActor(square, [], { place: exact })).pool, gpu.pool);
    const other = gpu.device.kind === "gpu" ? "software" : "gpu";
    const wrong = device({ prefer: other, fallback: "none" });
    const error = await caught(host.createActor(square, [], { place: wrong }));
    assert(error instanceof PlacementError);
    assert(error.refusals.some(({ reason }) => reason === `its device is ${gpu.device.kind}`));
    const onCpu = device({ prefer: "cpu", fallback: "none" });
    const twin = await host.createActor(square, [], { place: onCpu });
    assert.equal(host.poolOf(twin).kind, "worker");
  },
);

Deno.test("gpuPool: without an adapter there is none, and `required` says why", async () => {
  const script = new URL("./fixtures/required_gpu.ts", import.meta.url);
  await using child = new Child(script, [], { env: WITHOUT_GPU });
  const { code, stdout, stderr } = await child.ended();
  assert.equal(stderr, "");
  assert.equal(code, 0);
  const [without, refused] = stdout.split("\n");
  assert.equal(without, "without: main worker-1");
  assert.match(
    refused!,
    /^refused in phase device: No gpu pool could be started: .*apt-get install/,
  );
});
