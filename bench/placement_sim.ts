/**
 * A cluster that is simulated, with the real scheduler: jobs of very different length come at random, each
 * an actor that is placed, waits for its pool and runs. What hosts tell of their pools is old, as it is in a
 * cluster. The same seed gives the same jobs to every policy.
 *
 * @module
 */
import { CPU, type Device } from "../src/core/device.ts";
import type { PoolDescription } from "../src/core/protocol.ts";
import { device } from "../src/schedule/device_policy.ts";
import { anyHost, label, leastLoaded, random, roundRobin } from "../src/schedule/policy.ts";
import type { Placement, Policy } from "../src/schedule/policy.ts";
import { Scheduler } from "../src/schedule/scheduler.ts";

/** Milliseconds between two reports of a host. */
const REPORT_MS = 200;

/** How much faster a GPU does the work of a kernel than a CPU. */
const GPU_SPEED = 10;

/** One in so many jobs is a kernel. */
const KERNELS = 5;

/** Lengths of jobs, in milliseconds of a CPU: the k-th is k times as long as the first and k times as rare. */
const LENGTHS = 1000;

/** One pool in so many has a GPU. */
const GPU_EVERY = 4;

const GPU: Device = { kind: "gpu", name: "card", features: [], limits: {} };

/** What is simulated. */
export interface Cluster {
  readonly hosts: number;
  /** Pools of each host; every fourth has a GPU. */
  readonly pools: number;
  readonly jobs: number;
  /** How much of the CPUs' time the jobs that are no kernels need. */
  readonly load: number;
  readonly seed: number;
}

/** What has come of it. */
export interface Outcome {
  readonly name: string;
  /** Milliseconds from when each job came to when it was done, in order of size. */
  readonly latencies: readonly number[];
  /** Milliseconds until the last one was done. */
  readonly makespanMs: number;
}

/** How jobs are placed: those that are no kernels, and kernels. */
export interface Strategy {
  readonly name: string;
  readonly cpu: Placement;
  readonly kernel: Placement;
}

/** The one label of all pools: with it a class may be placed on a GPU's pool, and a kernel on a CPU's. */
const ALL = "all";

function blind(name: string, policy: Policy): Strategy {
  return { name, cpu: [anyHost(), policy], kernel: [anyHost(), label(ALL), policy] };
}

/** The policies that are compared. */
export const STRATEGIES: readonly Strategy[] = [
  blind("random", random()),
  blind("roundRobin", roundRobin()),
  blind("leastLoaded", leastLoaded()),
  {
    name: "device",
    cpu: [anyHost(), leastLoaded()],
    kernel: [anyHost(), device({ prefer: "gpu", fallback: "cpu" })],
  },
];

/** Pools as hosts describe them that have nothing to do. */
export function clusterPools(hosts: number, pools: number): PoolDescription[] {
  return Array.from({ length: hosts * pools }, (_, i): PoolDescription => {
    const pool = 1 + i % pools;
    const isGpu = pool % GPU_EVERY === 0;
    return {
      host: 1 + Math.floor(i / pools),
      pool,
      name: `${isGpu ? "gpu" : "worker"}-${pool}`,
      kind: isGpu ? "gpu" : "worker",
      labels: [ALL],
      device: isGpu ? GPU : CPU,
      actors: 0,
    };
  });
}

/** Chance that is the same for the same seed: a linear congruential generator, its upper bits. */
export function chance(seed: number): () => number {
  let state = BigInt(seed);
  return () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffff_ffff_ffff_ffffn;
    return Number(state >> 11n) / 2 ** 53;
  };
}

interface Job {
  /** When it comes, in milliseconds. */
  readonly at: number;
  /** Milliseconds of a CPU. */
  readonly length: number;
  readonly isKernel: boolean;
}

function jobsOf({ hosts, pools, jobs, load, seed }: Cluster): Job[] {
  const next = chance(seed);
  const drawn = Array.from({ length: jobs }, (_, i) => ({
    length: zipf(next()),
    isKernel: i % KERNELS === 0,
  }));
  const cpus = hosts * (pools - Math.floor(pools / GPU_EVERY));
  const work = drawn.reduce((sum, { length, isKernel }) => isKernel ? sum : sum + length, 0);
  const gapMs = work / jobs / (cpus * load);
  let at = 0;
  return drawn.map((job) => ({ ...job, at: at += -Math.log(1 - next()) * gapMs }));
}

/** The sums of 1/k: how likely a job is at most so long. */
const HARMONIC: readonly number[] = Array.from({ length: LENGTHS }).reduce<number[]>(
  (sums, _, i) => [...sums, (sums.at(-1) ?? 0) + 1 / (i + 1)],
  [],
);

function zipf(chance: number): number {
  const wanted = chance * HARMONIC.at(-1)!;
  return 1 + HARMONIC.findIndex((sum) => sum > wanted);
}

/** A pool that does one job after the other. */
class SimulatedPool {
  description: PoolDescription;
  /** When it will have done all that it has got, and since when it has something to do. */
  #freeAt = 0;
  #busyFrom = 0;
  #doneAt: number[] = [];

  constructor(description: PoolDescription) {
    this.description = description;
  }

  /** @returns When a job will be done that comes now. */
  take({ at, length, isKernel }: Job): number {
    if (this.#freeAt < at) this.#freeAt = this.#busyFrom = at;
    const isFast = isKernel && this.description.device.kind === "gpu";
    this.#freeAt += isFast ? length / GPU_SPEED : length;
    this.#doneAt.push(this.#freeAt);
    return this.#freeAt;
  }

  /** Tells how it is at a time. */
  report(at: number): void {
    this.#doneAt = this.#doneAt.filter((doneAt) => doneAt > at);
    const begun = Math.max(this.#busyFrom, at - REPORT_MS);
    const busy = Math.max(0, Math.min(this.#freeAt, at) - begun) / REPORT_MS;
    this.description = { ...this.description, actors: this.#doneAt.length, busy };
  }
}

/** Places the jobs of a cluster by a strategy, and does them. */
export function simulate(cluster: Cluster, { name, cpu, kernel }: Strategy): Outcome {
  const scheduler = new Scheduler(0, { random: chance(cluster.seed + 1) });
  const pools = clusterPools(cluster.hosts, cluster.pools).map((one) => new SimulatedPool(one));
  let described = pools.map(({ description }) => description);
  let reportedAt = 0;
  let makespanMs = 0;
  const latencies: number[] = [];
  for (const job of jobsOf(cluster)) {
    for (; reportedAt + REPORT_MS <= job.at; reportedAt += REPORT_MS) {
      for (const pool of pools) pool.report(reportedAt + REPORT_MS);
      for (let host = 1; host <= cluster.hosts; host++) scheduler.leases.reported(host);
      described = pools.map(({ description }) => description);
    }
    const { isKernel } = job;
    const place = isKernel ? kernel : cpu;
    const request = { type: "Job", home: isKernel ? "gpu" : "cpu", place } as const;
    const { pool: { host, pool }, lease } = scheduler.choose(request, described);
    lease.settle();
    const doneAt = pools[(host - 1) * cluster.pools + pool - 1]!.take(job);
    latencies.push(doneAt - job.at);
    makespanMs = Math.max(makespanMs, doneAt);
  }
  return { name, latencies: latencies.sort((a, b) => a - b), makespanMs };
}
