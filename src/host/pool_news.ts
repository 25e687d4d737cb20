import { MAIN_POOL } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import { CPU } from "../core/device.ts";
import type { PoolDescription } from "../core/protocol.ts";
import type { LocalPool } from "../pool/local.ts";
import type { Leases } from "../schedule/leases.ts";
import { LoadWatch } from "./load_watch.ts";
import type { Peers } from "./cluster/peers.ts";
import type { HostRouter } from "./router.ts";
import type { UidTable } from "./actors/uid_table.ts";

/** Milliseconds between two reports of load to other hosts: fresh enough to place by, rare enough to be free. */
const LOAD_REPORT_MS = 200;

/** What it takes to know how the pools of a host do. */
export interface PoolNewsOptions {
  readonly router: HostRouter;
  readonly clock: Clock;
  /** What lives in them. */
  readonly uids: UidTable;
  /** What asks them how busy they are. */
  readonly main: LocalPool;
  /** What actors have to themselves of them. */
  readonly leases: Leases;
  /** Who is told of them. */
  readonly peers: () => Peers;
}

/** Knows how the pools of a host do that get actors, and tells other hosts. */
export class PoolNews {
  readonly #options: PoolNewsOptions;
  readonly #load: LoadWatch;
  readonly #ready: ReadonlySet<number>;
  readonly #main: PoolDescription;
  #isWithdrawn = false;
  #isOver = false;
  #loadTimer: unknown;

  /** @param ready The pools that get actors. */
  constructor(options: PoolNewsOptions, ready: ReadonlySet<number>) {
    this.#options = options;
    this.#ready = ready;
    const address = { host: options.router.self, pool: MAIN_POOL };
    this.#main = { ...address, name: "main", kind: "main", labels: [], device: CPU, actors: 0 };
    this.#load = new LoadWatch({
      main: options.main,
      pools: () => this.all,
      onChange: () => this.reportLoad(),
    });
  }

  /** {@linkcode all}, with what actors have to themselves, as others are told. */
  get described(): readonly PoolDescription[] {
    return this.#isWithdrawn ? [] : this.#options.leases.described(this.all);
  }

  /** Those that get actors, the main one first, with their load. */
  get all(): PoolDescription[] {
    const pools = [this.#counted(this.#main)];
    for (const number of this.#ready) {
      pools.push(this.#counted(this.#options.router.pools.get(number)!.description));
    }
    return pools.sort((a, b) => a.pool - b.pool);
  }

  #counted(pool: PoolDescription): PoolDescription {
    const actors = this.#options.uids.actorsIn(pool.pool);
    const busy = this.#load.busyOf(pool.pool, actors);
    return busy === undefined ? { ...pool, actors } : { ...pool, actors, busy };
  }

  /** Other hosts are to place nothing here any more. */
  withdraw(): void {
    this.#isWithdrawn = true;
    this.tell();
  }

  /** The number of actors in a pool has changed: other hosts hear of it soon. */
  reportLoad(): void {
    if (this.#isOver) return;
    this.#load.wake();
    if (this.#loadTimer !== undefined || this.#options.router.peers.size === 0) return;
    this.#loadTimer = this.#options.clock.setTimeout(() => {
      this.#loadTimer = undefined;
      this.tell();
    }, LOAD_REPORT_MS);
  }

  /** Other hosts hear of no load any more. */
  endReports(): void {
    this.#isOver = true;
    this.#load.stop();
    this.#options.clock.clearTimeout(this.#loadTimer);
  }

  /** A pool has ended. */
  forget(pool: number): void {
    this.#load.forget(pool);
  }

  /** Other hosts hear of them now. */
  tell(): void {
    const pools = this.described;
    const { host, pool } = this.#main;
    const from = { host, pool };
    this.#options.peers().broadcast((to) => ({ kind: "pools", id: 0, to, from, pools }));
  }
}
