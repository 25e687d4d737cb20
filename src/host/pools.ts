import { MAIN_POOL, type PoolAddress, type PoolId } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Codec } from "../core/codec.ts";
import { CPU } from "../core/device.ts";
import { PoolLostError, PoolStartError } from "../core/host_errors.ts";
import type { PoolDescription } from "../core/protocol.ts";
import { poolDebug } from "../debug/options.ts";
import type { Pool, PoolSpec, PoolStarter } from "../pool/pool.ts";
import type { HostDebug } from "./host_debug.ts";
import { type ResolvedHostOptions, starterOf } from "./options.ts";
import type { Peers } from "./peers.ts";
import type { Recovery, Reopened } from "./recovery.ts";
import type { HostRouter } from "./router.ts";
import type { LocalPool } from "../pool/local.ts";
import type { Leases } from "../schedule/leases.ts";
import { LoadWatch } from "./load_watch.ts";
import { allOrNone, withDeadline } from "./settle.ts";
import { Silence } from "./silence.ts";
import type { UidTable } from "./uid_table.ts";

/**
 * Milliseconds in which the thread of a gpu pool ends once it is told to. Nothing says when it has; but a
 * process that exits while the driver is still unloaded there may end by a segmentation fault.
 */
const DRIVER_END_MS = 30;

/** Milliseconds between two reports of load to other hosts: fresh enough to place by, rare enough to be free. */
const LOAD_REPORT_MS = 200;

/** How a pool is removed. */
export interface RemovePoolOptions {
  /**
   * Milliseconds for running messages and `preDestroy`; past them the pool ends by force.
   * @default the host's `stopTimeoutMs`
   */
  deadlineMs?: number;
  /**
   * Whether it ends at once: nothing runs to its end, and `preDestroy` does not run.
   * @default false
   */
  force?: boolean;
}

/** What the pools of a host need of it. */
export interface HostPoolsOptions {
  readonly host: ResolvedHostOptions;
  readonly router: HostRouter;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly debug: HostDebug;
  /** What lives in them. */
  readonly uids: UidTable;
  /** What becomes of those that die. */
  readonly recovery: Recovery;
  /** What asks them how busy they are. */
  readonly main: LocalPool;
  /** What actors have to themselves of them. */
  readonly leases: Leases;
  /** Who is told of them. */
  readonly peers: () => Peers;
  /** Everything here that waits for a pool is to be told that it is gone. */
  onLost(pool: PoolId, reason: PoolLostError): void;
}

/**
 * How far the numbers of calls and streams of one isolate are from those of the next at its address: two
 * million million are never reached. After 64 they begin again, when nobody remembers the first.
 */
const ID_SPAN = 2 ** 41;
const ID_SPANS = 64;

/** The pools of a host: starts them, joins them with each other, ends them, and tells other hosts of them. */
export class HostPools {
  readonly #options: HostPoolsOptions;
  readonly #router: HostRouter;
  readonly #silence: Silence;
  readonly #load: LoadWatch;
  /** Pools that every sibling has a port to: only these get actors. */
  readonly #ready = new Set<PoolId>();
  /** What each was started by, and how often. */
  readonly #origins = new Map<PoolId, { readonly starter: PoolStarter; generation: number }>();
  #lastJoin = 0;
  #last: PoolId = MAIN_POOL;
  #abandoned = 0;
  #isStopped = false;
  #isWithdrawn = false;
  #loadTimer: unknown;

  constructor(options: HostPoolsOptions) {
    this.#options = options;
    this.#router = options.router;
    const { host, uids } = options;
    this.#load = new LoadWatch({
      main: options.main,
      pools: () => this.#counted(),
      onChange: () => this.reportLoad(),
    });
    this.#silence = new Silence(host.recovery.silentMs, (generation) => uids.uidOf(generation));
  }

  /** Threads that were given up because a synchronous loop holds them. */
  get abandoned(): number {
    return this.#abandoned;
  }

  /** The same with what actors have to themselves, as others are told. */
  get described(): readonly PoolDescription[] {
    return this.#isWithdrawn ? [] : this.#options.leases.described(this.all);
  }

  /** Those that get actors, the main one first, with their load. */
  get all(): PoolDescription[] {
    return this.#counted().map((pool) => {
      const busy = this.#load.busyOf(pool);
      return busy === undefined ? pool : { ...pool, busy };
    });
  }

  #counted(): PoolDescription[] {
    const { uids } = this.#options;
    const main: PoolDescription = {
      ...this.#main,
      name: "main",
      kind: "main",
      labels: [],
      device: CPU,
      actors: uids.actorsIn(MAIN_POOL),
    };
    const pools = [main];
    for (const number of this.#ready) {
      const { description } = this.#router.pools.get(number)!;
      pools.push({ ...description, actors: uids.actorsIn(number) });
    }
    return pools.sort((a, b) => a.pool - b.pool);
  }

  /** Starts what a spec says: all of it, or nothing. Those without a device for them are left out. */
  async append(spec: PoolSpec): Promise<PoolDescription[]> {
    const starter = starterOf(spec);
    const started = await allOrNone(
      Array.from({ length: spec.count }, () => this.#start(starter)),
      async (pool) => {
        if (pool !== null) await this.remove(pool.pool);
      },
    );
    return started.filter((pool) => pool !== null);
  }

  /**
   * Ends a pool: in order, unless it takes too long or that is not wanted.
   *
   * @throws {RangeError} if there is no such pool, or it is the main one.
   */
  async remove(pool: PoolId, options: RemovePoolOptions = {}): Promise<void> {
    const { force = false, deadlineMs = this.#options.host.stopTimeoutMs } = options;
    if (!(deadlineMs >= 0)) {
      throw new RangeError(`deadlineMs is a number of milliseconds from 0, got ${deadlineMs}`);
    }
    const removed = new PoolLostError(`Pool ${pool} was removed`, "stopped");
    const wasLost = this.#options.recovery.cancel(pool, removed);
    const found = this.#router.pools.get(pool);
    if (found !== undefined) await this.#stop(found, force ? 0 : deadlineMs, force);
    else if (!wasLost) throw new RangeError(`This host has no pool ${pool}`);
    this.#origins.delete(pool);
  }

  /**
   * Starts the next isolate of a pool that has died. It gets actors by itself once it is {@linkcode ready}.
   *
   * @throws {PoolStartError} if it cannot be started.
   */
  async reopen(number: PoolId): Promise<Reopened> {
    const origin = this.#origins.get(number);
    if (origin === undefined) throw new PoolStartError(`Pool ${number} was removed`);
    const generation = ++origin.generation;
    const opened = await this.#open(origin.starter, number, generation);
    if (opened === null) {
      throw new PoolStartError(`There is no device for pool ${number} any more`, "device");
    }
    const { pool: isolate, siblings } = opened;
    // Until it is joined with one of them, what they send each other goes by way of the host.
    for (const sibling of siblings) void this.#connect(isolate, sibling);
    return { isolate, generation };
  }

  /** A pool that has died is in use again. */
  ready(number: PoolId): void {
    this.#ready.add(number);
    this.#tell();
  }

  /** Other hosts are to place nothing here any more. */
  withdraw(): void {
    this.#isWithdrawn = true;
    this.#tell();
  }

  /** Ends all but the main one in order; what is still to come ends at once. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#silence.stop();
    const { recovery, host } = this.#options;
    const recovered = recovery.stop(new PoolLostError("The host was stopped", "stopped"));
    const pools = [...this.#router.pools.values()];
    await Promise.all(pools.map((pool) => this.#stop(pool)));
    if (pools.some(({ description }) => description.kind === "gpu")) {
      await new Promise((resolve) => setTimeout(resolve, DRIVER_END_MS));
    }
    // An isolate that was being started ends as soon as it is there.
    await withDeadline(recovered, host.stopTimeoutMs);
  }

  /** The number of actors in a pool has changed: other hosts hear of it soon. */
  reportLoad(): void {
    this.#load.wake();
    if (this.#loadTimer !== undefined || this.#router.peers.size === 0) return;
    this.#loadTimer = this.#options.clock.setTimeout(() => {
      this.#loadTimer = undefined;
      this.#tell();
    }, LOAD_REPORT_MS);
  }

  /** Other hosts hear of no load any more. */
  endReports(): void {
    this.#load.stop();
    this.#options.clock.clearTimeout(this.#loadTimer);
  }

  get #main(): PoolAddress {
    return { host: this.#router.self, pool: MAIN_POOL };
  }

  async #start(spec: PoolStarter): Promise<PoolDescription | null> {
    const number = ++this.#last;
    const opened = await this.#open(spec, number, 1);
    if (opened === null) return null;
    const { pool, siblings } = opened;
    await Promise.all(siblings.map((sibling) => this.#connect(pool, sibling)));
    if (this.#router.pools.get(number) !== pool) {
      const { message } = await pool.down;
      throw new PoolStartError(`A pool was lost while it started: ${message}`, "handshake");
    }
    this.#origins.set(number, { starter: spec, generation: 1 });
    this.ready(number);
    return pool.description;
  }

  /**
   * Starts an isolate.
   *
   * @param generation Which of those at this address it is.
   * @returns It, and those that were there before.
   */
  async #open(
    spec: PoolStarter,
    number: PoolId,
    generation: number,
  ): Promise<{ readonly pool: Pool; readonly siblings: readonly Pool[] } | null> {
    const { host, codec, debug } = this.#options;
    const pool = await spec.start({
      address: { host: this.#router.self, pool: number },
      codec,
      firstId: ((generation - 1) % ID_SPANS) * ID_SPAN,
      callTimeoutMs: host.callTimeoutMs,
      debug: poolDebug(host.debug),
    });
    if (pool === null) return null;
    if (this.#isStopped) {
      pool.terminate(new PoolLostError("The host was stopped", "stopped"));
      return null;
    }
    pool.open((frame) => this.#router.forward(frame));
    const siblings = [...this.#router.pools.values()];
    this.#router.pools.set(number, pool);
    debug.add(pool);
    this.#silence.add(pool);
    void pool.down.then((reason) => this.#down(pool, generation, reason));
    return { pool, siblings };
  }

  async #stop(
    pool: Pool,
    deadlineMs: number = this.#options.host.stopTimeoutMs,
    force: boolean = false,
  ): Promise<void> {
    const { name } = pool.description;
    // From now on nothing is placed there, and other hosts hear of it.
    if (this.#ready.delete(pool.description.pool)) this.#tell();
    if (force) return pool.terminate(new PoolLostError(`${name} was removed at once`, "stopped"));
    const inTime = await withDeadline(pool.stop(), deadlineMs);
    if (inTime) return;
    pool.terminate(
      new PoolLostError(
        `${name} did not stop in ${deadlineMs} ms: ${
          pool.isKillable ? "it was killed" : "its thread was given up"
        }`,
        "killed",
      ),
    );
  }

  #down(pool: Pool, generation: number, reason: PoolLostError): void {
    const { debug, uids, peers, onLost, recovery } = this.#options;
    const { pool: number } = pool.description;
    const isHeld = reason.exit === "killed" || reason.exit === "silent";
    if (isHeld && !pool.isKillable) this.#abandoned++;
    this.#silence.remove(pool.description);
    const wasReady = this.#ready.delete(number);
    this.#router.pools.delete(number);
    debug.remove(number);
    this.#load.forget(number);
    recovery.died(pool.description, generation, reason, wasReady);
    uids.dropPool(pool.description, reason);
    onLost(number, reason);
    const from = this.#main;
    const gone = { id: 0, from, host: from.host, pool: number, error: reason };
    peers().broadcast((to) => ({ kind: "down", to, ...gone }));
    this.#tell();
  }

  /** Joins two pools by a port of their own, if they are in one process. */
  async #connect(a: Pool, b: Pool): Promise<void> {
    if (a.join === undefined || b.join === undefined) return;
    const { port1, port2 } = new MessageChannel();
    const id = ++this.#lastJoin;
    const joined = [
      a.join(b.description.pool, port1, id),
      b.join(a.description.pool, port2, id),
    ];
    await Promise.race([Promise.all(joined), a.down, b.down]);
  }

  #tell(): void {
    const pools = this.described;
    const from = this.#main;
    this.#options.peers().broadcast((to) => ({ kind: "pools", id: 0, to, from, pools }));
  }
}
