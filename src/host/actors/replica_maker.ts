import type { ActorAddress, HostId, PoolAddress, PoolId } from "../../core/address.ts";
import { PoolLostError } from "../../core/host_errors.ts";
import type { ResolvedRestart } from "../../actor/restart.ts";
import type { LocalPool } from "../../pool/local.ts";
import type { Lease } from "../../schedule/leases.ts";
import type { Placement } from "../../schedule/policy.ts";
import type { PlacementRequest } from "../../schedule/scheduler.ts";
import type { PlacedMaker, Work } from "./placed_maker.ts";
import { checkGroup, checkOrderName, type CreateOrder, kinOf, restartOf } from "./create_order.ts";
import { claimsIn, type Placer, Refusals } from "./placer.ts";
import { allOrNone } from "../settle.ts";

/** What is needed to make actors with replicas. */
export interface ReplicaMakerOptions {
  readonly main: LocalPool;
  readonly placed: PlacedMaker;
  readonly placer: Placer;
  /** When actors are made again that do not say so themselves. */
  readonly restart: ResolvedRestart;
}

/** Makes actors that have a replica in each of several pools: each host makes those in its own. */
export class ReplicaMaker {
  readonly #options: ReplicaMakerOptions;

  constructor(options: ReplicaMakerOptions) {
    this.#options = options;
  }

  /** Makes the replicas of an actor, on whichever hosts. */
  async create(
    order: CreateOrder,
    work: Work,
    leases: readonly Lease[],
  ): Promise<ActorAddress> {
    const { uid } = work;
    const name = crypto.randomUUID();
    const group = leases.map(({ pool }) => pool);
    const place = claimsIn(order.options.place as Placement | undefined);
    // The others first: a constructor that runs here may change the arguments.
    const isOwn = (host: HostId) => Number(host === this.#self);
    const hosts = [...new Set(group.map(({ host }) => host))].sort((a, b) => isOwn(a) - isOwn(b));
    const parts = await allOrNone(
      hosts.map((host) => {
        const there = leases.filter(({ pool }) => pool.host === host);
        if (host === this.#self) return this.#createPart(order, work, group, there, name);
        return this.#options.placed.createElsewhere(there, {
          ...order,
          options: { ...order.options, uid, place, group, order: name },
        });
      }),
      (part) => this.#options.placed.withdraw(part, name),
    );
    return parts.at(-1)!;
  }

  /** Makes those replicas of an actor that are to be in pools of this host. */
  async #createPart(
    order: CreateOrder,
    work: Work,
    group: readonly PoolAddress[],
    leases: readonly Lease[],
    name: string | undefined,
  ): Promise<ActorAddress> {
    const elsewhere = group.filter(({ host }) => host !== this.#self);
    const { options } = order;
    const restart = restartOf(options, this.#options.restart);
    return await this.#options.placed.createHere(work, leases, {
      kin: kinOf(options),
      elsewhere,
      order: elsewhere.length === 0 ? undefined : name,
      restart,
    });
  }

  /** Makes those that another host wants here, whose pools it has chosen. */
  createPart(order: CreateOrder, work: Work, wanted: PlacementRequest): Promise<ActorAddress> {
    const group = checkGroup(order.options.group!);
    const name = checkOrderName(order.options);
    return this.#createPart(order, work, group, this.#leasesFor(group, wanted), name);
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

  get #self(): HostId {
    return this.#options.main.address.host;
  }
}
