/** Calls in a pool, across pools and across hosts, each beside its bare primitive. @module */
import {
  type ActorRef,
  type Host,
  mainPool,
  onPool,
  processPool,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { startSecondHost } from "../examples/second_host.ts";
import { Adder, Driver } from "./actors.ts";
import { BarePort } from "./bare_port.ts";
import { BareSocket } from "./bare_socket.ts";
import { BareUnix } from "./bare_unix.ts";
import {
  inFlight,
  latencies,
  quantile,
  rate,
  REPEATS,
  type Report,
  sideBySide,
} from "./harness.ts";

const WIDTH = 1000;

/** Both actors in one pool, against a bare async function. */
export async function callsInPool(report: Report): Promise<void> {
  await using host = await startHost({ pools: [] });
  const target = await host.createActor(Adder, [], { place: mainPool() });
  let sum = 0;
  const bare = async (k: number) => await Promise.resolve(sum += k);
  const count = 300_000;
  const sequential = await sideBySide(
    () => rate(count, () => inFlight(1, count, () => target.add(1))),
    () => rate(count, () => inFlight(1, count, () => bare(1))),
  );
  report.add(
    "same pool, one at a time",
    "calls/s",
    sequential.values,
    sequential.baselines,
    ">= 2 M",
    (value) => value >= 2e6,
  );
  const wide = await sideBySide(
    () => rate(count, () => inFlight(WIDTH, count, () => target.add(1))),
    () => rate(count, () => inFlight(WIDTH, count, () => bare(1))),
  );
  report.add(
    "same pool, 1,000 in flight",
    "calls/s",
    wide.values,
    wide.baselines,
    ">= 2 M",
    (value) => value >= 2e6,
  );
  const times: number[] = [];
  for (let i = 0; i < REPEATS; i++) times.push(...await latencies(20_000, () => target.add(1)));
  report.add("same pool, p50", "us", [quantile(times, 0.5)], null, "<= 1 us", (v) => v <= 1);
  report.add("same pool, p99", "us", [quantile(times, 0.99)], null, "<= 10 us", (v) => v <= 10);
}

/** From the main pool to a worker, and from worker to worker, against a bare MessagePort. */
export async function callsAcrossPools(report: Report): Promise<void> {
  await using host = await startHost({ pools: [workerPool({ count: 2 })] });
  using bare = new BarePort();
  const target = await host.createActor(Adder, [], { place: onPool(1) });
  await compare(report, "main to worker", target, () => bare.call(), {
    p50: "<= 1.3 x bare",
    latency: (ratio) => ratio <= 1.3,
    rate: 600_000,
    count: 200_000,
  });
  await drive(report, host, "worker to worker", target, 600_000, 200_000);
}

/** From the main pool to a process pool, and from one to another, against a bare Unix socket. */
export async function callsToProcess(report: Report): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i <= REPEATS; i++) {
    const started = performance.now();
    await using host = await startHost({ pools: [processPool({ count: 2 })] });
    const actors = await Promise.all(
      [1, 2].map((pool) => host.createActor(Adder, [], { place: onPool(pool) })),
    );
    await Promise.all(actors.map((actor) => actor.add(1)));
    if (i > 0) times.push(performance.now() - started);
  }
  report.add("two process pools answering", "ms", times, null, "<= 250 ms", (ms) => ms <= 250);
  await using host = await startHost({ pools: [processPool({ count: 2 })] });
  await using bare = await BareUnix.open();
  const target = await host.createActor(Adder, [], { place: onPool(1) });
  await compare(report, "main to process", target, () => bare.call(), {
    p50: "<= 2 x bare",
    latency: (ratio) => ratio <= 2,
    rate: 300_000,
    count: 200_000,
  });
  await drive(report, host, "process to process", target, null, 100_000);
}

/** From the main pool of one host process to that of another, against a bare WebSocket. */
export async function callsAcrossHosts(report: Report): Promise<void> {
  const token = crypto.randomUUID();
  await using second = await startSecondHost({
    workers: 1,
    token,
    modules: [new URL("./actors.ts", import.meta.url).href],
  });
  await using host = await startHost({ pools: [workerPool({ count: 1 })], token });
  const { pools } = await host.join(second.url);
  await using bare = await BareSocket.open();
  const main = await host.createActor(Adder, [], { place: onPool(pools[0]!) });
  await compare(report, "host to host", main, () => bare.call(), {
    p50: "<= 1.5 x bare",
    latency: (ratio) => ratio <= 1.5,
    rate: 500_000,
    count: 200_000,
  });
  const worker = await host.createActor(Adder, [], { place: onPool(pools[1]!) });
  await drive(report, host, "worker to worker of another host", worker, null, 100_000);
}

interface Goals {
  readonly p50: string;
  readonly latency: (ratio: number) => boolean;
  readonly rate: number;
  readonly count: number;
}

async function compare(
  report: Report,
  name: string,
  target: ActorRef<Adder>,
  bare: () => Promise<void>,
  goals: Goals,
): Promise<void> {
  const sample = async (call: () => Promise<unknown>, q: number) =>
    quantile(await latencies(3_000, call), q);
  const p50 = await sideBySide(() => sample(() => target.add(1), 0.5), () => sample(bare, 0.5));
  report.add(
    `${name}, p50`,
    "us",
    p50.values,
    p50.baselines,
    goals.p50,
    (_, r) => goals.latency(r),
  );
  const p99 = await sideBySide(() => sample(() => target.add(1), 0.99), () => sample(bare, 0.99));
  report.add(`${name}, p99`, "us", p99.values, p99.baselines, "<= 3 x bare", (_, r) => r <= 3);
  const { count } = goals;
  const wide = await sideBySide(
    () => rate(count, () => inFlight(WIDTH, count, () => target.add(1))),
    () => rate(count, () => inFlight(WIDTH, count, bare)),
  );
  report.add(
    `${name}, 1,000 in flight`,
    "calls/s",
    wide.values,
    wide.baselines,
    `>= ${goals.rate / 1000} k`,
    (value) => value >= goals.rate,
  );
}

/** The same with an actor in a worker as the caller. */
async function drive(
  report: Report,
  host: Host,
  name: string,
  target: ActorRef<Adder>,
  goal: number | null,
  count: number,
): Promise<void> {
  const worker = host.pools().findLast((pool) => pool.host === host.id)!;
  const driver = await host.createActor(Driver, [target], { place: onPool(worker) });
  const p50: number[] = [];
  const p99: number[] = [];
  const rates: number[] = [];
  await driver.rate(WIDTH, count);
  for (let i = 0; i < REPEATS; i++) {
    const latency = await driver.latency(3_000);
    p50.push(latency.p50);
    p99.push(latency.p99);
    rates.push(await driver.rate(WIDTH, count));
  }
  report.add(`${name}, p50`, "us", p50, null, "-", () => true);
  report.add(`${name}, p99`, "us", p99, null, "-", () => true);
  report.add(
    `${name}, 1,000 in flight`,
    "calls/s",
    rates,
    null,
    goal === null ? "-" : `>= ${goal / 1000} k`,
    (value) => goal === null || value >= goal,
  );
}
