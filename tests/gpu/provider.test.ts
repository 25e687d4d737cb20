/** Who implements WebGPU for a gpu pool, and which adapter it takes. */
import assert from "node:assert/strict";
import { PoolStartError, startHost } from "@dramatis/dramatis";
import { gpuPool } from "@dramatis/dramatis/gpu";
import { openGpu } from "../../gpu/device.ts";
import { KernelRunner } from "../../gpu/kernel_runner.ts";
import { Child } from "../fixtures/child.ts";
import { square } from "./fixtures/kernels.ts";
import { count, saxpy } from "./kernels.ts";
import { gpuTest } from "./require_gpu.ts";

gpuTest("openGpu: an adapter by a part of its name, and none of another", async (gpu) => {
  const name = gpu.description.name.slice(0, 5).toUpperCase();
  await using same = await openGpu({ adapter: { name } });
  assert.equal(same?.description.name, gpu.description.name);
  assert.equal(await openGpu({ adapter: { name: "no such adapter" } }), null);
});

gpuTest("gpuPool: takes the adapter that it is told", async (gpu) => {
  await using host = await startHost({ pools: [gpuPool({ adapter: gpu.description.name })] });
  assert.equal(host.pools()[1]?.device.name, gpu.description.name);
  const actor = await host.createActor(square, []);
  assert.deepEqual((await actor.compute({ x: Float32Array.of(3) })).squares, Float32Array.of(9));
  assert.deepEqual(await host.appendPool(gpuPool({ adapter: "no such adapter" })), []);
  await assert.rejects(
    host.appendPool(gpuPool({ adapter: "no such adapter", required: true })),
    (error) => error instanceof PoolStartError && /"no such adapter"/.test(error.message),
  );
});

Deno.test("gpuPool: refuses options that do not go together", () => {
  assert.throws(() => gpuPool({ provider: "metal" as never }), /"deno" or "dawn", got "metal"/);
  assert.throws(() => gpuPool({ backend: "null" }), /backend takes provider: "dawn"/);
  assert.throws(() => gpuPool({ idleBudgetBytes: -1 }), /idleBudgetBytes .* got -1/);
});

gpuTest("writeGuarded: memory that is shared", async (gpu) => {
  const shared = new Float32Array(new SharedArrayBuffer(16));
  shared.set([1, 2, 3, 4]);
  const runner = new KernelRunner(gpu, "saxpy", saxpy);
  const { y } = await runner.run({ x: shared, y: count(4), p: { a: 2, n: 4 } });
  assert.deepEqual(y, Float32Array.of(2, 5, 8, 11));
});

Deno.test("openGpu: Dawn, by its null backend, where its package can be had", async () => {
  await using child = new Child(new URL("./fixtures/dawn.ts", import.meta.url), []);
  const { code, stdout } = await child.ended();
  assert.equal(code, 0);
  if (stdout.startsWith("not loaded: ")) {
    // deno-lint-ignore no-console -- a skipped test must say so
    console.warn(`skipped Dawn: ${stdout}`);
    return;
  }
  assert.equal(stdout.trim(), "null-backend software 32000 0 0");
});
