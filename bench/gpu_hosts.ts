/** What a GPU actor costs for those who call it from another pool, and how it comes back. @module */
import { startHost } from "@dramatis/dramatis";
import { gpuPool, type GpuPoolOptions } from "@dramatis/dramatis/gpu";
import { probe } from "../tests/gpu/fixtures/actors.ts";
import { saxpy } from "./gpu_kernels.ts";
import { inFlight, latencies, median, rate, REPEATS, type Report, sideBySide } from "./harness.ts";

const SMALL = 1024;

function argsOf() {
  return {
    x: new Float32Array(SMALL).fill(1),
    y: new Float32Array(SMALL),
    p: { a: 1, n: SMALL },
  };
}

/** G3: dispatches asked for from another isolate, over data that stays. */
export async function acrossIsolates(
  report: Report,
  options: GpuPoolOptions,
  where: string,
): Promise<void> {
  await using host = await startHost({ pools: [gpuPool({ ...options, required: true })] });
  const actor = await host.createActor(saxpy, []);
  const args = argsOf();
  using x = (await actor.run(args)).y;
  const calls = 2000;
  const call = async () => (await actor.run({ ...args, x, y: x })).y.dispose();
  const rates: number[] = [];
  for (let i = 0; i <= REPEATS; i++) {
    const value = await rate(calls, () => inFlight(256, calls, call));
    if (i > 0) rates.push(value);
  }
  const isOk = (value: number) => value >= 20_000;
  report.add(`G3 dispatches from main, ${where}`, "1/s", rates, null, ">= 20 k", isOk);
}

/** G6: calls with 4 KB up and down from the main pool. */
export async function fromMain(report: Report): Promise<void> {
  await using host = await startHost({ pools: [gpuPool({ required: true })] });
  const actor = await host.createActor(saxpy, []);
  const args = argsOf();
  const call = () => actor.compute(args);
  const calls = 2000;
  const { values, baselines } = await sideBySide(
    async () => median(await latencies(200, call)) / 1000,
    async () => 1000 / await rate(calls, () => inFlight(64, calls, call)),
  );
  report.add("G6 call and 4 KB back from main", "ms", values, null, "<= 1 ms", (ms) => ms <= 1);
  const rates = baselines.map((ms) => 1000 / ms);
  report.add("G6 the same, 64 in flight", "calls/s", rates, null, ">= 5 k", (one) => one >= 5000);
}

/** G12: from the loss of the device to the next good result. */
export async function recovery(report: Report): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    await using host = await startHost({ pools: [gpuPool({ required: true })] });
    const actor = await host.createActor(saxpy, []);
    const look = await host.createActor(probe, []);
    const args = argsOf();
    await actor.compute(args);
    await look.loseDevice();
    const started = performance.now();
    await actor.compute(args);
    times.push(performance.now() - started);
  }
  report.add("G12 lost device to good result", "ms", times, null, "<= 1 s", (ms) => ms <= 1000);
}
