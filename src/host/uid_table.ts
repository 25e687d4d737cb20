import type { HostId, PoolAddress, PoolId } from "../core/address.ts";
import { ActorExistsError, ActorNotFoundError } from "../core/errors.ts";

/** Where one uid of this host is. */
export interface UidEntry {
  readonly uid: string;
  /** The pools of this host that have it: one, or those with a replica. */
  pools: readonly PoolId[];
  /** The replicas that other hosts have of it. */
  elsewhere: readonly PoolAddress[];
  /** The other hosts that had a replica at first, and so know the uid too. */
  readonly others: readonly HostId[];
  readonly generation: number;
  /** `starting` reserves the uid; only `live` actors are found by others. */
  state: "starting" | "live" | "stopping";
}

const NONE: readonly never[] = Object.freeze([]);

/** The one place that knows which actors a host has: creation and destruction go through it. */
export class UidTable {
  readonly #entries = new Map<string, UidEntry>();
  readonly #counts = new Map<PoolId, number>();
  #generation = 0;

  /**
   * Takes a uid for an actor that is about to start.
   *
   * @param pools The pools of this host that will have it.
   * @param elsewhere Those of other hosts.
   * @throws {ActorExistsError} if it is taken.
   */
  reserve(
    uid: string,
    pools: readonly PoolId[],
    elsewhere: readonly PoolAddress[] = NONE,
  ): UidEntry {
    const other = this.#entries.get(uid);
    if (other !== undefined) {
      throw new ActorExistsError(
        `There is an actor ${JSON.stringify(uid)} already, in pool ${other.pools} (${other.state})`,
        uid,
      );
    }
    const entry: UidEntry = {
      uid,
      pools,
      elsewhere,
      others: elsewhere.length === 0 ? NONE : [...new Set(elsewhere.map(({ host }) => host))],
      generation: ++this.#generation,
      state: "starting",
    };
    this.#entries.set(uid, entry);
    for (const pool of pools) this.#counts.set(pool, this.actorsIn(pool) + 1);
    return entry;
  }

  /** Frees the uid; not that of another actor which has taken it since. */
  release(entry: UidEntry): void {
    if (this.#entries.get(entry.uid) !== entry) return;
    this.#entries.delete(entry.uid);
    for (const pool of entry.pools) this.#counts.set(pool, this.actorsIn(pool) - 1);
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
    if (entry?.state === "live") return entry;
    const state = entry === undefined ? "" : ` (it is ${entry.state})`;
    throw new ActorNotFoundError(`There is no actor ${JSON.stringify(uid)} on this host${state}`);
  }

  /** The uid that has this generation; `null` if it is free by now. */
  uidOf(generation: number): string | null {
    for (const entry of this.#entries.values()) {
      if (entry.generation === generation) return entry.uid;
    }
    return null;
  }

  /** How many actors a pool has, starting ones included. */
  actorsIn(pool: PoolId): number {
    return this.#counts.get(pool) ?? 0;
  }

  /** Forgets a pool of this host that is gone; an actor goes with the last pool that has it. */
  dropPool({ pool }: Pick<PoolAddress, "pool">): void {
    for (const entry of [...this.#entries.values()]) {
      if (!entry.pools.includes(pool)) continue;
      entry.pools = entry.pools.filter((one) => one !== pool);
      this.#releaseEmpty(entry);
    }
    this.#counts.delete(pool);
  }

  /** Forgets pools of other hosts that are gone. */
  dropElsewhere(isGone: (pool: PoolAddress) => boolean): void {
    for (const entry of [...this.#entries.values()]) {
      if (!entry.elsewhere.some(isGone)) continue;
      entry.elsewhere = entry.elsewhere.filter((one) => !isGone(one));
      this.#releaseEmpty(entry);
    }
  }

  #releaseEmpty(entry: UidEntry): void {
    if (entry.pools.length === 0 && entry.elsewhere.length === 0) this.release(entry);
  }
}
