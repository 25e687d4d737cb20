import {
  type ActorAddress,
  type HostId,
  MAIN_POOL,
  type PoolAddress,
  type PoolId,
} from "../../core/address.ts";
import { ActorNotFoundError } from "../../core/errors.ts";
import type { PoolDescription } from "../../core/protocol.ts";
import type { PoolSpec, RemovePoolOptions } from "../../actor/pool_spec.ts";
import { UNLIMITED } from "../../actor/message.ts";
import {
  type HostService,
  hostServiceOf,
  type ServiceGangOptions,
} from "../../pool/host_service.ts";
import { isGone } from "../../pool/loss.ts";
import { GANG_STRATEGIES } from "../../schedule/gang.ts";
import type { Scheduler } from "../../schedule/scheduler.ts";
import { ActorMaker, type ActorMakerOptions } from "./actor_maker.ts";
import { Links } from "../recovery/links.ts";
import { ActorRecovery } from "../recovery/actor_recovery.ts";
import type { CreateOrder } from "./create_order.ts";
import { checkName } from "../directory/names.ts";
import { FarEnds } from "./far_ends.ts";
import { PoolActors } from "./pool_actors.ts";
import { ReplicaParts } from "./replica_parts.ts";
import { specOf } from "../pool_maker.ts";
import type { Snapshots } from "../recovery/snapshots.ts";
import { Placer } from "./placer.ts";
import type { HostRouter } from "../router.ts";
import { allOver } from "../settle.ts";
import { Supervision, type SupervisionHost } from "../recovery/supervision.ts";
import { addressOf, stopped, type UidEntry, UidTable } from "./uid_table.ts";
import { Watchers } from "./watchers.ts";

/** What the desk needs, beside what it makes itself. */
export interface ActorDeskOptions extends
  Omit<
    ActorMakerOptions,
    "placer" | "uids" | "actors" | "ends" | "recovery" | "supervision" | "endPart"
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
  /** Starts pools. */
  appendPool(spec: PoolSpec): Promise<PoolDescription[]>;
  /** Ends one. */
  removePool(pool: PoolId, options: RemovePoolOptions): Promise<void>;
  /** Resolves when a pool of this host is there. */
  waitPool(pool: PoolId): Promise<void>;
}

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
      destroy: (uid, kill) => this.destroy(uid, kill),
      again: options.again,
      gaveUp: options.gaveUp,
      endOthers: (entry, reason) => this.replicas.end(entry, true, reason),
    });
    const fail = (entry: UidEntry, cause: Error) => this.supervision.failures.fail(entry, cause);
    this.links = new Links({ main, uids: this.uids, fail });
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
      endPart: (host, uid) => this.#endPart(host, uid, false),
    });
    options.main.redirects.locate = (uid) => this.#locate(uid);
  }

  /** The verbs for the host's own pool. */
  readonly service: HostService = {
    create: (type, home, args, options) => this.create({ type, home, args, options, isOurs: true }),
    resolve: (uid) => this.resolve(uid),
    has: (uid) => this.has(uid),
    destroy: (uid, kill, isPart) => this.destroy(uid, kill, isPart),
    createGang: (orders, options) =>
      this.createGang(orders.map((order) => ({ ...order, isOurs: true })), options),
    pools: () => this.pools(),
    appendPool: async (maker) => await this.#options.appendPool(await specOf(maker)),
    removePool: (pool, options) => this.#options.removePool(pool, options),
    waitPool: (pool) => this.#options.waitPool(pool),
    watch: (uid, signal) => this.watch(uid, signal),
    link: (uid, generation, peer) => this.links.link(uid, generation, peer),
    unlink: (uid, generation, peer) => this.links.unlink(uid, generation, peer),
    lookup: (name) => this.#find(checkName(name)),
    named: (name) => this.#options.names.held(checkName(name)),
    successorOf: (place) => this.#options.failover.successorOf(place),
    deadLetter: ({ to, method, reason, from }) => {
      this.#options.main.undelivered(to, method, reason, from);
    },
  };

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
    } finally {
      // The name first: of whoever waits for both, none may find it taken.
      const freed = this.#options.names.ended(entry.generation);
      const orphaned = this.supervision.endChildren(entry, kill);
      if (!isStarting) this.uids.release(entry, () => stopped(entry, kill));
      this.#options.onLoad();
      if (freed !== undefined || orphaned !== undefined) await Promise.all([freed, orphaned]);
    }
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

  get #self(): HostId {
    return this.#options.main.address.host;
  }

  /** The actor of a name; one that is made again on another host is waited for. */
  async #find(name: string): Promise<ActorAddress> {
    const { names, failover } = this.#options;
    for (;;) {
      try {
        return await names.find(name);
      } catch (error) {
        if (!isGone(error) || !await failover.comesBack(name)) throw error;
      }
    }
  }

  #locate(uid: string): PoolAddress | undefined {
    const entry = this.uids.get(uid);
    if (entry === undefined) return this.#options.failover.movedTo({ host: this.#self, uid });
    if (entry.state === "starting") return undefined;
    const pool = entry.pools.find((pool) => pool !== MAIN_POOL);
    return pool === undefined ? entry.elsewhere[0] : { host: this.#self, pool };
  }

  /** Ends the replicas that another host has; one that is gone has none any more. */
  async #endPart(host: HostId, uid: string, kill: boolean): Promise<void> {
    try {
      if (host === this.#self) return await this.destroy(uid, kill, true);
      await this.#options.main.call(hostServiceOf(host), "destroy", [uid, kill, true], UNLIMITED);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}
