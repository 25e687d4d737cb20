/** Pools to place in, as their hosts describe them. */
import { CPU, type Device } from "../../src/core/device.ts";
import type { PoolDescription } from "../../src/core/protocol.ts";
import type { Placement } from "../../src/schedule/policy.ts";
import { type Choice, Scheduler } from "../../src/schedule/scheduler.ts";

/** The host that decides, and others. */
export const HERE = 1, THERE = 2, FAR = 3;

/** A GPU of which a pool may use so much memory. */
export function card(memoryBytes: number): Device {
  return { kind: "gpu", name: "card", features: [], limits: {}, memoryBytes };
}

/** A worker pool, unless it says otherwise. */
export function worker(pool: number, more: Partial<PoolDescription> = {}): PoolDescription {
  const name = `worker-${pool}`;
  return { host: HERE, pool, name, kind: "worker", labels: [], device: CPU, actors: 0, ...more };
}

/** A host's main pool. */
export function main(host: number = HERE): PoolDescription {
  return worker(0, { host, name: "main", kind: "main" });
}

/** A host with so many workers. */
export function hostWith(host: number, count: number): PoolDescription[] {
  return [main(host), ...Array.from({ length: count }, (_, i) => worker(i + 1, { host }))];
}

/** Chooses one pool after the other. */
export function chooser(pools: readonly PoolDescription[], random?: () => number): {
  readonly scheduler: Scheduler;
  choose(place?: Placement, home?: "cpu" | "gpu"): Choice;
  /** The same, as `host/pool`. */
  at(place?: Placement): string;
} {
  const scheduler = new Scheduler(HERE, random === undefined ? {} : { random });
  const choose = (place?: Placement, home: "cpu" | "gpu" = "cpu") =>
    scheduler.choose({ type: "T", home, place }, pools);
  const at = (place?: Placement) => where(choose(place));
  return { scheduler, choose, at };
}

/** Where, as `host/pool`. */
export function where({ pool }: Choice): string {
  return `${pool.host}/${pool.pool}`;
}
