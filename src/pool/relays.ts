import type { PoolAddress } from "../core/address.ts";

/**
 * The calls that a main pool passes on to where their actors live by now, as calls of its own: who
 * made them waits on another pool, and would not hear of the death of the one that has them.
 */
export class Relays {
  /** The caller's number for a call, and ours. */
  readonly #relayed = new Map<string, number>();
  readonly #own = new Set<number>();
  /** Hears when there is none any more. */
  #settled: PromiseWithResolvers<void> | undefined;

  /** How many there are. */
  get size(): number {
    return this.#own.size;
  }

  /** Notes a call under the number that it goes on with. */
  add(from: PoolAddress, id: number, relayed: number): void {
    this.#relayed.set(keyOf(from, id), relayed);
    this.#own.add(relayed);
  }

  /** Resolves when there is none. */
  settled(): Promise<void> {
    if (this.#own.size === 0) return Promise.resolve();
    return (this.#settled ??= Promise.withResolvers()).promise;
  }

  /** Forgets a call that has been answered. */
  ended(from: PoolAddress, id: number, relayed: number): void {
    this.#own.delete(relayed);
    if (this.#own.size === 0) this.#settled?.resolve();
    const key = keyOf(from, id);
    // Another call may have come under the number of the first.
    if (this.#relayed.get(key) === relayed) this.#relayed.delete(key);
  }

  /** Forgets a call that is given up; the number it went on with. */
  take(from: PoolAddress, id: number): number | undefined {
    const key = keyOf(from, id);
    const relayed = this.#relayed.get(key);
    if (relayed === undefined) return undefined;
    this.ended(from, id, relayed);
    return relayed;
  }

  /** Whether a call of this pool is one that was passed on; twice would be in a circle. */
  has(id: number): boolean {
    return this.#own.has(id);
  }
}

/** What a caller's call is known by: its pool, and its number there. */
export function keyOf({ host, pool }: PoolAddress, id: number): string {
  return `${host}/${pool}/${id}`;
}
