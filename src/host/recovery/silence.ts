import type { PoolId } from "../../core/address.ts";
import { type Clock, SYSTEM_CLOCK } from "../../core/clock.ts";
import { PoolLostError } from "../../core/host_errors.ts";
import { LoopWatch, type WatchedLoop } from "../../debug/loop_watch.ts";
import { formatReport, type LoopReport } from "../../debug/report.ts";
import type { Pool } from "../../pool/pool.ts";

/** A pool that is watched. */
interface Watched {
  readonly pool: Pool;
  readonly loop: WatchedLoop;
}

/** Ends pools whose event loops have not answered for too long. */
export class Silence {
  readonly #watch: LoopWatch | null;
  readonly #uidOf: (generation: number) => string | null;
  readonly #pools = new Map<PoolId, Watched>();

  /**
   * @param silentMs After so many milliseconds; `Infinity` is never.
   * @param uidOf The actor with this generation.
   * @param clock That of the pools' threads.
   */
  constructor(
    silentMs: number,
    uidOf: (generation: number) => string | null,
    clock: Clock = SYSTEM_CLOCK,
  ) {
    this.#uidOf = uidOf;
    this.#watch = silentMs === Infinity
      ? null
      : new LoopWatch(silentMs, clock, (report) => this.#take(report));
  }

  /** Watches a pool from now on. */
  add(pool: Pool): void {
    if (this.#watch === null) return;
    const { host, pool: number, name } = pool.description;
    const loop: WatchedLoop = {
      address: { host, pool: number },
      name,
      ping: () => pool.ping(),
      running: () => pool.running(this.#uidOf),
    };
    this.#pools.set(number, { pool, loop });
    this.#watch.add(loop);
  }

  /** A pool has ended. */
  remove({ pool }: { readonly pool: PoolId }): void {
    const watched = this.#pools.get(pool);
    if (watched === undefined) return;
    this.#pools.delete(pool);
    this.#watch?.remove(watched.loop);
  }

  /** Watches nothing any more. */
  stop(): void {
    this.#pools.clear();
    this.#watch?.stop();
  }

  #take(report: LoopReport): void {
    const pool = this.#pools.get(report.pool.pool)?.pool;
    if (pool === undefined || report.kind !== "blocked") return;
    const end = pool.isKillable ? "killed" : "given up";
    const message = `${report.name} was ${end}: ${formatReport(report)}`;
    pool.terminate(new PoolLostError(message, "silent"));
  }
}
