import assert from "node:assert/strict";
import { GpuUnavailableError, KernelArgumentError } from "../../src/core/gpu_errors.ts";
import { runTwin } from "../../gpu/cpu_twin.ts";
import { BLOCK, count, saxpy, sumBlocks } from "./kernels.ts";

Deno.test("runTwin: copies read_write arrays, allocates outputs, gives both back", async () => {
  const x = count(4);
  const y = Float32Array.of(1, 1, 1, 1);
  const result = await runTwin("saxpy", saxpy, { x, y, p: { a: 2, n: 3 } });
  assert.deepEqual(result, { y: Float32Array.of(1, 3, 5, 1) });
  assert.deepEqual(y, Float32Array.of(1, 1, 1, 1));
  const { sums } = await runTwin("sum", sumBlocks, { x: new Float32Array(BLOCK + 1).fill(1) });
  assert.deepEqual(sums, Float32Array.of(BLOCK, 1));
});

Deno.test("runTwin: waits for an asynchronous twin", async () => {
  const slow = {
    ...saxpy,
    cpu: async ({ y }: { y: Float32Array }) => {
      await Promise.resolve();
      y.fill(9);
    },
  };
  const { y } = await runTwin("slow", slow, { x: count(1), y: count(1), p: { a: 1, n: 1 } });
  assert.deepEqual(y, Float32Array.of(9));
});

Deno.test("runTwin: refuses what the device would refuse", async () => {
  const args = { x: count(1), y: count(1), p: { a: 1, n: -1 } };
  await assert.rejects(runTwin("saxpy", saxpy, args), KernelArgumentError);
  const wrong = { ...args, x: new Uint8Array(4) as unknown as Float32Array };
  await assert.rejects(runTwin("saxpy", saxpy, wrong), /expected Float32Array, got Uint8Array/);
});

Deno.test("runTwin: without a twin", async () => {
  const { cpu: _, ...bare } = saxpy;
  await assert.rejects(
    runTwin("saxpy", bare, { x: count(1), y: count(1), p: { a: 1, n: 1 } }),
    GpuUnavailableError,
  );
});
