import type { PoolMaker, PoolSpec, PoolStarter } from "./pool.ts";
import { type PoolPermissions, resolvePermissions } from "./permissions.ts";
import type { ProcessKind } from "./process_start.ts";
import { checkLabels } from "./worker.ts";

/** How to start process pools. */
export interface ProcessPoolOptions {
  /**
   * How many.
   * @default 1
   */
  count?: number;
  /**
   * Names for placement: `label("untrusted")` finds these pools if it is one of them.
   * @default []
   */
  labels?: readonly string[];
  /**
   * Environment variables to set, beside the host's own.
   * @default {}
   */
  env?: Readonly<Record<string, string>>;
  /**
   * What actors there may do.
   * @default "inherit", as the host
   */
  permissions?: "inherit" | PoolPermissions;
  /**
   * How large the heap of JavaScript may grow, in bytes, at least 16 MiB. The process as a whole, with
   * the bytes of ArrayBuffers and what is not collected yet, may grow by twice that and 64 MiB; it looks
   * ten times a second. Past either it ends, and whoever waits on it is told why.
   * @default V8's own, a few GiB
   */
  memoryLimitBytes?: number;
  /**
   * Further flags for `deno run`, such as `--config=other/deno.json` or `--unstable-kv`. A host does
   * not see with which ones it was started itself. The deno.json beside or above the program's main
   * module is found without.
   * @default []
   */
  flags?: readonly string[];
}

/** Less does not hold the runtime. */
const MIN_MEMORY_BYTES = 16 * 2 ** 20;

/**
 * Process pools for `startHost`: each a Deno process of its own, which takes nothing with it when it
 * crashes or runs out of memory, can always be killed, and may have fewer permissions or another
 * environment than the host. It ends with its host, however that ends.
 *
 * Calls take about as long as to a worker pool; large values take longer, as they are copied, and
 * a SharedArrayBuffer cannot go there. It starts in about 0.1 s. The host needs the permissions to
 * run `deno`, to make its socket in the folder for temporary files, and to read its working
 * directory. A program made by `deno compile` cannot start any.
 *
 * @throws {RangeError} or {@linkcode TypeError} for a bad option, naming it.
 * @example
 * ```ts
 * import { processPool, startHost } from "@dramatis/dramatis";
 *
 * await using host = await startHost({
 *   pools: [processPool({ permissions: { net: false }, memoryLimitBytes: 512 * 2 ** 20 })],
 * });
 * console.log(host.pools().map(({ name }) => name)); // ["main", "process-1"]
 * ```
 */
export function processPool(options: ProcessPoolOptions = {}): PoolSpec {
  const { count = 1 } = options;
  if (!Number.isInteger(count) || count < 0 || count > 256) {
    throw new RangeError(
      `Cannot make ${count} process pools: count is a whole number from 0 to 256`,
    );
  }
  const kind: ProcessKind = {
    kind: "process",
    entry: new URL("./process_worker.ts", import.meta.url),
    labels: checkLabels(options.labels),
    ...resolveProcessOptions(options),
  };
  return processStarter(kind, count, { module: import.meta.url, name: "processPool", options });
}

/** What starts processes of a kind. */
export function processStarter(kind: ProcessKind, count: number, maker: PoolMaker): PoolStarter {
  return {
    maker,
    kind: kind.kind,
    count,
    labels: kind.labels,
    async start(start) {
      // Loaded by hosts that start one alone: every worker whose actors import this package loads this file.
      const { startProcess } = await import("./process_start.ts");
      return await startProcess(kind, start);
    },
  };
}

/** Checks what every kind of process has, and fills in the defaults. */
export function resolveProcessOptions(
  options: Pick<ProcessPoolOptions, "env" | "permissions" | "memoryLimitBytes" | "flags">,
): Pick<ProcessKind, "env" | "permissions" | "memoryLimitBytes" | "flags"> {
  const { env = {}, memoryLimitBytes = null, flags = [] } = options;
  const permissions = resolvePermissions(options.permissions);
  for (const [name, value] of Object.entries(env)) {
    if (typeof value !== "string") {
      throw new TypeError(`env.${name} is a string, got ${JSON.stringify(value)}`);
    }
  }
  if (memoryLimitBytes !== null && !(memoryLimitBytes >= MIN_MEMORY_BYTES)) {
    throw new RangeError(
      `memoryLimitBytes is a number of bytes from ${MIN_MEMORY_BYTES}, got ${memoryLimitBytes}`,
    );
  }
  if (!flags.every((flag) => /^-/.test(flag))) {
    throw new TypeError(
      `flags are flags of deno run, with their values as --name=value, got ${
        JSON.stringify(flags)
      }`,
    );
  }
  return { env, permissions, memoryLimitBytes, flags };
}
