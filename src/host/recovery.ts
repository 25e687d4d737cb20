import { type ActorAddress, formatPool, MAIN_POOL, type PoolId } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Codec } from "../core/codec.ts";
import { PoolLostError } from "../core/errors.ts";
import type { PoolDescription, RawFrame } from "../core/protocol.ts";
import { decideRestart } from "../actor/restart.ts";
import type { Pool } from "../pool/pool.ts";
import type { ActorRecovery } from "./actor_recovery.ts";
import { Gap } from "./gap.ts";
import { Pauses } from "./pauses.ts";
import type { ResolvedRecovery } from "./recovery_options.ts";
import type { HostRouter } from "./router.ts";

/** Milliseconds in which actors are to be made again: one that takes longer holds up nobody but itself. */
const FILL_MS = 5000;

/** The next isolate of a pool. */
export interface Reopened {
  readonly isolate: Pool;
  /** Which of those at this address it is, from 1. */
  readonly generation: number;
}

/** What recovery needs of its host. */
export interface RecoveryHost {
  readonly options: ResolvedRecovery;
  readonly router: HostRouter;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly actors: ActorRecovery;
  /**
   * Starts the next isolate of a pool.
   *
   * @throws {PoolStartError} if it cannot be started.
   */
  reopen(pool: PoolId): Promise<Reopened>;
  /** The pool gets actors again. */
  ready(pool: PoolId): void;
  /** Tells the sender of a frame that it failed. */
  refuse(frame: RawFrame, error: Error): void;
}

/** A pool that is not there, and is to be again. */
interface LostPool {
  /** As it was. */
  readonly description: PoolDescription;
  readonly gap: Gap;
  /** When it died. */
  readonly since: number;
  readonly whole: Pauses;
  readonly recovered: PromiseWithResolvers<void>;
  /** Of the isolate that is there, but not with all its actors. */
  attempt: Pauses;
}

/** Brings pools that have died back at the same address, with their actors. */
export class Recovery {
  readonly #host: RecoveryHost;
  readonly #lost = new Map<PoolId, LostPool>();
  readonly #running = new Set<Promise<void>>();
  /** When each pool was started again. */
  readonly #histories = new Map<PoolId, readonly number[]>();
  /** Of the actors of a pool that is there, those that are still to be made. */
  readonly #attempts = new Map<PoolId, Pauses>();

  constructor(host: RecoveryHost) {
    this.#host = host;
  }

  /**
   * An isolate of a pool has died, and nobody has been told yet.
   *
   * @param wasReady Whether the pool was in use; else it may be one that is just being recovered.
   */
  died(
    description: PoolDescription,
    generation: number,
    reason: PoolLostError,
    wasReady: boolean,
  ): void {
    const { pool } = description;
    const { options } = this.#host;
    this.#attempts.get(pool)?.end();
    this.#attempts.delete(pool);
    const lost = this.#lost.get(pool);
    lost?.attempt.end();
    if (lost === undefined && !wasReady) return;
    const recovers = options.autoRecover !== false;
    if (options.autoRecover === "actor") this.#host.actors.begin(pool, reason.exit);
    if (lost === undefined && recovers) this.#begin(description, reason);
    this.#tell("onPoolDown", { pool: description, generation, reason, recovers });
  }

  /** Resolves when a pool is there; at once if it is. */
  async wait(pool: PoolId): Promise<void> {
    const lost = this.#lost.get(pool);
    if (lost !== undefined) return await lost.recovered.promise;
    if (pool === MAIN_POOL || this.#host.router.pools.has(pool)) return;
    const name = formatPool({ host: this.#host.router.self, pool });
    throw new PoolLostError(`There is no ${name}: it is gone`, "lost");
  }

  /** A pool is not to be recovered any more. @returns Whether it was being so. */
  cancel(pool: PoolId, reason: PoolLostError): boolean {
    const lost = this.#lost.get(pool);
    if (lost !== undefined) this.#giveUp(lost, reason);
    this.#attempts.get(pool)?.end();
    this.#histories.delete(pool);
    return lost !== undefined;
  }

  /** None is. Resolves when nothing is under way any more. */
  async stop(reason: PoolLostError): Promise<void> {
    for (const pool of [...this.#lost.keys(), ...this.#attempts.keys()]) this.cancel(pool, reason);
    await Promise.all(this.#running);
  }

  #begin(description: PoolDescription, reason: PoolLostError): void {
    const { router, codec, clock, options, refuse } = this.#host;
    const { host, pool } = description;
    const { waitMs } = options;
    const gap = new Gap({ pool: { host, pool }, codec, clock, waitMs, reason, refuse });
    const recovered = Promise.withResolvers<void>();
    recovered.promise.catch(() => {});
    const whole = new Pauses(clock);
    const attempt = new Pauses(clock);
    const since = clock.now();
    const lost: LostPool = { description, gap, since, whole, recovered, attempt };
    this.#lost.set(pool, lost);
    router.gaps.set(pool, gap);
    // Whoever waits for the pool is told first, in this turn.
    const running = Promise.resolve().then(() => this.#recover(lost));
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }

  async #recover(lost: LostPool): Promise<void> {
    const { options, clock, reopen } = this.#host;
    const { gap, whole, description: { pool } } = lost;
    while (!whole.isOver) {
      const history = this.#histories.get(pool) ?? [];
      const decision = decideRestart(history, options, clock.now(), Math.random());
      if (!decision.restart) {
        const { reason } = gap;
        this.#giveUp(lost, reason);
        this.#tell("onGiveUp", { pool: lost.description, actor: null, error: reason });
        return;
      }
      this.#histories.set(pool, decision.history);
      await whole.wait(decision.delayMs);
      if (whole.isOver) return;
      try {
        const reopened = await reopen(pool);
        if (whole.isOver) return reopened.isolate.terminate(gap.reason);
        const died = await this.#fill(lost, reopened);
        if (died === null) return;
        gap.reason = died;
      } catch (cause) {
        const { message } = cause as Error;
        gap.reason = new PoolLostError(`It was not started again: ${message}`, "lost", { cause });
      }
    }
  }

  /** Makes the actors of a pool, and opens it. @returns Why it has died meanwhile; `null` if it has not. */
  async #fill(lost: LostPool, { isolate, generation }: Reopened): Promise<PoolLostError | null> {
    const { router, clock, ready } = this.#host;
    const { gap, whole, since, recovered, description: { pool } } = lost;
    const attempt = lost.attempt = new Pauses(clock);
    gap.through = isolate.link;
    const made = await this.#makeActors(isolate, gap.reason, attempt);
    if (made instanceof Error) {
      gap.through = undefined;
      return made;
    }
    if (whole.isOver) return null;
    this.#lost.delete(pool);
    this.#attempts.set(pool, attempt);
    router.gaps.delete(pool);
    ready(pool);
    gap.open(isolate.link);
    recovered.resolve();
    const event = { pool: isolate.description, generation, actors: made, ms: clock.now() - since };
    this.#tell("onPoolRecovered", event);
    return null;
  }

  /** @returns How many have been made in time; or why the pool has died. */
  async #makeActors(
    isolate: Pool,
    reason: PoolLostError,
    pauses: Pauses,
  ): Promise<number | PoolLostError> {
    const { actors, clock } = this.#host;
    const { description, description: { pool } } = isolate;
    const entries = actors.recovering(pool);
    const count = () => entries.filter(({ state }) => state === "live").length;
    const gaveUp = (actor: ActorAddress, error: Error) =>
      this.#tell("onGiveUp", { pool: description, actor, error });
    const made = actors.recreate(entries, { pool, reason, pauses, gaveUp }).then(count);
    const limit = new Pauses(clock);
    const inTime = limit.wait(FILL_MS).then(count);
    try {
      const first = await Promise.race([isolate.down, made, inTime]);
      return pauses.isOver ? await isolate.down : first;
    } finally {
      limit.end();
    }
  }

  #giveUp(lost: LostPool, reason: PoolLostError): void {
    const { actors, router } = this.#host;
    const { gap, whole, attempt, recovered, description: { pool } } = lost;
    whole.end();
    attempt.end();
    this.#lost.delete(pool);
    this.#histories.delete(pool);
    router.gaps.delete(pool);
    actors.giveUp(pool, reason);
    gap.close(reason);
    recovered.reject(reason);
  }

  /** What a hook throws is no reason to stop watching. */
  #tell<K extends "onPoolDown" | "onPoolRecovered" | "onGiveUp">(
    hook: K,
    event: Parameters<ResolvedRecovery[K]>[0],
  ): void {
    try {
      (this.#host.options[hook] as (given: typeof event) => void)(event);
    } catch (error) {
      // deno-lint-ignore no-console
      console.error(`dramatis: recovery.${hook} has thrown`, error);
    }
  }
}
