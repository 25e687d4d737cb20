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
import { HostLostError, PoolLostError } from "../core/host_errors.ts";
import type { HostDescription, PoolDescription } from "../core/protocol.ts";
import type { Actor } from "../actor/actor.ts";
import { type ActorSource, actorTypeOf } from "../actor/actor_type.ts";
import type { BufferRef, BufferTarget, CopyOptions, CopySource } from "../actor/buffer_ref.ts";
import type { ActorSystem, CreateOptions, WaitOptions } from "../actor/context.ts";
import type {
  GangMember,
  GangMembers,
  GangOptions,
  GangRefs,
  SettledGang,
  SomeMembers,
} from "../actor/gang.ts";
import { type ActorRef, addressOf } from "../actor/ref.ts";
import type { Watch } from "../actor/watch.ts";
import type { HostInspection } from "../debug/inspection.ts";
import { HOST_UID, hostServiceOf } from "../pool/host_service.ts";
import { LocalPool } from "../pool/local.ts";
import type { PoolSpec } from "../pool/pool.ts";
import { poolServiceOf } from "../pool/pool_service.ts";
import { STATE_UID } from "../pool/state_service.ts";
import { poolCodec } from "../pool/pool_codec.ts";
import { System } from "../pool/system.ts";
import type { Placement } from "../schedule/policy.ts";
import { type PlacementDecision, Scheduler } from "../schedule/scheduler.ts";
import { ActorDesk } from "./actor_desk.ts";
import { Cluster } from "./directory/cluster.ts";
import type { HostEvent, HostMember } from "./directory/membership.ts";
import { Failover } from "./failover.ts";
import { FAILOVER_ACTOR_TYPE, FAILOVER_UID, FailoverActor } from "./failover_actor.ts";
import type { GatewayHost } from "./gateway/gateway_host.ts";
import type { Gateway } from "./gateway/server.ts";
import { drainActors, drainDeadline, type DrainOptions } from "./drain.ts";
import { HOST_ACTOR_TYPE, HostActor } from "./host_actor.ts";
import { HostDebug } from "./host_debug.ts";
import type { ResolvedHostOptions } from "./options.ts";
import { Peers } from "./peers.ts";
import { HostPools, type RemovePoolOptions } from "./pools.ts";
import { Recovery } from "./recovery.ts";
import type { RegisteredTypes } from "./registered_types.ts";
import { HostRouter } from "./router.ts";
import { type SnapshotOwner, Snapshots } from "./snapshots.ts";
import { STATE_ACTOR_TYPE, StateActor } from "./state_actor.ts";
import { allOrNone, withDeadline } from "./settle.ts";

/** Gives the testing kit what links a host with others. */
export let peersOf: (host: Host) => Peers;

/**
 * One process of the cluster. Made by {@linkcode startHost}.
 *
 * @example
 * ```ts
 * import { Actor, actor, type Host, startHost } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * export class Counter extends Actor {
 *   #count = 0;
 *   add(by: number): number {
 *     return this.#count += by;
 *   }
 * }
 *
 * await using host: Host = await startHost({ pools: [] });
 * const counter = await host.createActor(Counter, []);
 * console.log(await counter.add(2)); // 2
 * ```
 */
export class Host implements ActorSystem<Placement>, AsyncDisposable {
  /** This incarnation's id. */
  readonly id: HostId = newHostId();
  readonly #options: ResolvedHostOptions;
  readonly #router: HostRouter = new HostRouter(this.id);
  readonly #scheduler: Scheduler = new Scheduler(this.id);
  readonly #codec: Codec;
  readonly #main: LocalPool;
  readonly #desk: ActorDesk;
  readonly #cluster: Cluster;
  readonly #debug: HostDebug;
  readonly #snapshots: Snapshots;
  readonly #failover: Failover;
  readonly #pools: HostPools;
  readonly #recovery: Recovery;
  readonly #peers: Peers;
  readonly #system: System;
  readonly #types: RegisteredTypes;
  #gateway: Gateway | undefined;
  #isReady = false;
  #stopped: Promise<void> | undefined;
  #drained: Promise<void> | undefined;

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
      isRouted: (host) => this.#peers.routes.of(host) !== undefined,
      dial: (address) => this.#peers.dial(address),
      kill: async ({ uid, generation }) => {
        this.#failover.lost(uid);
        await this.#desk.kill(uid, generation);
      },
    });
    this.#failover = new Failover({
      main: this.#main,
      clock,
      types,
      heartbeatMs: options.heartbeatMs,
      hosts: () => this.hosts().filter(({ state }) => state === "live"),
      ownPools: () => this.#pools.all,
      has: (uid) => this.#desk.has(uid),
      create: (order) => this.#desk.create(order),
    });
    this.#main.redirects.moved = (to) => this.#failover.movedTo(to);
    this.#router.passMoved = (frame) =>
      this.#failover.hasMoved(frame.to.host) &&
      this.#main.redirects.passMoved(frame, (raw) => this.#codec.decode(raw));
    this.#snapshots = new Snapshots({ ...options.state, uids: () => this.#desk.uids });
    this.#desk = new ActorDesk({
      main: this.#main,
      snapshots: this.#snapshots,
      failover: this.#failover,
      router: this.#router,
      restart: options.recovery.restart,
      waitPool: (pool) => this.#recovery.wait(pool),
      waitForOne: (wouldDo) => this.#recovery.waitForOne(wouldDo),
      again: (entry, reason, died) => this.#recovery.again(entry, reason, died),
      gaveUp: (actor, error) => this.#recovery.gaveUp(actor, error),
      scheduler: this.#scheduler,
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
      main: () => this.#pools.all[0]!,
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
      main: this.#main,
      leases: this.#scheduler.leases,
      peers: () => this.#peers,
      onLost: (pool, reason) => this.#lose(this.id, pool, reason),
    });
    this.#peers = new Peers({
      router: this.#router,
      codec: this.#codec,
      token: options.token,
      ...(options.listen === null ? {} : { maxSessions: options.listen.limits.links }),
      heartbeatMs: options.heartbeatMs,
      graceMs: options.graceMs,
      tls: options.tls,
      clock,
      describe: () => this.#describe(),
      onLinked: (host) => {
        this.#cluster.linked(host);
        this.#failover.linked(host.id);
      },
      onInterrupted: (host, is) => this.#cluster.membership.interrupted(host, is),
      onKnown: (host) => {
        this.#cluster.membership.routed(host);
        this.#failover.linked(host.id);
      },
      onHeld: (host) => this.#cluster.membership.held(host),
      onUnknown: (host) => this.#cluster.membership.unrouted(host),
      onPools: (host) => this.#scheduler.leases.reported(host),
      onLost: (host, pool, reason) => this.#lose(host, pool, reason),
      onRefused: (refusal) => this.#gateway?.refused(refusal),
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
    await this.#main.adopt(new StateActor(this.#snapshots), STATE_ACTOR_TYPE, STATE_UID);
    await this.#snapshots.start();
    await this.#main.adopt(new FailoverActor(this.#failover), FAILOVER_ACTOR_TYPE, FAILOVER_UID);
    this.#cluster.membership.watch(({ kind, host }) => {
      if (kind === "down") this.#failover.down(host.id);
    });
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

  /** {@linkcode ActorSystem.createActors} */
  createActors<const M extends SomeMembers>(
    members: M & GangMembers<M, Placement>,
    options?: GangOptions & { allOrNothing?: true },
  ): Promise<GangRefs<M>>;
  /** {@linkcode ActorSystem.createActors} */
  createActors<const M extends SomeMembers>(
    members: M & GangMembers<M, Placement>,
    options: GangOptions & { allOrNothing: false },
  ): Promise<SettledGang<M>>;
  createActors<const M extends SomeMembers>(
    members: M & GangMembers<M, Placement>,
    options?: GangOptions,
  ): Promise<GangRefs<M> | SettledGang<M>> {
    return this.#system.createActors(
      members as M & GangMembers<M>,
      options as { allOrNothing?: true },
    );
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

  /**
   * Saves the state of an actor now, between two of its messages; resolves once the store has it durably. That
   * of one that is parked has been saved.
   *
   * @throws {ActorNotFoundError} if there is none.
   * @throws {TypeError} if its class has no `snapshot`.
   * @throws {SnapshotError} if it could not be kept.
   * @example
   * ```ts
   * import { Actor, actor, startHost } from "@dramatis/dramatis";
   *
   * @actor(import.meta)
   * class Notes extends Actor {
   *   #lines: string[] = [];
   *   override snapshot(): string[] {
   *     return this.#lines;
   *   }
   *   override restore(lines: string[]): void {
   *     this.#lines = lines;
   *   }
   *   add(line: string): number {
   *     return this.#lines.push(line);
   *   }
   * }
   *
   * await using host = await startHost({ pools: [] });
   * const notes = await host.createActor(Notes, [], { uid: "notes" });
   * await notes.add("first");
   * await host.snapshot(notes);
   * ```
   */
  async snapshot(target: string | ActorRef<Actor>): Promise<void> {
    const { uid, host } = typeof target === "string"
      ? { uid: target, host: this.id }
      : addressOf(target);
    const now = addressOf(await this.#system.actorRef(uid, host));
    await this.#main.call(poolServiceOf(now), "save", [uid], { timeoutMs: Infinity });
  }

  /**
   * Forgets what the store of this host has of an actor that there is not: the next one with its uid or
   * name begins anew. If there is one after all, it cannot save its state any more.
   *
   * @throws {SnapshotError} if the store cannot be used.
   */
  dropSnapshot(owner: SnapshotOwner): Promise<void> {
    return this.#snapshots.drop(owner);
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
    return this.#desk.placer.explain({ type: name.name, home, place });
  }

  /**
   * Which pools the members of a gang would be placed in by `createActors`, and why not the others.
   *
   * @throws {PlacementError} if one of them has none.
   */
  explainGang<const M extends SomeMembers>(
    members: M & GangMembers<M, Placement>,
    { strategy }: Pick<GangOptions, "strategy"> = {},
  ): PlacementDecision[] {
    const list = members as readonly GangMember<Actor, unknown[], Placement>[];
    const requests = list.map(({ type, options }) => {
      const { name, home } = actorTypeOf(type);
      return { type: name.name, home, place: options?.place };
    });
    return this.#desk.placer.explainGang(requests, strategy ?? null);
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

  /**
   * Ends a pool. In order: it gets no more actors from now on, running messages come to their end, its
   * actors are destroyed; what has not ended by the deadline is ended by force. Its calls reject with
   * `PoolLostError`, its uids, names and leases are free. It is not recovered.
   *
   * @param pool Its number, or its description or address.
   * @throws {RangeError} if this host has no such pool, or it is the main one.
   */
  removePool(pool: PoolId | PoolAddress, options?: RemovePoolOptions): Promise<void> {
    const { host, pool: number } = typeof pool === "number" ? { host: this.id, pool } : pool;
    if (host === this.id) return this.#pools.remove(number, options);
    const where = formatHostId(host);
    return Promise.reject(
      new RangeError(`Pool ${number} is one of host ${where}: remove it there`),
    );
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

  /**
   * Takes the host out of its cluster, and stops it. It gets no actors from now on; running messages come
   * to their end, queued ones are handed back as `ActorStoppedError`, `preDestroy` runs. Meanwhile it
   * answers, and other hosts make again what fails over; refs to it lead there. Then it leaves: names are
   * free, and the other hosts know at once.
   *
   * @throws {RangeError} if the deadline is no time.
   * @example
   * ```ts
   * import { startHost } from "@dramatis/dramatis";
   *
   * const host = await startHost({ pools: [] });
   * await host.drain({ deadlineMs: 10_000 });
   * ```
   */
  async drain(options: DrainOptions = {}): Promise<void> {
    const deadlineMs = drainDeadline(options);
    if (this.#stopped === undefined) {
      await (this.#drained ??= drainActors({
        id: this.id,
        main: this.#main,
        desk: this.#desk,
        pools: this.#pools,
        failover: this.#failover,
      }, deadlineMs));
    }
    await this.stop();
  }

  /**
   * Ends the host in order, but quickly: no new actors, running messages and `preDestroy` for as long as
   * `stopTimeoutMs`, pools, links, gateway.
   */
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
      state: () =>
        (this.#stopped ?? this.#drained) !== undefined
          ? "stopping"
          : this.#isReady
          ? "ready"
          : "starting",
      describe: () => this.#describe(),
      linked: () => this.hosts(),
      inspect: () => this.#inspect(),
      onSocket: (socket, access) => this.#peers.take(socket, access),
    };
  }

  async #stop(): Promise<void> {
    this.#desk.close();
    this.#failover.stop();
    await withDeadline(this.#desk.supervision.stop(), this.#options.stopTimeoutMs);
    this.#debug.stop();
    await this.#pools.stop();
    this.#desk.watchers.stop(new HostLostError("The host was stopped", "stopped"));
    const inTime = await withDeadline(this.#main.stop(), this.#options.stopTimeoutMs);
    await withDeadline(this.#snapshots.close(), this.#options.stopTimeoutMs);
    this.#pools.endReports();
    await this.#cluster.leave();
    this.#peers.close();
    // There is no isolate to end: who waits here for an actor that does not end is told, as others are by now.
    if (!inTime) await this.#desk.killAll();
    await this.#gateway?.close();
    const gone = new HostLostError("The host was stopped", "stopped");
    this.#main.lost(() => true, gone);
  }

  /** Everything here that waits for a pool or host that is gone is told so. */
  #lose(host: HostId, pool: PoolId | null, reason: Error): void {
    const isGone = (to: PoolAddress) => to.host === host && (pool === null || to.pool === pool);
    this.#desk.uids.dropElsewhere(isGone, reason);
    if (pool === null) {
      this.#desk.supervision.hostLost(host, reason);
      this.#scheduler.forget(host);
      this.#cluster.unlinked(host);
    }
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
    return { id: this.id, address, pools: this.#pools.described };
  }
}
