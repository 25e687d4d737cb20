import type { HostId, PoolAddress, PoolId } from "../../core/address.ts";
import { LIMITS } from "../../core/protocol.ts";
import { UNLIMITED } from "../../actor/message.ts";
import { hostServiceOf } from "../../pool/host_service.ts";
import type { LocalPool } from "../../pool/local.ts";
import { allOver } from "../settle.ts";
import type { FarEnds } from "./far_ends.ts";
import type { UidEntry, UidTable } from "./uid_table.ts";

/** What hosts that have replicas of the same actors need of each other. */
export interface ReplicaPartsOptions {
  readonly main: LocalPool;
  readonly uids: UidTable;
  readonly ends: FarEnds;
}

/** Keeps the hosts that have replicas of one actor of one mind: which there are, and when they end. */
export class ReplicaParts {
  readonly #options: ReplicaPartsOptions;

  constructor(options: ReplicaPartsOptions) {
    this.#options = options;
  }

  /** This host has other replicas of an actor than it had. */
  changed(entry: UidEntry): void {
    for (const host of entry.others) this.#tell(host, entry);
  }

  /** A host can be called from now on: it may have lost sight of the replicas here. */
  linked(host: HostId): void {
    for (const entry of this.#options.uids.ordered) {
      if (entry.others.includes(host) && entry.state === "live") this.#tell(host, entry);
    }
  }

  /**
   * Another host has these replicas.
   *
   * @throws {TypeError} if they are no list of pools.
   */
  told(order: string, pools: readonly PoolId[], from: HostId): void {
    const { uids } = this.#options;
    const isList = Array.isArray(pools) && pools.length <= LIMITS.replicas &&
      pools.every(Number.isSafeInteger);
    if (!isList) throw new TypeError(`pools is a list of up to ${LIMITS.replicas} numbers`);
    const entry = uids.ofOrder(order);
    // It was not asked to have any.
    if (entry === undefined || !entry.others.includes(from)) return;
    const others: readonly PoolAddress[] = entry.elsewhere.filter(({ host }) => host !== from);
    entry.elsewhere = [...others, ...pools.map((pool) => ({ host: from, pool }))];
  }

  /** Ends the replicas that other hosts have; those that cannot be reached do when they can be. */
  async end({ order, others }: UidEntry, kill: boolean, reason: Error | null): Promise<void> {
    if (order === null || others.length === 0) return;
    const { ends } = this.#options;
    await allOver(others.map((host) => ends.end(host, { order, kill, reason })));
  }

  #tell(host: HostId, { order, pools }: UidEntry): void {
    const { main } = this.#options;
    main.call(hostServiceOf(host), "replicasAre", [order, pools], UNLIMITED).catch(() => {
      // It is gone; when it can be called again, it is told again.
    });
  }
}
