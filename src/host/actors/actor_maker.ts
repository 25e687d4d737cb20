import { type ActorAddress, type HostId, MAIN_POOL } from "../../core/address.ts";
import { ActorStoppedError } from "../../core/errors.ts";
import { PlacementError } from "../../core/host_errors.ts";
import { UNLIMITED } from "../../actor/message.ts";
import { hostServiceOf } from "../../pool/host_service.ts";
import { checkReplicas } from "../../core/stateless_options.ts";
import type { PoolDescription } from "../../core/protocol.ts";
import type { ResolvedRestart } from "../../actor/restart.ts";
import type { GangStrategy } from "../../schedule/gang.ts";
import type { Lease } from "../../schedule/leases.ts";
import type { Placement } from "../../schedule/policy.ts";
import type { Choice, PlacementRequest } from "../../schedule/scheduler.ts";
import { type Making, PlacedMaker, type PlacedMakerOptions, type Work } from "./placed_maker.ts";
import {
  cellOptionsOf,
  chainOf,
  checkOrderName,
  checkUid,
  type CreateOrder,
  kinOf,
  restartOf,
  stateKeyOf,
} from "./create_order.ts";
import { checkName, type Names } from "../directory/names.ts";
import type { Failover } from "../recovery/failover.ts";
import { GangMaker } from "./gang_maker.ts";
import { orderFor, type Placer, Refusals } from "./placer.ts";
import type { RegisteredTypes } from "./registered_types.ts";
import { ReplicaMaker } from "./replica_maker.ts";

/** What is needed to make actors. */
export interface ActorMakerOptions extends PlacedMakerOptions {
  readonly placer: Placer;
  readonly types: RegisteredTypes;
  /** Makes actors with names on other hosts when this one is lost, and theirs here. */
  readonly failover: Failover;
  /** The names of this host's actors. */
  readonly names: Names;
  /** When actors are made again that do not say so themselves. */
  readonly restart: ResolvedRestart;
  /** Waits for a pool that is being recovered and would do; `false` if it is not there in time. */
  waitForOne(wouldDo: (pool: PoolDescription) => boolean): Promise<boolean>;
}

/** An order, looked through. */
interface Prepared {
  readonly order: CreateOrder;
  readonly work: Work;
  readonly wanted: PlacementRequest;
  readonly restart: ResolvedRestart;
}

/** Makes the actors of a host: finds the pool, takes the name, and has them made there. */
export class ActorMaker {
  readonly #options: ActorMakerOptions;
  readonly #placed: PlacedMaker;
  readonly #replicas: ReplicaMaker;
  readonly #gangs: GangMaker<Prepared>;
  #closed = false;

  constructor(options: ActorMakerOptions) {
    this.#options = options;
    this.#placed = new PlacedMaker(options);
    this.#replicas = new ReplicaMaker({ ...options, placed: this.#placed });
    this.#gangs = new GangMaker({
      self: options.main.address.host,
      placer: options.placer,
      make: (member, choice, order, isLast) => this.#createMember(member, choice, order, isLast),
      undo: (made, order) => this.#placed.withdraw(made, order),
      ask: (host) => this.#askPools(host),
    });
  }

  /** Refuses new actors from now on. */
  close(): void {
    this.#closed = true;
  }

  /** Makes what an order says. */
  create(order: CreateOrder): Promise<ActorAddress> {
    try {
      return this.#asChild(order, (order) => this.#create(order));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Makes an actor as the child of whoever asks, if that is an actor. */
  #asChild(
    order: CreateOrder,
    make: (order: CreateOrder) => Promise<ActorAddress>,
  ): Promise<ActorAddress> {
    if (order.options.parent === undefined || !order.isOurs) return make(order);
    const { parent, ...options } = order.options;
    const { supervision, restart } = this.#options;
    return supervision.adopt(parent, restartOf(options, restart), (link) => {
      return make({ ...order, options: { ...options, link } });
    });
  }

  #create(order: CreateOrder): Promise<ActorAddress> {
    this.#checkOpen();
    const { options } = order;
    const prepared = this.#prepare(order);
    const { work, wanted } = prepared;
    const count = checkReplicas(options.replicas);
    if (options.group !== undefined) return this.#replicas.createPart(order, work, wanted);
    if (count === undefined) return this.#createAtBest(prepared, new Refusals());
    const leases = this.#options.placer.chooseSeveral(wanted, count);
    return this.#replicas.create(order, work, leases);
  }

  /** Makes an actor in the best pool. Nothing else of the decision is kept while it is made: there may be thousands. */
  #createAtBest(prepared: Prepared, refused: Refusals): Promise<ActorAddress> {
    const chosen = this.#choose(prepared.wanted, refused);
    const create = (choice: Choice) => {
      const made = this.#createAt(prepared, choice);
      return choice.pool.host === this.#self
        ? made
        : this.#orElsewhere(made, prepared, choice, refused);
    };
    // Without a turn in between, a burst of creations finds nothing decided that is not done.
    return chosen instanceof Promise ? chosen.then(create) : create(chosen);
  }

  /** A pool was free as far as was known here; its host knows better, and another will do as well. */
  async #orElsewhere(
    made: Promise<ActorAddress>,
    prepared: Prepared,
    { pool }: Choice,
    refused: Refusals,
  ): Promise<ActorAddress> {
    try {
      return await made;
    } catch (error) {
      if (!(error instanceof PlacementError)) throw error;
      refused.add(pool, error);
      return await this.#createAtBest(prepared, refused);
    }
  }

  /** Chooses a pool: at once, unless none will do but one that is being recovered, which is waited for. */
  #choose(wanted: PlacementRequest, refused: Refusals): Choice | Promise<Choice> {
    try {
      return this.#options.placer.choose(wanted, refused);
    } catch (error) {
      if (!(error instanceof PlacementError)) throw error;
      return this.#chooseRecovered(wanted, refused, error);
    }
  }

  async #chooseRecovered(
    wanted: PlacementRequest,
    refused: Refusals,
    error: PlacementError,
  ): Promise<Choice> {
    const { placer, waitForOne } = this.#options;
    if (!await waitForOne((pool) => placer.wouldDo(wanted, pool))) throw error;
    return placer.choose(wanted, refused);
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
    if (allOrNothing) return await this.#gangs.all(members, strategy);
    return await this.#gangs.each(members, strategy);
  }

  async #createMember(
    member: Prepared,
    choice: Choice,
    name: string,
    isLast: boolean,
  ): Promise<ActorAddress> {
    const { order, work } = member;
    const { main } = this.#options;
    const isAway = choice.pool.host !== this.#self;
    // A constructor that runs here may change the arguments, and it may be made once more.
    const isCopied = !isAway && choice.pool.pool === MAIN_POOL && !isLast;
    const args = isCopied ? main.codec.copy<unknown[]>([...work.args], "args") : work.args;
    const named = isAway ? { ...order, options: { ...order.options, order: name } } : order;
    try {
      return await this.#asChild(
        named,
        (order) => this.#createAt({ ...member, work: { ...work, args }, order }, choice),
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
    const chain = chainOf(options);
    const work: Work = { uid, type, args, options: cellOptionsOf(options), chain };
    const restart = restartOf(options, this.#options.restart);
    const wanted = { type: type.name, home, place: options.place as Placement | undefined };
    return { order, work, wanted, restart };
  }

  /** Makes an actor in the pool that was chosen for it. */
  #createAt(
    { order, work, wanted, restart }: Prepared,
    { pool, lease }: Choice,
  ): Promise<ActorAddress> {
    const { options } = order;
    if (pool.host !== this.#self) {
      // A uid that was made up here is not passed on: nobody could find a state that is kept under it.
      const place = orderFor(pool, wanted.place);
      return this.#placed.createElsewhere([lease], {
        ...order,
        options: { ...options, place },
      });
    }
    // In the main pool, which is never recovered, most need not be kept.
    const isKept = pool.pool !== MAIN_POOL || options.link !== undefined ||
      options.restart !== undefined;
    const making = {
      kin: kinOf(options),
      restart: isKept ? restart : null,
      stateKey: stateKeyOf(options),
      order: checkOrderName(options),
    };
    if (options.name !== undefined) {
      return this.#createNamed(options.name, order, work, lease, making);
    }
    return this.#placed.createHere(work, [lease], making);
  }

  async #createNamed(
    name: string,
    order: CreateOrder,
    work: Work,
    lease: Lease,
    making: Making,
  ): Promise<ActorAddress> {
    try {
      const keepWill = this.#options.failover.will(order, work.uid);
      const made = await this.#options.names.create(checkName(name), (onReserved) => {
        this.#checkOpen();
        return this.#placed.createHere(work, [lease], { ...making, onReserved });
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

  /** Asks another host how its pools are, before it tells by itself. */
  async #askPools(host: HostId): Promise<void> {
    const { main, placer } = this.#options;
    try {
      const pools = await main.call(hostServiceOf(host), "pools", [], UNLIMITED);
      placer.told(host, (pools as PoolDescription[]).filter((pool) => pool.host === host));
    } catch {
      // It is gone, and no candidate any more.
    }
  }
}
