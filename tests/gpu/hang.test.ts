/** A kernel that does not end: its device is given up, by its own pool or by whoever watches that. */
import assert from "node:assert/strict";
import {
  addressOf,
  GpuDeviceLostError,
  onPool,
  PoolLostError,
  startHost,
} from "@dramatis/dramatis";
import { gpuPool } from "@dramatis/dramatis/gpu";
import { HangWatch, WaitMark } from "../../src/pool/hang_watch.ts";
import { openGpu } from "../../gpu/device.ts";
import { allowedMs } from "../../gpu/hang_limit.ts";
import { KernelRunner } from "../../gpu/kernel_runner.ts";
import { NO_ADAPTER } from "../../gpu/no_adapter.ts";
import { probe } from "./fixtures/actors.ts";
import { square } from "./fixtures/kernels.ts";
import { count, saxpy } from "./kernels.ts";
import { gpuTest } from "./require_gpu.ts";

const LOOK_MS = 1;

Deno.test("allowedMs: four times the prediction and some more, for the unknown 8 s", () => {
  assert.equal(allowedMs(50, 2000), 2200);
  assert.equal(allowedMs(undefined, 2000), 10_000);
  assert.equal(allowedMs(0, Infinity), 2 ** 31 - 1);
});

Deno.test("HangWatch: sees a wait that is too long, once", async () => {
  const memory = WaitMark.memory();
  const mark = new WaitMark(memory);
  const { promise: hung, resolve } = Promise.withResolvers<number>();
  let calls = 0;
  const watch = new HangWatch(memory, (ms) => {
    calls++;
    resolve(ms);
  }, LOOK_MS);
  mark.begin(1e9);
  mark.end();
  mark.begin(5);
  // The watch does not keep a process alive; here somebody has to.
  const alive = setInterval(() => {}, LOOK_MS);
  assert((await hung) > 5);
  clearInterval(alive);
  assert.equal(calls, 1);
  watch.stop();
});

Deno.test("HangWatch: does not add up waits that are short", async () => {
  const memory = WaitMark.memory();
  const mark = new WaitMark(memory);
  let hung = 0;
  const watch = new HangWatch(memory, () => hung++, LOOK_MS);
  const { now } = performance;
  let waits = 0;
  performance.now = () => 100 * waits;
  try {
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        mark.begin(500);
        if (++waits < 50) return;
        clearInterval(timer);
        resolve();
      }, LOOK_MS);
    });
  } finally {
    performance.now = now;
    watch.stop();
  }
  assert.equal(hung, 0);
});

gpuTest("Lane: a map that never comes ends the device, and its calls", async (gpu) => {
  // Longer than a kernel that ends takes on a busy machine.
  await using other = await openGpu({ hangMs: 500 });
  const runner = new KernelRunner(other!, "saxpy", saxpy);
  const args = { x: count(8), y: count(8), p: { a: 1, n: 8 } };
  for (let i = 0; i < 4; i++) await runner.run(args);
  const { getMappedRange, mapAsync } = GPUBuffer.prototype;
  const map = Promise.withResolvers<undefined>();
  GPUBuffer.prototype.mapAsync = () => map.promise;
  GPUBuffer.prototype.getMappedRange = () => {
    throw new DOMException("not mapped yet", "OperationError");
  };
  try {
    const calls = await Promise.allSettled([runner.run(args), runner.run(args)]);
    for (const call of calls) {
      assert(call.status === "rejected" && call.reason instanceof GpuDeviceLostError);
      assert.match(call.reason.message, /was lost: a kernel did not end in \d+ ms/);
    }
  } finally {
    map.resolve(undefined);
    Object.assign(GPUBuffer.prototype, { getMappedRange, mapAsync });
  }
  assert.equal(gpu.guard.error, null);
});

for (const isolation of ["worker", "process"] as const) {
  Deno.test(`gpuPool: a kernel that holds the thread of a ${isolation} ends the pool, which comes back`, async (t) => {
    await using host = await startHost({
      pools: [gpuPool({ isolation, hangMs: 100 })],
      onDeadLetter: () => {},
    });
    const pool = host.pools()[1];
    if (pool === undefined) {
      if (Deno.env.get("DRAMATIS_REQUIRE_GPU") === "1") throw new Error(NO_ADAPTER);
      // deno-lint-ignore no-console -- a skipped test must say so
      return console.warn(`skipped "${t.name}": ${NO_ADAPTER}`);
    }
    const place = onPool(pool);
    const kernel = await host.createActor(square, [], { place });
    const look = await host.createActor(probe, [], { place });
    const pid = await look.pid();
    const x = count(8);
    for (let i = 0; i < 4; i++) await kernel.compute({ x }); // how long it takes is known then
    const { squares } = await kernel.run({ x });
    await look.hang();
    const waiting = [kernel.compute({ x }), squares.read(), look.stay()];
    for (const call of await Promise.allSettled(waiting)) {
      assert(call.status === "rejected");
      const { reason } = call;
      assert(reason instanceof PoolLostError, String(reason));
      assert.equal(reason.exit, "killed");
      assert.match(reason.message, /gpu-1 was given up: a kernel has not ended for \d+\.\d s/);
      assert(reason.cause instanceof GpuDeviceLostError);
    }
    assert.equal((await kernel.compute({ x })).squares[3], 9, "it has a device again");
    assert.equal(addressOf(kernel).pool, pool.pool);
    await assert.rejects(squares.read());
    if (isolation === "process") {
      assert.notEqual(await look.pid(), pid);
      await killed(pid);
    }
  });
}

/** Resolves when a process is no more: it may take its driver a while to go, and its parent to notice. */
async function killed(pid: number): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (isThere(pid)) {
    assert(performance.now() < deadline, "it has not been killed");
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function isThere(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch (error) {
    assert(error instanceof Deno.errors.NotFound, String(error));
    return false;
  }
}
