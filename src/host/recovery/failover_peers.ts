import type { HostId } from "../../core/address.ts";
import type { LocalPool } from "../../pool/local.ts";
import { type FailoverPeer, failoverServiceOf } from "./failover_actor.ts";

/** How the other hosts that take part are reached. */
export interface FailoverPeersOptions {
  readonly main: LocalPool;
  /** How long one may take to answer, in milliseconds. */
  readonly heartbeatMs: number;
  /** Those that can be called. */
  hosts(): readonly { readonly id: HostId }[];
}

/** The other hosts, as they are told of actors with names. One that is gone, or takes no part, need not know. */
export class FailoverPeers {
  readonly #options: FailoverPeersOptions;

  constructor(options: FailoverPeersOptions) {
    this.#options = options;
  }

  /** Tells all. Resolves when they know, or have had the time for it. */
  async tellAll(method: keyof FailoverPeer, what: readonly unknown[]): Promise<void> {
    await Promise.all(this.#options.hosts().map(({ id }) => this.tell(id, method, what)));
  }

  /** Which of these names any of them could make the actors of. */
  async takes(names: readonly string[]): Promise<ReadonlySet<unknown>> {
    const hosts = this.#options.hosts();
    const taken = await Promise.all(hosts.map(({ id }) => this.tell(id, "takes", names)));
    return new Set(taken.flatMap((some) => Array.isArray(some) ? some : []));
  }

  /** Tells one. @returns What it says; `undefined` if it does not. */
  async tell(
    host: HostId,
    method: keyof FailoverPeer,
    what: readonly unknown[],
  ): Promise<unknown> {
    const { main, heartbeatMs: timeoutMs } = this.#options;
    try {
      return await main.call(failoverServiceOf(host), method, [what], { timeoutMs });
    } catch {
      // Whoever is linked again is told again.
      return undefined;
    }
  }
}
