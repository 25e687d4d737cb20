import assert from "node:assert/strict";
import { GpuDeviceLostError, GpuOutOfMemoryError } from "../../src/core/gpu_errors.ts";
import { openGpu } from "../../gpu/device.ts";
import { capacityFor, writeGuarded } from "../../gpu/buffers.ts";
import { KernelRunner } from "../../gpu/kernel_runner.ts";
import { count, saxpy } from "./kernels.ts";
import { gpuTest } from "./require_gpu.ts";

gpuTest("openGpu: describes its device as plain data", (gpu) => {
  const { kind, name, features, limits } = gpu.description;
  assert.ok(kind === "gpu" || kind === "software");
  if (/llvmpipe|swiftshader/i.test(name)) assert.equal(kind, "software");
  assert.ok(name.length > 0);
  assert.ok(features.every((feature) => typeof feature === "string"));
  assert.ok(limits["maxStorageBufferBindingSize"]! >= 128 * 1024 * 1024);
  assert.deepEqual(structuredClone(gpu.description), gpu.description);
  assert.equal(gpu.generation, 1);
  return Promise.resolve();
});

gpuTest("openGpu: each opening is a device of its own", async (gpu) => {
  await using other = await openGpu({ generation: 2 });
  assert.equal(other?.generation, 2);
  gpu.destroy();
  const runner = new KernelRunner(other!, "saxpy", saxpy);
  const { y } = await runner.run({ x: count(2), y: count(2), p: { a: 1, n: 2 } });
  assert.deepEqual(y, Float32Array.of(0, 2));
});

gpuTest("GpuHandle.destroy: pending and later calls reject, a slot too", async (gpu) => {
  const runner = new KernelRunner(gpu, "saxpy", saxpy);
  const args = { x: count(8), y: count(8), p: { a: 1, n: 8 } };
  const { y } = await runner.enqueue(args);
  const pending = [runner.read(y!), runner.run(args), runner.enqueue(args)];
  const settled = Promise.allSettled(pending);
  gpu.destroy();
  for (const result of await settled) {
    assert.ok(result.status === "rejected" && result.reason instanceof GpuDeviceLostError);
  }
  await assert.rejects(runner.run(args), GpuDeviceLostError);
  await assert.rejects(runner.prepare(), GpuDeviceLostError);
  await assert.rejects(runner.read(y!), GpuDeviceLostError);
  y!.release();
  assert.ok((await gpu.lost) instanceof GpuDeviceLostError);
  assert.match((await gpu.lost).message, /generation 1.* destroyed by its owner/);
  assert.equal(gpu.buffers.liveBytes, 0);
});

gpuTest("DeviceGuard: notices a device that ends by itself", async (gpu) => {
  const runner = new KernelRunner(gpu, "saxpy", saxpy);
  const args = { x: count(8), y: count(8), p: { a: 1, n: 8 } };
  await runner.run(args);
  const pending = assert.rejects(runner.run(args), GpuDeviceLostError);
  gpu.guard.device.destroy();
  await gpu.lost;
  await pending;
  await assert.rejects(runner.run(args), GpuDeviceLostError);
});

gpuTest("BufferPool: reuses, counts, trims", (gpu) => {
  const { buffers } = gpu;
  const first = buffers.acquire(1000);
  assert.equal(first.fresh, true);
  assert.equal(buffers.liveBytes, 1024);
  buffers.release(first.buffer);
  buffers.release(first.buffer);
  assert.deepEqual([buffers.liveBytes, buffers.idleBytes], [0, 1024]);
  const second = buffers.acquire(1001);
  assert.equal(second.buffer, first.buffer);
  assert.equal(second.fresh, false);
  buffers.release(second.buffer);
  buffers.trim();
  assert.equal(buffers.idleBytes, 0);
  return Promise.resolve();
});

gpuTest("BufferPool: past its idle budget a buffer is destroyed", async (gpu) => {
  await using small = await openGpu({ idleBudgetBytes: 1024 });
  const { buffers } = small!;
  const [a, b] = [buffers.acquire(1024), buffers.acquire(512)];
  buffers.release(a.buffer);
  buffers.release(b.buffer);
  assert.equal(buffers.idleBytes, 1024);
  assert.equal(gpu.buffers.idleBytes, 0);
});

gpuTest("BufferPool: keeps to the memory that it may have, idle buffers go first", async (gpu) => {
  await using small = await openGpu({ memoryBytes: 4096 });
  assert.equal(small?.description.memoryBytes, 4096);
  assert.equal(gpu.description.memoryBytes, undefined);
  const { buffers } = small!;
  const a = buffers.acquire(2048);
  buffers.release(buffers.acquire(1024).buffer);
  assert.equal(buffers.idleBytes, 1024);
  const b = buffers.acquire(2048);
  assert.deepEqual([buffers.liveBytes, buffers.idleBytes], [4096, 0]);
  assert.throws(
    () => buffers.acquire(256),
    (error) => error instanceof GpuOutOfMemoryError && /256 B beside 4.0 KiB/.test(error.message),
  );
  for (const { buffer } of [a, b]) buffers.release(buffer);
  const again = buffers.acquire(2000);
  assert.equal(again.fresh, false);
  assert.deepEqual(buffers.counts, { hits: 1, misses: 3 });
  buffers.release(again.buffer);
});

gpuTest("BufferPool: a buffer past the device's limit is refused", (gpu) => {
  const { maxBufferSize } = gpu.guard.device.limits;
  assert.throws(() => gpu.buffers.acquire(maxBufferSize + 1), GpuOutOfMemoryError);
  return Promise.resolve();
});

gpuTest(
  "BufferPool: the device's refusal is GpuOutOfMemoryError and leaves nothing",
  async (gpu) => {
    // A device that says it is full for every buffer, as no test can fill a real one.
    const { device } = gpu.guard;
    const create = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => create({ ...descriptor, size: 2 ** 40 });
    const runner = new KernelRunner(gpu, "saxpy", saxpy);
    const args = { x: count(8), y: count(8), p: { a: 1, n: 8 } };
    await assert.rejects(runner.run(args), GpuOutOfMemoryError);
    device.createBuffer = create;
    assert.deepEqual((await runner.run(args)).y, count(8).map((v) => 2 * v));
  },
);

gpuTest("Readback: waits for the map where reading early throws", async (gpu) => {
  const runner = new KernelRunner(gpu, "saxpy", saxpy);
  const args = { x: count(8), y: count(8), p: { a: 1, n: 8 } };
  const { getMappedRange, mapAsync } = GPUBuffer.prototype;
  let open = 0;
  GPUBuffer.prototype.mapAsync = function (mode, offset, size) {
    open++;
    return mapAsync.call(this, mode, offset, size).finally(() => open--) as Promise<undefined>;
  };
  GPUBuffer.prototype.getMappedRange = function (offset, size) {
    if (open > 0) throw new DOMException("not mapped yet", "OperationError");
    return getMappedRange.call(this, offset, size);
  };
  try {
    const results = await Promise.all([runner.run(args), runner.run(args)]);
    for (const { y } of results) assert.deepEqual(y, count(8).map((v) => 2 * v));
  } finally {
    Object.assign(GPUBuffer.prototype, { getMappedRange, mapAsync });
  }
});

gpuTest("GpuHandle.close: twice, with reads just made", async (gpu) => {
  const runner = new KernelRunner(gpu, "saxpy", saxpy);
  await runner.run({ x: count(8), y: count(8), p: { a: 1, n: 8 } });
  await Promise.all([gpu.close(), gpu.close()]);
});

gpuTest("writeGuarded: zero length, odd length, too long", async (gpu) => {
  const { buffer } = gpu.buffers.acquire(256);
  const { device } = gpu.guard;
  writeGuarded(device, buffer.raw, 0, new Uint8Array(0));
  writeGuarded(device, buffer.raw, 4, Uint8Array.of(1, 2, 3, 4, 5, 6));
  assert.throws(() => writeGuarded(device, buffer.raw, 0, new Uint8Array(257)), RangeError);
  assert.throws(() => writeGuarded(device, buffer.raw, 2, new Uint8Array(1)), RangeError);
  const encoder = device.createCommandEncoder();
  const request = { source: buffer.raw, offset: 4, bytes: 7 };
  const staged = gpu.readback.stage(encoder, [request, request]);
  device.queue.submit([encoder.finish()]);
  const read = await gpu.readback.collect(staged);
  for (const bytes of read) assert.deepEqual([...new Uint8Array(bytes)], [1, 2, 3, 4, 5, 6, 0]);
  gpu.buffers.release(buffer);
});

Deno.test("capacityFor: wastes at most an eighth past 64 KiB and stays within the limit", () => {
  assert.equal(capacityFor(0, 2 ** 31), 256);
  assert.equal(capacityFor(257, 2 ** 31), 512);
  assert.equal(capacityFor(65_536, 2 ** 31), 65_536);
  for (const bytes of [65_537, 1_000_003 * 4, 123_456_789]) {
    const capacity = capacityFor(bytes, 2 ** 31);
    assert.ok(capacity >= bytes && capacity <= bytes * 1.126 && capacity % 4 === 0);
  }
  assert.equal(capacityFor(2 ** 31 - 100, 2 ** 31 - 1), 2 ** 31 - 4);
});
