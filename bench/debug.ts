/** Calls with the watch on, as it is by default, beside those with `debug: false`. @module */
import { type ActorRef, type Host, onPool, startHost, workerPool } from "@dramatis/dramatis";
import { Adder } from "./actors.ts";
import { inFlight, pairs, rate, type Report } from "./harness.ts";

const WIDTH = 1000;

/** Pairs of runs of some ten milliseconds each. */
const PAIRS = 150;

/** Whether they cost what they may. */
export async function debugging(report: Report): Promise<void> {
  const pools = () => [workerPool({ count: 1 })];
  await using watched = await startHost({ pools: pools() });
  await using unwatched = await startHost({ pools: pools(), debug: false });
  const paths: [string, number, number, number][] = [
    ["watched: same pool, one at a time", 0, 1, 20_000],
    ["watched: same pool, 1,000 in flight", 0, WIDTH, 20_000],
    ["watched: main to worker, 1,000 in flight", 1, WIDTH, 10_000],
  ];
  for (const [name, pool, width, count] of paths) {
    const measure = (target: ActorRef<Adder>) => () =>
      rate(count, () => inFlight(width, count, () => target.add(1)));
    const [on, off] = [await adder(watched, pool), await adder(unwatched, pool)];
    const { values, baselines } = await pairs(PAIRS, measure(on), measure(off));
    report.add(name, "calls/s", values, baselines, ">= 0.95 x off", (_, ratio) => ratio >= 0.95);
  }
}

function adder(host: Host, pool: number): Promise<ActorRef<Adder>> {
  return host.createActor(Adder, [], { place: onPool(pool) });
}
