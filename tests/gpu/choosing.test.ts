/** Which calls of a kernel run on the device and which by its twin, and that it is said. */
import assert from "node:assert/strict";
import { ActorStartError, device, GpuUnavailableError, onPool } from "@dramatis/dramatis";
import { choose } from "../../gpu/choosing_engine.ts";
import { KernelTimes } from "../../gpu/kernel_times.ts";
import { square, squareOnGpu } from "./fixtures/kernels.ts";
import { gpuHostTest } from "./gpu_host.ts";
import { count } from "./kernels.ts";

gpuHostTest("device({ minWork }): small calls run the twin, and it is said", async ({ host }) => {
  const actor = await host.createActor(square, [], { place: device({ minWork: 100 }) });
  const before = await actor.stats();
  assert.deepEqual(before.choices, { device: 0, twin: 0, last: null, times: [] });
  assert.equal(before.device.name, host.poolOf(actor).device.name);
  assert.equal(before.generation, 1);
  assert.equal((await actor.compute({ x: count(99) })).squares[9], 81);
  const small = (await actor.stats()).choices!;
  assert.deepEqual([small.device, small.twin, small.last?.on], [0, 1, "twin"]);
  assert.match(small.last!.reason, /99 elements are less than minWork, 100/);
  assert.equal((await actor.compute({ x: count(100) })).squares[9], 81);
  using kept = (await actor.run({ x: count(5) })).squares;
  assert.deepEqual((await actor.compute({ x: kept })).squares[2], 16);
  const { choices, times } = await actor.stats();
  assert.deepEqual([choices!.device, choices!.twin], [3, 1]);
  assert.match(choices!.last!.reason, /its data is there/);
  assert.equal(times.reduce((sum, { calls }) => sum + calls, 0), 3, "on the device itself");
  kept.dispose();
});

gpuHostTest("device({ minWork: auto }): learns, and gives the same results", async ({ host }) => {
  const actor = await host.createActor(square, [], { place: device({ minWork: "auto" }) });
  for (let i = 0; i < 20; i++) {
    assert.deepEqual((await actor.compute({ x: count(8) })).squares.at(-1), 49);
  }
  const { choices } = await actor.stats();
  assert.equal(choices!.device + choices!.twin, 20);
  assert(choices!.device >= 3 && choices!.twin >= 3, JSON.stringify(choices));
  assert.deepEqual(choices!.times.map(({ kernel }) => kernel).sort(), ["device", "twin"]);
});

gpuHostTest("device({ minWork }): without a twin it is refused; elsewhere it is the twin", async ({
  host,
}) => {
  const place = device({ minWork: "auto", fallback: "cpu" });
  await assert.rejects(host.createActor(squareOnGpu, [], { place }), (error) => {
    assert(error instanceof ActorStartError && error.cause instanceof GpuUnavailableError);
    assert.match(
      error.message,
      /squareOnGpu has no `cpu` twin for calls that are less than minWork/,
    );
    return true;
  });
  const twin = await host.createActor(square, [], { place: [place, onPool("worker-1")] });
  assert.equal((await twin.compute({ x: count(4) })).squares[3], 9);
  const stats = await twin.stats();
  assert.deepEqual([stats.device.kind, stats.choices], ["cpu", null]);
});

Deno.test("choose: tries both, then takes the faster, and looks again now and then", () => {
  const times = new KernelTimes();
  const auto = (work: number, calls = 0) => choose("auto", work, times, calls);
  assert.equal(auto(64).on, "device");
  for (let i = 0; i < 3; i++) times.measure("device", 64, 0.3);
  assert.equal(auto(64).on, "twin");
  for (let i = 0; i < 3; i++) times.measure("twin", 64, 0.1);
  assert.equal(auto(64).on, "twin");
  assert.match(auto(64).reason, /0\.100 ms are less than 0\.300 ms by the device/);
  assert.equal(auto(64, 63).on, "device");
  assert.match(auto(64, 63).reason, /it is tried again/);
  for (let i = 0; i < 3; i++) times.measure("device", 2 ** 20, 1);
  assert.equal(auto(2 ** 20).on, "device", "the twin would take far too long to be tried");
  assert.equal(choose(10, 9, times, 0).on, "twin");
  assert.equal(choose(10, 10, times, 0).on, "device");
});
