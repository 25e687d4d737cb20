/** How fast what has died is back. @module */
import {
  Actor,
  actor,
  onPool,
  type PoolSpec,
  processPool,
  reentrant,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { REPEATS, type Report } from "./harness.ts";

/** Ends its isolate. */
@actor(import.meta)
export class Mortal extends Actor {
  /** Never answers. */
  @reentrant
  wait(): Promise<void> {
    return new Promise(() => {});
  }
  /** Ends its pool. */
  @reentrant
  close(): void {
    self.close();
  }
  /** It lives. */
  ping(): string {
    return "pong";
  }
}

/** From the moment in which a caller is told of a pool's death to the first answer of the actor that is back. */
export async function recovery(report: Report): Promise<void> {
  await measure(report, "dead worker to answering actor", workerPool({ count: 1 }), 80);
  await measure(report, "dead process to answering actor", processPool(), 150);
}

async function measure(report: Report, name: string, pool: PoolSpec, goal: number): Promise<void> {
  const times: number[] = [];
  await using host = await startHost({
    pools: [pool],
    recovery: { maxRestarts: 1000, backoffMs: 0 },
  });
  const mortal = await host.createActor(Mortal, [], { place: onPool(1) });
  for (let i = 0; i <= REPEATS; i++) {
    const told = mortal.wait().catch(() => {});
    mortal.close.tell();
    await told;
    const started = performance.now();
    await mortal.ping();
    if (i > 0) times.push(performance.now() - started);
  }
  report.add(name, "ms", times, null, `<= ${goal} ms`, (ms) => ms <= goal);
}
