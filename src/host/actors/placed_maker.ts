import { type ActorAddress, type HostId, MAIN_POOL, type PoolAddress } from "../../core/address.ts";
import type { CallChain } from "../../core/call_chain.ts";
import { ActorStoppedError } from "../../core/errors.ts";
import { UNLIMITED } from "../../actor/message.ts";
import type { ResolvedRestart } from "../../actor/restart.ts";
import { hostServiceOf } from "../../pool/host_service.ts";
import type { LocalPool } from "../../pool/local.ts";
import type { CreateRequest } from "../../pool/residents.ts";
import { isGone, isLoss } from "../../pool/loss.ts";
import type { Lease } from "../../schedule/leases.ts";
import type { ActorRecovery } from "../recovery/actor_recovery.ts";
import type { CreateOrder, Kin } from "./create_order.ts";
import type { FarEnds } from "./far_ends.ts";
import type { PoolActors } from "./pool_actors.ts";
import { allOrNone } from "../settle.ts";
import type { Supervision } from "../recovery/supervision.ts";
import { addressOf, type UidEntry, type UidTable } from "./uid_table.ts";

/** What is needed to make actors in pools that have been chosen. */
export interface PlacedMakerOptions {
  readonly main: LocalPool;
  readonly uids: UidTable;
  readonly actors: PoolActors;
  /** Knows whose children they are. */
  readonly supervision: Supervision;
  /** Keeps what they are made of. */
  readonly recovery: ActorRecovery;
  /** Ends what other hosts have made. */
  readonly ends: FarEnds;
  /** Ends what this host has of an actor: all of it, unless other hosts have replicas. */
  endHere(uid: string): Promise<void>;
  /** The number of actors in a pool has changed. */
  onLoad(): void;
}

/** What is made in each pool. */
export interface Work extends Omit<CreateRequest, "generation"> {
  /** The calls that wait for it to start; nobody waits when it is made again. */
  readonly chain: CallChain | undefined;
}

/** What else is said of an actor that is made here. */
export interface Making {
  readonly kin: Kin;
  /** Its replicas in pools of other hosts. */
  readonly elsewhere?: readonly PoolAddress[];
  /** {@linkcode UidEntry.order} */
  readonly order?: string | undefined;
  /** When it is made again, one with replicas in the pools that have died; `null` if never. */
  readonly restart: ResolvedRestart | null;
  /** What its state is kept under. */
  readonly stateKey?: string | null;
  /** Hears of it before it starts. */
  readonly onReserved?: (actor: ActorAddress) => void;
}

/** Makes actors in pools that have been chosen, here and on other hosts, and undoes what does not start. */
export class PlacedMaker {
  readonly #options: PlacedMakerOptions;

  constructor(options: PlacedMakerOptions) {
    this.#options = options;
  }

  /** Makes an actor in pools of this host: one, unless it has replicas. */
  async createHere(
    work: Work,
    leases: readonly Lease[],
    making: Making,
  ): Promise<ActorAddress> {
    const { uids, actors, recovery, supervision, onLoad } = this.#options;
    const { uid, type, args, options } = work;
    const { kin, elsewhere, order, restart } = making;
    const pools = leases.map(({ pool }) => pool.pool);
    const entry = uids.reserve(uid, pools, elsewhere, leases, order);
    entry.stateKey = making.stateKey ?? null;
    entry.parent = kin.parent;
    entry.supervision = kin.supervision;
    making.onReserved?.(addressOf(this.#self, entry));
    const { chain } = work;
    const once = chain === undefined ? options : { ...options, chain };
    const request = { uid, generation: entry.generation, type, args, options: once };
    const isMain = pools[0] === MAIN_POOL;
    // A constructor that runs here may change the arguments.
    if (isMain && restart !== null) recovery.keep(entry, work, restart);
    try {
      if (pools.length === 1) await actors.create(pools[0]!, request);
      else await this.#createAll(entry, request);
      if (entry.state !== "starting") await this.#endUnwanted(entry);
    } catch (error) {
      // Whoever tries again at once finds no uid taken by a child.
      await supervision.endChildren(entry);
      uids.release(entry, () => error as Error);
      onLoad();
      throw error;
    }
    entry.state = "live";
    if (!isMain && restart !== null) recovery.keep(entry, work, restart);
    supervision.made(entry);
    onLoad();
    return addressOf(this.#self, entry);
  }

  /** Makes all replicas in the pools of this host, or none. */
  async #createAll({ uid, generation, pools }: UidEntry, request: CreateRequest): Promise<void> {
    const { actors } = this.#options;
    await allOrNone(
      pools.map((pool) => actors.create(pool, request).then(() => pool)),
      (pool) => {
        const replica = { host: this.#self, pool, uid, generation };
        return this.#undo(replica, actors.end(pool, uid, false));
      },
    );
  }

  /**
   * Has an actor made by another host.
   *
   * @param leases Where it will be, all there.
   */
  async createElsewhere(
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
      // Nobody can say whether it has made it: if all is to be undone, that is when it can be asked.
      const isUnsure = isLoss(error) && error.actor === undefined;
      if (isUnsure && options.order !== undefined) {
        this.#options.ends.owe(service.host, { order: options.order, kill: false, reason: null });
      }
      throw error;
    }
  }

  /** Ends what an order has made, wherever that is, as something else that goes with it cannot be made. */
  withdraw(made: ActorAddress, order: string): Promise<void> {
    const { ends, endHere } = this.#options;
    const ended = made.host === this.#self
      ? endHere(made.uid)
      : ends.end(made.host, { order, kill: false, reason: null });
    return this.#undo(made, ended);
  }

  /** Waits for such an end; one that is gone has ended, and what its `preDestroy` throws is nobody's. */
  async #undo(made: ActorAddress, ended: Promise<void>): Promise<void> {
    try {
      await ended;
    } catch (error) {
      if (!isGone(error)) this.#options.main.undelivered(made, "preDestroy", error as Error);
    }
  }

  /** An actor that was killed before it was in its pool has started all the same. */
  async #endUnwanted(entry: UidEntry): Promise<never> {
    await this.#options.actors.endAll(entry, true);
    throw new ActorStoppedError(`${entry.uid} was killed while it started`, "killed");
  }

  get #self(): HostId {
    return this.#options.main.address.host;
  }
}
