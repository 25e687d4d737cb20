/** A tree of actors that make actors. @module */
import { onPool, startHost, workerPool } from "@dramatis/dramatis";
import { breathe, REPEATS, type Report } from "./harness.ts";
import { Skynet } from "./skynet_actors.ts";

const LEAVES = 10_000;
const POOLS = 2;

/** Made from the root on, summed, and ended with the root. */
export async function skynet(report: Report): Promise<void> {
  // Its actors live for the root's call: what it takes is not too long.
  await using host = await startHost({ pools: [workerPool({ count: POOLS })], debug: false });
  const times: number[] = [];
  for (let i = 0; i <= REPEATS; i++) {
    const started = performance.now();
    const root = await host.createActor(Skynet, [], { place: onPool(1) });
    const sum = await root.sum(0, LEAVES, POOLS);
    await host.destroyActor(root);
    if (i > 0) times.push(performance.now() - started);
    if (sum !== LEAVES * (LEAVES - 1) / 2) throw new Error(`The skynet has summed to ${sum}`);
    await breathe();
  }
  const name = `skynet, ${LEAVES / 1000},000 leaves, ${POOLS} pools`;
  report.add(name, "ms", times, null, "<= 500 ms", (ms) => ms <= 500);
}
