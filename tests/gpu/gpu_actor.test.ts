/** Actors with kernels and arrays as their state, on a device and on a CPU. */
import assert from "node:assert/strict";
import {
  ActorNotFoundError,
  type ActorRef,
  ActorStartError,
  device,
  GpuDeviceLostError,
  GpuUnavailableError,
  type Host,
  KernelArgumentError,
  mainPool,
  onHost,
  onPool,
  PlacementError,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { gpuPool } from "@dramatis/dramatis/gpu";
import { probe } from "./fixtures/actors.ts";
import { next } from "./fixtures/chains.ts";
import { Early, Picky, Population } from "./fixtures/gpu_actors.ts";
import { gpuHostTest } from "./gpu_host.ts";

const ON_GPU = device({ prefer: "gpu", fallback: "software" });
const ON_WORKER = onPool("worker-1");

async function caught(promise: Promise<unknown>): Promise<Error> {
  return await promise.then(() => assert.fail("it did not reject"), (error) => error);
}

/** What such an actor promises, on a device and by twins. */
async function assertLives(host: Host, actor: ActorRef<Population>): Promise<void> {
  const results = await Promise.all([actor.grow(2), actor.grow(3), actor.grow(1)]);
  assert.deepEqual(results, [2, 5, 6], "one message at a time");
  await actor.scale(10);
  const seen: number[] = [];
  for await (const one of actor.generations(3)) seen.push(one);
  assert.deepEqual(seen, [61, 62, 63]);
  for await (const one of actor.generations(100)) if (one === 65) break;
  const held = await actor.cells();
  const cells = await held.read();
  assert.equal(cells.length, 100);
  assert(cells[0]! >= 65 && cells.every((cell) => cell === cells[0]));

  // Its refs are as any kernel's: for reading, for other kernels, and with counts of others.
  const copy = await actor.copy();
  const value = await actor.grow(1);
  assert.equal(value, cells[0]! + 1);
  await assert.rejects(held.read(), KernelArgumentError, "it has moved its own on");
  assert.equal((await copy.read(99))[0], cells[0]);
  const step = await host.createActor(next, [], { place: ON_WORKER });
  assert.equal((await step.compute({ x: copy })).out[1], cells[0]! + 1);
  const { out } = await step.run({ x: copy });
  assert.equal((await actor.add(out))[2], cells[0]! + 2);
  assert.deepEqual(await actor.add(Float32Array.of(1)), Float32Array.of(2));
  out.dispose();
  assert.deepEqual(await actor.hasty(), Float32Array.of(11, 12));
  await assert.rejects(actor.wrong(), /cannot keep Array: expected a typed array/);

  await host.destroyActor(actor);
  await assert.rejects(copy.read(), ActorNotFoundError);
}

gpuHostTest("GpuActor: state on a device, hooks, streams, one message at a time", async ({
  host,
}) => {
  const look = await host.createActor(probe, []);
  const actor = await host.createActor(Population, [100]);
  assert.equal(host.poolOf(actor).kind, "gpu");
  assert.equal(await actor.device(), host.poolOf(actor).device.kind);
  await assertLives(host, actor);
  assert.equal(await look.liveBytes(), 0, "what it had has ended with it");
  const killed = await host.createActor(Population, [1 << 16]);
  await killed.grow(2);
  assert.notEqual(await look.liveBytes(), 0);
  await host.killActor(killed);
  assert.equal(await look.liveBytes(), 0);
});

Deno.test("GpuActor: the same on a CPU", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1 })] });
  for (const place of [ON_WORKER, mainPool(), device({ prefer: "gpu", fallback: "cpu" })]) {
    const actor = await host.createActor(Population, [100], { place });
    assert.equal(await actor.device(), "cpu");
    await assertLives(host, actor);
  }
  const refused = await caught(host.createActor(Population, [1]));
  assert(refused instanceof PlacementError, String(refused));
});

gpuHostTest("GpuActor: its state never leaves the device", async ({ host }) => {
  const look = await host.createActor(probe, []);
  const actor = await host.createActor(Population, [1000]);
  await actor.grow(1);
  const before = await look.counts();
  assert.equal(await actor.grow(50), 51);
  const after = await look.counts();
  assert.deepEqual([after.dispatches - before.dispatches, after.maps - before.maps], [50, 1]);
  assert.equal(after.submits - before.submits, 1);
});

gpuHostTest("GpuActor: from another host", async ({ host }) => {
  assert.equal(host.hosts().length, 0);
  const modules = [new URL("./fixtures/gpu_actors.ts", import.meta.url).href];
  await using server = await startHost({ pools: [gpuPool()], listen: { port: 0 }, modules });
  await using client = await startHost({
    pools: [workerPool({ count: 1 })],
    join: [`ws://${server.address}`],
  });
  const place = [onHost(server.id), ON_GPU];
  await assertLives(client, await client.createActor(Population, [100], { place }));
});

gpuHostTest("GpuActor: a lost device takes its arrays, but for those with a restore", async ({
  host,
}) => {
  const look = await host.createActor(probe, []);
  const mortal = await host.createActor(Population, [10]);
  const immortal = await host.createActor(Population, [10, true]);
  await look.loseDevice();
  assert.equal(await immortal.grow(3), 2);
  const error = await caught(mortal.grow(1));
  assert(error instanceof GpuDeviceLostError, String(error));
  assert.deepEqual(await mortal.add(Float32Array.of(1)), Float32Array.of(2), "it lives on");
});

gpuHostTest("GpuActor: what cannot start says why", async ({ host }) => {
  await host.createActor(Picky, []);
  const picky = await caught(host.createActor(Picky, [], { place: ON_WORKER }));
  assert(picky instanceof ActorStartError && picky.cause instanceof GpuUnavailableError);
  assert.equal(picky.phase, "postCreate");
  assert.match(picky.message, /squareOnGpu needs a GPU/);
  const early = await caught(host.createActor(Early, []));
  assert(early instanceof ActorStartError);
  assert.match(early.message, /Early has no gpu in its constructor: use postCreate/);
});
