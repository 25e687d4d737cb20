import type { ActorAddress, HostId, PoolId } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import type { Codec } from "../../core/codec.ts";
import type { ExitKind } from "../../core/host_errors.ts";
import { NotSerializableError } from "../../core/message_errors.ts";
import type { CellOptions, ParkedState, TypeName } from "../../core/protocol.ts";
import { decideRestart, outlives, type ResolvedRestart } from "../../actor/restart.ts";
import type { CreateRequest } from "../../pool/residents.ts";
import { ArgsKeeper } from "../../state/kept_args.ts";
import type { Pauses } from "./pauses.ts";
import type { RestoredActor, Snapshots } from "./snapshots.ts";
import type { PoolActors } from "../actors/pool_actors.ts";
import type { Supervision } from "./supervision.ts";
import type { UidEntry, UidTable } from "../actors/uid_table.ts";

/** What is needed to make actors again. */
export interface ActorRecoveryOptions {
  readonly host: HostId;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly uids: UidTable;
  readonly actors: PoolActors;
  readonly snapshots: Snapshots;
  /** Knows whose children they are, and ends theirs. */
  readonly supervision: () => Pick<Supervision, "endChildren" | "turn" | "made">;
  /** This host has a replica of an actor again. */
  onReplica(entry: UidEntry): void;
  /** An actor of this generation is made again, at this address. */
  onRenewed(generation: number, address: ActorAddress): void;
}

/** One recovery of a pool, as its actors see it. */
export interface Revival {
  readonly pool: PoolId;
  /** Why they have ended. */
  readonly reason: Error;
  /**
   * What has died: `pool`, whose own restarts say when; `actor`, alone; or it lives, and is made again
   * with others of its `group`.
   */
  readonly died: "pool" | "actor" | "group";
  /** Ended when the pool has died again, or is not to be recovered any more. */
  readonly pauses: Pauses;
  /** An actor is made no more. */
  gaveUp(actor: ActorAddress, error: Error): void;
}

/** Keeps what actors are made of, and makes them again. */
export class ActorRecovery {
  readonly #options: ActorRecoveryOptions;
  readonly #keeper: ArgsKeeper;
  /** By the name of the export. */
  readonly #types = new Map<string, readonly TypeName[]>();
  /** Those that were parked when their pool died, until they are so again. */
  readonly #asleep = new WeakMap<UidEntry, ParkedState>();

  constructor(options: ActorRecoveryOptions) {
    this.#options = options;
    this.#keeper = new ArgsKeeper(options.codec);
  }

  /** What an actor is made of, if that can be kept. */
  keep(
    entry: UidEntry,
    { type, args, options }: Pick<CreateRequest, "type" | "args" | "options">,
    restart: ResolvedRestart,
  ): void {
    if (restart.kind === "temporary") return;
    try {
      entry.kept = { type: this.#shared(type), args: this.#keeper.keep(args), options, restart };
    } catch (error) {
      // In the main pool it may have been given things that cannot travel.
      if (!(error instanceof NotSerializableError)) throw error;
    }
  }

  /** The name of a type, once for all its actors. */
  #shared(type: TypeName): TypeName {
    const known = this.#types.get(type.export) ?? [];
    const same = known.find((one) =>
      one === type || (one.module === type.module && one.version === type.version)
    );
    if (same === undefined) this.#types.set(type.export, [...known, type]);
    return same ?? type;
  }

  /** A pool has died: those of its actors that are to be made again. */
  begin(pool: PoolId, exit: ExitKind): UidEntry[] {
    const { uids } = this.#options;
    const isKept = ({ kept }: UidEntry) => kept !== null && outlives(kept.restart, exit);
    uids.keepReplicas(pool, isKept);
    const kept = uids.keepPool(pool, isKept);
    for (const entry of kept) this.#lost(entry);
    return kept;
  }

  /** The pool of an actor has died. One that was parked had no instance there: its children live on. */
  #lost(entry: UidEntry): void {
    const { snapshots, supervision } = this.#options;
    const parked = snapshots.parkedState(entry);
    if (parked !== undefined) return void this.#asleep.set(entry, parked);
    this.#asleep.delete(entry);
    void supervision().endChildren(entry);
  }

  /** Those of a pool that are to be made again. */
  recovering(pool: PoolId): UidEntry[] {
    return this.#options.uids.keepPool(pool, ({ state }) => state === "recovering");
  }

  /** Of these, those whose state came back when they were last made. */
  restored(entries: readonly UidEntry[]): RestoredActor[] {
    return this.#options.snapshots.restored(entries);
  }

  /** Makes actors again, in the order in which they were made; resolves when each has been tried once. */
  async recreate(entries: readonly UidEntry[], revival: Revival): Promise<void> {
    await Promise.all(entries.map((entry) => {
      const parked = this.#asleep.get(entry);
      this.#asleep.delete(entry);
      const isParked = parked !== undefined && revival.died === "pool";
      return isParked ? this.#park(entry, parked, revival) : this.#recreate(entry, revival, null);
    }));
  }

  /** The actors of a pool are not made again after all. */
  giveUp(pool: PoolId, reason: Error): void {
    const { uids } = this.#options;
    for (const entry of this.recovering(pool)) uids.release(entry, () => reason);
    for (const entry of uids.awayFrom(pool)) uids.staysAway(entry, pool, reason);
  }

  /** Makes the replicas of a pool again; resolves when each has been tried once. */
  async replicate(revival: Revival): Promise<void> {
    const entries = this.#options.uids.awayFrom(revival.pool);
    await Promise.all(entries.map((entry) => this.#replicate(entry, revival, null)));
  }

  /** @param failed Why it could not be made the last time. Others take its messages meanwhile. */
  async #replicate(entry: UidEntry, revival: Revival, failed: Error | null): Promise<void> {
    const { actors, clock, uids, onReplica } = this.#options;
    const { pool, pauses } = revival;
    const isWanted = () => entry.state === "live" && entry.away.includes(pool);
    const { type, args, options, restart } = entry.kept!;
    if (failed !== null) {
      const decision = decideRestart(entry.restarts, restart, clock.now(), Math.random());
      if (!decision.restart) return uids.staysAway(entry, pool, failed);
      await pauses.wait(decision.delayMs);
      entry.restarts = decision.history;
    }
    if (pauses.isOver || !isWanted()) return;
    const { uid, generation } = entry;
    try {
      const again = this.#keeper.read(args);
      await actors.create(pool, { uid, generation, type, args: again, options });
    } catch (error) {
      if (!pauses.isOver) void this.#replicate(entry, revival, error as Error);
      return;
    }
    if (pauses.isOver) return;
    if (isWanted()) {
      uids.cameBack(entry, pool);
      onReplica(entry);
    } else await actors.end(pool, uid, true).catch(() => {});
  }

  /** @param failed Why it could not be made the last time. */
  async #recreate(entry: UidEntry, revival: Revival, failed: Error | null): Promise<void> {
    const { actors, clock, uids, supervision } = this.#options;
    const { pauses, died } = revival;
    const isOver = () => pauses.isOver || entry.state !== "recovering";
    const { restart } = entry.kept!;
    const isCounted = failed !== null || died !== "group";
    const decision = decideRestart(entry.restarts, restart, clock.now(), Math.random());
    if (isCounted && !decision.restart) {
      const error = failed ?? revival.reason;
      uids.release(entry, () => error);
      // Else its parent is told.
      if (entry.parent === null) revival.gaveUp(this.#addressOf(entry), error);
      return;
    }
    if (isCounted && decision.restart) {
      if (failed !== null || died === "actor") await pauses.wait(decision.delayMs);
      if (isOver()) return;
      entry.restarts = decision.history;
    }
    await supervision().endChildren(entry);
    if (failed === null && !await this.#hasTurn(entry, revival.reason)) return;
    if (isOver()) return;
    try {
      await this.#make(entry, pauses);
      actors.made(entry);
      supervision().made(entry);
    } catch (error) {
      if (isOver()) return;
      // Others need not wait for the next try; what comes for this one does.
      actors.hold(entry, error as Error);
      void this.#recreate(entry, revival, error as Error);
    }
  }

  /** One that was parked has not died: it is parked again, as it was. */
  async #park(entry: UidEntry, parked: ParkedState, revival: Revival): Promise<void> {
    const { actors, supervision } = this.#options;
    const { pauses, reason } = revival;
    if (!await this.#hasTurn(entry, reason)) return;
    const isOver = () => pauses.isOver || entry.state !== "recovering";
    if (isOver()) return;
    try {
      await this.#create(entry, { ...entry.kept!.options, parked }, pauses);
      supervision().made(entry);
    } catch (error) {
      if (isOver()) return;
      actors.hold(entry, error as Error);
      void this.#recreate(entry, revival, error as Error);
    }
  }

  /** Waits until its parent lets it be made again; `false` if that has ended, and it with it. */
  async #hasTurn(entry: UidEntry, reason: Error): Promise<boolean> {
    const { generation } = entry;
    try {
      await this.#options.supervision().turn(entry, reason);
      return true;
    } catch (error) {
      if (entry.generation === generation && entry.state === "recovering") {
        this.#options.uids.release(entry, () => error as Error);
      }
      return false;
    }
  }

  async #make(entry: UidEntry, pauses: Pauses): Promise<void> {
    const { uids, snapshots, onRenewed } = this.#options;
    const { uid, generation: before } = entry;
    snapshots.woken(uid, before);
    uids.renew(entry);
    onRenewed(before, this.#addressOf(entry));
    await this.#create(entry, entry.kept!.options, pauses);
  }

  async #create(entry: UidEntry, options: CellOptions, pauses: Pauses): Promise<void> {
    const { actors } = this.#options;
    const { uid, generation, pools } = entry;
    const { type, args } = entry.kept!;
    const pool = pools[0]!;
    const again = this.#keeper.read(args);
    await actors.create(pool, { uid, generation, type, args: again, options });
    // It was made in an isolate that has died since.
    if (pauses.isOver) return;
    if (entry.state === "recovering") entry.state = "live";
    else await actors.end(pool, uid, true);
  }

  #addressOf({ uid, generation, pools }: UidEntry): ActorAddress {
    return { host: this.#options.host, pool: pools[0]!, uid, generation };
  }
}
