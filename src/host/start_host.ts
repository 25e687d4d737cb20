import { type Clock, SYSTEM_CLOCK } from "../core/clock.ts";
import type { Host } from "./host.ts";
import type { HostOptions } from "./options.ts";

/**
 * Starts a host in this process: its main pool, the pools asked for, and its gateway if it listens.
 *
 * @throws {PoolStartError} if a pool cannot be started, with the phase and reason; nothing is left behind.
 * @throws {Deno.errors.AddrInUse} if the port is taken.
 * @throws {LinkRefusedError} or {@linkcode HostLostError} if a host to join does not let us in or is not there.
 * @throws {TypeError} or {@linkcode RangeError} for a bad option, naming it.
 * @example
 * ```ts
 * import { startHost, workerPool } from "@dramatis/dramatis";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 * console.log(host.pools().map(({ name }) => name)); // ["main", "worker-1"]
 * ```
 */
export function startHost(options: HostOptions = {}): Promise<Host> {
  return startHostWith(options, SYSTEM_CLOCK);
}

/** {@linkcode startHost} by a clock of the testing kit. The pools beside the main one have the real time. */
export async function startHostWith(options: HostOptions, clock: Clock): Promise<Host> {
  // Loaded by programs that start hosts alone: every worker whose actors import this package loads this file.
  const [{ Host }, { resolveOptions }, { RegisteredTypes }] = await Promise.all([
    import("./host.ts"),
    import("./resolve_options.ts"),
    import("./actors/registered_types.ts"),
  ]);
  const resolved = resolveOptions(options);
  const types = await RegisteredTypes.load(resolved.modules);
  const host = new Host(resolved, types, clock);
  try {
    await host.start();
  } catch (error) {
    await host.stop();
    throw error;
  }
  return host;
}
