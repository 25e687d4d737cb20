import { LIMITS } from "../core/protocol.ts";
import { type PoolPermissions, resolvePermissions } from "./permissions.ts";
import type { PoolSpec, PoolStarter } from "./pool.ts";
import type { WorkerKind } from "./worker_start.ts";

/** How to start worker pools. */
export interface WorkerPoolOptions {
  /**
   * How many.
   * @default navigator.hardwareConcurrency
   */
  count?: number;
  /**
   * Names for placement: `label("io")` finds these pools if it is one of them.
   * @default []
   */
  labels?: readonly string[];
  /**
   * What actors there may do. It needs Deno's worker options: `"unstable": ["worker-options"]` in deno.json.
   * @default "inherit", as the host
   */
  permissions?: "inherit" | PoolPermissions;
}

/**
 * Worker pools for {@linkcode startHost}: each a Deno worker with a thread of its own.
 *
 * @throws {RangeError} if the count is not a whole number from 0 to 256.
 * @throws {TypeError} if labels or permissions are none.
 * @example
 * ```ts
 * import { startHost, workerPool } from "@dramatis/dramatis";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 2 })] });
 * console.log(host.pools().length); // 3: main and two workers
 * ```
 */
export function workerPool(options: WorkerPoolOptions = {}): PoolSpec {
  const { count = navigator.hardwareConcurrency } = options;
  const labels = checkLabels(options.labels);
  const permissions = resolvePermissions(options.permissions);
  if (!Number.isInteger(count) || count < 0 || count > 256) {
    throw new RangeError(
      `Cannot make ${count} worker pools: count is a whole number from 0 to 256`,
    );
  }
  const kind: WorkerKind = {
    kind: "worker",
    entry: new URL("./worker_main.ts", import.meta.url),
    labels,
    permissions,
  };
  const starter: PoolStarter = {
    kind: "worker",
    count,
    labels,
    maker: { module: import.meta.url, name: "workerPool", options },
    async start(start) {
      // Loaded by hosts that start one alone: every worker whose actors import this package loads this file.
      const { startWorker } = await import("./worker_start.ts");
      return await startWorker(kind, start);
    },
  };
  return starter;
}

/**
 * The labels of a pool.
 *
 * @throws {TypeError} if it is no list of names.
 */
export function checkLabels(labels: readonly string[] = []): readonly string[] {
  const isLabel = (label: unknown) =>
    typeof label === "string" && label !== "" && label.length <= LIMITS.nameLength;
  if (Array.isArray(labels) && labels.every(isLabel)) return [...labels];
  throw new TypeError(
    `labels is a list of names of 1 to ${LIMITS.nameLength} characters, got ${
      JSON.stringify(labels)
    }`,
  );
}
