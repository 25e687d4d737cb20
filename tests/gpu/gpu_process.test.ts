/** Gpu pools in processes of their own: several, each with its device, and none takes the host with it. */
import assert from "node:assert/strict";
import { onPool, PoolLostError, PoolStartError, startHost } from "@dramatis/dramatis";
import { gpuPool, kernel } from "@dramatis/dramatis/gpu";
import { NO_ADAPTER } from "../../gpu/no_adapter.ts";
import { Inmate } from "../fixtures/process_actors.ts";
import { WITHOUT_GPU } from "../fixtures/child.ts";

/** Said is 1 s; the machine of a test may be slow, and busy. */
const MOST_RECOVERY_MS = 30_000;

export const twice = kernel<{ y: Float32Array }>(import.meta, "twice", {
  wgsl: `
    @group(0) @binding(0) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3u) {
      if (g.x < arrayLength(&y)) { y[g.x] *= 2; }
    }`,
});

Deno.test("gpuPool: several in processes of their own, and one that dies leaves the others", async (t) => {
  const pools = [1, 2].map(() => gpuPool({ isolation: "process", env: { A: "1" } }));
  await using host = await startHost({ pools });
  const gpus = host.pools().filter(({ kind }) => kind === "gpu");
  if (gpus.length === 0) {
    if (Deno.env.get("DRAMATIS_REQUIRE_GPU") === "1") throw new Error(NO_ADAPTER);
    // deno-lint-ignore no-console -- a skipped test must say so
    return console.warn(`skipped "${t.name}": ${NO_ADAPTER}`);
  }
  assert.deepEqual(gpus.map(({ name }) => name), ["gpu-1", "gpu-2"]);
  const [first, second] = await Promise.all(
    gpus.map((pool) => host.createActor(twice, [], { place: onPool(pool) })),
  );
  const inmate = await host.createActor(Inmate, [], { place: onPool(gpus[0]!) });
  assert.notEqual(await inmate.pid(), Deno.pid);
  assert.equal(await inmate.env("A"), "1");
  using kept = (await first!.run({ y: Float32Array.of(1, 2) })).y;
  assert.deepEqual(await (await first!.run({ y: kept })).y.read(), Float32Array.of(4, 8));
  const call = inmate.wait();
  Deno.kill(await inmate.pid(), "SIGKILL");
  await assert.rejects(call, (error) => error instanceof PoolLostError && error.exit === "killed");
  assert.deepEqual((await second!.compute({ y: Float32Array.of(3) })).y, Float32Array.of(6));
});

Deno.test("gpuPool: a process killed in mid-load: every call settles, the actor answers again", async (t) => {
  await using host = await startHost({
    pools: [gpuPool({ isolation: "process" })],
    onDeadLetter: () => {},
  });
  const gpu = host.pools()[1];
  if (gpu === undefined) {
    if (Deno.env.get("DRAMATIS_REQUIRE_GPU") === "1") throw new Error(NO_ADAPTER);
    // deno-lint-ignore no-console -- a skipped test must say so
    return console.warn(`skipped "${t.name}": ${NO_ADAPTER}`);
  }
  const place = onPool(gpu);
  const actor = await host.createActor(twice, [], { place });
  const inmate = await host.createActor(Inmate, [], { place });
  const y = new Float32Array(2 ** 16).fill(1);
  for (let round = 0; round < 2; round++) {
    const pid = await inmate.pid();
    using kept = (await actor.run({ y })).y;
    const load = Array.from({ length: 64 }, () => actor.compute({ y }));
    await load[0];
    Deno.kill(pid, "SIGKILL");
    const killed = performance.now();
    const settled = await Promise.allSettled([...load, kept.read()]);
    for (const one of settled) {
      if (one.status === "fulfilled") continue;
      assert(one.reason instanceof PoolLostError, String(one.reason));
      assert.equal(one.reason.exit, "killed");
    }
    assert.equal((await actor.compute({ y })).y[0], 2);
    const ms = performance.now() - killed;
    assert(ms < MOST_RECOVERY_MS, `it took ${ms} ms`);
    assert.notEqual(await inmate.pid(), pid);
  }
});

Deno.test("gpuPool: a process without an adapter is no pool, or is required", async () => {
  const options = { isolation: "process", env: WITHOUT_GPU } as const;
  await using host = await startHost({ pools: [gpuPool(options)] });
  assert.deepEqual(host.pools().map(({ name }) => name), ["main"]);
  await assert.rejects(host.appendPool(gpuPool({ ...options, required: true })), PoolStartError);
});

Deno.test("gpuPool: options that make no sense are refused", () => {
  assert.throws(() => gpuPool({ isolation: "vm" as never }), /isolation is "worker" or "process"/);
  assert.throws(() => gpuPool({ env: {} }), /env takes isolation: "process"/);
});
