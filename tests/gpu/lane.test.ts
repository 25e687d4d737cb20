import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { readSlot, sliceSlot, uploadSlot } from "../../gpu/slots.ts";
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

gpuTest("Lane.hold: keeps work together over turns of the event loop", async (gpu) => {
  const runner = new KernelRunner(gpu, "saxpy", saxpy);
  await runner.run({ x: count(4), y: count(4), p });
  const { submits } = gpu.lane.counts;
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const slots = [];
  {
    using _outer = gpu.lane.hold();
    for (let i = 0; i < 3; i++) {
      using _inner = gpu.lane.hold();
      slots.push((await runner.enqueue({ x: count(4), y: count(4), p })).y!);
      await turn();
    }
    assert.equal(gpu.lane.counts.submits, submits);
  }
  await turn();
  await turn();
  assert.equal(gpu.lane.counts.submits, submits + 1);
  for (const slot of slots) {
    assert.deepEqual(await runner.read(slot), count(4).map((v) => 2 * v));
    slot.release();
  }
});

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

gpuTest(
  "Lane: calls one after the other fill their submits",
  async (gpu) => {
    const runner = new KernelRunner(gpu, "saxpy", saxpy);
    const x = await uploadSlot(gpu, count(4));
    let y = await uploadSlot(gpu, count(4));
    await runner.prepare();
    await gpu.lane.idle();
    const { submits, dispatches } = gpu.lane.counts;
    for (let i = 0; i < 64 * 32; i++) {
      y = (await runner.enqueue({ x, y, p: { a: i, n: 4 } }, { consume: ["y"] })).y!;
    }
    await gpu.lane.idle();
    assert.equal(gpu.lane.counts.dispatches - dispatches, 64 * 32);
    assert.equal(gpu.lane.counts.submits - submits, 32);
    assert.deepEqual(
      await runner.read(y),
      count(4).map((v) => (1 + 64 * 32 * (64 * 32 - 1) / 2) * v),
    );
    x.release();
    y.release();
  },
);

gpuTest(
  "KernelRunner.enqueue: a consumed slot is written in place, if nobody else has it",
  async (gpu) => {
    const runner = new KernelRunner(gpu, "saxpy", saxpy);
    const y = count(4);
    const first = (await runner.enqueue({ x: count(4), y, p })).y!;
    await gpu.lane.idle();
    const { liveBytes } = gpu.buffers;
    const second = (await runner.enqueue({ x: count(4), y: first, p }, { consume: ["y"] })).y!;
    await gpu.lane.idle();
    assert.equal(gpu.buffers.liveBytes, liveBytes);
    assert.equal(first.references, 0);
    second.retain();
    const third = (await runner.enqueue({ x: second, y: second, p }, { consume: ["y"] })).y!;
    assert.equal(second.references, 1);
    const fourth = (await runner.enqueue({ x: third, y: third, p }, { consume: ["y"] })).y!;
    assert.equal(third.references, 0);
    assert.deepEqual(await runner.read(second), count(4).map((v) => 3 * v));
    assert.deepEqual(await runner.read(fourth), count(4).map((v) => 12 * v));
    const wrong = { x: new Float32Array(4), y: second, p: { a: 1, n: -1 } };
    await assert.rejects(runner.enqueue(wrong, { consume: ["y"] }), /p\.n/);
    assert.equal(second.references, 1);
    second.release();
    fourth.release();
  },
);

gpuTest(
  "Lane: copies of one submit see what is written before them, and nothing after",
  async (gpu) => {
    const runner = new KernelRunner(gpu, "saxpy", saxpy);
    await runner.run({ x: count(4), y: count(4), p });
    const x = await uploadSlot(gpu, count(4));
    const given = await uploadSlot(gpu, count(4));
    const { submits } = gpu.lane.counts;
    const copied = (await runner.enqueue({ x, y: given, p })).y!;
    const written = (await runner.enqueue({ x, y: given, p }, { consume: ["y"] })).y!;
    const later = (await runner.enqueue({ x, y: written, p })).y!;
    const again = (await runner.enqueue({ x, y: later, p }, { consume: ["y"] })).y!;
    const last = (await runner.enqueue({ x, y: again, p })).y!;
    const slots = [copied, written, again, last];
    const results = await Promise.all(slots.map((slot) => runner.read(slot)));
    const times = [2, 2, 4, 5];
    assert.deepEqual(results, times.map((n) => count(4).map((v) => n * v)));
    assert.equal(gpu.lane.counts.submits, submits + 1);
    for (const slot of [x, ...slots]) slot.release();
  },
);

gpuTest("Lane: uniforms in one submit, the same ones and others", async (gpu) => {
  const runner = new KernelRunner(gpu, "saxpy", saxpy);
  let y = await uploadSlot(gpu, new Float32Array(4));
  const x = await uploadSlot(gpu, Float32Array.of(1, 1, 1, 1));
  const factors = [1, 1, 10, 10, 1, 100, 1, 1];
  for (const a of factors) {
    y = (await runner.enqueue({ x, y, p: { a, n: 4 } }, { consume: ["y"] })).y!;
  }
  const sum = factors.reduce((a, b) => a + b);
  assert.deepEqual(await runner.read(y), new Float32Array(4).fill(sum));
  x.release();
  y.release();
});

gpuTest("uploadSlot, sliceSlot, readSlot", async (gpu) => {
  const data = count(100);
  const uploading = uploadSlot(gpu, data);
  data.fill(-1);
  const slot = await uploading;
  const part = sliceSlot(slot, 10, 15);
  const none = sliceSlot(slot, 100);
  slot.release();
  assert.deepEqual(await readSlot(gpu, part), Float32Array.of(10, 11, 12, 13, 14));
  assert.deepEqual(await readSlot(gpu, none), new Float32Array(0));
  assert.throws(() => sliceSlot(part, 2, 6), RangeError);
  assert.deepEqual(await readSlot(gpu, part, 1, 3), Float32Array.of(11, 12));
  await assert.rejects(readSlot(gpu, part, 1, 6), RangeError);
  part.release();
  none.release();
  const half = await uploadSlot(gpu, Float16Array.of(1, 2, 3));
  assert.throws(() => sliceSlot(half, 1), /multiple of 4 bytes/);
  const tail = sliceSlot(half, 2);
  assert.deepEqual(await readSlot(gpu, tail), Float16Array.of(3));
  half.release();
  tail.release();
  const words = "words" as unknown as Float32Array;
  await assert.rejects(uploadSlot(gpu, words), /cannot upload string/);
});
