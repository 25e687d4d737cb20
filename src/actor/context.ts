import type { ActorAddress, PoolAddress } from "../core/address.ts";
import type { MailboxOptions } from "../core/mailbox_options.ts";
import type { PoolDescription } from "../core/protocol.ts";
import type { Actor } from "./actor.ts";
import type { ActorSource } from "./actor_type.ts";
import type { DeviceArray, DeviceRef, DeviceRefData } from "./device_ref.ts";
import type { ActorRef } from "./ref.ts";

/** What `createActor` may be told. */
export interface CreateOptions<Placement> {
  /**
   * The actor's name, unique on its host.
   * @default crypto.randomUUID()
   */
  uid?: string;
  /**
   * Which pool it may live in, and which of those is best.
   * @default leastLoaded()
   */
  place?: Placement;
  /**
   * How much may wait for it, and what is lost past that. Messages of methods that skip the lock, as
   * all of a `StatelessActor` do, have the same room again for themselves.
   * @default 10_000 messages; what comes then is refused with `MailboxFullError`
   */
  mailbox?: MailboxOptions;
}

/** The verbs that a host has and every actor's context too. */
export interface ActorSystem<Placement> {
  /**
   * Makes an actor in the pool that the placement finds best.
   *
   * @param type A class decorated with `@actor(import.meta)`, or a kernel.
   * @param args Its constructor's arguments; they are copied.
   * @throws {ActorExistsError} if the uid is taken.
   * @throws {PlacementError} if no pool will do; it says why for each.
   * @throws {ActorStartError} if the module cannot be loaded, or the constructor or `postCreate` throws;
   * nothing is left behind.
   */
  createActor<A extends Actor, P extends unknown[]>(
    type: ActorSource<A, P>,
    args: NoInfer<P>,
    options?: CreateOptions<Placement>,
  ): Promise<ActorRef<A>>;
  /**
   * The ref of a living actor.
   *
   * @throws {ActorNotFoundError} if there is none with this uid.
   */
  actorRef<A extends Actor = Actor>(uid: string, host?: number): Promise<ActorRef<A>>;
  /** Whether an actor with this uid, or behind this ref, is alive. */
  hasActor(target: string | ActorRef<Actor>): Promise<boolean>;
  /**
   * Ends an actor: waits for its running message, hands queued ones back to their callers as
   * `ActorStoppedError`, runs `preDestroy`. An actor that destroys itself ends after the message that does so.
   *
   * @throws {ActorNotFoundError} if there is none.
   * @throws what `preDestroy` throws; the actor is gone all the same.
   */
  destroyActor(target: string | ActorRef<Actor>): Promise<void>;
  /**
   * Ends an actor at once: its callers get `ActorStoppedError`, `preDestroy` does not run. If its pool
   * does not answer, because a synchronous loop holds it, the whole pool is given up.
   *
   * @throws {ActorNotFoundError} if there is none.
   */
  killActor(target: string | ActorRef<Actor>): Promise<void>;
  /** The pools of this host and of the hosts it is linked with. */
  poolConfig(): Promise<PoolDescription[]>;
}

/** An actor's view of its surroundings. */
export interface ActorContext extends ActorSystem<unknown> {
  /** Where the actor is. */
  readonly address: ActorAddress;
  /** A ref to the actor itself, to hand to others. Hooks may call it. */
  readonly ref: ActorRef<Actor>;
  /** The pool that sent the running message. */
  readonly sender: PoolAddress;
  /** Aborts when the caller of the running message gives up, or the actor is killed. */
  readonly signal: AbortSignal;
  /** A handle to data that this actor keeps, and answers `readBuffer` and `releaseBuffer` for. */
  deviceRef<T extends DeviceArray>(data: Omit<DeviceRefData, "owner">): DeviceRef<T>;
  /** See `Actor.unlocked`. */
  unlocked<T>(promise: PromiseLike<T>): Promise<T>;
}
