/** How fast pools start and actors come to be. @module */
import { mainPool, onPool, startHost, workerPool } from "@dramatis/dramatis";
import { Adder } from "./actors.ts";
import { breathe, inFlight, rate, REPEATS, type Report } from "./harness.ts";

/** Two worker pools from nothing to the first answer. */
export async function poolStart(report: Report): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i <= REPEATS; i++) {
    const started = performance.now();
    await using host = await startHost({ pools: [workerPool({ count: 2 })] });
    const actors = await Promise.all(
      [1, 2].map((pool) => host.createActor(Adder, [], { place: onPool(pool) })),
    );
    await Promise.all(actors.map((actor) => actor.add(1)));
    if (i > 0) times.push(performance.now() - started);
  }
  report.add("two worker pools answering", "ms", times, null, "<= 80 ms", (ms) => ms <= 80);
}

/** Actors created in the main pool and in a worker. */
export async function creation(report: Report): Promise<void> {
  await using host = await startHost({ pools: [workerPool({ count: 1 })] });
  for (
    const [name, place, goal] of [
      ["create in the main pool", mainPool(), 100_000],
      ["create in a worker", onPool(1), 20_000],
    ] as const
  ) {
    const rates: number[] = [];
    for (let i = 0; i <= REPEATS; i++) {
      const count = 10_000;
      const created = await rate(
        count,
        () => inFlight(256, count, () => host.createActor(Adder, [], { place })),
      );
      if (i > 0) rates.push(created);
    }
    report.add(name, "actors/s", rates, null, `>= ${goal / 1000} k`, (value) => value >= goal);
  }
  await memory(report);
}

/** Bytes of the heap that an actor takes whose own state is a number, with all that its host keeps of it. */
async function memory(report: Report): Promise<void> {
  const { gc } = globalThis as { gc?: () => void };
  // Only with --v8-flags=--expose-gc, as `deno task bench` has it.
  if (gc === undefined) return;
  await using host = await startHost({ pools: [] });
  const create = (count: number) =>
    inFlight(256, count, () => host.createActor(Adder, [], { place: mainPool() }));
  const used = async () => {
    await breathe();
    gc();
    return Deno.memoryUsage().heapUsed;
  };
  const count = 10_000;
  const sizes: number[] = [];
  await create(count);
  for (let i = 0; i < REPEATS; i++) {
    const before = await used();
    await create(count);
    sizes.push((await used() - before) / count);
  }
  report.add("memory of an actor", "bytes", sizes, null, "<= 1,536", (bytes) => bytes <= 1536);
}
