import { formatHostId, type HostId, type PoolAddress, type PoolId } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import { PoolLostError } from "../core/host_errors.ts";
import type { HostDescription, PoolDescription } from "../core/protocol.ts";
import type { Actor } from "../actor/actor.ts";
import { ActorSystem } from "../actor/actor_system.ts";
import { type ActorSource, actorTypeOf } from "../actor/actor_type.ts";
import type { GangMember, GangMembers, GangOptions, SomeMembers } from "../actor/gang.ts";
import { UNLIMITED } from "../actor/message.ts";
import { type ActorRef, addressOf } from "../actor/ref.ts";
import type { HostInspection } from "../debug/inspection.ts";
import { hostServiceOf } from "../pool/host_service.ts";
import type { PoolSpec } from "../pool/pool.ts";
import { poolServiceOf } from "../pool/pool_service.ts";
import type { Placement } from "../schedule/policy.ts";
import type { PlacementDecision } from "../schedule/scheduler.ts";
import type { HostEvent, HostMember } from "./directory/membership.ts";
import type { DrainOptions } from "./drain.ts";
import { HostLife } from "./host_life.ts";
import { HostParts } from "./host_parts.ts";
import type { ResolvedHostOptions } from "./resolve_options.ts";
import type { Peers } from "./cluster/peers.ts";
import type { RemovePoolOptions } from "../actor/pool_spec.ts";
import type { RegisteredTypes } from "./actors/registered_types.ts";
import type { SnapshotOwner } from "./recovery/snapshots.ts";

/** Gives the testing kit what links a host with others. */
export let peersOf: (host: Host) => Peers;

/**
 * One process of the cluster. Made by {@linkcode startHost}. Its verbs for actors are those of
 * {@linkcode ActorSystem}.
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
export class Host extends ActorSystem<Placement> implements AsyncDisposable {
  readonly #parts: HostParts;
  readonly #life: HostLife;

  static {
    peersOf = (host) => host.#parts.peers;
  }

  /** For {@linkcode startHost}, which also starts it. */
  constructor(options: ResolvedHostOptions, types: RegisteredTypes, clock: Clock) {
    const parts = new HostParts(options, types, clock);
    super(parts.main);
    this.#parts = parts;
    this.#life = new HostLife(parts);
  }

  /** This incarnation's id. */
  get id(): HostId {
    return this.#parts.id;
  }

  /** Where the gateway listens, `host:port`; `null` if it does not. */
  get address(): string | null {
    return this.#parts.address;
  }

  /**
   * Threads of workers that were given up because they did not answer. One that a synchronous loop holds
   * burns a core, and the process can then only be ended by `Deno.exit`.
   */
  get abandonedThreads(): number {
    return this.#parts.pools.abandoned;
  }

  /** Starts what the options ask for. Called once, by {@linkcode startHost}. */
  start(): Promise<void> {
    return this.#life.start();
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
    const now = addressOf(await this.actorRef(uid, host));
    await this.#parts.main.call(poolServiceOf(now), "save", [uid], UNLIMITED);
  }

  /**
   * Forgets what the store of this host has of an actor that there is not: the next one with its uid or
   * name begins anew. If there is one after all, it cannot save its state any more.
   *
   * @throws {SnapshotError} if the store cannot be used.
   */
  dropSnapshot(owner: SnapshotOwner): Promise<void> {
    return this.#parts.snapshots.drop(owner);
  }

  /** The pools of this host, and of the hosts it is linked with, as this host last knew. */
  pools(): PoolDescription[] {
    return this.#parts.desk.pools();
  }

  /** The other hosts of the cluster that are not down: those linked with this one, and those in its directory. */
  hosts(): HostMember[] {
    return this.#parts.members();
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
    return this.#parts.cluster.membership.watch(listener);
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
    if (host === this.id) return await this.#parts.inspect();
    const told = await this.#parts.main.call(hostServiceOf(host), "inspect", [], UNLIMITED);
    return told as HostInspection;
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
    return this.#parts.desk.placer.explain({ type: name.name, home, place });
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
    return this.#parts.desk.placer.explainGang(requests, strategy ?? null);
  }

  /**
   * Starts pools and joins each with every other; they are then equal to those that were there before.
   *
   * @returns The pools that came up: fewer than asked for if there is no device for them.
   * @throws {PoolStartError} with the phase and reason.
   */
  appendPool(spec: PoolSpec): Promise<PoolDescription[]> {
    return this.#parts.pools.append(spec);
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
    return this.#parts.main.verbs.removePool(pool, options);
  }

  /**
   * Links this host with the one behind a gateway: `ws://host:port`.
   *
   * @throws {LinkRefusedError} if it does not let us in.
   * @throws {HostLostError} if it cannot be reached.
   */
  join(url: string): Promise<HostDescription> {
    return this.#parts.peers.dial(url);
  }

  /**
   * Takes the host out of its cluster, and stops it. It gets no actors from now on; running messages come
   * to their end, queued ones are handed back as `ActorStoppedError`, `preDestroy` runs. Meanwhile it
   * answers, and other hosts make again what fails over: messages that wait for it go there, and refs to it
   * lead there. Then it leaves: names are free, and the other hosts know at once.
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
  drain(options: DrainOptions = {}): Promise<void> {
    return this.#life.drain(options);
  }

  /**
   * Ends the host in order, but quickly: no new actors, running messages and `preDestroy` for as long as
   * `stopTimeoutMs`, pools, links, gateway.
   */
  stop(): Promise<void> {
    return this.#life.stop();
  }

  /** The same as {@linkcode stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
