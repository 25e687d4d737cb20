import {
  type ActorAddress,
  type HostId,
  MAIN_POOL,
  type PoolAddress,
  type PoolId,
} from "../../core/address.ts";
import { ActorExistsError, ActorNotFoundError, ActorStoppedError } from "../../core/errors.ts";
import type { CellOptions, TypeName } from "../../core/protocol.ts";
import type { ResolvedRestart } from "../../actor/restart.ts";
import { isNothing, type Lease } from "../../schedule/leases.ts";
import type { ResolvedSupervision } from "../../actor/supervision.ts";
import type { ParentLink } from "../../pool/family_service.ts";
import type { KeptArgs } from "../../state/kept_args.ts";

/** What an actor is made of again when its pool is recovered. */
export interface Kept {
  readonly type: TypeName;
  readonly args: KeptArgs;
  readonly options: CellOptions;
  readonly restart: ResolvedRestart;
}

/** Where one uid of this host is. */
export interface UidEntry {
  readonly uid: string;
  /** The pools of this host that have it: one, or those with a replica. */
  pools: readonly PoolId[];
  /** The pools that had a replica, and are to have it again when they are there. */
  away: readonly PoolId[];
  /** The replicas that other hosts have of it. */
  elsewhere: readonly PoolAddress[];
  /** The other hosts that had a replica at first, and so know the uid too. */
  readonly others: readonly HostId[];
  /** What an order is called that several hosts carry out, or that is to be undone; `null` if none is. */
  readonly order: string | null;
  generation: number;
  /**
   * `starting` reserves the uid; only `live` actors are found by others, and those that are `recovering`:
   * their pool has died, and they are made again.
   */
  state: "starting" | "live" | "recovering" | "stopping";
  /** `null` if it is not made again. */
  kept: Kept | null;
  /** What its state is kept under; `null` if nobody could find it there when its host has ended. */
  stateKey: string | null;
  /** When it was made again. */
  restarts: readonly number[];
  /** What it has to itself of its pools. */
  leases: readonly Lease[];
  /** Whose child it is; `null` if nobody's. */
  parent: ParentLink | null;
  /** How its children are supervised; `null` if each is made again by its own restart alone. */
  supervision: ResolvedSupervision | null;
}

const NONE: readonly never[] = Object.freeze([]);

/** The one place that knows which actors a host has: creation and destruction go through it. */
export class UidTable {
  readonly #entries = new Map<string, UidEntry>();
  readonly #orders = new Map<string, UidEntry>();
  readonly #counts = new Map<PoolId, number>();
  readonly #onFree: (entry: UidEntry, reason: () => Error) => void;
  #generation = 0;

  /** @param onFree An actor has ended, or has not started: its uid is free. */
  constructor(onFree: (entry: UidEntry, reason: () => Error) => void = () => {}) {
    this.#onFree = onFree;
  }

  /**
   * Takes a uid for an actor that is about to start.
   *
   * @param pools The pools of this host that will have it.
   * @param elsewhere Those of other hosts.
   * @param leases What was decided for it: they end with the actor, at once if the uid is taken.
   * @param order {@linkcode UidEntry.order}
   * @throws {ActorExistsError} if it is taken.
   */
  reserve(
    uid: string,
    pools: readonly PoolId[],
    elsewhere: readonly PoolAddress[] = NONE,
    leases: readonly Lease[] = NONE,
    order: string | null = null,
  ): UidEntry {
    const other = this.#entries.get(uid);
    if (other !== undefined) {
      end(leases);
      throw new ActorExistsError(
        `There is an actor ${JSON.stringify(uid)} already, in pool ${other.pools} (${other.state})`,
        uid,
      );
    }
    const entry: UidEntry = {
      uid,
      pools,
      away: NONE,
      elsewhere,
      others: elsewhere.length === 0 ? NONE : [...new Set(elsewhere.map(({ host }) => host))],
      order,
      generation: ++this.#generation,
      state: "starting",
      kept: null,
      parent: null,
      supervision: null,
      stateKey: null,
      restarts: NONE,
      leases: leases.every(({ need }) => isNothing(need)) ? NONE : leases,
    };
    this.#entries.set(uid, entry);
    if (order !== null) this.#orders.set(order, entry);
    for (const pool of pools) this.#counts.set(pool, this.actorsIn(pool) + 1);
    for (const lease of leases) lease.settle();
    return entry;
  }

  /** Frees the uid; not that of another actor which has taken it since. */
  release(entry: UidEntry, reason: () => Error = () => stopped(entry)): void {
    if (this.#entries.get(entry.uid) !== entry) return;
    this.#entries.delete(entry.uid);
    if (entry.order !== null) this.#orders.delete(entry.order);
    for (const pool of entry.pools) this.#counts.set(pool, this.actorsIn(pool) - 1);
    end(entry.leases);
    this.#onFree(entry, reason);
  }

  /** All that are taken. */
  get all(): UidEntry[] {
    return [...this.#entries.values()];
  }

  /** Those of orders that have a name. */
  get ordered(): UidEntry[] {
    return [...this.#orders.values()];
  }

  /** The entry of such an order. */
  ofOrder(order: string): UidEntry | undefined {
    return this.#orders.get(order);
  }

  /** The entry of a uid, if it is taken. */
  get(uid: string): UidEntry | undefined {
    return this.#entries.get(uid);
  }

  /**
   * The entry of an actor that others may call.
   *
   * @throws {ActorNotFoundError} if there is none.
   */
  live(uid: string): UidEntry {
    const entry = this.#entries.get(uid);
    if (entry?.state === "live" || entry?.state === "recovering") return entry;
    const state = entry === undefined ? "" : ` (it is ${entry.state})`;
    throw new ActorNotFoundError(`There is no actor ${JSON.stringify(uid)} on this host${state}`);
  }

  /** Actors of a pool that has died are to be made again: those of whom the caller says so. */
  keepPool(pool: PoolId, isKept: (entry: UidEntry) => boolean): UidEntry[] {
    const kept = [...this.#entries.values()].filter((entry) =>
      (entry.state === "live" || entry.state === "recovering") && !isReplicated(entry) &&
      entry.pools[0] === pool && isKept(entry)
    );
    for (const entry of kept) entry.state = "recovering";
    return kept;
  }

  /** A pool has died: the replicas in it that are to be made again there. */
  keepReplicas(pool: PoolId, isKept: (entry: UidEntry) => boolean): void {
    for (const entry of this.#entries.values()) {
      if (!isReplicated(entry) || !entry.pools.includes(pool) || !isKept(entry)) continue;
      entry.away = [...entry.away, pool];
    }
  }

  /** The actors that are to have a replica again in a pool. */
  awayFrom(pool: PoolId): UidEntry[] {
    return [...this.#entries.values()].filter(({ away }) => away.includes(pool));
  }

  /** A replica is there again. */
  cameBack(entry: UidEntry, pool: PoolId): void {
    entry.away = entry.away.filter((one) => one !== pool);
    entry.pools = [...entry.pools, pool].sort((a, b) => a - b);
    this.#counts.set(pool, this.actorsIn(pool) + 1);
  }

  /** A replica is not made again. */
  staysAway(entry: UidEntry, pool: PoolId, reason: Error): void {
    entry.away = entry.away.filter((one) => one !== pool);
    end(entry.leases.filter((lease) => lease.pool.pool === pool));
    this.#releaseEmpty(entry, reason);
  }

  /** An actor is made again: it gets the next generation. */
  renew(entry: UidEntry): void {
    entry.generation = ++this.#generation;
  }

  /** The uid that has this generation; `null` if it is free by now. */
  uidOf(generation: number): string | null {
    for (const entry of this.#entries.values()) {
      if (entry.generation === generation) return entry.uid;
    }
    return null;
  }

  /** Those whose parents are on another host, in the order in which they were made. */
  childrenOf(host: HostId): UidEntry[] {
    return [...this.#entries.values()].filter(({ parent }) => parent?.host === host);
  }

  /** How many actors a pool has, starting ones included. */
  actorsIn(pool: PoolId): number {
    return this.#counts.get(pool) ?? 0;
  }

  /**
   * Forgets the actors that went with a pool of this host, but for those that are recovering; one with
   * replicas goes with the last pool that has it.
   */
  dropPool({ pool }: Pick<PoolAddress, "pool">, reason: Error): void {
    for (const entry of [...this.#entries.values()]) {
      if (!entry.pools.includes(pool) || entry.state === "recovering") continue;
      entry.pools = entry.pools.filter((one) => one !== pool);
      if (!entry.away.includes(pool)) {
        end(entry.leases.filter((lease) => lease.pool.pool === pool));
      }
      this.#counts.set(pool, this.actorsIn(pool) - 1);
      this.#releaseEmpty(entry, reason);
    }
    if (this.actorsIn(pool) === 0) this.#counts.delete(pool);
  }

  /** Forgets pools of other hosts that are gone. */
  dropElsewhere(isGone: (pool: PoolAddress) => boolean, reason: Error): void {
    for (const entry of [...this.#entries.values()]) {
      if (!entry.elsewhere.some(isGone)) continue;
      entry.elsewhere = entry.elsewhere.filter((one) => !isGone(one));
      this.#releaseEmpty(entry, reason);
    }
  }

  #releaseEmpty(entry: UidEntry, reason: Error): void {
    if (entry.pools.length + entry.away.length + entry.elsewhere.length > 0) return;
    this.release(entry, () => reason);
  }
}

/** Whether an actor is in several pools, or is to be so again. */
export function isReplicated({ pools, away, others }: UidEntry): boolean {
  return pools.length + away.length > 1 || others.length > 0;
}

/** The address of an actor of this host, with its replicas if it has any. */
export function addressOf(host: HostId, entry: UidEntry): ActorAddress {
  const { uid, elsewhere, generation } = entry;
  // What is sent to pools that are being recovered waits.
  const pools = entry.pools.length + elsewhere.length > 0 ? entry.pools : entry.away;
  const address = { host, pool: pools[0] ?? MAIN_POOL, uid, generation };
  if (pools.length === 1 && elsewhere.length === 0) return address;
  return { ...address, replicas: [...pools.map((pool) => ({ host, pool })), ...elsewhere] };
}

function end(leases: readonly Lease[]): void {
  for (const lease of leases) lease[Symbol.dispose]();
}

/** Why an actor has ended that somebody has destroyed, or killed. */
export function stopped({ uid }: UidEntry, isKilled: boolean = false): ActorStoppedError {
  if (isKilled) return new ActorStoppedError(`${uid} was killed`, "killed");
  return new ActorStoppedError(`${uid} was destroyed`);
}
