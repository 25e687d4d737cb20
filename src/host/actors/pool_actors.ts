import { MAIN_POOL, type PoolId } from "../../core/address.ts";
import { ActorNotFoundError } from "../../core/errors.ts";
import { PoolLostError } from "../../core/host_errors.ts";
import { UNLIMITED } from "../../actor/message.ts";
import { isGone } from "../../pool/loss.ts";
import { poolServiceOf } from "../../pool/pool_service.ts";
import type { LocalPool } from "../../pool/local.ts";
import type { CreateRequest } from "../../pool/residents.ts";
import type { HostRouter } from "../router.ts";
import { allOver, withDeadline } from "../settle.ts";
import type { UidEntry } from "./uid_table.ts";

/** Milliseconds in which a pool must carry out a kill, on a busy machine too; one that does not is held by a loop. */
const KILL_TIMEOUT_MS = 2000;

/** Makes and ends actors in single pools of this host. */
export class PoolActors {
  readonly #main: LocalPool;
  readonly #router: HostRouter;
  readonly #waitMs: number;
  /** Those for which messages wait in their pools. */
  readonly #held = new Set<UidEntry>();
  /** Those that are made again on another host, until what waits for them has been passed on. */
  readonly #leaving = new Map<string, PoolId>();

  /** @param waitMs How long a message waits for an actor that is made again, in milliseconds. */
  constructor(main: LocalPool, router: HostRouter, waitMs: number) {
    this.#main = main;
    this.#router = router;
    this.#waitMs = waitMs;
  }

  /** An actor is made again in pools that live: what comes for it waits there. */
  hold(entry: UidEntry, reason: Error): void {
    if (this.#waitMs <= 0) return this.forsake(entry);
    this.#held.add(entry);
    this.#tell(entry, "hold", [entry.uid, reason, this.#waitMs]);
  }

  /** It has been made: nothing waits any more. */
  made(entry: UidEntry): void {
    this.#held.delete(entry);
  }

  /** It has ended for good: if anything waits for it, that fails. */
  ended(entry: UidEntry): void {
    if (this.#held.delete(entry)) this.forsake(entry);
  }

  /** Whatever waits for it fails. */
  forsake(entry: Pick<UidEntry, "pools" | "uid">): void {
    this.#tell(entry, "forsake", [entry.uid]);
  }

  /** An actor is to be made again on another host: what comes for it waits in its pool, once it ends in order. */
  leave({ uid, pools }: Pick<UidEntry, "pools" | "uid">): void {
    this.#leaving.set(uid, pools[0]!);
  }

  /** The pool in which messages wait for an actor that leaves. */
  leftFrom(uid: string): PoolId | undefined {
    return this.#leaving.get(uid);
  }

  /** It is elsewhere, or nowhere: what waits goes there, before all that comes now. */
  async passOn(uid: string): Promise<void> {
    const pool = this.#leaving.get(uid);
    if (pool === undefined) return;
    this.#leaving.delete(uid);
    const service = poolServiceOf({ host: this.#main.address.host, pool });
    // With a pool that is gone its messages are.
    await this.#main.call(service, "passOn", [uid], UNLIMITED).catch(unlessGone);
  }

  /** In a pool that is gone nothing waits. */
  #tell({ pools }: Pick<UidEntry, "pools">, method: "hold" | "forsake", args: unknown[]): void {
    for (const pool of pools) {
      const service = poolServiceOf({ host: this.#main.address.host, pool });
      this.#main.call(service, method, args, UNLIMITED).catch(() => {});
    }
  }

  /** Makes an actor in a pool. */
  create(pool: PoolId, request: CreateRequest): Promise<void> {
    if (pool === MAIN_POOL) return this.#main.residents.create(request);
    const to = { host: this.#main.address.host, pool };
    return this.#main.exchange.request({ kind: "create", to, ...request });
  }

  /** Ends an actor in a pool; one that is not there has been ended by another. */
  end(pool: PoolId, uid: string, kill: boolean): Promise<void> {
    return this.#end(pool, uid, kill).catch(unlessNotFound);
  }

  #end(pool: PoolId, uid: string, kill: boolean): Promise<void> {
    if (!kill && this.#leaving.has(uid)) return this.#handOver(pool, uid);
    if (pool === MAIN_POOL) return this.#main.residents.destroy(uid, kill);
    const ended = this.#endAway(pool, uid, kill);
    return kill ? this.#orGiveUp(pool, uid, ended) : ended;
  }

  /** Ends an actor in all the pools of this host that have it. */
  endAll({ pools, uid }: Pick<UidEntry, "pools" | "uid">, kill: boolean): Promise<void> {
    if (pools.length === 1) return this.end(pools[0]!, uid, kill);
    return allOver(pools.map((pool) => this.end(pool, uid, kill)));
  }

  /**
   * Ends an actor where it is being made again, which may never come to its end; a pool that is gone makes
   * none.
   *
   * @param kill Whether a pool is given up that does not do so.
   */
  endMaking({ pools, uid }: Pick<UidEntry, "pools" | "uid">, kill: boolean): Promise<void> {
    return allOver(pools.map(async (pool) => {
      const ended = pool === MAIN_POOL
        ? this.#main.residents.destroy(uid, true)
        : this.#endAway(pool, uid, true);
      const done = ended.catch(unlessGone);
      if (kill) await this.#orGiveUp(pool, uid, done);
      else done.catch(() => {});
    }));
  }

  /** Ends an actor at once that has failed, in all its pools: whoever waits for it hears why. */
  failAll({ pools, uid, generation }: UidEntry, reason: Error): Promise<void> {
    return allOver(pools.map((pool) => {
      const service = poolServiceOf({ host: this.#main.address.host, pool });
      const args = [uid, generation, reason];
      const done = this.#main.call(service, "fail", args, UNLIMITED) as Promise<void>;
      return this.#orGiveUp(pool, uid, done.catch(unlessGone));
    }));
  }

  async #handOver(pool: PoolId, uid: string): Promise<void> {
    const service = poolServiceOf({ host: this.#main.address.host, pool });
    await this.#main.call(service, "handOver", [uid], UNLIMITED);
  }

  #endAway(pool: PoolId, uid: string, kill: boolean): Promise<void> {
    const to = { host: this.#main.address.host, pool };
    return this.#main.exchange.request({ kind: "destroy", to, uid, kill });
  }

  /** A pool that does not carry out a kill in time, or cannot, is ended itself. */
  async #orGiveUp(pool: PoolId, uid: string, done: Promise<void>): Promise<void> {
    try {
      if (await withDeadline(done, KILL_TIMEOUT_MS)) return;
      done.catch(() => {});
      const late = `${uid} was killed, and its thread did not answer in ${KILL_TIMEOUT_MS} ms`;
      this.#giveUp(pool, `${late}: a synchronous loop may hold it`);
    } catch (error) {
      if (error instanceof ActorNotFoundError || isGone(error)) throw error;
      // Its actors may have changed what the runtime stands on.
      this.#giveUp(pool, `${uid} could not be killed`, error);
    }
  }

  #giveUp(pool: PoolId, why: string, cause?: unknown): void {
    const held = this.#router.pools.get(pool);
    if (held === undefined) return;
    const end = held.isKillable ? "killed" : "given up";
    const message = `${held.description.name} was ${end}: ${why}`;
    held.terminate(new PoolLostError(message, "killed", cause === undefined ? {} : { cause }));
  }
}

/** What is gone with its pool has ended. */
function unlessGone(error: unknown): void {
  if (!isGone(error)) throw error;
}

function unlessNotFound(error: unknown): void {
  if (!(error instanceof ActorNotFoundError)) throw error;
}
