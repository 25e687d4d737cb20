import {
  type ActorAddress,
  type HostId,
  MAIN_POOL,
  type PoolAddress,
  type PoolId,
} from "../core/address.ts";
import { ActorStoppedError } from "../core/errors.ts";
import { PlacementError, PoolLostError } from "../core/host_errors.ts";
import { checkReplicas } from "../core/stateless_options.ts";
import type { PoolDescription } from "../core/protocol.ts";
import type { CallOptions } from "../actor/message.ts";
import type { ResolvedRestart } from "../actor/restart.ts";
import { hostServiceOf } from "../pool/host_service.ts";
import type { CreateRequest, LocalPool } from "../pool/local.ts";
import type { GangStrategy } from "../schedule/gang.ts";
import type { Lease } from "../schedule/leases.ts";
import type { Placement } from "../schedule/policy.ts";
import type { Choice, PlacementRequest } from "../schedule/scheduler.ts";
import type { ActorRecovery } from "./actor_recovery.ts";
import {
  cellOptionsOf,
  checkGroup,
  checkUid,
  type CreateOrder,
  type Kin,
  kinOf,
  restartOf,
  stateKeyOf,
} from "./create_order.ts";
import { checkName, type Names } from "./directory/names.ts";
import type { Failover } from "./failover.ts";
import type { PoolActors } from "./pool_actors.ts";
import type { RegisteredTypes } from "./registered_types.ts";
import { claimsIn, orderFor, type Placer, Refusals } from "./placer.ts";
import { allOrNone } from "./settle.ts";
import type { Supervision } from "./supervision.ts";
import { addressOf, type UidEntry, type UidTable } from "./uid_table.ts";

/** What is needed to make actors. */
export interface ActorMakerOptions {
  readonly main: LocalPool;
  readonly placer: Placer;
  readonly types: RegisteredTypes;
  readonly uids: UidTable;
  readonly actors: PoolActors;
  /** Knows whose children they are. */
  readonly supervision: Supervision;
  /** Keeps what they are made of. */
  readonly recovery: ActorRecovery;
  /** Makes actors with names on other hosts when this one is lost, and theirs here. */
  readonly failover: Failover;
  /** The names of this host's actors. */
  readonly names: Names;
  /** When actors are made again that do not say so themselves. */
  readonly restart: ResolvedRestart;
  /** Waits for a pool that is being recovered and would do; `false` if it is not there in time. */
  waitForOne(wouldDo: (pool: PoolDescription) => boolean): Promise<boolean>;
  /** The number of actors in a pool has changed. */
  onLoad(): void;
  /** Ends the replicas that a host has of an actor, or an actor that has none. */
  endPart(host: HostId, uid: string): Promise<void>;
}

/** An order, looked through. */
interface Prepared {
  readonly order: CreateOrder;
  readonly work: Work;
  readonly wanted: PlacementRequest;
  readonly restart: ResolvedRestart;
}

/** What is made in each pool. */
type Work = Omit<CreateRequest, "generation">;

/** What else is said of an actor that is made here. */
interface Making {
  readonly kin: Kin;
  /** Its replicas in pools of other hosts. */
  readonly elsewhere?: readonly PoolAddress[];
  /** When it is made again; one with replicas is not. */
  readonly restart?: ResolvedRestart;
  /** What its state is kept under. */
  readonly stateKey?: string | null;
  /** Hears of it before it starts. */
  readonly onReserved?: (actor: ActorAddress) => void;
}

/** The host's own work has all the time that it takes. */
const UNLIMITED: CallOptions = Object.freeze({ timeoutMs: Infinity });

/** Makes the actors of a host: finds the pool, takes the uid and the name, and undoes what does not start. */
export class ActorMaker {
  readonly #options: ActorMakerOptions;
  #closed = false;

  constructor(options: ActorMakerOptions) {
    this.#options = options;
  }

  /** Refuses new actors from now on. */
  close(): void {
    this.#closed = true;
  }

  /** Makes what an order says. */
  create(order: CreateOrder): Promise<ActorAddress> {
    return this.#asChild(order, (order) => this.#create(order));
  }

  /** Makes an actor as the child of whoever asks, if that is an actor. */
  async #asChild(
    order: CreateOrder,
    make: (order: CreateOrder) => Promise<ActorAddress>,
  ): Promise<ActorAddress> {
    const { parent, ...options } = order.options;
    if (parent === undefined || !order.isOurs) return await make(order);
    const { supervision, restart } = this.#options;
    return await supervision.adopt(parent, restartOf(options, restart), (link) => {
      return make({ ...order, options: { ...options, link } });
    });
  }

  async #create(order: CreateOrder): Promise<ActorAddress> {
    this.#checkOpen();
    const { options } = order;
    const prepared = this.#prepare(order);
    const { work, wanted } = prepared;
    const count = checkReplicas(options.replicas);
    const { placer } = this.#options;
    if (options.group !== undefined) {
      const group = checkGroup(options.group);
      return await this.#createPart(order, work, group, this.#leasesFor(group, wanted));
    }
    if (count !== undefined) {
      return await this.#createReplicas(order, work, placer.chooseSeveral(wanted, count));
    }
    const refused = new Refusals();
    for (;;) {
      const choice = await this.#choose(wanted, refused);
      try {
        return await this.#createAt(prepared, choice);
      } catch (error) {
        // Its pool was free as far as was known here; its host knows better, and another will do as well.
        if (choice.pool.host === this.#self || !(error instanceof PlacementError)) throw error;
        refused.add(choice.pool, error);
      }
    }
  }

  /** Chooses a pool; one that is being recovered is waited for if no other will do. */
  async #choose(wanted: PlacementRequest, refused: Refusals): Promise<Choice> {
    const { placer, waitForOne } = this.#options;
    try {
      return placer.choose(wanted, refused);
    } catch (error) {
      if (!(error instanceof PlacementError)) throw error;
      if (!await waitForOne((pool) => placer.wouldDo(wanted, pool))) throw error;
      return placer.choose(wanted, refused);
    }
  }

  /**
   * Makes what several orders say: all of it, or nothing.
   *
   * @param allOrNothing Else what can be made is, and of the rest the errors are returned.
   */
  async createGang(
    orders: readonly CreateOrder[],
    strategy: GangStrategy | null,
    allOrNothing: boolean,
  ): Promise<(ActorAddress | Error)[]> {
    this.#checkOpen();
    const members = orders.map((order) => this.#prepare(order));
    const requests = members.map(({ wanted }) => wanted);
    const choices = this.#options.placer.chooseGang(requests, strategy, allOrNothing);
    const made = choices.map((choice, i) =>
      choice instanceof PlacementError
        ? Promise.reject(choice)
        : this.#createMember({ ...members[i]!, order: orders[i]! }, choice)
    );
    if (allOrNothing) return await allOrNone(made, (one) => this.#withdraw(one));
    const settled = await Promise.allSettled(made);
    return settled.map((one) => one.status === "fulfilled" ? one.value : one.reason as Error);
  }

  async #createMember(member: Prepared, choice: Choice): Promise<ActorAddress> {
    try {
      return await this.#asChild(
        member.order,
        (order) => this.#createAt({ ...member, order }, choice),
      );
    } catch (error) {
      // Whoever was to be its parent has gone, perhaps.
      choice.lease[Symbol.dispose]();
      throw error;
    }
  }

  #prepare(order: CreateOrder): Prepared {
    const { home, args, options, isOurs } = order;
    const type = isOurs ? order.type : this.#options.types.find(order.type);
    const uid = checkUid(options.uid ?? crypto.randomUUID());
    const work: Work = { uid, type, args, options: cellOptionsOf(options) };
    const restart = restartOf(options, this.#options.restart);
    const wanted = { type: type.name, home, place: options.place as Placement | undefined };
    return { order, work, wanted, restart };
  }

  /** Makes an actor in the pool that was chosen for it. */
  async #createAt(
    { order, work, wanted, restart }: Prepared,
    { pool, lease }: Choice,
  ): Promise<ActorAddress> {
    const { options } = order;
    if (pool.host !== this.#self) {
      const place = orderFor(pool, wanted.place);
      return await this.#createElsewhere([lease], { ...order, options: { ...options, place } });
    }
    const { name } = options;
    // In the main pool, which is never recovered, most need not be kept.
    const isKept = pool.pool !== MAIN_POOL || options.link !== undefined ||
      options.restart !== undefined;
    const kin = kinOf(options);
    const making = { kin, ...(isKept ? { restart } : {}), stateKey: stateKeyOf(options) };
    if (name === undefined) return await this.#createHere(work, [lease], making);
    try {
      const keepWill = this.#options.failover.will(order, work.uid);
      const made = await this.#options.names.create(checkName(name), (onReserved) => {
        this.#checkOpen();
        return this.#createHere(work, [lease], { ...making, onReserved });
      });
      await keepWill?.();
      return made;
    } catch (error) {
      // The name was not to be had, perhaps.
      lease[Symbol.dispose]();
      throw error;
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new ActorStoppedError("The host stops: it makes no actors any more");
  }

  get #self(): HostId {
    return this.#options.main.address.host;
  }

  /** Makes an actor in pools of this host: one, unless it has replicas. */
  async #createHere(
    work: Work,
    leases: readonly Lease[],
    making: Making,
  ): Promise<ActorAddress> {
    const pools = leases.map(({ pool }) => pool.pool);
    const entry = this.#options.uids.reserve(work.uid, pools, making.elsewhere, leases);
    entry.stateKey = making.stateKey ?? null;
    Object.assign(entry, making.kin);
    making.onReserved?.(addressOf(this.#self, entry));
    const request = { ...work, generation: entry.generation };
    const { recovery } = this.#options;
    const isMain = pools[0] === MAIN_POOL;
    // A constructor that runs here may change the arguments.
    if (isMain && making.restart !== undefined) recovery.keep(entry, work, making.restart);
    try {
      await allOrNone(
        pools.map((pool) => this.#options.actors.create(pool, request).then(() => pool)),
        (pool) => {
          const { uid, generation } = entry;
          const replica = { host: this.#self, pool, uid, generation };
          return this.#undo(replica, this.#options.actors.end(pool, uid, false));
        },
      );
      if (entry.state !== "starting") await this.#endUnwanted(entry);
    } catch (error) {
      this.#options.uids.release(entry);
      this.#options.onLoad();
      throw error;
    }
    entry.state = "live";
    if (!isMain && making.restart !== undefined) recovery.keep(entry, work, making.restart);
    this.#options.supervision.made(entry);
    this.#options.onLoad();
    return addressOf(this.#self, entry);
  }

  /** Makes the replicas of an actor: each host makes its own. */
  async #createReplicas(
    order: CreateOrder,
    work: Work,
    leases: readonly Lease[],
  ): Promise<ActorAddress> {
    const { uid } = work;
    const group = leases.map(({ pool }) => pool);
    const place = claimsIn(order.options.place as Placement | undefined);
    // The others first: a constructor that runs here may change the arguments.
    const isOwn = (host: HostId) => Number(host === this.#self);
    const hosts = [...new Set(group.map(({ host }) => host))].sort((a, b) => isOwn(a) - isOwn(b));
    const parts = await allOrNone(
      hosts.map((host) => {
        const there = leases.filter(({ pool }) => pool.host === host);
        if (host === this.#self) return this.#createPart(order, work, group, there);
        return this.#createElsewhere(there, {
          ...order,
          options: { ...order.options, uid, place, group },
        });
      }),
      (part) => this.#undo(part, this.#options.endPart(part.host, uid)),
    );
    return parts.at(-1)!;
  }

  /** Makes those replicas of an actor that are to be in pools of this host. */
  async #createPart(
    order: CreateOrder,
    work: Work,
    group: readonly PoolAddress[],
    leases: readonly Lease[],
  ): Promise<ActorAddress> {
    const elsewhere = group.filter(({ host }) => host !== this.#self);
    return await this.#createHere(work, leases, { kin: kinOf(order.options), elsewhere });
  }

  /** The leases of those replicas that another host wants in pools of this one. */
  #leasesFor(group: readonly PoolAddress[], wanted: PlacementRequest): Lease[] {
    const leases: Lease[] = [];
    try {
      const taken = new Set<PoolId>();
      for (const { host, pool } of group) {
        if (host !== this.#self) continue;
        if (taken.has(pool)) throw new TypeError(`group has pool ${pool} twice`);
        taken.add(pool);
        const place = [{ policy: "onPool", host, pool } as const, ...claimsIn(wanted.place)];
        leases.push(this.#options.placer.choose({ ...wanted, place }, new Refusals()).lease);
      }
      if (leases.length > 0) return leases;
      throw new PoolLostError(`${wanted.type} has no replica on this host`, "lost");
    } catch (error) {
      for (const lease of leases) lease[Symbol.dispose]();
      throw error;
    }
  }

  /** @param leases Where it will be, all on one other host. */
  async #createElsewhere(
    leases: readonly Lease[],
    { type, home, args, options }: CreateOrder,
  ): Promise<ActorAddress> {
    const service = hostServiceOf(leases[0]!.pool.host);
    try {
      const order = [type, home, args, options];
      const made = await this.#options.main.call(service, "create", order, UNLIMITED);
      for (const lease of leases) lease.settle();
      return made as ActorAddress;
    } catch (error) {
      for (const lease of leases) lease[Symbol.dispose]();
      throw error;
    }
  }

  /** Ends an actor of a gang that is not made after all. */
  #withdraw(made: ActorAddress): Promise<void> {
    return this.#undo(made, this.#options.endPart(made.host, made.uid));
  }

  /** Waits until a replica of an actor that cannot be made has ended again; what its end throws is nobody's. */
  async #undo(replica: ActorAddress, ended: Promise<void>): Promise<void> {
    try {
      await ended;
    } catch (error) {
      this.#options.main.undelivered(replica, "preDestroy", error as Error);
    }
  }

  /** An actor that was killed before it was in its pool has started all the same. */
  async #endUnwanted(entry: UidEntry): Promise<never> {
    await this.#options.actors.endAll(entry, true);
    throw new ActorStoppedError(`${entry.uid} was killed while it started`);
  }
}
