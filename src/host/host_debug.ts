import { MAIN_POOL, type PoolId } from "../core/address.ts";
import { type Clock, SYSTEM_CLOCK } from "../core/clock.ts";
import type { PoolDescription } from "../core/protocol.ts";
import type { DeadLetter } from "../actor/dead_letter.ts";
import { DeadLetters } from "../debug/dead_letters.ts";
import type { DeadLetterCount, PoolInspection, PoolState } from "../debug/inspection.ts";
import { LoopWatch, type WatchedLoop } from "../debug/loop_watch.ts";
import { poolDebug, type ResolvedDebug } from "../debug/options.ts";
import type { DebugReport } from "../debug/report.ts";
import { runUserHook } from "../debug/user_hook.ts";
import type { LocalPool } from "../pool/local.ts";
import type { LocalDebug } from "../pool/self_watch.ts";
import type { Pool } from "../pool/pool.ts";
import { poolServiceOf } from "../pool/pool_service.ts";

/** Milliseconds in which a pool must say how it is; one that does not is said not to respond. */
const INSPECT_TIMEOUT_MS = 1000;

/** What a pool that does not answer says of itself. */
const SILENT: PoolState = Object.freeze({ actors: [], ended: {}, pendingCalls: 0, streams: 0 });

/** What {@linkcode HostDebug} needs of its host. */
export interface DebuggedHost {
  readonly debug: ResolvedDebug | null;
  readonly onDeadLetter: (letter: DeadLetter) => void;
  readonly main: () => LocalPool;
  /** The actor with this generation. */
  readonly uidOf: (generation: number) => string | null;
}

/** What a host knows of what goes wrong in it: it watches its pools, and is told by them. */
export class HostDebug {
  readonly #host: DebuggedHost;
  readonly #letters = new DeadLetters();
  readonly #loops: LoopWatch | null;
  readonly #watched = new Map<PoolId, WatchedLoop>();

  /** @param clock That of the pools' threads. */
  constructor(host: DebuggedHost, clock: Clock = SYSTEM_CLOCK) {
    this.#host = host;
    const { debug } = host;
    const isWatching = debug !== null && debug.blockedLoopMs !== Infinity;
    this.#loops = isWatching
      ? new LoopWatch(debug.blockedLoopMs, clock, (report) => this.report(report))
      : null;
  }

  /** What the main pool is to look out for. */
  get main(): LocalDebug | null {
    const options = poolDebug(this.#host.debug);
    return options && {
      options,
      report: (report) => this.report(report),
      typed: () => {},
      blocked: (ms) => {
        const pool = this.#host.main().address;
        this.report({ kind: "unblocked", pool, name: "main", ms, running: [] });
      },
    };
  }

  /** How many dead letters there were, and the last ones. */
  get deadLetters(): DeadLetterCount {
    return this.#letters.read();
  }

  /** There is a dead letter. */
  deadLetter(letter: DeadLetter): void {
    this.#letters.add(letter);
    runUserHook("onDeadLetter", () => this.#host.onDeadLetter(letter));
  }

  /** There is something to report. */
  report(report: DebugReport): void {
    // What looks for trouble must not make it: the report has come from a timer or a message of ours.
    runUserHook("debug.onReport", () => this.#host.debug?.onReport(report));
  }

  /** Watches a pool from now on. */
  add(pool: Pool): void {
    const { name, host, pool: number } = pool.description;
    const loop: WatchedLoop = {
      address: { host, pool: number },
      name,
      ping: () => pool.ping(),
      running: () => pool.running(this.#host.uidOf),
    };
    this.#watched.set(number, loop);
    this.#loops?.add(loop);
  }

  /** A pool has ended. */
  remove(pool: PoolId): void {
    const loop = this.#watched.get(pool);
    if (loop !== undefined) this.#loops?.remove(loop);
    this.#watched.delete(pool);
  }

  /** A pool of this host as it is now. */
  async inspect(pool: PoolDescription): Promise<PoolInspection> {
    const main = this.#host.main();
    if (pool.pool === MAIN_POOL) {
      const running = main.running();
      return { pool, responding: true, lagMs: null, running, ...await main.inspect() };
    }
    const loop = this.#watched.get(pool.pool);
    const options = { timeoutMs: INSPECT_TIMEOUT_MS };
    const state = await main.call(poolServiceOf(pool), "inspect", [], options).then(
      (state) => state as PoolState,
      () => null,
    );
    const lagMs = loop === undefined ? null : this.#loops?.lagOf(loop) ?? null;
    const running = await loop?.running() ?? [];
    return { pool, responding: state !== null, lagMs, running, ...state ?? SILENT };
  }

  /** Watches nothing any more. */
  stop(): void {
    this.#loops?.stop();
  }
}
