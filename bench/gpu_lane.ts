/** What the layer in a pool costs: recording, reading back, chains, caches, memory. @module */
import type { GpuHandle } from "../gpu/device.ts";
import { KernelRunner } from "../gpu/kernel_runner.ts";
import { readSlot, uploadSlot } from "../gpu/slots.ts";
import { spin, type SpinArgs } from "../tests/gpu/kernels.ts";
import { type SaxpyArgs, saxpyOptions } from "./gpu_kernels.ts";
import { type MapKind, RawSaxpy } from "./gpu_raw.ts";
import {
  breathe,
  inFlight,
  latencies,
  median,
  rate,
  REPEATS,
  type Report,
  sideBySide,
} from "./harness.ts";

/** Floats of 4 KB. */
const SMALL = 1024;
const DISPATCHES = 2000;
const LARGE_BYTES = 64 * 2 ** 20;
const STAGES = 10;

type Runner = KernelRunner<SaxpyArgs>;

function saxpyOn(gpu: GpuHandle): Runner {
  return new KernelRunner(gpu, "saxpy", saxpyOptions);
}

function argsOf(n: number): SaxpyArgs {
  return { x: new Float32Array(n).fill(1), y: new Float32Array(n), p: { a: 1, n } };
}

/** Rounds until the engine has compiled what is measured, ours and the control alike. */
const WARM_ROUNDS = 15;

/**
 * G1, G3: dispatches over arrays that stay, recorded and submitted. With the same parameters each time,
 * which bare calls bind once for each submit, and with others.
 */
export async function recording(report: Report, gpu: GpuHandle, where: string): Promise<void> {
  const raw = new RawSaxpy(gpu, SMALL);
  const runner = saxpyOn(gpu);
  const x = await uploadSlot(gpu, new Float32Array(SMALL));
  let y = await uploadSlot(gpu, new Float32Array(SMALL));
  const perDispatch = (started: number) => (performance.now() - started) * 1000 / DISPATCHES;
  const ours = (parameters: (i: number) => SaxpyArgs["p"]) => async () => {
    const started = performance.now();
    for (let i = 0; i < DISPATCHES; i++) {
      // Its only holder gives it away, so it is written in place.
      y = (await runner.enqueue({ x, y, p: parameters(i) }, { consume: ["y"] })).y!;
    }
    gpu.lane.flush();
    const us = perDispatch(started);
    await readSlot(gpu, y);
    return us;
  };
  const bare = (parameters: "same" | "other") => async () => {
    const started = performance.now();
    raw.dispatch(DISPATCHES, parameters);
    const us = perDispatch(started);
    await raw.download("awaited");
    return us;
  };
  const same = ours(() => ({ a: 1, n: SMALL }));
  const others = ours((i) => ({ a: i, n: SMALL }));
  const bares = { same: bare("same"), other: bare("other") };
  for (let i = 0; i < WARM_ROUNDS; i++) {
    for (const run of [same, others, bares.same, bares.other]) await run();
  }
  for (const [name, run] of [["same", same], ["other", others]] as const) {
    const { values, baselines } = await sideBySide(run, bares[name]);
    report.add(
      `G1 a dispatch, ${name} parameters, ${where}`,
      "us",
      values,
      baselines,
      "<= 1.1 x or + 0.25 us",
      (value, ratio) => ratio <= 1.1 || value - value / ratio <= 0.25,
    );
    report.add(
      `G3 dispatches in the lane, ${name}, ${where}`,
      "1/s",
      values.map((us) => 1e6 / us),
      baselines.map((us) => 1e6 / us),
      ">= 100 k",
      (value) => value >= 100_000,
    );
  }
  x.release();
  y.release();
  raw.destroy();
  await gpu.lane.idle();
}

/** G4, G5: calls with 4 KB up and down, one at a time and 64 in flight. */
export async function readingBack(report: Report, gpu: GpuHandle): Promise<void> {
  const raw = new RawSaxpy(gpu, SMALL);
  const runner = saxpyOn(gpu);
  const args = argsOf(SMALL);
  const x = new Float32Array(SMALL);
  const once = (count: number, call: () => Promise<unknown>) => async () =>
    median(await latencies(count, call)) / 1000;
  for (const map of mapsOf(gpu)) {
    const { values, baselines } = await sideBySide(
      once(100, () => runner.run(args)),
      once(map === "awaited" ? 20 : 100, () => raw.call(x, x, map)),
    );
    report.add(
      `G4 call and 4 KB back, raw map ${map}`,
      "ms",
      values,
      baselines,
      "<= 0.35 ms",
      (ms) => ms <= 0.35,
    );
  }
  const raws = Array.from({ length: 64 }, () => new RawSaxpy(gpu, SMALL));
  const calls = 2000;
  const { values, baselines } = await sideBySide(
    () => rate(calls, () => inFlight(64, calls, () => runner.run(args))),
    () => {
      const count = 640;
      const rounds = () => Promise.all(raws.map((one) => one.call(x, x, "awaited")));
      return rate(count, () => inFlight(1, count / 64, rounds));
    },
  );
  report.add(
    "G5 the same, 64 in flight, raw awaited",
    "calls/s",
    values,
    baselines,
    ">= 12 k",
    (value) => value >= 12_000,
  );
  for (const one of [raw, ...raws]) one.destroy();
  await gpu.lane.idle();
}

/** Ways to wait for a map that this device has. */
function mapsOf(gpu: GpuHandle): MapKind[] {
  return gpu.readback.early ? ["awaited", "early"] : ["awaited"];
}

/** G2: a kernel of some milliseconds, beside the same by bare calls. */
export async function longKernels(report: Report, gpu: GpuHandle): Promise<void> {
  const n = 2 ** 22;
  const raw = new RawSaxpy(gpu, n);
  const runner = saxpyOn(gpu);
  const p = { a: 1, n };
  const x = await uploadSlot(gpu, new Float32Array(n));
  let y = await uploadSlot(gpu, new Float32Array(n));
  const rounds = 40;
  const [map] = mapsOf(gpu).slice(-1);
  const { values, baselines } = await sideBySide(async () => {
    const started = performance.now();
    for (let i = 0; i < rounds; i++) {
      y = (await runner.enqueue({ x, y, p }, { consume: ["y"] })).y!;
    }
    await readSlot(gpu, y, 0, 1);
    return performance.now() - started;
  }, async () => {
    const started = performance.now();
    raw.dispatch(rounds, "same");
    await raw.sync(map!);
    return performance.now() - started;
  });
  report.add(
    `G2 ${rounds} kernels over 16 MiB`,
    "ms",
    values,
    baselines,
    "<= 1.05 x",
    (_, ratio) => ratio <= 1.05,
  );
  x.release();
  y.release();
  raw.destroy();
  await gpu.lane.idle();
}

/** G7: ten stages of 4 KB that stay on the device, against ten by bare calls that come back in between. */
export async function chains(report: Report, gpu: GpuHandle): Promise<void> {
  const runner = saxpyOn(gpu);
  const raw = new RawSaxpy(gpu, SMALL);
  const args = argsOf(SMALL);
  const { x, p } = args;
  let work = { submits: 0, maps: 0 };
  const resident = async () => {
    const before = gpu.lane.counts;
    const started = performance.now();
    let { y } = await runner.enqueue(args);
    for (let i = 1; i < STAGES; i++) {
      y = (await runner.enqueue({ x, y: y!, p }, { consume: ["y"] })).y;
    }
    await readSlot(gpu, y!);
    const ms = performance.now() - started;
    y!.release();
    const { submits, maps } = gpu.lane.counts;
    work = { submits: submits - before.submits, maps: maps - before.maps };
    return ms;
  };
  const back = async () => {
    const started = performance.now();
    let y = new Float32Array(SMALL);
    for (let i = 0; i < STAGES; i++) {
      y = await raw.call(x as typeof y, y, "awaited") as typeof y;
    }
    return performance.now() - started;
  };
  const { values, baselines } = await sideBySide(resident, back);
  report.add(
    `G7 ${STAGES} stages resident, raw comes back`,
    "ms",
    values,
    baselines,
    "<= 1/20, 1 submit, 1 map",
    (_, ratio) => ratio <= 1 / 20 && work.submits === 1 && work.maps === 1,
  );
  raw.destroy();
  await gpu.lane.idle();
}

/** Bytes of each array of the stages: what a stage of real work has, and more than any cache of a CPU. */
const STAGE_BYTES = 16 * 2 ** 20;

/**
 * G7: ten stages over data that is on the device and stays there, until one number of the last result has
 * come back, against ten calls that bring their arrays and take their result home. How far apart they
 * are is what a stage takes beside what its transfers take: on a device in software, which computes in
 * the memory that transfers copy, a stage takes longer than both. A device that computes nothing shows
 * the transfers and the layer alone.
 */
export async function residency(report: Report, gpu: GpuHandle, where: string): Promise<void> {
  const runner = saxpyOn(gpu);
  const { x, y, p } = argsOf(STAGE_BYTES / 4);
  const there = await uploadSlot(gpu, x);
  let at = await uploadSlot(gpu, y);
  const { values, baselines } = await sideBySide(async () => {
    const started = performance.now();
    for (let i = 0; i < STAGES; i++) {
      at = (await runner.enqueue({ x: there, y: at, p }, { consume: ["y"] })).y!;
    }
    await readSlot(gpu, at, 0, 1);
    return performance.now() - started;
  }, async () => {
    const started = performance.now();
    let back = y;
    for (let i = 0; i < STAGES; i++) back = (await runner.run({ x, y: back, p })).y as typeof y;
    return performance.now() - started;
  });
  report.add(
    `G7 ${STAGES} stages of 16 MiB, ours come back, ${where}`,
    "ms",
    values,
    baselines,
    "<= 1/20",
    (_, ratio) => ratio <= 1 / 20,
  );
  there.release();
  at.release();
  await gpu.lane.idle();
  gpu.buffers.trim();
}

/** G8: 64 MiB up and down. */
export async function transfers(report: Report, gpu: GpuHandle): Promise<void> {
  const n = LARGE_BYTES / 4;
  const raw = new RawSaxpy(gpu, n);
  const data = new Float32Array(n).fill(1);
  const gigabytes = (started: number) => LARGE_BYTES / (performance.now() - started) / 1e6;
  const [map] = mapsOf(gpu).slice(-1);
  const near = (_: number, ratio: number) => ratio >= 0.9;
  const up = await sideBySide(async () => {
    const started = performance.now();
    const slot = await uploadSlot(gpu, data);
    await readSlot(gpu, slot, 0, 1);
    const speed = gigabytes(started);
    slot.release();
    await gpu.lane.idle();
    return speed;
  }, async () => {
    const started = performance.now();
    raw.upload(data);
    await raw.sync(map!);
    return gigabytes(started);
  });
  report.add("G8 64 MiB up", "GB/s", up.values, up.baselines, ">= 0.9 x", near);
  const slot = await uploadSlot(gpu, data);
  const down = await sideBySide(async () => {
    const started = performance.now();
    await readSlot(gpu, slot);
    return gigabytes(started);
  }, async () => {
    const started = performance.now();
    await raw.download(map!);
    return gigabytes(started);
  });
  report.add("G8 64 MiB down", "GB/s", down.values, down.baselines, ">= 0.9 x", near);
  slot.release();
  raw.destroy();
  await gpu.lane.idle();
}

/** G9, G11: many calls one after the other, in groups: what the caches find, and what is left over. */
export async function steadyState(report: Report, gpu: GpuHandle): Promise<void> {
  const runner = saxpyOn(gpu);
  const args = argsOf(SMALL);
  const cycles = (count: number) => inFlight(16, count, () => runner.run(args));
  await cycles(2000);
  await gpu.lane.idle();
  const { bindGroups, buffers, programs } = gpu;
  const before = { groups: bindGroups.counts, buffers: buffers.counts, programs: programs.size };
  const rss = Deno.memoryUsage().rss;
  await cycles(10_000);
  await gpu.lane.idle();
  const percent = (
    now: { hits: number; misses: number },
    then: { hits: number; misses: number },
  ) => 100 * (now.hits - then.hits) / (now.hits - then.hits + now.misses - then.misses);
  const found = (name: string, value: number, goal: number) =>
    report.add(`G9 ${name} found`, "%", [value], null, `>= ${goal} %`, (one) => one >= goal);
  found("pipelines", 100 * before.programs / programs.size, 100);
  found("bind groups", percent(bindGroups.counts, before.groups), 95);
  found("buffers", percent(buffers.counts, before.buffers), 90);
  const drift = 100 * (Deno.memoryUsage().rss - rss) / rss;
  report.add("G11 resident set, 10 k calls", "%", [drift], null, "<= 5 %", (one) => one <= 5);
  const { liveBytes } = buffers;
  report.add("G11 buffers left, 10 k calls", "B", [liveBytes], null, "0", (one) => one === 0);
}

/** G10: how long the event loop stands still while a kernel of 50 ms runs. */
export async function gaps(report: Report, gpu: GpuHandle): Promise<void> {
  const runner = new KernelRunner<SpinArgs>(gpu, "spin", spin);
  // More of it, not longer: a device in software ends a loop after 65,536 rounds.
  const p = { rounds: 16 };
  let y = new Uint32Array(4096);
  const run = async () => {
    const started = performance.now();
    await runner.run({ y, p });
    return performance.now() - started;
  };
  for (let ms = await run(); ms < 50; ms = await run()) y = new Uint32Array(2 * y.length);
  const found: number[] = [];
  for (let i = 0; i < REPEATS + 2; i++) {
    let gap = 0;
    let last = performance.now();
    const tick = () => {
      const now = performance.now();
      gap = Math.max(gap, now - last);
      last = now;
    };
    const timer = setInterval(tick, 1);
    await run();
    tick();
    clearInterval(timer);
    await breathe();
    if (i >= 2) found.push(gap);
  }
  report.add("G10 longest gap, 50 ms kernel", "ms", found, null, "<= 20 ms", (ms) => ms <= 20);
}
