import type { ActorAddress, ActorPlace, HostId, PoolId } from "../../core/address.ts";
import type { PoolDescription, TypeName } from "../../core/protocol.ts";
import type { PoolSpec, RemovePoolOptions } from "../../actor/pool_spec.ts";
import type {
  HostService,
  ServiceCreateOptions,
  ServiceGangOptions,
  ServiceOrder,
} from "../../pool/host_service.ts";
import { isGone } from "../../pool/loss.ts";
import type { PoolMaker } from "../../pool/pool.ts";
import { checkName, type Names } from "../directory/names.ts";
import { specOf } from "../pool_maker.ts";
import type { Failover } from "../recovery/failover.ts";
import type { ActorDesk } from "./actor_desk.ts";

/** The parts of a host that do what its pools ask for. */
export interface OwnServiceOptions {
  readonly desk: ActorDesk;
  /** The names of the cluster. */
  readonly names: Names;
  readonly failover: Failover;
  /** Starts pools. */
  appendPool(spec: PoolSpec): Promise<PoolDescription[]>;
  /** Ends one. */
  removePool(pool: PoolId, options: RemovePoolOptions): Promise<void>;
  /** Resolves when a pool of this host is there. */
  waitPool(pool: PoolId): Promise<void>;
}

/** The host's verbs for its own main pool, which asks without a message. Others ask the `HostActor`. */
export class OwnService implements HostService {
  readonly #options: OwnServiceOptions;

  constructor(options: OwnServiceOptions) {
    this.#options = options;
  }

  create(
    type: TypeName,
    home: "cpu" | "gpu",
    args: unknown[],
    options: ServiceCreateOptions,
  ): Promise<ActorAddress> {
    return this.#options.desk.create({ type, home, args, options, isOurs: true });
  }

  createGang(
    orders: readonly ServiceOrder[],
    options: ServiceGangOptions,
  ): Promise<(ActorAddress | Error)[]> {
    const own = orders.map((order) => ({ ...order, isOurs: true }));
    return this.#options.desk.createGang(own, options);
  }

  resolve(uid: string): ActorAddress {
    return this.#options.desk.resolve(uid);
  }

  has(uid: string): boolean {
    return this.#options.desk.has(uid);
  }

  destroy(uid: string, kill: boolean): Promise<void> {
    return this.#options.desk.destroy(uid, kill);
  }

  pools(): PoolDescription[] {
    return this.#options.desk.pools();
  }

  async appendPool(maker: PoolMaker): Promise<PoolDescription[]> {
    return await this.#options.appendPool(await specOf(maker));
  }

  removePool(pool: PoolId, options: RemovePoolOptions): Promise<void> {
    return this.#options.removePool(pool, options);
  }

  waitPool(pool: PoolId): Promise<void> {
    return this.#options.waitPool(pool);
  }

  watch(uid: string, signal: AbortSignal): Promise<Error> {
    return this.#options.desk.watch(uid, signal);
  }

  link(uid: string, generation: number, peer: ActorAddress): Promise<void> {
    return this.#options.desk.links.link(uid, generation, peer);
  }

  unlink(uid: string, generation: number, peer: ActorAddress): Promise<void> {
    return this.#options.desk.links.unlink(uid, generation, peer);
  }

  /** One that is made again on another host is waited for. */
  async lookup(name: string): Promise<ActorAddress> {
    const { names, failover } = this.#options;
    const checked = checkName(name);
    for (;;) {
      try {
        return await names.find(checked);
      } catch (error) {
        if (!isGone(error) || !await failover.comesBack(checked)) throw error;
      }
    }
  }

  named(name: string): Promise<ActorAddress> {
    return this.#options.names.held(checkName(name));
  }

  successorOf(place: ActorPlace): Promise<HostId | null> {
    return this.#options.failover.successorOf(place);
  }
}
