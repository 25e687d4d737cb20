import {
  type ActorAddress,
  formatPool,
  type HostId,
  type PoolAddress,
  type PoolId,
} from "../core/address.ts";
import { ActorNotFoundError } from "../core/errors.ts";
import { CallTimeoutError, NotSerializableError } from "../core/message_errors.ts";
import { NameTakenError } from "../core/host_errors.ts";
import type { PoolDescription } from "../core/protocol.ts";
import type { Actor } from "../actor/actor.ts";
import { type ActorSource, actorTypeOf } from "../actor/actor_type.ts";
import type { CellSystem, ChildOptions } from "../actor/cell_host.ts";
import type { BufferRef, BufferTarget, CopyOptions, CopySource } from "../actor/buffer_ref.ts";
import type { CreateOptions, WaitOptions } from "../actor/context.ts";
import type { CallOptions } from "../actor/message.ts";
import type { PoolSpec, RemovePoolOptions } from "../actor/pool_spec.ts";
import { type ActorRef, addressOf, createRef } from "../actor/ref.ts";
import type { Watch } from "../actor/watch.ts";
import type {
  GangMember,
  GangMembers,
  GangOptions,
  GangRefs,
  SettledGang,
  SomeMembers,
} from "../actor/gang.ts";
import type { Placement } from "../schedule/policy.ts";
import { copyTo } from "./copies.ts";
import { type HostService, hostServiceOf, type ServiceOrder } from "./host_service.ts";
import type { LocalPool } from "./local.ts";
import type { PoolStarter } from "./pool.ts";
import { hasRules, settleRules } from "./settle_rules.ts";
import { watchActor } from "./watch_actor.ts";

/** The verbs of the host, from any of its pools: calls to the service actor of the host concerned. */
export class System implements CellSystem {
  readonly #pool: LocalPool;
  readonly #here: () => HostService | undefined;
  readonly #home: () => HostId;

  /**
   * @param here In the host's own pool, what does it without a message.
   * @param home The host that is asked.
   */
  constructor(
    pool: LocalPool,
    here: () => HostService | undefined = () => undefined,
    home: () => HostId = () => pool.address.host,
  ) {
    this.#pool = pool;
    this.#here = here;
    this.#home = home;
  }

  async createActor<A extends Actor, P extends unknown[]>(
    source: ActorSource<A, P>,
    args: NoInfer<P>,
    options: ChildOptions = {},
  ): Promise<ActorRef<A>> {
    try {
      const { type, home, args: given, options: plain } = await this.#order(source, args, options);
      const address = await this.#ask("create", [type, home, given, plain]);
      return createRef(address, this.#pool);
    } catch (error) {
      throw error instanceof NotSerializableError ? inArguments(error, "args[2]") : error;
    }
  }

  createActors<const M extends SomeMembers>(
    members: M & GangMembers<M>,
    options?: GangOptions & { allOrNothing?: true },
  ): Promise<GangRefs<M>>;
  createActors<const M extends SomeMembers>(
    members: M & GangMembers<M>,
    options: GangOptions & { allOrNothing: false },
  ): Promise<SettledGang<M>>;
  async createActors<const M extends SomeMembers>(
    members: M & GangMembers<M>,
    { strategy, allOrNothing = true }: GangOptions = {},
  ): Promise<GangRefs<M> | SettledGang<M>> {
    const refOf = (made: ActorAddress | Error) => {
      if (made instanceof Error) throw made;
      return createRef(made, this.#pool);
    };
    try {
      const list = members as readonly GangMember<Actor, unknown[]>[];
      const orders = await Promise.all(list.map(({ type, args, options = {} }) => {
        if ((options as CreateOptions<unknown>).replicas === undefined) {
          return this.#order(type, args, options);
        }
        throw new TypeError("A member of a gang has no replicas: give a member for each");
      }));
      const gang = { strategy: strategy ?? null, allOrNothing };
      const made = await this.#ask("createGang", [orders, gang]);
      if (allOrNothing) return made.map(refOf) as GangRefs<M>;
      const refs = made.map((one) => Promise.try(refOf, one));
      return await Promise.allSettled(refs) as SettledGang<M>;
    } catch (error) {
      throw error instanceof NotSerializableError ? inArguments(error, "args[0]") : error;
    }
  }

  /** What the host is asked for. The arguments are as they are now. */
  #order<A extends Actor, P extends unknown[]>(
    source: ActorSource<A, P>,
    args: P,
    options: ChildOptions,
  ): ServiceOrder | Promise<ServiceOrder> {
    const type = actorTypeOf(source);
    if (!Array.isArray(args)) {
      throw new TypeError(`Cannot create ${type.name.name}: expected an array of arguments`);
    }
    this.#pool.types.register(type as never);
    const { uid, name, place, mailbox, concurrency, replicas, restart } = options;
    const { snapshot, idleMs, failover, supervision, parent } = options;
    if (name !== undefined && replicas !== undefined) {
      throw new TypeError(
        `Cannot create ${type.name.name} with name and replicas: give one of them`,
      );
    }
    if (type.stateless !== true) refuseStateless(type.name.name, { concurrency, replicas });
    const placed = type.placed === undefined ? args : type.placed(args, place);
    const plain = {
      ...(uid === undefined ? {} : { uid }),
      ...(name === undefined ? {} : { name }),
      ...(place === undefined ? {} : { place }),
      ...(mailbox === undefined ? {} : { mailbox }),
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(replicas === undefined ? {} : { replicas }),
      ...(restart === undefined ? {} : { restart }),
      ...(snapshot === undefined ? {} : { snapshot }),
      ...(idleMs === undefined ? {} : { idleMs }),
      ...(failover === undefined ? {} : { failover }),
      ...(supervision === undefined ? {} : { supervision }),
      ...(parent === undefined ? {} : { parent }),
    };
    const isHere = this.#here() !== undefined;
    // A message copies them as it leaves: but rules are asked first, as they cannot travel.
    const isAsked = !isHere && [place as Placement | undefined].flat().some(hasRules);
    const own = isHere || isAsked ? this.#pool.codec.copy<unknown[]>(placed, "args") : placed;
    const order = { type: type.name, home: type.home, args: own, options: plain };
    return isAsked ? this.#askRules(order) : order;
  }

  /** Asks the rules of an order's policies here, where they are. */
  async #askRules(order: ServiceOrder): Promise<ServiceOrder> {
    const place = settleRules(order.options.place as Placement, await this.poolConfig());
    return { ...order, options: { ...order.options, place } };
  }

  async lookup<A extends Actor = Actor>(name: string): Promise<ActorRef<A>> {
    return createRef(await this.#ask("lookup", [name]), this.#pool);
  }

  async getOrCreateActor<A extends Actor, P extends unknown[]>(
    name: string,
    source: ActorSource<A, P>,
    args: NoInfer<P>,
    options: Omit<CreateOptions<unknown>, "name"> = {},
  ): Promise<ActorRef<A>> {
    for (;;) {
      try {
        return await this.lookup<A>(name);
      } catch (error) {
        if (!(error instanceof ActorNotFoundError)) throw error;
      }
      try {
        return await this.createActor(source, args, { ...options, name });
      } catch (error) {
        // Another was faster. It may end before it is found, or not start: then it is tried again.
        if (!(error instanceof NameTakenError)) throw error;
      }
    }
  }

  async actorRef<A extends Actor = Actor>(uid: string, host?: HostId): Promise<ActorRef<A>> {
    return createRef(await this.#ask("resolve", [uid], host), this.#pool);
  }

  hasActor(target: string | ActorRef<Actor>): Promise<boolean> {
    const { uid, host } = this.#locate(target);
    return this.#ask("has", [uid], host);
  }

  destroyActor(target: string | ActorRef<Actor>): Promise<void> {
    const { uid, host } = this.#locate(target);
    return this.#ask("destroy", [uid, false], host);
  }

  killActor(target: string | ActorRef<Actor>): Promise<void> {
    const { uid, host } = this.#locate(target);
    return this.#ask("destroy", [uid, true], host);
  }

  poolConfig(): Promise<PoolDescription[]> {
    return this.#ask("pools", []);
  }

  async appendPool(spec: PoolSpec): Promise<PoolDescription[]> {
    const { maker } = spec as Partial<PoolStarter>;
    if (maker !== undefined) return await this.#ask("appendPool", [maker]);
    const shown = JSON.stringify(spec);
    throw new TypeError(`Expected workerPool(), processPool() or gpuPool(), got ${shown}`);
  }

  async removePool(pool: PoolId | PoolAddress, options: RemovePoolOptions = {}): Promise<void> {
    const own = this.#home();
    const { host, pool: number } = typeof pool === "number" ? { host: own, pool } : pool;
    if (host === own) return await this.#ask("removePool", [number, options]);
    const where = formatPool({ host, pool: number });
    throw new RangeError(`${where} is one of another host: remove it there`);
  }

  async waitPoolRecovered(
    pool: PoolId | PoolAddress,
    { timeoutMs = Infinity }: WaitOptions = {},
  ): Promise<void> {
    const own = this.#home();
    const at = typeof pool === "number" ? { host: own, pool } : pool;
    try {
      await this.#pool.call(hostServiceOf(at.host), "waitPool", [at.pool], { timeoutMs });
    } catch (error) {
      if (!(error instanceof CallTimeoutError)) throw error;
      throw new CallTimeoutError(`${formatPool(at)} is not there after ${timeoutMs} ms`, timeoutMs);
    }
  }

  watch(target: ActorRef<Actor>): Watch {
    return watchActor(this.#pool, addressOf(target));
  }

  bufferRef(target: BufferTarget): BufferRef {
    return this.#pool.buffers.ref(target);
  }

  copyTo(
    sources: CopySource | readonly CopySource[],
    targets: BufferRef | readonly BufferRef[],
    options?: CopyOptions,
  ): Promise<void> {
    return copyTo(this.#pool, sources, targets, options);
  }

  #locate(target: string | ActorRef<Actor>): Pick<ActorAddress, "uid" | "host"> {
    return typeof target === "string" ? { uid: target, host: this.#home() } : addressOf(target);
  }

  #ask<K extends keyof HostService>(
    method: K,
    args: Parameters<HostService[K]>,
    host: HostId = this.#home(),
  ): Promise<Awaited<ReturnType<HostService[K]>>> {
    type Answer = Awaited<ReturnType<HostService[K]>>;
    const here = host === this.#pool.address.host ? this.#here() : undefined;
    if (here === undefined) {
      return this.#pool.call(hostServiceOf(host), method, args, UNLIMITED) as Promise<Answer>;
    }
    const run = here[method] as (...args: Parameters<HostService[K]>) => Answer | Promise<Answer>;
    // As a message would, never in the turn of whoever asks: that may be the actor it ends.
    return Promise.resolve().then(() => run.apply(here, args));
  }
}

/** A stateful actor has one state, and runs one message at a time. */
function refuseStateless(type: string, options: Readonly<Record<string, unknown>>): void {
  const given = Object.keys(options).find((name) => options[name] !== undefined);
  if (given === undefined) return;
  throw new TypeError(
    `Cannot create ${type} with ${given}: that is for actors without state, which extend StatelessActor`,
  );
}

/** A host's default for calls is none for its own work: an actor whose creation was given up would be nobody's. */
const UNLIMITED: CallOptions = Object.freeze({ timeoutMs: Infinity });

/** The constructor's arguments are an argument of the host's `create`: names the place as the user knows it. */
function inArguments(error: NotSerializableError, where: string): NotSerializableError {
  const { message, cause } = error;
  if (!error.path.startsWith(where)) return error;
  const path = error.path.replace(where, where === "args[2]" ? "args" : "members");
  const options = cause === undefined ? undefined : { cause };
  return new NotSerializableError(message.replace(error.path, path), path, options);
}
