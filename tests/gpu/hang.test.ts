/** A kernel that does not end: its device is given up, by its own pool or by whoever watches that. */
import assert from "node:assert/strict";
import { GpuDeviceLostError } from "../../src/core/errors.ts";
import { openGpu } from "../../gpu/device.ts";
import { allowedMs, HangWatch, WaitMark } from "../../gpu/hang_watch.ts";
import { KernelRunner } from "../../gpu/kernel_runner.ts";
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
  let looks = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      mark.begin(500);
      if (++looks < 50) return;
      clearInterval(timer);
      resolve();
    }, LOOK_MS);
  });
  watch.stop();
  assert.equal(hung, 0);
});

gpuTest("Lane: a map that never comes ends the device, and its calls", async (gpu) => {
  await using other = await openGpu({ hangMs: 20 });
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
