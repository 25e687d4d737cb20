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

/**
 * Registers a test that gets a host with a worker pool and a gpu pool. Without an adapter it says why
 * it does nothing, or fails if DRAMATIS_REQUIRE_GPU=1.
 */
export function gpuHostTest(name: string, body: (stage: GpuStage) => Promise<void>): void {
  Deno.test(name, async () => {
    const letters: DeadLetter[] = [];
    await using host = await startHost({
      pools: [workerPool({ count: 1 }), gpuPool()],
      autoRecover: false,
      onDeadLetter: (letter) => letters.push(letter),
    });
    if (!host.pools().some(({ kind }) => kind === "gpu")) {
      if (Deno.env.get("DRAMATIS_REQUIRE_GPU") === "1") throw new Error(NO_ADAPTER);
      // deno-lint-ignore no-console -- a skipped test must say so
      console.warn(`skipped "${name}": ${NO_ADAPTER}`);
      return;
    }
    await body({ host, letters });
    await host.stop();
    if (host.abandonedThreads > 0) throw new Error("a pool did not stop in time");
    const [letter] = letters;
    if (letter !== undefined) throw new Error("a dead letter", { cause: letter.reason });
  });
}
