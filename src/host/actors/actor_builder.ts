import { type ActorAddress, type HostId, MAIN_POOL, type PoolAddress } from "../../core/address.ts";
import { ActorStoppedError } from "../../core/errors.ts";
import type { CallOptions } from "../../actor/message.ts";
import type { ResolvedRestart } from "../../actor/restart.ts";
import { hostServiceOf } from "../../pool/host_service.ts";
import type { CreateRequest, LocalPool } from "../../pool/local.ts";
import type { Lease } from "../../schedule/leases.ts";
import type { ActorRecovery } from "../recovery/actor_recovery.ts";
import type { CreateOrder, Kin } from "./create_order.ts";
import type { PoolActors } from "./pool_actors.ts";
import { allOrNone } from "../settle.ts";
import type { Supervision } from "../recovery/supervision.ts";
import { addressOf, type UidEntry, type UidTable } from "./uid_table.ts";

/** What is needed to make actors in pools that have been chosen. */
export interface ActorBuilderOptions {
  readonly main: LocalPool;
  readonly uids: UidTable;
  readonly actors: PoolActors;
  /** Knows whose children they are. */
  readonly supervision: Supervision;
  /** Keeps what they are made of. */
  readonly recovery: ActorRecovery;
  /** The number of actors in a pool has changed. */
  onLoad(): void;
}

/** What is made in each pool. */
export type Work = Omit<CreateRequest, "generation">;

/** What else is said of an actor that is made here. */
export interface Making {
  readonly kin: Kin;
  /** Its replicas in pools of other hosts. */
  readonly elsewhere?: readonly PoolAddress[];
  /** When it is made again; one with replicas in the pools that have died. */
  readonly restart?: ResolvedRestart;
  /** What its state is kept under. */
  readonly stateKey?: string | null;
  /** Hears of it before it starts. */
  readonly onReserved?: (actor: ActorAddress) => void;
}

/** The host's own work has all the time that it takes. */
const UNLIMITED: CallOptions = Object.freeze({ timeoutMs: Infinity });

/** Makes actors in pools that have been chosen, here and on other hosts, and undoes what does not start. */
export class ActorBuilder {
  readonly #options: ActorBuilderOptions;

  constructor(options: ActorBuilderOptions) {
    this.#options = options;
  }

  /** Makes an actor in pools of this host: one, unless it has replicas. */
  async createHere(
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
      if (pools.length === 1) await this.#options.actors.create(pools[0]!, request);
      else await this.#createAll(entry, request);
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

  /** Makes all replicas in the pools of this host, or none. */
  async #createAll({ uid, generation, pools }: UidEntry, request: CreateRequest): Promise<void> {
    const { actors } = this.#options;
    await allOrNone(
      pools.map((pool) => actors.create(pool, request).then(() => pool)),
      (pool) => {
        const replica = { host: this.#self, pool, uid, generation };
        return this.undo(replica, actors.end(pool, uid, false));
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
      throw error;
    }
  }

  /** Waits until a replica of an actor that cannot be made has ended again; what its end throws is nobody's. */
  async undo(replica: ActorAddress, ended: Promise<void>): Promise<void> {
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

  get #self(): HostId {
    return this.#options.main.address.host;
  }
}
