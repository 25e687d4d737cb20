import type { PoolAddress, PoolId } from "../core/address.ts";
import { ActorExistsError, ActorNotFoundError } from "../core/errors.ts";

/** Where one uid of this host is. */
export interface UidEntry {
  readonly uid: string;
  readonly pool: PoolId;
  readonly generation: number;
  /** `starting` reserves the uid; only `live` actors are found by others. */
  state: "starting" | "live" | "stopping";
}

/** The one place that knows which actors a host has: creation and destruction go through it. */
export class UidTable {
  readonly #entries = new Map<string, UidEntry>();
  readonly #counts = new Map<PoolId, number>();
  #generation = 0;

  /**
   * Takes a uid for an actor that is about to start in a pool.
   *
   * @throws {ActorExistsError} if it is taken.
   */
  reserve(uid: string, pool: PoolId): UidEntry {
    const other = this.#entries.get(uid);
    if (other !== undefined) {
      throw new ActorExistsError(
        `There is an actor ${JSON.stringify(uid)} already, in pool ${other.pool} (${other.state})`,
        uid,
      );
    }
    const entry: UidEntry = { uid, pool, generation: ++this.#generation, state: "starting" };
    this.#entries.set(uid, entry);
    this.#counts.set(pool, this.actorsIn(pool) + 1);
    return entry;
  }

  /** Frees the uid; not that of another actor which has taken it since. */
  release(entry: UidEntry): void {
    if (this.#entries.get(entry.uid) !== entry) return;
    this.#entries.delete(entry.uid);
    this.#counts.set(entry.pool, this.actorsIn(entry.pool) - 1);
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

  /** How many actors a pool has, starting ones included. */
  actorsIn(pool: PoolId): number {
    return this.#counts.get(pool) ?? 0;
  }

  /** Forgets a pool that is gone, with its actors. */
  dropPool({ pool }: Pick<PoolAddress, "pool">): void {
    for (const entry of [...this.#entries.values()]) {
      if (entry.pool === pool) this.release(entry);
    }
    this.#counts.delete(pool);
  }
}
