/** What a decision costs in a large cluster, and what it is worth. @module */
import type { PoolDescription } from "../src/core/protocol.ts";
import { device } from "../src/schedule/device_policy.ts";
import {
  anyHost,
  byHash,
  leastLoaded,
  pack,
  type Policy,
  random,
  roundRobin,
  spread,
} from "../src/schedule/policy.ts";
import { Scheduler } from "../src/schedule/scheduler.ts";
import { quantile, REPEATS, type Report } from "./harness.ts";
import { chance, type Cluster, clusterPools, simulate, STRATEGIES } from "./placement_sim.ts";
import { svgOf } from "./plot.ts";

const HOSTS = 100;
const POOLS = 16;
const DECISIONS = 10_000;

/** Microseconds that one may take: 1,600 pools are looked at, and another host takes longer to answer. */
const DECISION_US = 500;

const POLICIES: readonly Policy[] = [
  leastLoaded(),
  random(),
  roundRobin(),
  spread(),
  pack(),
  byHash("key"),
  device({ prefer: "gpu", fallback: "cpu", require: { memoryBytes: 1 } }),
];

/** The simulated cluster: its CPUs have no time left to waste on kernels. */
const CLUSTER: Cluster = { hosts: 20, pools: POOLS, jobs: 20_000, load: 0.75, seed: 7 };

/** Decisions over 100 hosts with 16 devices each, and a simulation of what becomes of them. */
export function placement(report: Report): Promise<void> {
  decisions(report);
  simulation(report);
  return Promise.resolve();
}

function decisions(report: Report): void {
  const next = chance(1);
  const pools = clusterPools(HOSTS, POOLS).map((pool): PoolDescription => ({
    ...pool,
    actors: Math.floor(100 * next()),
    busy: next(),
    device: { ...pool.device, memoryBytes: 2 ** 30 },
  }));
  for (const policy of POLICIES) {
    const times: number[] = [];
    for (let i = 0; i < REPEATS; i++) {
      const scheduler = new Scheduler(1);
      const home = policy.policy === "device" ? "gpu" : "cpu";
      const request = { type: "T", home, place: [anyHost(), policy] } as const;
      const started = performance.now();
      for (let n = 0; n < DECISIONS / REPEATS; n++) scheduler.choose(request, pools);
      times.push((performance.now() - started) * 1000 / (DECISIONS / REPEATS));
    }
    const goal = `1,600 devices, <= ${DECISION_US} µs`;
    report.add(`place by ${policy.policy}`, "µs", times, null, goal, (us) => us <= DECISION_US);
  }
}

function simulation(report: Report): void {
  const outcomes = STRATEGIES.map((strategy) => simulate(CLUSTER, strategy));
  const [byChance, inTurn, byLoad, byDevice] = outcomes as [Outcome, Outcome, Outcome, Outcome];
  for (const subject of [byLoad, byDevice]) {
    for (const rival of [byChance, inTurn]) {
      const pair = `${subject.name} vs ${rival.name}`;
      const figures = [["p99", p99], ["makespan", makespan]] as const;
      for (const [name, of] of figures) {
        const goal = "less, in the simulation";
        report.add(`${pair}: ${name}`, "ms", [of(subject)], [of(rival)], goal, (_, x) => x < 1);
      }
    }
  }
  report.plot(
    "placement",
    svgOf({
      title: `${CLUSTER.jobs} jobs of Zipf's lengths on ${CLUSTER.hosts * CLUSTER.pools} pools`,
      x: "milliseconds until a job is done",
      y: "part of the jobs",
      lines: outcomes.map(({ name, latencies }) => ({
        name: `${name}, p99 ${Math.round(quantile(latencies, 0.99))} ms`,
        points: STEPS.map((part) => [quantile(latencies, part), part] as const),
      })),
    }),
  );
}

type Outcome = ReturnType<typeof simulate>;

/** Where a line of the plot has its points. */
const STEPS: readonly number[] = Array.from({ length: 200 }, (_, i) => (i + 1) / 200);

function p99({ latencies }: Outcome): number {
  return quantile(latencies, 0.99);
}

function makespan({ makespanMs }: Outcome): number {
  return makespanMs;
}
