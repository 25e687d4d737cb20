import {
  type ActorAddress,
  type HostId,
  MAIN_POOL,
  type PoolAddress,
  type PoolId,
} from "../core/address.ts";
import { ActorNotFoundError, ActorStoppedError, PoolLostError } from "../core/errors.ts";
import type { PoolDescription, TypeName } from "../core/protocol.ts";
import { checkReplicas } from "../core/stateless_options.ts";
import type { CallOptions } from "../actor/message.ts";
import { type HostService, hostServiceOf } from "../pool/host_service.ts";
import type { CreateRequest, LocalPool } from "../pool/local.ts";
import { isGone } from "../pool/loss.ts";
import type { Placement } from "../schedule/policy.ts";
import type { PlacementDecision, Scheduler } from "../schedule/scheduler.ts";
import { checkName, type Names } from "./directory/names.ts";
import type { ResolvedRestart } from "../actor/restart.ts";
import { ActorRecovery } from "./actor_recovery.ts";
import {
  cellOptionsOf,
  checkGroup,
  checkUid,
  type CreateOrder,
  restartOf,
} from "./create_order.ts";
import { PoolActors } from "./pool_actors.ts";
import type { RegisteredTypes } from "./registered_types.ts";
import type { HostRouter } from "./router.ts";
import { allOrNone, allOver } from "./settle.ts";
import { type UidEntry, UidTable } from "./uid_table.ts";
import { Watchers } from "./watchers.ts";

/** What the desk needs. */
export interface ActorDeskOptions {
  readonly main: LocalPool;
  readonly router: HostRouter;
  readonly scheduler: Scheduler;
  readonly types: RegisteredTypes;
  /** The names of this host's actors. */
  readonly names: Names;
  /** When actors are made again that do not say so themselves. */
  readonly restart: ResolvedRestart;
  /** Resolves when a pool of this host is there. */
  waitPool(pool: PoolId): Promise<void>;
  /** The pools of this host, with their load. */
  ownPools(): PoolDescription[];
  /** The number of actors in a pool has changed. */
  onLoad(): void;
}

/** What is made in each pool. */
type Work = Omit<CreateRequest, "generation">;

/** What else is said of an actor that is made here. */
interface Making {
  /** Its replicas in pools of other hosts. */
  readonly elsewhere?: readonly PoolAddress[];
  /** When it is made again; one with replicas is not. */
  readonly restart?: ResolvedRestart;
  /** Hears of it before it starts. */
  readonly onReserved?: (actor: ActorAddress) => void;
}

/** The host's own work has all the time that it takes. */
const UNLIMITED: CallOptions = Object.freeze({ timeoutMs: Infinity });

/** Creates, finds and ends the actors of a host, and keeps the one record of which exist. */
export class ActorDesk {
  readonly uids: UidTable;
  /** Who waits for the end of which. */
  readonly watchers: Watchers = new Watchers();
  /** Makes them again when their pool has died. */
  readonly recovery: ActorRecovery;
  readonly #options: ActorDeskOptions;
  readonly #actors: PoolActors;
  #closed = false;

  constructor(options: ActorDeskOptions) {
    this.#options = options;
    const { main, router, names } = options;
    this.uids = new UidTable((entry, reason) => {
      void names.ended(entry.generation);
      if (this.watchers.has(entry)) this.watchers.ended(entry, reason());
    });
    this.#actors = new PoolActors(main, router);
    this.recovery = new ActorRecovery({
      host: main.address.host,
      codec: main.codec,
      clock: main.exchange.clock,
      uids: this.uids,
      actors: this.#actors,
      onRenewed: (generation, address) => names.renewed(generation, address),
    });
    options.main.redirects.locate = (uid) => this.#locate(uid);
  }

  /** The verbs for the host's own pool. */
  readonly service: HostService = {
    create: (type, home, args, options) => this.create({ type, home, args, options, isOurs: true }),
    resolve: (uid) => this.resolve(uid),
    has: (uid) => this.has(uid),
    destroy: (uid, kill, isPart) => this.destroy(uid, kill, isPart),
    pools: () => this.candidates(),
    waitPool: (pool) => this.#options.waitPool(pool),
    watch: (uid, signal) => this.watch(uid, signal),
    lookup: (name) => this.#options.names.find(checkName(name)),
    named: (name) => this.#options.names.held(checkName(name)),
    deadLetter: ({ to, method, reason, from }) => {
      this.#options.main.undelivered(to, method, reason, from);
    },
  };

  /** Refuses new actors from now on. */
  close(): void {
    this.#closed = true;
  }

  /** The pools that an actor may be placed in: this host's, then those of linked hosts. */
  candidates(): PoolDescription[] {
    const own = this.#options.ownPools();
    for (const peer of this.#options.router.peers.values()) own.push(...peer.pools);
    return own;
  }

  /** Which pool would be chosen, and why. */
  explain(type: TypeName, home: "cpu" | "gpu", place: unknown): PlacementDecision {
    const request = { type: type.name, home, place: place as Placement | undefined };
    return this.#options.scheduler.decide(request, this.candidates());
  }

  async create(order: CreateOrder): Promise<ActorAddress> {
    this.#checkOpen();
    const { home, args, options, isOurs } = order;
    const type = isOurs ? order.type : this.#options.types.find(order.type);
    const uid = checkUid(options.uid ?? crypto.randomUUID());
    const work: Work = { uid, type, args, options: cellOptionsOf(options) };
    const count = checkReplicas(options.replicas);
    const restart = restartOf(options, this.#options.restart);
    if (options.group !== undefined) return await this.#createPart(work, checkGroup(options.group));
    const wanted = { type: type.name, home, place: options.place as Placement | undefined };
    if (count !== undefined) {
      const { scheduler } = this.#options;
      const group = scheduler.chooseSeveral(wanted, this.candidates(), count).map(addressOf);
      return await this.#createReplicas(order, work, group);
    }
    const { pool } = this.#options.scheduler.choose(wanted, this.candidates());
    if (pool.host === this.#self) {
      const { name } = options;
      if (name === undefined) return await this.#createHere(work, [pool.pool], { restart });
      return await this.#options.names.create(checkName(name), (onReserved) => {
        this.#checkOpen();
        return this.#createHere(work, [pool.pool], { restart, onReserved });
      });
    }
    const place: Placement = { policy: "onPool", pool: pool.pool, host: pool.host };
    return await this.#createElsewhere([pool], { ...order, options: { ...options, uid, place } });
  }

  resolve(uid: string): ActorAddress {
    return this.#addressOf(this.uids.live(uid));
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
    const others = isPart ? [] : entry.others;
    try {
      await allOver([
        isAway ? Promise.resolve() : this.#end(entry, kill),
        ...others.map((host) => this.#endPart(host, uid, kill)),
      ]);
    } finally {
      // The name first: of whoever waits for both, none may find it taken.
      const freed = this.#options.names.ended(entry.generation);
      if (!isStarting) this.uids.release(entry);
      this.#options.onLoad();
      await freed;
    }
  }

  /** Ends this very actor at once, not a later one with its uid. */
  async kill(uid: string, generation: number): Promise<void> {
    if (this.uids.get(uid)?.generation === generation) await this.destroy(uid, true);
  }

  #checkOpen(): void {
    if (this.#closed) throw new ActorStoppedError("The host stops: it makes no actors any more");
  }

  get #self(): HostId {
    return this.#options.main.address.host;
  }

  #locate(uid: string): PoolAddress | undefined {
    const entry = this.uids.get(uid);
    if (entry === undefined || entry.state === "starting") return undefined;
    const pool = entry.pools.find((pool) => pool !== MAIN_POOL);
    return pool === undefined ? entry.elsewhere[0] : { host: this.#self, pool };
  }

  #addressOf({ uid, pools, elsewhere, generation }: UidEntry): ActorAddress {
    const host = this.#self;
    const address = { host, pool: pools[0] ?? MAIN_POOL, uid, generation };
    if (pools.length === 1 && elsewhere.length === 0) return address;
    return { ...address, replicas: [...pools.map((pool) => ({ host, pool })), ...elsewhere] };
  }

  /** Makes an actor in pools of this host: one, unless it has replicas. */
  async #createHere(
    work: Work,
    pools: readonly PoolId[],
    making: Making = {},
  ): Promise<ActorAddress> {
    const entry = this.uids.reserve(work.uid, pools, making.elsewhere);
    making.onReserved?.(this.#addressOf(entry));
    const request = { ...work, generation: entry.generation };
    try {
      await allOrNone(
        pools.map((pool) => this.#actors.create(pool, request).then(() => pool)),
        (pool) => {
          const { uid, generation } = entry;
          const replica = { host: this.#self, pool, uid, generation };
          return this.#undo(replica, this.#actors.end(pool, uid, false));
        },
      );
      if (entry.state !== "starting") await this.#endUnwanted(entry);
    } catch (error) {
      this.uids.release(entry);
      this.#options.onLoad();
      throw error;
    }
    entry.state = "live";
    if (making.restart !== undefined) this.recovery.keep(entry, work, making.restart);
    this.#options.onLoad();
    return this.#addressOf(entry);
  }

  /** Makes the replicas of an actor: each host makes its own. */
  async #createReplicas(
    order: CreateOrder,
    work: Work,
    group: readonly PoolAddress[],
  ): Promise<ActorAddress> {
    const { uid } = work;
    // The others first: a constructor that runs here may change the arguments.
    const isOwn = (host: HostId) => Number(host === this.#self);
    const hosts = [...new Set(group.map(({ host }) => host))].sort((a, b) => isOwn(a) - isOwn(b));
    const parts = await allOrNone(
      hosts.map((host) => {
        if (host === this.#self) return this.#createPart(work, group);
        const pools = group.filter((pool) => pool.host === host);
        return this.#createElsewhere(pools, {
          ...order,
          options: { ...order.options, uid, group },
        });
      }),
      (part) => this.#undo(part, this.#endPart(part.host, uid, false)),
    );
    return parts.at(-1)!;
  }

  /** Makes those replicas of an actor that are to be in pools of this host. */
  async #createPart(work: Work, group: readonly PoolAddress[]): Promise<ActorAddress> {
    const known = new Set(this.#options.ownPools().map(({ pool }) => pool));
    const pools = group.filter(({ host }) => host === this.#self).map(({ pool }) => pool);
    if (pools.length === 0 || !pools.every((pool) => known.delete(pool))) {
      throw new PoolLostError(
        `A pool that was chosen for a replica of ${work.uid} is gone from its host`,
        "lost",
      );
    }
    const elsewhere = group.filter(({ host }) => host !== this.#self);
    return await this.#createHere(work, pools, { elsewhere });
  }

  /** @param pools Where it will be, all on one other host. */
  async #createElsewhere(
    pools: readonly PoolAddress[],
    { type, home, args, options }: CreateOrder,
  ): Promise<ActorAddress> {
    const service = hostServiceOf(pools[0]!.host);
    // Its host reports its load now and then; until it does, what goes there counts here.
    for (const pool of pools) this.#addLoad(pool, 1);
    try {
      const order = [type, home, args, options];
      return await this.#options.main.call(service, "create", order, UNLIMITED) as ActorAddress;
    } catch (error) {
      for (const pool of pools) this.#addLoad(pool, -1);
      throw error;
    }
  }

  /** Waits until a replica of an actor that cannot be made has ended again; what its end throws is nobody's. */
  async #undo(replica: ActorAddress, ended: Promise<void>): Promise<void> {
    try {
      await ended;
    } catch (error) {
      this.#options.main.undelivered(replica, "preDestroy", error as Error);
    }
  }

  /** Ends an actor in the pools of this host. */
  #end({ pools, uid }: UidEntry, kill: boolean): Promise<void> {
    return allOver(pools.map((pool) => this.#actors.end(pool, uid, kill)));
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

  /** An actor that was killed before it was in its pool has started all the same. */
  async #endUnwanted(entry: UidEntry): Promise<never> {
    await this.#end(entry, true);
    throw new ActorStoppedError(`${entry.uid} was killed while it started`);
  }

  #addLoad({ host, pool }: PoolAddress, actors: number): void {
    const peer = this.#options.router.peers.get(host);
    if (peer === undefined) return;
    peer.pools = peer.pools.map((one) =>
      one.pool === pool ? { ...one, actors: Math.max(0, one.actors + actors) } : one
    );
  }
}

function addressOf({ host, pool }: PoolDescription): PoolAddress {
  return { host, pool };
}
