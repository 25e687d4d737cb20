/**
 * The actors of a host: made, found and ended, here and by order of other hosts. How one is made:
 *
 * 1. `HostActor` has the message of a pool or of another host, and looks who asks; the main pool asks
 *    `OwnService` without one. Both come to the `ActorDesk`, with a `CreateOrder`.
 * 2. `ActorMaker` looks through the order, makes the actor known to its parent (`Supervision`), has the
 *    `Placer` choose a pool, and takes the name, if it is to have one. `ReplicaMaker` and `GangMaker`
 *    do so for several at once. A pool of another host is asked for by a message to that host.
 * 3. `PlacedMaker` takes the uid in the `UidTable`, has `PoolActors` make the actor in its pool, and keeps what
 *    it is made of again; or frees all of that, if it does not start.
 *
 * The `UidTable` is the one record of what exists. When an entry leaves it, the desk tells all that have to do
 * with ends: names, snapshots, `Watchers`, links, parents. `FarEnds` and `ReplicaParts` see to what other
 * hosts have of the same actor.
 */
import { type ActorAddress, type HostId, MAIN_POOL, type PoolAddress } from "../../core/address.ts";
import { ActorNotFoundError } from "../../core/errors.ts";
import type { PoolDescription } from "../../core/protocol.ts";
import type { ServiceGangOptions } from "../../pool/host_service.ts";
import { GANG_STRATEGIES } from "../../schedule/gang.ts";
import type { Scheduler } from "../../schedule/scheduler.ts";
import { ActorMaker, type ActorMakerOptions } from "./actor_maker.ts";
import { Links } from "../recovery/links.ts";
import { ActorRecovery } from "../recovery/actor_recovery.ts";
import type { CreateOrder } from "./create_order.ts";
import { FarEnds } from "./far_ends.ts";
import { PoolActors } from "./pool_actors.ts";
import { ReplicaParts } from "./replica_parts.ts";
import type { Snapshots } from "../recovery/snapshots.ts";
import { Placer } from "./placer.ts";
import type { HostRouter } from "../router.ts";
import { allOver, withDeadline } from "../settle.ts";
import { Supervision, type SupervisionHost } from "../recovery/supervision.ts";
import { addressOf, stopped, type UidEntry, UidTable } from "./uid_table.ts";
import { Watchers } from "./watchers.ts";

/** What the desk needs, beside what it makes itself. */
export interface ActorDeskOptions extends
  Omit<
    ActorMakerOptions,
    "placer" | "uids" | "actors" | "ends" | "recovery" | "supervision" | "endHere"
  >,
  Pick<SupervisionHost, "again" | "gaveUp"> {
  readonly router: HostRouter;
  readonly scheduler: Scheduler;
  /** How long a message waits for an actor that is made again, in milliseconds. */
  readonly waitMs: number;
  /** The pools of this host, with their load. */
  ownPools(): PoolDescription[];
  /** Keeps the states of actors. */
  readonly snapshots: Snapshots;
}

/** Milliseconds in which the creator of an actor that was killed must know of it. */
const FREE_MS = 500;

/** Creates, finds and ends the actors of a host, and keeps the one record of which exist. */
export class ActorDesk {
  readonly uids: UidTable;
  /** Who waits for the end of which. */
  readonly watchers: Watchers = new Watchers();
  /** Knows whose children they are. */
  readonly supervision: Supervision;
  /** Knows which are linked. */
  readonly links: Links;
  /** Knows which replicas other hosts have. */
  readonly replicas: ReplicaParts;
  /** Makes them again when their pool has died. */
  readonly recovery: ActorRecovery;
  /** Finds their pools. */
  readonly placer: Placer;
  readonly #options: ActorDeskOptions;
  readonly #actors: PoolActors;
  readonly #maker: ActorMaker;
  readonly #ends: FarEnds;
  #isClosed = false;

  constructor(options: ActorDeskOptions) {
    this.#options = options;
    const { main, router, names } = options;
    this.uids = new UidTable((entry, reason) => {
      this.#actors.ended(entry);
      void names.ended(entry.generation);
      options.snapshots.ended(entry);
      options.failover.ended(entry.uid);
      if (this.watchers.has(entry)) this.watchers.ended(entry, reason());
      this.links.ended(entry, reason);
      this.supervision.ended(entry, reason);
    });
    this.#actors = new PoolActors(main, router, options.waitMs);
    this.#ends = new FarEnds(main);
    this.replicas = new ReplicaParts({ main, uids: this.uids, ends: this.#ends });
    this.supervision = new Supervision({
      main,
      uids: this.uids,
      actors: this.#actors,
      others: () => {
        const hosts = new Set(this.placer.pools().map(({ host }) => host));
        hosts.delete(main.address.host);
        return [...hosts];
      },
      destroy: (uid, kill) => this.destroy(uid, kill),
      again: options.again,
      gaveUp: options.gaveUp,
      endOthers: (entry, reason) => this.replicas.end(entry, true, reason),
    });
    const fail = (entry: UidEntry, cause: Error) => this.supervision.failures.fail(entry, cause);
    this.links = new Links({ main, uids: this.uids, failover: options.failover, fail });
    this.recovery = new ActorRecovery({
      host: main.address.host,
      codec: main.codec,
      clock: main.exchange.clock,
      uids: this.uids,
      actors: this.#actors,
      snapshots: options.snapshots,
      supervision: () => this.supervision,
      onReplica: (entry) => this.replicas.changed(entry),
      onRenewed: (generation, address) => names.renewed(generation, address),
    });
    this.placer = new Placer(options);
    this.#maker = new ActorMaker({
      ...options,
      placer: this.placer,
      uids: this.uids,
      actors: this.#actors,
      recovery: this.recovery,
      supervision: this.supervision,
      ends: this.#ends,
      endHere: (uid) => this.destroy(uid, false, true),
    });
  }

  /** Refuses new actors from now on. */
  close(): void {
    this.#isClosed = true;
    this.#maker.close();
  }

  /** {@linkcode Placer.pools} */
  pools(): PoolDescription[] {
    return this.placer.pools();
  }

  /** {@linkcode ActorMaker.create} */
  create(order: CreateOrder): Promise<ActorAddress> {
    return this.#maker.create(order);
  }

  /** {@linkcode ActorMaker.createGang} */
  createGang(
    orders: readonly CreateOrder[],
    { strategy, allOrNothing }: ServiceGangOptions,
  ): Promise<(ActorAddress | Error)[]> {
    if (strategy !== null && !GANG_STRATEGIES.includes(strategy)) {
      const shown = JSON.stringify(strategy);
      throw new TypeError(`strategy is "pack" or "spread", got ${shown}`);
    }
    return this.#maker.createGang(orders, strategy, allOrNothing);
  }

  resolve(uid: string): ActorAddress {
    return addressOf(this.#self, this.uids.live(uid));
  }

  has(uid: string): boolean {
    const state = this.uids.get(uid)?.state;
    return state === "live" || state === "recovering";
  }

  /** Resolves when an actor has ended, at once if there is none; made again it has not. */
  watch(uid: string, signal: AbortSignal): Promise<Error> {
    const entry = this.uids.get(uid);
    if (entry !== undefined) return this.watchers.add(entry, signal);
    const gone = new ActorNotFoundError(`There is no actor ${JSON.stringify(uid)} any more`);
    return Promise.resolve(gone);
  }

  /** @param isPart Only the replicas of this host: whoever asks sees to the others. */
  async destroy(uid: string, kill: boolean, isPart: boolean = false): Promise<void> {
    const entry = this.uids.get(uid);
    // An actor that starts can be killed, as its start may hang; its creator then frees the uid.
    const isStarting = entry?.state === "starting";
    if (entry === undefined || (isStarting && !kill)) return void this.uids.live(uid);
    // One that is recovering is nowhere; where it is being made, it is ended then.
    const isAway = entry.state === "recovering";
    entry.state = "stopping";
    const { snapshots } = this.#options;
    // Killed, or ended with its host, it may be made again as it was; destroyed it begins anew.
    const isForgotten = !kill && !this.#isClosed && snapshots.forgetting(entry);
    try {
      // One without children ends in this turn: it takes no messages from now on.
      const children = kill ? undefined : this.supervision.endChildren(entry);
      if (children !== undefined) await children;
      const ended = isAway ? this.#actors.endMaking(entry, kill) : this.#actors.endAll(entry, kill);
      const isAll = isPart || entry.others.length === 0;
      const over = isAll ? ended : allOver([ended, this.replicas.end(entry, kill, null)]);
      await (isForgotten ? over.finally(() => snapshots.forget(entry)) : over);
      if (isStarting) await this.#freed(entry);
    } finally {
      // The name first: of whoever waits for both, none may find it taken.
      const freed = this.#options.names.ended(entry.generation);
      const orphaned = this.supervision.endChildren(entry, kill);
      if (!isStarting) this.uids.release(entry, () => stopped(entry, kill));
      this.#options.onLoad();
      if (freed !== undefined || orphaned !== undefined) await Promise.all([freed, orphaned]);
    }
  }

  /** Resolves when whoever makes an actor that was killed has freed its uid; a start that cannot be ended keeps it. */
  async #freed(entry: UidEntry): Promise<void> {
    if (this.uids.get(entry.uid) !== entry) return;
    const patience = new AbortController();
    const ended = this.watchers.add(entry, patience.signal).then(() => {}, () => {});
    await withDeadline(ended, FREE_MS);
    patience.abort();
  }

  /** Ends an actor that is made again on another host: what comes for it waits until {@linkcode passOn}. */
  async handOver(entry: UidEntry): Promise<void> {
    this.#actors.leave(entry);
    await this.destroy(entry.uid, false);
  }

  /** It is there, or is not made again: what waits goes there; resolves when it is on its way. */
  passOn(uid: string): Promise<void> {
    return this.#actors.passOn(uid);
  }

  /** {@linkcode OrderService.endOrder} */
  async endOrder(order: string, kill: boolean, reason: Error | null): Promise<void> {
    const entry = this.uids.ofOrder(order);
    if (entry === undefined) return;
    if (reason !== null) return await this.supervision.failures.fail(entry, reason, true);
    await this.destroy(entry.uid, kill || entry.state === "starting", true);
  }

  /** A host can be called from now on. */
  linked(host: HostId): void {
    this.#ends.linked(host);
    this.replicas.linked(host);
  }

  /** Ends this very actor at once, not a later one with its uid. */
  async kill(uid: string, generation: number): Promise<void> {
    if (this.uids.get(uid)?.generation === generation) await this.destroy(uid, true);
  }

  /** Ends all at once. */
  async killAll(): Promise<void> {
    await Promise.allSettled(this.uids.all.map(({ uid }) => this.destroy(uid, true)));
  }

  /** Where an actor lives that is not in the main pool: in another of this host, or on another. */
  locate(uid: string): PoolAddress | undefined {
    const entry = this.uids.get(uid);
    const left = this.#actors.leftFrom(uid);
    if (left !== undefined) {
      return left === MAIN_POOL ? undefined : { host: this.#self, pool: left };
    }
    if (entry === undefined) {
      return this.#options.failover.movedTo({ host: this.#self, uid }) ?? undefined;
    }
    if (entry.state === "starting") return undefined;
    const pool = entry.pools.find((pool) => pool !== MAIN_POOL);
    return pool === undefined ? entry.elsewhere[0] : { host: this.#self, pool };
  }

  get #self(): HostId {
    return this.#options.main.address.host;
  }
}
