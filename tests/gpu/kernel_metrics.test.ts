/** What devices hold and kernels take, for people and for Prometheus. */
import assert from "node:assert/strict";
import { workerPool } from "@dramatis/dramatis";
import { gpuPool } from "@dramatis/dramatis/gpu";
import { NO_ADAPTER } from "../../gpu/no_adapter.ts";
import { Stage } from "../host/gateway/client.ts";
import { probe } from "./fixtures/actors.ts";
import { square } from "./fixtures/kernels.ts";
import { count } from "./kernels.ts";

Deno.test("host.inspect and /metrics: kernels by name and size, and the memory of devices", async (t) => {
  await using stage = await Stage.start({ pools: [workerPool({ count: 1 }), gpuPool()] });
  const { host } = stage;
  const gpu = host.pools().find(({ kind }) => kind === "gpu");
  if (gpu === undefined) {
    if (Deno.env.get("DRAMATIS_REQUIRE_GPU") === "1") throw new Error(NO_ADAPTER);
    // deno-lint-ignore no-console -- a skipped test must say so
    return console.warn(`skipped "${t.name}": ${NO_ADAPTER}`);
  }
  const actor = await host.createActor(square, []);
  for (let i = 0; i < 3; i++) await actor.compute({ x: count(100) });
  using kept = (await actor.run({ x: count(5000) })).squares;
  assert.equal((await kept.read(9, 10))[0], 81);
  const seen = (await host.inspect()).pools.map(({ deviceUse }) => deviceUse);
  assert.deepEqual([seen[0], seen[1]], [undefined, undefined], "they have none of their own");
  const { generation, usedBytes, kernels } = seen[2]!;
  assert.equal(generation, 1);
  assert(usedBytes >= kept.byteLength);
  assert.deepEqual(
    kernels.map(({ kernel, size, calls }) => [kernel, size, calls]),
    [["square", 128, 3], ["square", 4096, 1]],
  );
  assert(kernels[0]!.measured > 0 && kernels[0]!.ms > 0);

  const metrics = async () => (await stage.ask("GET", "/metrics")).text.split("\n");
  const of = (lines: readonly string[], series: string) => {
    const line = lines.find((one) => one.startsWith(`dramatis_${series} `));
    assert(line !== undefined, `${series} is not there`);
    return Number(line.split(" ")[1]);
  };
  const first = await metrics();
  assert.equal(of(first, 'kernel_calls_total{pool="gpu-2",kernel="square",size="128"}'), 3);
  assert(of(first, 'kernel_seconds{pool="gpu-2",kernel="square",size="128"}') > 0);
  assert.equal(of(first, 'device_used_bytes{pool="gpu-2"}'), usedBytes);
  assert.equal(of(first, 'device_generation{pool="gpu-2"}'), 1);
  assert(!first.some((line) => /^dramatis_device_.*pool="(main|worker-1)"/.test(line)));
  const look = await host.createActor(probe, []);
  await look.loseDevice();
  await actor.compute({ x: count(100) });
  const second = await metrics();
  assert.equal(of(second, 'device_generation{pool="gpu-2"}'), 2);
  assert.equal(of(second, 'kernel_calls_total{pool="gpu-2",kernel="square",size="128"}'), 4);
});
