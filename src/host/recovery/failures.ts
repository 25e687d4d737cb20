import { type ActorAddress, formatActor, type PoolId } from "../../core/address.ts";
import { ActorFailedError } from "../../core/errors.ts";
import { outlives } from "../../actor/restart.ts";
import type { LocalPool } from "../../pool/local.ts";
import type { PoolActors } from "../actors/pool_actors.ts";
import { addressOf, isReplicated, type UidEntry, type UidTable } from "../actors/uid_table.ts";

/** What it takes to deal with actors that fail. */
export interface FailuresOptions {
  readonly main: LocalPool;
  readonly uids: UidTable;
  readonly actors: PoolActors;
  /** Ends the children of an actor. */
  endChildren(entry: UidEntry): Promise<void> | undefined;
  /** Ends the replicas that other hosts have of an actor that has failed. */
  endOthers(entry: UidEntry, reason: Error): Promise<void>;
  /** Makes an actor again whose pool is there. */
  again(entry: UidEntry, reason: Error, died: "actor" | "group"): void;
  /** An actor without a parent is made no more. */
  gaveUp(actor: ActorAddress, error: Error): void;
}

/** Decides what becomes of actors of this host that fail while their pools live. */
export class Failures {
  readonly #options: FailuresOptions;
  /** Actors that have failed before it was known here that they have started. */
  readonly #early = new Map<UidEntry, { readonly generation: number; readonly cause: Error }>();

  constructor(options: FailuresOptions) {
    this.#options = options;
  }

  /**
   * {@linkcode FamilyService.failed}
   *
   * @param pool The one that it was in.
   */
  failed(uid: string, generation: number, reason: Error, pool: PoolId): void {
    const { uids, actors } = this.#options;
    const entry = uids.get(uid);
    if (entry?.generation === generation) return void this.fail(entry, reason);
    // Somebody else has ended it: nothing is to wait there for it.
    if (!entry?.pools.includes(pool)) actors.forsake({ pools: [pool], uid });
  }

  /**
   * An actor of this host fails: it is made again, if it is to be. One with replicas ends with all of them.
   *
   * @param isPart A replica on another host has failed, which sees to the others.
   */
  async fail(entry: UidEntry, cause: Error, isPart: boolean = false): Promise<void> {
    const { main, uids, actors, again, gaveUp, endChildren, endOthers } = this.#options;
    const isLive = entry.state === "live";
    const address = addressOf(main.address.host, entry);
    const message = `${formatActor(address)} has failed: ${cause.name}: ${cause.message}`;
    const reason = new ActorFailedError(message, { cause });
    const isAgain = entry.kept !== null && !isReplicated(entry) &&
      outlives(entry.kept.restart, "error");
    const isEnding = entry.state === "stopping";
    if (isLive) entry.state = isAgain ? "recovering" : "stopping";
    else this.#early.set(entry, { generation: entry.generation, cause });
    const ended = endChildren(entry);
    // Where it is being made, that fails, and is tried again by itself.
    const failed = actors.failAll(entry, cause);
    if (isLive && !isPart) endOthers(entry, cause).catch(() => {});
    if (isLive && isAgain) actors.hold(entry, cause);
    else if (isLive || isEnding) actors.forsake(entry);
    await failed;
    if (!isLive) return;
    if (isAgain) return again(entry, reason, "actor");
    await ended;
    uids.release(entry, () => reason);
    if (entry.parent === null && !isPart) gaveUp(address, reason);
  }

  /** An actor has been made. */
  made(entry: UidEntry): void {
    const failure = this.#early.get(entry);
    this.#early.delete(entry);
    if (failure?.generation === entry.generation) void this.fail(entry, failure.cause);
  }

  /** It has ended for good. */
  ended(entry: UidEntry): void {
    if (this.#early.delete(entry)) this.#options.actors.forsake(entry);
  }
}
