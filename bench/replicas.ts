/** How well one actor with replicas spreads work that takes unequally long. @module */
import { type ActorRef, type Host, onPool, startHost, workerPool } from "@dramatis/dramatis";
import { inFlight, latencies, quantile, REPEATS, type Report } from "./harness.ts";
import { Burner } from "./replica_actors.ts";

/**
 * Every fourth task is long, as long as they all would be behind each other in one worker: who deals
 * them out in turns gives all of the long ones to one of two workers.
 */
const TASKS: readonly number[] = Array.from({ length: 80 }, (_, i) => i % 4 === 0 ? 8 : 1);

/** Tasks under way at any time: what a caller that reads a queue would have. */
const WIDTH = 4;

/** Milliseconds until all tasks are done. */
async function makespan(burnerOf: (task: number) => ActorRef<Burner>): Promise<number> {
  let next = 0;
  const started = performance.now();
  await inFlight(WIDTH, TASKS.length, () => burnerOf(next).burn(TASKS[next++]!));
  return performance.now() - started;
}

/** Two workers by least calls under way, by turns, and one worker alone; then what choosing costs. */
export async function replicas(report: Report): Promise<void> {
  await using host = await startHost({ pools: [workerPool({ count: 2 })] });
  const both = await host.createActor(Burner, [], { replicas: 2 });
  const single = await bothSingle(host);
  const least: number[] = [];
  const turns: number[] = [];
  const alone: number[] = [];
  for (let i = 0; i <= REPEATS; i++) {
    const times = [
      await makespan(() => both),
      await makespan((task) => single[task % 2]!),
      await makespan(() => single[0]!),
    ] as const;
    if (i === 0) continue;
    least.push(times[0]);
    turns.push(times[1]);
    alone.push(times[2]);
  }
  const ideal = TASKS.reduce((sum, ms) => sum + ms, 0) / 2;
  const goal = `<= 1.2 x ${ideal} ms of work each`;
  report.add("2 replicas, uneven tasks", "ms", least, alone, goal, (ms) => ms <= 1.2 * ideal);
  const slower = "what turns would take";
  report.add("the same dealt out in turns", "ms", turns, alone, slower, () => true);
  await choosing(report);
}

/** An actor in each of two workers. */
function bothSingle(host: Host): Promise<ActorRef<Burner>[]> {
  return Promise.all(
    [1, 2].map((pool) => host.createActor(Burner, [], { place: onPool(pool) })),
  );
}

/** A call of another pool, by what chooses, and by turns of the caller's own. */
async function choosing(report: Report): Promise<void> {
  await using host = await startHost({ pools: [workerPool({ count: 2 })] });
  const both = await host.createActor(Burner, [], { replicas: 2 });
  const [chosen, direct]: [number[], number[]] = [[], []];
  const single = await bothSingle(host);
  let turn = 0;
  for (let i = 0; i <= REPEATS; i++) {
    const times = await latencies(2000, () => both.burn(0));
    const bare = await latencies(2000, () => single[turn++ % 2]!.burn(0));
    if (i === 0) continue;
    chosen.push(quantile(times, 0.5));
    direct.push(quantile(bare, 0.5));
  }
  report.add("call of one of 2 replicas", "us", chosen, direct, "<= 1.1 x", (_, r) => r <= 1.1);
}
