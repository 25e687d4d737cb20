import type { DirectorySpec, DirectoryStarter } from "./directory.ts";

/**
 * Keeps the names of a cluster in its hosts, without a server: the default. Every host knows the names
 * that the hosts linked with it hold, and a name is taken only if all linked hosts agree.
 *
 * A name has one holder among hosts that are linked with each other, or with one host in common: all that
 * join the same seed, say. Each side of a network that is split may have a holder of its own; when the
 * two are linked again, the one on the host with the higher id is stopped. `natsDirectory()` never has two.
 *
 * A host is known while it is linked, and down when its link is lost; its names are then free.
 *
 * @example
 * ```ts
 * import { memoryDirectory, startHost } from "@dramatis/dramatis";
 *
 * await using host = await startHost({ pools: [], directory: memoryDirectory() });
 * ```
 */
export function memoryDirectory(): DirectorySpec {
  const starter: DirectoryStarter = {
    kind: "memory",
    leaseMs: 0,
    async open(site) {
      // Loaded by hosts alone: every worker whose actors import this package loads this file.
      const { openMemory } = await import("./memory.ts");
      return await openMemory(site);
    },
  };
  return starter;
}
