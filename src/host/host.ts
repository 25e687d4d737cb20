import {
  formatHostId,
  type HostId,
  MAIN_POOL,
  newHostId,
  type PoolAddress,
  type PoolId,
} from "../core/address.ts";
import { type Clock, SYSTEM_CLOCK } from "../core/clock.ts";
import type { Codec } from "../core/codec.ts";
import { CPU } from "../core/device.ts";
import { HostLostError, PoolLostError, PoolStartError } from "../core/errors.ts";
import type { HostDescription, PoolDescription } from "../core/protocol.ts";
import type { Actor } from "../actor/actor.ts";
import { type ActorSource, actorTypeOf } from "../actor/actor_type.ts";
import type { BufferRef, BufferTarget, CopyOptions, CopySource } from "../actor/buffer_ref.ts";
import type { ActorSystem, CreateOptions } from "../actor/context.ts";
import { type ActorRef, addressOf } from "../actor/ref.ts";
import type { HostInspection } from "../debug/inspection.ts";
import { poolDebug } from "../debug/options.ts";
import { HOST_UID, hostServiceOf } from "../pool/host_service.ts";
import { LocalPool } from "../pool/local.ts";
import type { Pool, PoolSpec, PoolStarter } from "../pool/pool.ts";
import { poolCodec } from "../pool/pool_codec.ts";
import { System } from "../pool/system.ts";
import type { Placement } from "../schedule/policy.ts";
import { type PlacementDecision, Scheduler } from "../schedule/scheduler.ts";
import { ActorDesk } from "./actor_desk.ts";
import type { Gateway } from "./gateway.ts";
import { HOST_ACTOR_TYPE, HostActor } from "./host_actor.ts";
import { HostDebug } from "./host_debug.ts";
import {
  type HostOptions,
  type ResolvedHostOptions,
  resolveOptions,
  starterOf,
} from "./options.ts";
import { Peers } from "./peers.ts";
import { RegisteredTypes } from "./registered_types.ts";
import { HostRouter } from "./router.ts";
import { allOrNone } from "./settle.ts";

/** Milliseconds between two reports of load to other hosts: fresh enough to place by, rare enough to be free. */
const LOAD_REPORT_MS = 200;

/**
 * Starts a host in this process: its main pool, the pools asked for, and its gateway if it listens.
 *
 * @throws {PoolStartError} if a pool cannot be started, with the phase and reason; nothing is left behind.
 * @throws {Deno.errors.AddrInUse} if the port is taken.
 * @throws {LinkRefusedError} or {@linkcode HostLostError} if a host to join does not let us in or is not there.
 * @throws {TypeError} or {@linkcode RangeError} for a bad option, naming it.
 * @example
 * ```ts
 * import { startHost, workerPool } from "@dramatis/dramatis";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 * console.log(host.pools().map(({ name }) => name)); // ["main", "worker-1"]
 * ```
 */
export function startHost(options: HostOptions = {}): Promise<Host> {
  return startHostWith(options, SYSTEM_CLOCK);
}

/** {@linkcode startHost} by a clock of the testing kit. The pools beside the main one have the real time. */
export async function startHostWith(options: HostOptions, clock: Clock): Promise<Host> {
  const resolved = resolveOptions(options);
  const types = await RegisteredTypes.load(resolved.modules);
  const host = new Host(resolved, types, clock);
  try {
    await host.start();
  } catch (error) {
    await host.stop();
    throw error;
  }
  return host;
}

/** Gives the testing kit what links a host with others. */
export let peersOf: (host: Host) => Peers;

/** One process of the cluster. Made by {@linkcode startHost}. */
export class Host implements ActorSystem<Placement>, AsyncDisposable {
  /** This incarnation's id. */
  readonly id: HostId = newHostId();
  readonly #options: ResolvedHostOptions;
  readonly #clock: Clock;
  readonly #router: HostRouter = new HostRouter(this.id);
  readonly #codec: Codec;
  readonly #main: LocalPool;
  readonly #desk: ActorDesk;
  readonly #debug: HostDebug;
  readonly #peers: Peers;
  readonly #system: System;
  #gateway: Gateway | undefined;
  #lastPool: PoolId = MAIN_POOL;
  #loadTimer: unknown;
  #stopped: Promise<void> | undefined;
  #abandoned = 0;

  static {
    peersOf = (host) => host.#peers;
  }

  /** For {@linkcode startHost}, which also starts it. */
  constructor(options: ResolvedHostOptions, types: RegisteredTypes, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
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
    this.#desk = new ActorDesk({
      main: this.#main,
      router: this.#router,
      scheduler: new Scheduler(this.id),
      types,
      ownPools: () => this.#ownPools(),
      onLoad: () => this.#reportLoad(),
    });
    this.#peers = new Peers({
      router: this.#router,
      codec: this.#codec,
      token: options.token,
      heartbeatMs: options.heartbeatMs,
      clock,
      describe: () => this.#describe(),
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
    return this.#abandoned;
  }

  /** Starts what the options ask for. Called once, by {@linkcode startHost}. */
  async start(): Promise<void> {
    const actor = new HostActor(this.#desk, (letter) => this.#debug.deadLetter(letter), {
      report: (report) => this.#debug.report(report),
      inspect: () => this.#inspect(),
    });
    await this.#main.adopt(actor, HOST_ACTOR_TYPE, HOST_UID);
    await this.#main.serve();
    await allOrNone(this.#options.pools.map((spec) => this.appendPool(spec)));
    const { listen, token } = this.#options;
    if (listen !== null) {
      // Loaded by hosts that listen alone: every worker whose actors import this package loads this file.
      const { openGateway } = await import("./gateway.ts");
      this.#gateway = openGateway({
        ...listen,
        token,
        codec: this.#codec,
        describe: () => this.#describe(),
        onLink: (link) => void this.#peers.accept(link),
      });
    }
    for (const url of this.#options.join) await this.join(url);
  }

  /** {@linkcode ActorSystem.createActor} */
  createActor<A extends Actor, P extends unknown[]>(
    type: ActorSource<A, P>,
    args: NoInfer<P>,
    options?: CreateOptions<Placement>,
  ): Promise<ActorRef<A>> {
    return this.#system.createActor(type, args, options);
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

  /** The hosts that this one is linked with. */
  hosts(): HostDescription[] {
    return this.#peers.hosts;
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
  async appendPool(spec: PoolSpec): Promise<PoolDescription[]> {
    const starter = starterOf(spec);
    const started = await allOrNone(
      Array.from({ length: spec.count }, () => this.#startPool(starter)),
      async (pool) => {
        if (pool !== null) await this.removePool(pool.pool);
      },
    );
    return started.filter((pool) => pool !== null);
  }

  /** Ends a pool in order: its actors are destroyed. */
  async removePool(pool: PoolId): Promise<void> {
    const found = this.#router.pools.get(pool);
    if (found === undefined) throw new RangeError(`This host has no pool ${pool}`);
    await this.#stopPool(found);
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

  async #stop(): Promise<void> {
    this.#desk.close();
    this.#debug.stop();
    await Promise.all([...this.#router.pools.values()].map((pool) => this.#stopPool(pool)));
    await withDeadline(this.#main.stop(), this.#options.stopTimeoutMs);
    this.#clock.clearTimeout(this.#loadTimer);
    this.#peers.close();
    await this.#gateway?.close();
    const gone = new HostLostError("The host was stopped", "stopped");
    this.#main.lost(() => true, gone);
  }

  async #startPool(spec: PoolStarter): Promise<PoolDescription | null> {
    const address: PoolAddress = { host: this.id, pool: ++this.#lastPool };
    const pool = await spec.start({
      address,
      codec: this.#codec,
      callTimeoutMs: this.#options.callTimeoutMs,
      debug: poolDebug(this.#options.debug),
    });
    if (pool === null) return null;
    if (this.#stopped !== undefined) {
      pool.terminate(new PoolLostError("The host was stopped", "stopped"));
      return null;
    }
    pool.open((frame) => this.#router.forward(frame));
    const siblings = [...this.#router.pools.values()];
    this.#router.pools.set(address.pool, pool);
    this.#debug.add(pool);
    void pool.down.then((reason) => this.#poolDown(pool, reason));
    await Promise.all(siblings.map((sibling) => connect(pool, sibling)));
    if (this.#router.pools.get(address.pool) !== pool) {
      const { message } = await pool.down;
      throw new PoolStartError(`A pool was lost while it started: ${message}`, "handshake");
    }
    this.#ready.add(address.pool);
    this.#tellPools();
    return pool.description;
  }

  /** Pools that every sibling has a port to: only these get actors. */
  readonly #ready: Set<PoolId> = new Set();

  async #stopPool(pool: Pool): Promise<void> {
    const { name } = pool.description;
    this.#ready.delete(pool.description.pool);
    const inTime = await withDeadline(pool.stop(), this.#options.stopTimeoutMs);
    if (inTime) return;
    pool.terminate(
      new PoolLostError(
        `${name} did not stop in ${this.#options.stopTimeoutMs} ms: ${
          pool.isKillable ? "it was killed" : "its thread was given up"
        }`,
        "killed",
      ),
    );
  }

  #poolDown(pool: Pool, reason: PoolLostError): void {
    const { pool: number } = pool.description;
    if (reason.exit === "killed" && !pool.isKillable) this.#abandoned++;
    this.#ready.delete(number);
    this.#router.pools.delete(number);
    this.#debug.remove(number);
    this.#desk.uids.dropPool(pool.description);
    this.#lose(this.id, number, reason);
    const from = { host: this.id, pool: MAIN_POOL };
    this.#peers.broadcast((to) => ({
      kind: "down",
      id: 0,
      to,
      from,
      host: this.id,
      pool: number,
      error: reason,
    }));
    this.#tellPools();
  }

  /** Everything here that waits for a pool or host that is gone is told so. */
  #lose(host: HostId, pool: PoolId | null, reason: Error): void {
    const isGone = (to: PoolAddress) => to.host === host && (pool === null || to.pool === pool);
    this.#desk.uids.dropElsewhere(isGone);
    this.#main.lost(isGone, reason);
    for (const sibling of this.#router.pools.values()) sibling.leave(host, pool, reason);
  }

  #ownPools(): PoolDescription[] {
    const main: PoolDescription = {
      ...this.#main.address,
      name: "main",
      kind: "main",
      label: null,
      device: CPU,
      actors: this.#desk.uids.actorsIn(MAIN_POOL),
    };
    const pools = [main];
    for (const number of this.#ready) {
      const { description } = this.#router.pools.get(number)!;
      pools.push({ ...description, actors: this.#desk.uids.actorsIn(number) });
    }
    return pools.sort((a, b) => a.pool - b.pool);
  }

  async #inspect(): Promise<HostInspection> {
    const { id, address, abandonedThreads } = this;
    const pools = await Promise.all(this.#ownPools().map((pool) => this.#debug.inspect(pool)));
    return { id, address, pools, deadLetters: this.#debug.deadLetters, abandonedThreads };
  }

  #describe(): HostDescription {
    return { id: this.id, address: this.address, pools: this.#ownPools() };
  }

  #tellPools(): void {
    const pools = this.#ownPools();
    const from = { host: this.id, pool: MAIN_POOL };
    this.#peers.broadcast((to) => ({ kind: "pools", id: 0, to, from, pools }));
  }

  #reportLoad(): void {
    if (this.#loadTimer !== undefined || this.#router.peers.size === 0) return;
    this.#loadTimer = this.#clock.setTimeout(() => {
      this.#loadTimer = undefined;
      this.#tellPools();
    }, LOAD_REPORT_MS);
  }
}

/** Joins two pools by a port of their own, if they are in one process. */
async function connect(a: Pool, b: Pool): Promise<void> {
  if (a.join === undefined || b.join === undefined) return;
  const { port1, port2 } = new MessageChannel();
  await Promise.all([a.join(b.description.pool, port1), b.join(a.description.pool, port2)]);
}

/** Waits, but not for ever; `false` if time is up. */
async function withDeadline(work: Promise<void>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
