import {
  formatHostId,
  type HostId,
  MAIN_POOL,
  newHostId,
  type PoolAddress,
  type PoolId,
} from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Codec } from "../core/codec.ts";
import { HostLostError, PoolLostError } from "../core/errors.ts";
import type { HostDescription, PoolDescription } from "../core/protocol.ts";
import type { Actor } from "../actor/actor.ts";
import { type ActorSource, actorTypeOf } from "../actor/actor_type.ts";
import type { BufferRef, BufferTarget, CopyOptions, CopySource } from "../actor/buffer_ref.ts";
import type { ActorSystem, CreateOptions, WaitOptions } from "../actor/context.ts";
import { type ActorRef, addressOf } from "../actor/ref.ts";
import type { Watch } from "../actor/watch.ts";
import type { HostInspection } from "../debug/inspection.ts";
import { HOST_UID, hostServiceOf } from "../pool/host_service.ts";
import { LocalPool } from "../pool/local.ts";
import type { PoolSpec } from "../pool/pool.ts";
import { poolCodec } from "../pool/pool_codec.ts";
import { System } from "../pool/system.ts";
import type { Placement } from "../schedule/policy.ts";
import { type PlacementDecision, Scheduler } from "../schedule/scheduler.ts";
import { ActorDesk } from "./actor_desk.ts";
import { Cluster } from "./directory/cluster.ts";
import type { HostEvent, HostMember } from "./directory/membership.ts";
import type { GatewayHost } from "./gateway/gateway_host.ts";
import type { Gateway } from "./gateway/server.ts";
import { HOST_ACTOR_TYPE, HostActor } from "./host_actor.ts";
import { HostDebug } from "./host_debug.ts";
import type { ResolvedHostOptions } from "./options.ts";
import { Peers } from "./peers.ts";
import { HostPools } from "./pools.ts";
import { Recovery } from "./recovery.ts";
import type { RegisteredTypes } from "./registered_types.ts";
import { HostRouter } from "./router.ts";
import { allOrNone, withDeadline } from "./settle.ts";

/** Gives the testing kit what links a host with others. */
export let peersOf: (host: Host) => Peers;

/** One process of the cluster. Made by {@linkcode startHost}. */
export class Host implements ActorSystem<Placement>, AsyncDisposable {
  /** This incarnation's id. */
  readonly id: HostId = newHostId();
  readonly #options: ResolvedHostOptions;
  readonly #router: HostRouter = new HostRouter(this.id);
  readonly #codec: Codec;
  readonly #main: LocalPool;
  readonly #desk: ActorDesk;
  readonly #cluster: Cluster;
  readonly #debug: HostDebug;
  readonly #pools: HostPools;
  readonly #recovery: Recovery;
  readonly #peers: Peers;
  readonly #system: System;
  readonly #types: RegisteredTypes;
  #gateway: Gateway | undefined;
  #isReady = false;
  #stopped: Promise<void> | undefined;

  static {
    peersOf = (host) => host.#peers;
  }

  /** For {@linkcode startHost}, which also starts it. */
  constructor(options: ResolvedHostOptions, types: RegisteredTypes, clock: Clock) {
    this.#options = options;
    this.#types = types;
    this.#codec = poolCodec(() => this.#main);
    this.#debug = new HostDebug({
      debug: options.debug,
      onDeadLetter: options.onDeadLetter,
      main: () => this.#main,
      uidOf: (generation) => this.#desk.uids.uidOf(generation),
    });
    this.#main = new LocalPool({
      address: { host: this.id, pool: MAIN_POOL },
      codec: this.#codec,
      router: this.#router,
      resources: {},
      system: (pool) => new System(pool, () => this.#desk?.service),
      callTimeoutMs: options.callTimeoutMs,
      clock,
      onDeadLetter: (letter) => this.#debug.deadLetter(letter),
      debug: this.#debug.main,
    });
    this.#router.main = this.#main;
    this.#system = this.#main.system as System;
    this.#cluster = new Cluster({
      directory: options.directory,
      clock,
      main: this.#main,
      describe: () => this.#describe(),
      linked: () => this.#peers.hosts,
      dial: (address) => this.#peers.dial(address),
      kill: ({ uid, generation }) => this.#desk.kill(uid, generation),
    });
    this.#desk = new ActorDesk({
      main: this.#main,
      router: this.#router,
      restart: options.recovery.restart,
      waitPool: (pool) => this.#recovery.wait(pool),
      scheduler: new Scheduler(this.id),
      types,
      names: this.#cluster.names,
      ownPools: () => this.#pools.all,
      onLoad: () => this.#pools.reportLoad(),
    });
    this.#recovery = new Recovery({
      options: options.recovery,
      router: this.#router,
      codec: this.#codec,
      clock,
      actors: this.#desk.recovery,
      reopen: (pool) => this.#pools.reopen(pool),
      ready: (pool) => this.#pools.ready(pool),
      refuse: (frame, error) => this.#main.refuse(frame, error),
    });
    this.#pools = new HostPools({
      host: options,
      router: this.#router,
      codec: this.#codec,
      clock,
      debug: this.#debug,
      uids: this.#desk.uids,
      recovery: this.#recovery,
      peers: () => this.#peers,
      onLost: (pool, reason) => this.#lose(this.id, pool, reason),
    });
    this.#peers = new Peers({
      router: this.#router,
      codec: this.#codec,
      token: options.token,
      heartbeatMs: options.heartbeatMs,
      graceMs: options.graceMs,
      tls: options.tls,
      clock,
      describe: () => this.#describe(),
      onLinked: (host) => this.#cluster.linked(host),
      onLost: (host, pool, reason) => this.#lose(host, pool, reason),
    });
  }

  /** Where the gateway listens, `host:port`; `null` if it does not. */
  get address(): string | null {
    return this.#gateway?.address ?? null;
  }

  /**
   * Threads that were given up because a synchronous loop holds them. They burn a core each, and the
   * process can then only be ended by `Deno.exit`.
   */
  get abandonedThreads(): number {
    return this.#pools.abandoned;
  }

  /** Starts what the options ask for. Called once, by {@linkcode startHost}. */
  async start(): Promise<void> {
    const actor = new HostActor(this.#desk, (letter) => this.#debug.deadLetter(letter), {
      report: (report) => this.#debug.report(report),
      inspect: () => this.#inspect(),
    });
    await this.#main.adopt(actor, HOST_ACTOR_TYPE, HOST_UID);
    await this.#main.serve();
    await this.#cluster.open();
    await allOrNone(this.#options.pools.map((spec) => this.appendPool(spec)));
    const { listen, token } = this.#options;
    if (listen !== null) {
      // Loaded by hosts that listen alone: every worker whose actors import this package loads this file.
      const { openGateway } = await import("./gateway/server.ts");
      this.#gateway = await openGateway({ ...listen, token, host: this.#gatewayHost() });
    }
    for (const url of this.#options.join) await this.join(url);
    await this.#cluster.join();
    this.#isReady = true;
  }

  /** {@linkcode ActorSystem.createActor} */
  createActor<A extends Actor, P extends unknown[]>(
    type: ActorSource<A, P>,
    args: NoInfer<P>,
    options?: CreateOptions<Placement>,
  ): Promise<ActorRef<A>> {
    return this.#system.createActor(type, args, options);
  }

  /** {@linkcode ActorSystem.lookup} */
  lookup<A extends Actor = Actor>(name: string): Promise<ActorRef<A>> {
    return this.#system.lookup<A>(name);
  }

  /** {@linkcode ActorSystem.getOrCreateActor} */
  getOrCreateActor<A extends Actor, P extends unknown[]>(
    name: string,
    type: ActorSource<A, P>,
    args: NoInfer<P>,
    options?: Omit<CreateOptions<Placement>, "name">,
  ): Promise<ActorRef<A>> {
    return this.#system.getOrCreateActor(name, type, args, options);
  }

  /** {@linkcode ActorSystem.actorRef} */
  actorRef<A extends Actor = Actor>(uid: string, host?: HostId): Promise<ActorRef<A>> {
    return this.#system.actorRef<A>(uid, host);
  }

  /** {@linkcode ActorSystem.hasActor} */
  hasActor(target: string | ActorRef<Actor>): Promise<boolean> {
    return this.#system.hasActor(target);
  }

  /** {@linkcode ActorSystem.destroyActor} */
  destroyActor(target: string | ActorRef<Actor>): Promise<void> {
    return this.#system.destroyActor(target);
  }

  /** {@linkcode ActorSystem.killActor} */
  killActor(target: string | ActorRef<Actor>): Promise<void> {
    return this.#system.killActor(target);
  }

  /** {@linkcode ActorSystem.poolConfig} */
  poolConfig(): Promise<PoolDescription[]> {
    return this.#system.poolConfig();
  }

  /** {@linkcode ActorSystem.waitPoolRecovered} */
  waitPoolRecovered(pool: PoolId | PoolAddress, options?: WaitOptions): Promise<void> {
    return this.#system.waitPoolRecovered(pool, options);
  }

  /** {@linkcode ActorSystem.watch} */
  watch(target: ActorRef<Actor>): Watch {
    return this.#system.watch(target);
  }

  /** {@linkcode ActorSystem.bufferRef} */
  bufferRef(target: BufferTarget): BufferRef {
    return this.#system.bufferRef(target);
  }

  /** {@linkcode ActorSystem.copyTo} */
  copyTo(
    sources: CopySource | readonly CopySource[],
    targets: BufferRef | readonly BufferRef[],
    options?: CopyOptions,
  ): Promise<void> {
    return this.#system.copyTo(sources, targets, options);
  }

  /** The pools of this host, and of the hosts it is linked with, as this host last knew. */
  pools(): PoolDescription[] {
    return this.#desk.candidates();
  }

  /** The other hosts of the cluster that are not down: those linked with this one, and those in its directory. */
  hosts(): HostMember[] {
    const linked = new Map(this.#peers.hosts.map((host) => [host.id, host]));
    return this.#cluster.membership.hosts.map((host) => ({ ...host, ...linked.get(host.id) }));
  }

  /**
   * Tells, once each, what becomes of the other hosts from now on, until it is disposed of.
   *
   * @example
   * ```ts
   * import { formatHostId, startHost } from "@dramatis/dramatis";
   *
   * await using host = await startHost({ pools: [] });
   * using _watch = host.watchHosts(({ kind, host: { id } }) => console.log(kind, formatHostId(id)));
   * ```
   */
  watchHosts(listener: (event: HostEvent) => void): Disposable {
    return this.#cluster.membership.watch(listener);
  }

  /**
   * The pool that an actor lives in, and so the device that runs it; of one with replicas, that of its first.
   *
   * @throws {PoolLostError} if the pool is gone or not known here.
   */
  poolOf(ref: ActorRef<Actor>): PoolDescription {
    const { host, pool } = addressOf(ref);
    const found = this.pools().find((one) => one.host === host && one.pool === pool);
    if (found !== undefined) return found;
    throw new PoolLostError(`Pool ${pool} of host ${formatHostId(host)} is not known here`, "lost");
  }

  /**
   * What there is on this host, or on one that it is linked with, and how it does: pools, actors, what
   * runs, how long queues are, what was counted. Of a pool that does not answer within a second, what
   * can be seen from outside.
   *
   * @param host A linked host's id.
   * @throws {HostLostError} if it is not linked.
   * @example
   * ```ts
   * import { startHost, workerPool } from "@dramatis/dramatis";
   *
   * await using host = await startHost({ pools: [workerPool({ count: 1 })] });
   * const { pools, deadLetters } = await host.inspect();
   * for (const { pool, responding, actors } of pools) {
   *   const busiest = actors.toSorted((a, b) => b.counters.runMs - a.counters.runMs)[0];
   *   console.log(pool.name, responding, actors.length, busiest?.address.uid);
   * }
   * console.log(deadLetters.byReason);
   * ```
   */
  async inspect(host: HostId = this.id): Promise<HostInspection> {
    if (host === this.id) return await this.#inspect();
    const options = { timeoutMs: Infinity };
    return await this.#main.call(hostServiceOf(host), "inspect", [], options) as HostInspection;
  }

  /**
   * Which pool an actor would be placed in, and why not the others.
   *
   * @throws {PlacementError} if none will do.
   */
  explainPlacement<A extends Actor, P extends unknown[]>(
    source: ActorSource<A, P>,
    place?: Placement,
  ): PlacementDecision {
    const { name, home } = actorTypeOf(source);
    return this.#desk.explain(name, home, place);
  }

  /**
   * Starts pools and joins each with every other; they are then equal to those that were there before.
   *
   * @returns The pools that came up: fewer than asked for if there is no device for them.
   * @throws {PoolStartError} with the phase and reason.
   */
  appendPool(spec: PoolSpec): Promise<PoolDescription[]> {
    return this.#pools.append(spec);
  }

  /** Ends a pool in order: its actors are destroyed. */
  removePool(pool: PoolId): Promise<void> {
    return this.#pools.remove(pool);
  }

  /**
   * Links this host with the one behind a gateway: `ws://host:port`.
   *
   * @throws {LinkRefusedError} if it does not let us in.
   * @throws {HostLostError} if it cannot be reached.
   */
  join(url: string): Promise<HostDescription> {
    return this.#peers.dial(url);
  }

  /** Ends the host in order: no new actors, running messages and `preDestroy`, pools, links, gateway. */
  stop(): Promise<void> {
    return this.#stopped ??= this.#stop();
  }

  /** The same as {@linkcode stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #gatewayHost(): GatewayHost {
    return {
      id: this.id,
      main: this.#main,
      desk: this.#desk,
      types: this.#types,
      state: () => this.#stopped !== undefined ? "stopping" : this.#isReady ? "ready" : "starting",
      describe: () => this.#describe(),
      linked: () => this.hosts(),
      inspect: () => this.#inspect(),
      onSocket: (socket) => this.#peers.take(socket),
    };
  }

  async #stop(): Promise<void> {
    this.#desk.close();
    this.#debug.stop();
    await this.#pools.stop();
    this.#desk.watchers.stop(new HostLostError("The host was stopped", "stopped"));
    await withDeadline(this.#main.stop(), this.#options.stopTimeoutMs);
    this.#pools.endReports();
    await this.#cluster.leave();
    this.#peers.close();
    await this.#gateway?.close();
    const gone = new HostLostError("The host was stopped", "stopped");
    this.#main.lost(() => true, gone);
  }

  /** Everything here that waits for a pool or host that is gone is told so. */
  #lose(host: HostId, pool: PoolId | null, reason: Error): void {
    const isGone = (to: PoolAddress) => to.host === host && (pool === null || to.pool === pool);
    this.#desk.uids.dropElsewhere(isGone, reason);
    if (pool === null) this.#cluster.unlinked(host);
    this.#main.lost(isGone, reason);
    for (const sibling of this.#router.pools.values()) sibling.leave(host, pool, reason);
  }

  async #inspect(): Promise<HostInspection> {
    const { id, address, abandonedThreads } = this;
    const pools = await Promise.all(this.#pools.all.map((pool) => this.#debug.inspect(pool)));
    return { id, address, pools, deadLetters: this.#debug.deadLetters, abandonedThreads };
  }

  #describe(): HostDescription {
    const address = this.#options.listen?.advertise ?? this.address;
    return { id: this.id, address, pools: this.#pools.all };
  }
}
