import { MAIN_POOL, type PoolAddress, type PoolId } from "../core/address.ts";
import type { Codec } from "../core/codec.ts";
import { PoolLostError, PoolStartError } from "../core/host_errors.ts";
import type { PoolDescription } from "../core/protocol.ts";
import { poolDebug } from "../debug/options.ts";
import type { PoolSpec, RemovePoolOptions } from "../actor/pool_spec.ts";
import type { Pool, PoolStarter } from "../pool/pool.ts";
import type { HostDebug } from "./host_debug.ts";
import { type ResolvedHostOptions, starterOf } from "./resolve_options.ts";
import { PoolNews, type PoolNewsOptions } from "./pool_news.ts";
import type { Recovery, Reopened } from "./recovery/recovery.ts";
import type { HostRouter } from "./router.ts";
import { allOrNone, withDeadline } from "./settle.ts";
import { Silence } from "./recovery/silence.ts";

/**
 * Milliseconds in which the thread of a gpu pool ends once it is told to. Nothing says when it has; but a
 * process that exits while the driver is still unloaded there may end by a segmentation fault.
 */
const DRIVER_END_MS = 30;

/** What the pools of a host need of it. */
export interface HostPoolsOptions extends PoolNewsOptions {
  readonly host: ResolvedHostOptions;
  readonly codec: Codec;
  readonly debug: HostDebug;
  /** What becomes of those that die. */
  readonly recovery: Recovery;
  /** Everything here that waits for a pool is to be told that it is gone. */
  onLost(pool: PoolId, reason: PoolLostError): void;
}

/**
 * How far the numbers of calls and streams of one isolate are from those of the next at its address: two
 * million million are never reached. After 64 they begin again, when nobody remembers the first.
 */
const ID_SPAN = 2 ** 41;
const ID_SPANS = 64;

/** The pools of a host: starts them, joins them with each other, and ends them. */
export class HostPools {
  /** How they do, and who is told of that. */
  readonly news: PoolNews;
  readonly #options: HostPoolsOptions;
  readonly #router: HostRouter;
  readonly #silence: Silence;
  /** Pools that every sibling has a port to: only these get actors. */
  readonly #ready = new Set<PoolId>();
  /** What each was started by, and how often. */
  readonly #origins = new Map<PoolId, { readonly starter: PoolStarter; generation: number }>();
  #lastJoin = 0;
  #last: PoolId = MAIN_POOL;
  #abandoned = 0;
  #isStopped = false;

  constructor(options: HostPoolsOptions) {
    this.#options = options;
    this.#router = options.router;
    const { host, uids } = options;
    this.news = new PoolNews(options, this.#ready);
    this.#silence = new Silence(host.recovery.silentMs, (generation) => uids.uidOf(generation));
  }

  /** Threads that were given up because they did not answer: a synchronous loop may hold them. */
  get abandoned(): number {
    return this.#abandoned;
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
    // It may have died again in the turn in which it was there.
    if (!this.#router.pools.has(number)) return;
    this.#ready.add(number);
    this.news.tell();
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
      await pool.down;
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
    if (this.#ready.delete(pool.description.pool)) this.news.tell();
    if (force) {
      pool.terminate(new PoolLostError(`${name} was removed at once`, "stopped"));
      await pool.down;
      return;
    }
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
    await pool.down;
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
    this.news.forget(number);
    recovery.died(pool.description, generation, reason, wasReady);
    uids.dropPool(pool.description, reason);
    onLost(number, reason);
    const from: PoolAddress = { host: this.#router.self, pool: MAIN_POOL };
    const gone = { id: 0, from, host: from.host, pool: number, error: reason };
    peers().broadcast((to) => ({ kind: "down", to, ...gone }));
    this.news.tell();
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
}
