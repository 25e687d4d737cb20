import assert from "node:assert/strict";
import { KernelRunner } from "../../gpu/kernel_runner.ts";
import { count, saxpy } from "./kernels.ts";
import { gpuTest } from "./require_gpu.ts";

const p = { a: 1, n: 4 };

gpuTest("Lane: a chain of awaited calls and one read are one submit and one map", async (gpu) => {
  const runner = new KernelRunner(gpu, "saxpy", saxpy);
  await runner.run({ x: count(4), y: count(4), p });
  const before = gpu.lane.counts;
  let slot = (await runner.enqueue({ x: count(4), y: count(4), p })).y!;
  for (let i = 0; i < 9; i++) {
    const next = (await runner.enqueue({ x: count(4), y: slot, p })).y!;
    slot.release();
    slot = next;
  }
  assert.deepEqual(await runner.read(slot), count(4).map((v) => 11 * v));
  slot.release();
  const { submits, maps } = gpu.lane.counts;
  assert.deepEqual([submits - before.submits, maps - before.maps], [1, 1]);
});

gpuTest(
  "Lane: one call that the device refuses fails alone, and what depends on it",
  async (gpu) => {
    const runner = new KernelRunner(gpu, "saxpy", saxpy);
    const args = { x: count(4), y: count(4), p };
    await runner.run(args);
    // Sixteen workgroups too many for the device, slipped past the checks.
    const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
    const good = runner.run(args);
    GPUComputePassEncoder.prototype.dispatchWorkgroups = function (x, y, z) {
      return dispatchWorkgroups.call(this, x === 77 ? 2 ** 20 : x, y, z);
    };
    try {
      const culprit = new KernelRunner(gpu, "culprit", { ...saxpy, threads: () => 77 * 256 });
      const bad = (await culprit.enqueue(args)).y!;
      const child = (await runner.enqueue({ x: count(4), y: bad, p })).y!;
      const also = runner.run(args);
      await assert.rejects(runner.read(bad), /the GPU refused culprit: /);
      await assert.rejects(runner.read(child), /the GPU refused culprit: /);
      await assert.rejects(runner.run({ x: bad, y: count(4), p }), /the GPU refused culprit: /);
      for (const { y } of [await good, await also]) assert.deepEqual(y, count(4).map((v) => 2 * v));
      assert.ok(bad.error !== null && child.error !== null);
      bad.release();
      child.release();
    } finally {
      GPUComputePassEncoder.prototype.dispatchWorkgroups = dispatchWorkgroups;
    }
    assert.deepEqual((await runner.run(args)).y, count(4).map((v) => 2 * v));
  },
);

gpuTest("Lane: 500 calls without a wait between them", async (gpu) => {
  const runner = new KernelRunner(gpu, "saxpy", saxpy);
  const runs = Array.from(
    { length: 500 },
    (_, i) => runner.run({ x: count(4), y: count(4), p: { a: i, n: 4 } }),
  );
  (await Promise.all(runs)).forEach(({ y }, i) => {
    assert.deepEqual(y, count(4).map((v) => (i + 1) * v));
  });
});
