/** A device that is lost: everything settles, and the same actors answer on the next one. */
import assert from "node:assert/strict";
import {
  type ActorRef,
  addressOf,
  GpuDeviceLostError,
  onPool,
  PlacementError,
  PoolLostError,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { gpuPool, type KernelActor } from "@dramatis/dramatis/gpu";
import { DeviceKeeper, isTooOften } from "../../gpu/device_keeper.ts";
import { openGpu } from "../../gpu/device.ts";
import { GpuResource } from "../../gpu/gpu_resource.ts";
import { readSlot, uploadSlot } from "../../gpu/slots.ts";
import { probe } from "./fixtures/actors.ts";
import { square, type SquareArgs } from "./fixtures/kernels.ts";
import { gpuHostTest } from "./gpu_host.ts";
import { count } from "./kernels.ts";
import { gpuTest } from "./require_gpu.ts";

type Square = ActorRef<KernelActor<SquareArgs, "squares">>;

/** Milliseconds from a loss to the first answer, on a machine that is very busy: it waits for no watch. */
const RECOVERED_MS = 20_000;

async function caught(promise: Promise<unknown>): Promise<Error> {
  return await promise.then(() => assert.fail("it did not reject"), (error) => error);
}

async function squareOf(actor: Square, x: number): Promise<number> {
  return (await actor.compute({ x: Float32Array.of(x) })).squares[0]!;
}

gpuHostTest("a device lost in mid-load: every call settles, the actors answer again", async ({
  host,
}) => {
  const first = await host.createActor(square, []);
  const second = await host.createActor(square, []);
  const look = await host.createActor(probe, []);
  const pool = host.poolOf(first).pool;
  const { squares: old } = await first.run({ x: Float32Array.of(2) });
  for (let round = 1; round <= 3; round++) {
    const load = Array.from({ length: 64 }, (_, i) => [
      squareOf(first, i),
      second.run({ x: count(1024) }),
      first.compute({ x: old }),
    ]).flat();
    const settled = Promise.allSettled(load);
    await look.loseDevice();
    const started = performance.now();
    const again = squareOf(first, 3);
    assert.equal(await again, 9);
    assert(performance.now() - started <= RECOVERED_MS);
    assert.equal(await squareOf(second, 4), 16);
    for (const one of await settled) {
      if (one.status === "rejected") assert(one.reason instanceof GpuDeviceLostError, one.reason);
    }
    assert.equal(await look.generation(), round + 1);
  }
  assert.equal(host.poolOf(first).pool, pool, "it is the same pool");
  assert.equal(addressOf(first).pool, pool);

  const error = await caught(old.read());
  assert(error instanceof GpuDeviceLostError, String(error));
  assert.match(error.message, /\(generation 1\) was lost: /);
  assert(await caught(second.run({ x: old })) instanceof GpuDeviceLostError);
  old.dispose();
  const { squares: fresh } = await first.run({ x: Float32Array.of(5) });
  assert.deepEqual(await second.compute({ x: fresh }), { squares: Float32Array.of(625) });
  fresh.dispose();
  await host.destroyActor(first);
  await host.destroyActor(second);
});

gpuHostTest("a device lost under a twin's fetch is the twin's caller's error", async ({ host }) => {
  const onGpu = await host.createActor(square, []);
  const twin = await host.createActor(square, [], { place: onPool("worker-1") });
  const look = await host.createActor(probe, []);
  const { squares } = await onGpu.run({ x: Float32Array.of(1) });
  await look.loseDevice();
  assert(await caught(twin.compute({ x: squares })) instanceof GpuDeviceLostError);
  assert.equal(await squareOf(twin, 5), 25);
});

function assertLostByDevice(error: Error): void {
  assert(error instanceof PoolLostError, String(error));
  assert.equal(error.exit, "error");
  assert(error.cause instanceof GpuDeviceLostError, String(error.cause));
  assert.match(error.cause.message, /was lost: .*; \d+ devices were lost in 60 s/);
}

gpuHostTest("a device that is lost again and again ends its pool, and the host lives", async () => {
  await using host = await startHost({
    pools: [workerPool({ count: 1 }), gpuPool()],
    autoRecover: false,
    onDeadLetter: () => {},
  });
  const gpu = host.pools().find(({ kind }) => kind === "gpu")!;
  const onGpu = await host.createActor(square, []);
  const twin = await host.createActor(square, [], { place: onPool("worker-1") });
  const look = await host.createActor(probe, []);
  const { squares } = await onGpu.run({ x: Float32Array.of(1) });
  const staying = caught(look.stay());
  const losing = caught(look.loseForGood());
  assertLostByDevice(await staying);
  const error = await losing;
  if (!(error instanceof GpuDeviceLostError)) assertLostByDevice(error);
  for (const call of [onGpu.compute({ x: count(8) }), squares.read(), twin.run({ x: squares })]) {
    assert(await caught(call) instanceof PoolLostError);
  }
  assert(!host.pools().some(({ pool }) => pool === gpu.pool), "its pool is gone");
  await assert.rejects(host.createActor(square, []), PlacementError);
  assert.equal(await squareOf(twin, 5), 25);

  const [another] = await host.appendPool(gpuPool());
  assert.notEqual(another!.pool, gpu.pool);
  assert.equal(await squareOf(await host.createActor(square, []), 6), 36);
});

gpuTest(
  "GpuResource: what has a restore comes back under its number, what has not is lost",
  async (gpu) => {
    const keeper = new DeviceKeeper(gpu, (generation) => openGpu({ generation }));
    const resource = new GpuResource(keeper);
    const data = Float32Array.of(1, 2, 3);
    const lost = resource.keep(await uploadSlot(gpu, data));
    const back = resource.keep(await uploadSlot(gpu, data), (next) => uploadSlot(next, data));
    const failing = resource.keep(await uploadSlot(gpu, data), () => {
      throw new RangeError("its source is gone");
    });
    const read = async (id: number) => readSlot(await resource.ready(), resource.get(id)!);
    gpu.destroy();
    assert.deepEqual(await read(back), data);
    await assert.rejects(read(lost), GpuDeviceLostError);
    await assert.rejects(read(failing), GpuDeviceLostError);
    for (const id of [lost, back, failing]) resource.release(id);
    await resource.gpu.lane.idle();
    assert.equal(resource.gpu.buffers.liveBytes, 0);
    await keeper.close();
  },
);

gpuTest("DeviceKeeper: gives up when there is no other device", async (gpu) => {
  let tries = 0;
  const keeper = new DeviceKeeper(gpu, () => {
    if (++tries % 2 === 0) throw new Error("the driver is gone");
    return Promise.resolve(null);
  });
  assert.equal(keeper.ready(), gpu);
  gpu.destroy();
  const error = await caught(Promise.resolve(keeper.ready()));
  assert(error instanceof GpuDeviceLostError);
  assert.match(error.message, /destroyed by its owner; no other device could be opened in 5 tries/);
  assert.equal(tries, 5);
  assert.equal(await keeper.ended, error);
  assert.throws(() => keeper.ready(), error);
});

Deno.test("isTooOften: counts the losses of the last minute", () => {
  const losses: number[] = [];
  for (const now of [0, 1, 2, 3, 4]) assert.equal(isTooOften(losses, now), false);
  assert.equal(isTooOften(losses, 60_003), false, "those before 3 are forgotten");
  for (const now of [60_003, 60_003]) assert.equal(isTooOften(losses, now), false);
  assert.equal(isTooOften(losses, 60_003), true);
});
