import {
  type ActorAddress,
  formatHostId,
  formatPool,
  type HostId,
  type PoolAddress,
  type PoolId,
} from "../core/address.ts";
import { CallTimeoutError, NotSerializableError } from "../core/message_errors.ts";
import type { PoolDescription } from "../core/protocol.ts";
import type { Actor } from "../actor/actor.ts";
import { type ActorSource, actorTypeOf } from "../actor/actor_type.ts";
import type { BufferRef, BufferTarget, CopyOptions, CopySource } from "../actor/buffer_ref.ts";
import type { WaitOptions } from "../actor/create_options.ts";
import type { GangOptions } from "../actor/gang.ts";
import { type Child, UNLIMITED } from "../actor/message.ts";
import type { PoolSpec, RemovePoolOptions } from "../actor/pool_spec.ts";
import { type ActorRef, addressOf, createRef } from "../actor/ref.ts";
import type { Watch } from "../actor/watch.ts";
import type { Creation, Verbs } from "../actor/verbs.ts";
import type { Placement } from "../schedule/policy.ts";
import { copyTo } from "./copies.ts";
import {
  type HostService,
  hostServiceOf,
  type ServiceCreateOptions,
  type ServiceOrder,
} from "./host_service.ts";
import type { LocalPool } from "./local.ts";
import { isLoss } from "./loss.ts";
import type { PoolStarter } from "./pool.ts";
import { hasRules, settleRules } from "./settle_rules.ts";
import { watchActor } from "./watch_actor.ts";

type GivenOptions = { -readonly [K in keyof ServiceCreateOptions]: ServiceCreateOptions[K] };

/** The verbs of the host, from any of its pools: calls to the service actor of the host concerned. */
export class HostVerbs implements Verbs {
  readonly #pool: LocalPool;
  readonly #here: () => HostService | undefined;
  readonly #home: () => HostId;
  /** How often each link is being removed. */
  readonly #unlinking = new Map<string, number>();

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

  async createActor(creation: Creation): Promise<ActorRef<Actor>> {
    try {
      const order = this.#order(creation);
      const { type, home, args, options } = order instanceof Promise ? await order : order;
      const made = this.#waiting(
        options.chain !== undefined,
        () => this.#ask("create", [type, home, args, options]),
      );
      return createRef(await made, this.#pool);
    } catch (error) {
      throw error instanceof NotSerializableError ? inArguments(error, "args[2]") : error;
    }
  }

  async createActors(
    creations: readonly Creation[],
    { strategy, allOrNothing = true }: GangOptions,
  ): Promise<unknown[]> {
    const refOf = (made: ActorAddress | Error) => {
      if (made instanceof Error) throw made;
      return createRef(made, this.#pool);
    };
    try {
      const orders = await Promise.all(creations.map((creation) => {
        if (creation.options.replicas === undefined) return this.#order(creation);
        throw new TypeError("A member of a gang has no replicas: give a member for each");
      }));
      const gang = { strategy: strategy ?? null, allOrNothing };
      const made = await this.#waiting(
        orders.some(({ options }) => options.chain !== undefined),
        () => this.#ask("createGang", [orders, gang]),
      );
      if (allOrNothing) return made.map(refOf);
      return await Promise.allSettled(made.map((one) => Promise.try(refOf, one)));
    } catch (error) {
      throw error instanceof NotSerializableError ? inArguments(error, "args[0]") : error;
    }
  }

  /** What the host is asked for. The arguments are as they are now. */
  #order(creation: Creation): ServiceOrder | Promise<ServiceOrder> {
    const { args, options, parent } = creation;
    const type = actorTypeOf(creation.type as ActorSource);
    if (!Array.isArray(args)) {
      throw new TypeError(`Cannot create ${type.name.name}: expected an array of arguments`);
    }
    this.#pool.types.register(type);
    const { uid, name, place, mailbox, concurrency, replicas, restart } = options;
    const { snapshot, idleMs, failover, supervision } = options;
    if (name !== undefined && replicas !== undefined) {
      throw new TypeError(
        `Cannot create ${type.name.name} with name and replicas: give one of them`,
      );
    }
    if (type.stateless !== true) refuseStateless(type.name.name, concurrency, replicas);
    const placed = type.placed === undefined ? args : type.placed(args, place);
    // What is left out is not sent.
    const plain: GivenOptions = {};
    if (uid !== undefined) plain.uid = uid;
    if (name !== undefined) plain.name = name;
    if (place !== undefined) plain.place = place;
    if (mailbox !== undefined) plain.mailbox = mailbox;
    if (concurrency !== undefined) plain.concurrency = concurrency;
    if (replicas !== undefined) plain.replicas = replicas;
    if (restart !== undefined) plain.restart = restart;
    if (snapshot !== undefined) plain.snapshot = snapshot;
    if (idleMs !== undefined) plain.idleMs = idleMs;
    if (failover !== undefined) plain.failover = failover;
    if (supervision !== undefined) plain.supervision = supervision;
    if (parent !== null) plain.parent = parent;
    // What its postCreate calls may come back to who waits for it here.
    const chain = type.hasPostCreate ? this.#pool.scopes.current?.ownChain : null;
    if (chain) plain.chain = chain;
    const isHere = this.#here() !== undefined;
    // A message copies them as it leaves: but rules are asked first, as they cannot travel.
    const isAsked = !isHere && hasRules(place as Placement | undefined);
    const own = isHere || isAsked ? this.#pool.codec.copy<unknown[]>(placed, "args") : placed;
    const order = { type: type.name, home: type.home, args: own, options: plain };
    return isAsked ? this.#askRules(order) : order;
  }

  /** Asks for actors whose start the running message waits for: in the host's own pool no call says so. */
  #waiting<T>(isSeen: boolean, ask: () => Promise<T>): Promise<T> {
    const scope = isSeen && this.#here() !== undefined ? this.#pool.scopes.current : null;
    if (scope === null) return ask();
    const child: Child = { giveUp: () => {} };
    scope.adopt(child);
    return this.#pool.scopes.outside(ask).finally(() => scope.release(child));
  }

  /** Asks the rules of an order's policies here, where they are. */
  async #askRules(order: ServiceOrder): Promise<ServiceOrder> {
    const place = settleRules(order.options.place as Placement, await this.poolConfig());
    return { ...order, options: { ...order.options, place } };
  }

  async lookup<A extends Actor = Actor>(name: string): Promise<ActorRef<A>> {
    return createRef(await this.#ask("lookup", [name]), this.#pool);
  }

  async actorRef<A extends Actor = Actor>(uid: string, host?: HostId): Promise<ActorRef<A>> {
    return createRef(await this.#ask("resolve", [uid], host), this.#pool);
  }

  hasActor(target: string | ActorRef<Actor>): Promise<boolean> {
    const at = this.#locate(target);
    return this.#askOwner("has", [at.uid], at);
  }

  destroyActor(target: string | ActorRef<Actor>): Promise<void> {
    const at = this.#locate(target);
    return this.#askOwner("destroy", [at.uid, false], at);
  }

  killActor(target: string | ActorRef<Actor>): Promise<void> {
    const at = this.#locate(target);
    return this.#askOwner("destroy", [at.uid, true], at);
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
    throw new RangeError(`Pool ${number} is one of host ${formatHostId(host)}: remove it there`);
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
    const actor = addressOf(target);
    const { host, uid } = actor;
    const successor = Promise.try(() => {
      if (host === this.#home()) return null;
      return this.#pool.scopes.outside(() => this.#ask("successorOf", [{ host, uid }]));
    });
    return watchActor(this.#pool, actor, successor);
  }

  async link({ uid, generation }: ActorAddress, peer: ActorAddress): Promise<void> {
    // The host hears of it in order, whatever becomes of the message that links.
    await this.#pool.scopes.outside(() => this.#ask("link", [uid, generation, peer]));
  }

  async unlink(actor: ActorAddress, peer: ActorAddress): Promise<void> {
    const { uid, generation } = actor;
    const pair = pairOf(actor, peer);
    this.#unlinking.set(pair, (this.#unlinking.get(pair) ?? 0) + 1);
    try {
      await this.#pool.scopes.outside(() => this.#ask("unlink", [uid, generation, peer]));
    } finally {
      const left = this.#unlinking.get(pair)! - 1;
      if (left > 0) this.#unlinking.set(pair, left);
      else this.#unlinking.delete(pair);
    }
  }

  isUnlinking(actor: ActorAddress, peer: ActorAddress): boolean {
    return this.#unlinking.has(pairOf(actor, peer));
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

  #locate(target: string | ActorRef<Actor>): Pick<ActorAddress, "uid" | "host" | "replicas"> {
    return typeof target === "string" ? { uid: target, host: this.#home() } : addressOf(target);
  }

  /** Asks the host of an actor; if that is lost, those of its other replicas, or the one where it has been made again. */
  async #askOwner<K extends "has" | "destroy">(
    method: K,
    args: Parameters<HostService[K]>,
    { host, uid, replicas = [] }: Pick<ActorAddress, "uid" | "host" | "replicas">,
  ): Promise<Awaited<ReturnType<HostService[K]>>> {
    if (host === this.#home()) return await this.#ask(method, args, host);
    const hosts = [...new Set([host, ...replicas.map((one) => one.host)])];
    for (;;) {
      const next = hosts.shift()!;
      try {
        return await this.#ask(method, args, next);
      } catch (error) {
        // An error of the actor itself says which that was.
        if (!isLoss(error) || error.actor !== undefined || next === this.#home()) throw error;
        const other = hosts[0] ?? await this.#ask("successorOf", [{ host: next, uid }]);
        if (other === null) throw error;
        if (hosts.length === 0) hosts.push(other);
      }
    }
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

function pairOf({ uid, generation }: ActorAddress, peer: ActorAddress): string {
  return `${generation} ${peer.host} ${peer.uid} ${uid}`;
}

/** A stateful actor has one state, and runs one message at a time. */
function refuseStateless(type: string, concurrency: unknown, replicas: unknown): void {
  if (concurrency === undefined && replicas === undefined) return;
  const given = concurrency === undefined ? "replicas" : "concurrency";
  throw new TypeError(
    `Cannot create ${type} with ${given}: that is for actors without state, which extend StatelessActor`,
  );
}

/** The constructor's arguments are an argument of the host's `create`: names the place as the user knows it. */
function inArguments(error: NotSerializableError, where: string): NotSerializableError {
  const { message, cause } = error;
  if (!error.path.startsWith(where)) return error;
  const path = error.path.replace(where, where === "args[2]" ? "args" : "members");
  const options = cause === undefined ? undefined : { cause };
  return new NotSerializableError(message.replace(error.path, path), path, options);
}
