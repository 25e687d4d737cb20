import type { PoolId } from "../../core/address.ts";
import type { ActorCounters } from "../../actor/cell_stats.ts";
import type { PoolInspection } from "../../debug/inspection.ts";

/** What is counted of all actors of a type, since the host has started. */
export type TypeTotals = Readonly<Record<(typeof COUNTED)[number], number>>;

/** The counters that only grow. */
const COUNTED = ["messages", "calls", "errors", "waitMs", "runMs"] as const;

/** Types that are counted apart; those past them are counted together. */
const TYPES = 256;

/** What types past {@linkcode TYPES} are counted under. */
const OTHER = "other";

type ByType = Map<string, Record<(typeof COUNTED)[number], number>>;

/**
 * Sums by type that never go back: pools forget what they have counted when they end, and estimates of
 * time may shrink. What a pool has counted between the last look at it and its end is lost.
 */
export class Totals {
  /** Each pool as it was last seen. */
  readonly #pools = new Map<PoolId, ByType>();
  /** The pools that are gone, all together. */
  readonly #gone: ByType = new Map();

  /** Looks at the pools that there are; answers all sums. */
  update(pools: readonly PoolInspection[]): ReadonlyMap<string, TypeTotals> {
    const there = new Set(pools.map(({ pool }) => pool.pool));
    for (const [pool, seen] of [...this.#pools]) {
      if (there.has(pool)) continue;
      addAll(this.#gone, seen);
      this.#pools.delete(pool);
    }
    for (const pool of pools) if (pool.responding) this.#look(pool);
    const sums: ByType = new Map();
    for (const part of [this.#gone, ...this.#pools.values()]) addAll(sums, part);
    return sums;
  }

  #look({ pool, actors, ended }: PoolInspection): void {
    const now: ByType = new Map();
    for (const { type, counters } of actors) add(now, type, counters);
    for (const [type, counters] of Object.entries(ended)) add(now, type, counters);
    const before = this.#pools.get(pool.pool);
    for (const [type, last] of before ?? []) {
      const sum = now.get(type);
      if (sum === undefined) now.set(type, last);
      else for (const name of COUNTED) sum[name] = Math.max(sum[name], last[name]);
    }
    this.#pools.set(pool.pool, now);
  }
}

function addAll(sums: ByType, more: ByType): void {
  for (const [type, counters] of more) add(sums, type, counters);
}

function add(sums: ByType, type: string, counters: Pick<ActorCounters, keyof TypeTotals>): void {
  const key = sums.has(type) || sums.size < TYPES ? type : OTHER;
  let sum = sums.get(key);
  if (sum === undefined) {
    sums.set(key, sum = { messages: 0, calls: 0, errors: 0, waitMs: 0, runMs: 0 });
  }
  for (const name of COUNTED) sum[name] += counters[name];
}
