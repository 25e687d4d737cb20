import type { HostId, PoolAddress } from "../core/address.ts";
import type { Held, PoolDescription } from "../core/protocol.ts";

/** What an actor has to itself of its pool, beside living there. */
export type Need = Held;

/** What nearly every actor has to itself. */
export const NOTHING: Need = Object.freeze({ marks: [], memoryBytes: 0, exclusive: false });

/** Whether a pool's description says it all, without a lease. */
export function isNothing({ marks, memoryBytes, exclusive }: Need): boolean {
  return marks.length === 0 && memoryBytes === 0 && !exclusive;
}

/** What was decided for an actor: from the decision on nobody else gets it, until it is given back. */
export interface Lease extends Disposable {
  /** Where. */
  readonly pool: PoolAddress;
  /** What it has there. */
  readonly need: Need;
  /** The actor is there: what tells of its pool counts it from now on, or soon if that is on another host. */
  settle(): void;
}

/** What is decided on one pool and cannot be seen in its description. */
interface Account {
  /** Actors that are on their way, or whose host has not told of them yet. */
  actors: number;
  /** Of a pool of another host, until that has told of them. */
  readonly untold: Set<PoolLease>;
  /** Those that give an actor something to itself: few do, and a burst has hundreds of others. */
  readonly needs: Set<PoolLease>;
  /** A pool as it was given, and as it is with what was decided: until something changes. */
  seen: readonly [PoolDescription, PoolDescription] | undefined;
}

/**
 * What this host has decided: of its own pools all that actors have to themselves, as it is what gives
 * it; of those of other hosts what these have not told of yet. So a burst of decisions sees itself.
 */
export class Leases {
  readonly #host: HostId;
  readonly #accounts = new Map<HostId, (Account | undefined)[]>();

  /** @param host Whose leases these are. */
  constructor(host: HostId) {
    this.#host = host;
  }

  /** From now on a pool has one actor more, and this is that actor's. */
  take(pool: PoolAddress, need: Need = NOTHING): Lease {
    const { host } = pool;
    let pools = this.#accounts.get(host);
    if (pools === undefined) this.#accounts.set(host, pools = []);
    let account = pools[pool.pool];
    if (account === undefined) {
      account = { actors: 0, untold: new Set(), needs: new Set(), seen: undefined };
      pools[pool.pool] = account;
    }
    account.actors++;
    account.seen = undefined;
    const isOwn = host === this.#host;
    const lease = new PoolLease({ host, pool: pool.pool }, need, isOwn, account);
    if (!isOwn) account.untold.add(lease);
    if (!isNothing(need)) account.needs.add(lease);
    return lease;
  }

  /** Pools as they are with what was decided on them. */
  described(pools: readonly PoolDescription[]): readonly PoolDescription[] {
    let host: HostId | undefined;
    let accounts: (Account | undefined)[] | undefined;
    return pools.map((pool) => {
      if (pool.host !== host) accounts = this.#accounts.get(host = pool.host);
      const account = accounts?.[pool.pool];
      return account === undefined || isBlank(account) ? pool : seen(pool, account);
    });
  }

  /**
   * Another host has told how its pools are: it knows of what has settled there, and perhaps of what is on
   * its way, which must not count twice. Should it not, it refuses what has been given twice.
   */
  reported(host: HostId): void {
    for (const account of this.#accounts.get(host) ?? []) {
      for (const lease of account?.untold ?? []) lease.reported();
    }
  }

  /** Another host is gone. */
  forget(host: HostId): void {
    this.#accounts.delete(host);
  }
}

class PoolLease implements Lease {
  readonly pool: PoolAddress;
  need: Need;
  readonly #isOwn: boolean;
  readonly #account: Account;
  #isCounted = true;
  #isSettled = false;

  constructor(pool: PoolAddress, need: Need, isOwn: boolean, account: Account) {
    this.pool = pool;
    this.need = need;
    this.#isOwn = isOwn;
    this.#account = account;
  }

  settle(): void {
    this.#isSettled = true;
    // Another host says itself that it has the actor, and what is that actor's.
    if (!this.#isOwn) return;
    this.#uncount();
    if (isNothing(this.need)) this[Symbol.dispose]();
  }

  /** Its host, another one, has told of its pools. */
  reported(): void {
    if (this.#isSettled) return this[Symbol.dispose]();
    this.need = NOTHING;
    this.#account.needs.delete(this);
    this.#account.seen = undefined;
  }

  [Symbol.dispose](): void {
    this.#uncount();
    this.#account.untold.delete(this);
    this.#account.needs.delete(this);
    this.#account.seen = undefined;
  }

  #uncount(): void {
    if (!this.#isCounted) return;
    this.#isCounted = false;
    this.#account.actors--;
    this.#account.seen = undefined;
  }
}

/** How much of a thread an actor is taken to need that has come since that was measured. */
const BUSY_EACH = 0.05;

/**
 * How busy a pool is to be taken for with actors that have come since it was measured: their work is not
 * known yet, and a burst of them must not all go to the pool that was idle last.
 */
export function busyWith(busy: number | undefined, newActors: number): number | undefined {
  return busy === undefined ? undefined : Math.min(1, busy + BUSY_EACH * newActors);
}

/** Whether nothing is decided on a pool. */
function isBlank({ actors, needs }: Account): boolean {
  return actors === 0 && needs.size === 0;
}

/** There are thousands of pools in a cluster, and a decision changes one of them. */
function seen(pool: PoolDescription, account: Account): PoolDescription {
  if (account.seen?.[0] !== pool) account.seen = [pool, describe(pool, account)];
  return account.seen[1];
}

function describe(pool: PoolDescription, { actors, needs }: Account): PoolDescription {
  const busy = busyWith(pool.busy, actors);
  const held = needs.size === 0 ? pool.held : heldWith(pool.held, needs);
  return {
    ...pool,
    actors: pool.actors + actors,
    ...(busy === undefined ? {} : { busy }),
    ...(held === undefined ? {} : { held }),
  };
}

function heldWith(held: Held = NOTHING, needs: Iterable<PoolLease>): Held {
  let { memoryBytes, exclusive } = held;
  const marks = [...held.marks];
  for (const { need } of needs) {
    marks.push(...need.marks);
    memoryBytes += need.memoryBytes;
    exclusive ||= need.exclusive;
  }
  return { marks, memoryBytes, exclusive };
}
