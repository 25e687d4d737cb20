/**
 * What becomes of pools, actors and hosts that die. How the death of a pool goes through this folder:
 *
 * 1. `HostPools` hears of it, or `Silence` has ended a pool that did not answer. `Recovery` lets `ActorRecovery`
 *    say which actors are made again; the others have ended, and whoever waits for one or calls it is told.
 * 2. A `Gap` stands in for the pool: what is sent there waits, as `HeldMessages`.
 * 3. When its limits allow, `Recovery` has the next isolate started at the same address. There `ActorRecovery`
 *    makes the actors again, of what it has kept of them; children when their parents allow it. What they had
 *    saved they get from `Snapshots`, which pools reach as the `StateActor`.
 * 4. The gap opens, and what has waited goes to the pool in order.
 *
 * An actor that fails while its pool lives comes by way of `Failures`, and is made again alone.
 * `Supervision` has a `Family` for each parent: it ends children with it, makes them again by its strategy, and
 * tells it of those that are given up. `Links` takes down those that are linked with an actor that ends.
 *
 * Of a host that is lost, or hands its actors over (`Leavings`), others make those with names: `Failover` tells
 * the other hosts what its own are made of (`Wills`), which hear it as `FailoverActor`. Each tries to be the one
 * that makes them (`Successions`); what is sent to them meanwhile waits in `Absences`.
 */
import { type ActorAddress, formatPool, MAIN_POOL, type PoolId } from "../../core/address.ts";
import { type Clock, MAX_TIMER_MS } from "../../core/clock.ts";
import type { Codec } from "../../core/codec.ts";
import { PoolLostError } from "../../core/host_errors.ts";
import type { PoolDescription, RawFrame } from "../../core/protocol.ts";
import { decideRestart } from "../../actor/restart.ts";
import { runUserHook } from "../../debug/user_hook.ts";
import type { Pool } from "../../pool/pool.ts";
import type { ActorRecovery, Revival } from "./actor_recovery.ts";
import { Gap } from "./gap.ts";
import { Pauses } from "./pauses.ts";
import type { ResolvedRecovery } from "./recovery_options.ts";
import type { HostRouter } from "../router.ts";
import type { UidEntry } from "../actors/uid_table.ts";

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
  /** The host's own pool. */
  main(): PoolDescription;
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
    else this.#host.actors.giveUp(pool, reason);
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

  /** Waits for one of the pools that are being recovered, as long as messages do; `false` if it is not there then. */
  async waitForOne(wouldDo: (pool: PoolDescription) => boolean): Promise<boolean> {
    const { clock, options: { waitMs } } = this.#host;
    const lost = [...this.#lost.values()].find(({ description }) => wouldDo(description));
    if (lost === undefined || waitMs <= 0) return false;
    const limit = new Pauses(clock);
    const late = limit.wait(Math.min(waitMs, MAX_TIMER_MS)).then(() => false);
    const isThere = lost.recovered.promise.then(() => true, () => false);
    return await Promise.race([isThere, late]).finally(() => limit.end());
  }

  /** A pool is not to be recovered any more. @returns Whether it was being so. */
  cancel(pool: PoolId, reason: PoolLostError): boolean {
    const lost = this.#lost.get(pool);
    if (lost !== undefined) this.#giveUp(lost, reason);
    this.#attempts.get(pool)?.end();
    this.#histories.delete(pool);
    this.#host.actors.giveUp(pool, reason);
    return lost !== undefined;
  }

  /** Makes an actor again that has ended alone; one whose pool is being recovered is made with that. */
  again(entry: UidEntry, reason: Error, died: "actor" | "group"): void {
    const { actors, clock } = this.#host;
    const pool = entry.pools[0]!;
    const lost = this.#lost.get(pool);
    if (lost !== undefined && lost.gap.through === undefined) return;
    const pauses = lost?.attempt ?? this.#attempts.get(pool) ?? new Pauses(clock);
    if (lost === undefined) this.#attempts.set(pool, pauses);
    const gaveUp = (actor: ActorAddress, error: Error) => this.gaveUp(actor, error);
    void actors.recreate([entry], { pool, reason, died, pauses, gaveUp });
  }

  /** An actor is made no more, and nobody above it can help. */
  gaveUp(actor: ActorAddress, error: Error): void {
    const { router, main } = this.#host;
    const { description } = router.pools.get(actor.pool) ?? this.#lost.get(actor.pool) ?? {};
    this.#tell("onGiveUp", { pool: description ?? main(), actor, error });
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
        if (whole.isOver) {
          reopened.isolate.terminate(gap.reason);
          await reopened.isolate.down;
          return;
        }
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
    // Those that are made again may make others there.
    ready(pool);
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
    this.#tell("onPoolRecovered", {
      pool: isolate.description,
      generation,
      actors: made.length,
      restored: this.#host.actors.restored(made),
      ms: clock.now() - since,
    });
    return null;
  }

  /** @returns Those that have been made in time; or why the pool has died. */
  async #makeActors(
    isolate: Pool,
    reason: PoolLostError,
    pauses: Pauses,
  ): Promise<readonly UidEntry[] | PoolLostError> {
    const { actors, clock } = this.#host;
    const { description, description: { pool } } = isolate;
    const entries = actors.recovering(pool);
    const live = () => entries.filter(({ state }) => state === "live");
    const gaveUp = (actor: ActorAddress, error: Error) =>
      this.#tell("onGiveUp", { pool: description, actor, error });
    const revival: Revival = { pool, reason, died: "pool", pauses, gaveUp };
    const made = Promise.all([actors.recreate(entries, revival), actors.replicate(revival)])
      .then(live);
    const limit = new Pauses(clock);
    const inTime = limit.wait(FILL_MS).then(live);
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
    const run = this.#host.options[hook] as (given: typeof event) => void;
    runUserHook(`recovery.${hook}`, () => run(event));
  }
}
