import {
  type HostId,
  MAIN_POOL,
  newClientId,
  type PoolAddress,
  type PoolId,
} from "../core/address.ts";
import { SYSTEM_CLOCK } from "../core/clock.ts";
import type { Codec } from "../core/codec.ts";
import { HostLostError } from "../core/host_errors.ts";
import type { HostDescription, PoolDescription } from "../core/protocol.ts";
import type { Actor } from "../actor/actor.ts";
import type { ActorSource } from "../actor/actor_type.ts";
import type { BufferRef, BufferTarget, CopyOptions, CopySource } from "../actor/buffer_ref.ts";
import type { ActorSystem, CreateOptions, WaitOptions } from "../actor/context.ts";
import type {
  GangMembers,
  GangOptions,
  GangRefs,
  SettledGang,
  SomeMembers,
} from "../actor/gang.ts";
import type { ActorRef } from "../actor/ref.ts";
import type { Watch } from "../actor/watch.ts";
import { LocalPool } from "../pool/local.ts";
import { poolCodec } from "../pool/pool_codec.ts";
import { System } from "../pool/system.ts";
import type { Placement } from "../schedule/policy.ts";
import { ClientRouter } from "./client_router.ts";
import { HostLink, type OpenLink } from "./host_link.ts";
import type { ResolvedConnect } from "./options.ts";

/**
 * A program that uses a cluster and is no part of it: it has no pools, nothing is placed on it, and no
 * host knows it but the one that it is linked with. Made by `connect`.
 *
 * Its refs work as a host's do: calls, tells, batches, streams, timers, copies. When its link is lost for
 * longer than the grace time, or its host has ended, what waits rejects with `HostLostError`, and it links
 * anew by itself; `linked()` waits for that. Refs to actors of a host that has ended are then worth
 * nothing: ask for them again, by uid or by name.
 */
export class Client implements ActorSystem<Placement>, AsyncDisposable {
  /** What hosts call it; of this client alone. */
  readonly id: HostId = newClientId();
  readonly #router = new ClientRouter();
  readonly #codec: Codec = poolCodec(() => this.#pool);
  readonly #pool: LocalPool;
  readonly #system: System;
  readonly #link: HostLink;

  /** For `connect`, which also links it. */
  constructor(options: ResolvedConnect, open: OpenLink) {
    const { callTimeoutMs, heartbeatMs, graceMs, onDeadLetter } = options;
    this.#pool = new LocalPool({
      address: { host: this.id, pool: MAIN_POOL },
      codec: this.#codec,
      router: this.#router,
      resources: {},
      system: (pool) => new System(pool, () => undefined, () => this.#router.home),
      callTimeoutMs,
      onDeadLetter,
    });
    this.#system = this.#pool.system as System;
    this.#link = new HostLink({
      id: this.id,
      clock: SYSTEM_CLOCK,
      codec: this.#codec,
      pool: this.#pool,
      router: this.#router,
      heartbeatMs,
      graceMs,
      open,
    });
  }

  /** The host that it is linked with, as it described itself; `null` while it is linked with none. */
  get host(): HostDescription | null {
    return this.#router.host;
  }

  /** Links it. Called once, by `connect`. */
  async start(signal?: AbortSignal): Promise<void> {
    try {
      await this.#link.open(signal);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /**
   * Waits until it is linked with a host: at once if it is.
   *
   * @throws {HostLostError} if it is closed.
   */
  linked(): Promise<HostDescription> {
    return this.#link.linked();
  }

  /** {@linkcode ActorSystem.createActor}; `registeredType` names types whose module is not here. */
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

  /** {@linkcode ActorSystem.actorRef}, of the host that it is linked with unless told. */
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

  /** Ends its link, after what was sent; calls that wait reject with `HostLostError`. */
  async close(): Promise<void> {
    await this.#link.close(new HostLostError("The client was closed", "stopped"));
    await this.#pool.stop();
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
