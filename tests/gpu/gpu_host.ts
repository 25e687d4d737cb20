/** Tests that need a host with a gpu pool. */
import { type DeadLetter, type Host, startHost, workerPool } from "@dramatis/dramatis";
import { gpuPool } from "@dramatis/dramatis/gpu";
import { NO_ADAPTER } from "../../gpu/no_adapter.ts";

/** What a {@linkcode gpuHostTest} gets. */
export interface GpuStage {
  /** With a worker pool and a gpu pool, which are not recovered. */
  readonly host: Host;
  /** Failures that nobody waited for; the test fails if it leaves one. */
  readonly letters: DeadLetter[];
}

/** A test of a file, which is a step of its one test. */
interface GpuHostTest {
  readonly name: string;
  readonly body: (stage: GpuStage) => Promise<void>;
}

/** Those of a file; every file has this module to itself. */
const tests: GpuHostTest[] = [];

/**
 * Registers a test that gets a host with a worker pool and a gpu pool. Those of a file share the host as long
 * as its pools live: to open a device takes as long as most of them. What a test leaves of actors and pools is
 * ended before the next. Without an adapter it says why it does nothing, or fails if DRAMATIS_REQUIRE_GPU=1.
 */
export function gpuHostTest(name: string, body: (stage: GpuStage) => Promise<void>): void {
  tests.push({ name, body });
  if (tests.length === 1) Deno.test("on a host with a gpu pool", runAll);
}

/** One that fails, or ends a pool, costs the stage. */
async function runAll(context: Deno.TestContext): Promise<void> {
  let stage: GpuStage | undefined;
  for (const { name, body } of tests) {
    await context.step({
      name,
      fn: async () => {
        const current = stage ?? await openStage();
        stage = undefined;
        try {
          if (!hasGpu(current.host)) return skip(name);
          await body(current);
          await clear(current);
          if (hasGpu(current.host) && current.host.pools().length === POOLS) stage = current;
        } finally {
          if (stage === undefined) await current.host.stop();
        }
        assertOrdinary(current);
      },
      // The host goes on from step to step: the sanitizers look at the whole test.
      sanitizeOps: false,
      sanitizeResources: false,
    });
  }
  await stage?.host.stop();
  if (stage !== undefined) assertOrdinary(stage);
}

/** The main pool, a worker and a gpu. */
const POOLS = 3;

async function openStage(): Promise<GpuStage> {
  const letters: DeadLetter[] = [];
  const host = await startHost({
    pools: [workerPool({ count: 1 }), gpuPool()],
    autoRecover: false,
    onDeadLetter: (letter) => letters.push(letter),
  });
  return { host, letters };
}

function hasGpu(host: Host): boolean {
  return host.pools().some(({ kind, pool }) => kind === "gpu" && pool < POOLS);
}

function skip(name: string): void {
  if (Deno.env.get("DRAMATIS_REQUIRE_GPU") === "1") throw new Error(NO_ADAPTER);
  // deno-lint-ignore no-console -- a skipped test must say so
  console.warn(`skipped "${name}": ${NO_ADAPTER}`);
}

/** Ends the actors, and the pools that were appended. */
async function clear({ host }: GpuStage): Promise<void> {
  while (true) {
    const { pools } = await host.inspect();
    const left = pools.flatMap(({ actors }) => actors.map(({ address }) => address.uid));
    if (left.length === 0) break;
    // One may end by itself, or with another, meanwhile.
    await Promise.allSettled(left.map((uid) => host.destroyActor(uid)));
  }
  for (const { pool } of host.pools()) if (pool >= POOLS) await host.removePool(pool);
}

function assertOrdinary({ host, letters }: GpuStage): void {
  if (host.abandonedThreads > 0) throw new Error("a pool did not stop in time");
  const [letter] = letters;
  if (letter !== undefined) throw new Error("a dead letter", { cause: letter.reason });
}
