import type { ActorAddress, PoolAddress, PoolId } from "../core/address.ts";
import type { MailboxOptions } from "../core/mailbox_options.ts";
import type { PoolDescription, SnapshotTiming } from "../core/protocol.ts";
import type { Replicas } from "../core/stateless_options.ts";
import type { Actor } from "./actor.ts";
import type { ActorSource } from "./actor_type.ts";
import type { BufferRef, BufferTarget, CopyOptions, CopySource } from "./buffer_ref.ts";
import type { DeviceArray, DeviceRef, DeviceRefData } from "./device_ref.ts";
import type { GangMembers, GangOptions, GangRefs, SettledGang, SomeMembers } from "./gang.ts";
import type { ActorRef } from "./ref.ts";
import type { RestartKind, RestartOptions } from "./restart.ts";
import type { SupervisionOptions, SupervisionStrategy } from "./supervision.ts";
import type { PoolSpec, RemovePoolOptions } from "./pool_spec.ts";
import type { Watch } from "./watch.ts";

/** What `createActor` may be told. */
export interface CreateOptions<Placement> {
  /**
   * What it is called on its host, where it is unique.
   * @default crypto.randomUUID()
   */
  uid?: string;
  /**
   * A name that is unique in the cluster, by which `lookup` finds the actor from every host. The actor
   * has it from before it starts until it has ended, with its pool or host at the latest. Not for actors
   * with `replicas`.
   * @default none
   */
  name?: string;
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
  /**
   * Of a `StatelessActor`: how many of its messages may have begun and not ended at once; the others wait
   * in its mailbox. One that gives a stream has not ended before the stream has. Calls that the actor
   * makes to itself in a hook do not wait. A message that calls its own actor and waits needs a second
   * place there: if all are taken so, they wait for each other for ever.
   * @default no limit
   */
  concurrency?: number;
  /**
   * Of a `StatelessActor`: makes as many of it, each in another pool, the best by `place`; or one in every
   * pool that `place` allows at the time. Main pools have one only if no other pool will do. They are
   * all made, or none is; they have one uid and one ref, and end together.
   *
   * A message goes to the replica with the fewest calls of the sender's pool under way: among equals to
   * the one in that pool, else they take turns, as tells do. One that brings DeviceRefs goes to the replica
   * on whose device most of that data is, if there is one. There is no order between messages that
   * go to different replicas. `mailbox` and `concurrency` are of each. A replica whose pool dies gets no
   * more messages until it is made again there, as `restart` says; if none is, the actor is gone with its last.
   * @default a single one
   */
  replicas?: Replicas;
  /**
   * What becomes of the actor when its pool dies and is recovered, or it has failed: `"permanent"`, it is
   * made again; `"transient"`, unless the pool has exited by itself; `"temporary"`, it is gone. Made again
   * it has its old uid and name and is reached by the same refs; its state is that of a new one. How often
   * and how fast that is tried can be said with it. Of an actor with `replicas`, those that were in the
   * pool are made again.
   * @default "permanent", as often and as fast as the host's `recovery` says of pools; "temporary" if the
   * host's `autoRecover` is not "actor", and in the main pool for those that are no children
   */
  restart?: RestartKind | RestartOptions;
  /**
   * How the children of the actor are supervised: those that it makes itself, by `this.context.createActor`.
   * A child that dies is made again by its own `restart`: without this option just so, with it that child
   * alone (`"oneForOne"`), all children (`"allForOne"`) or it and those made after it (`"restForOne"`), and
   * all together no more often than it says: past that the parent fails.
   * @default each child by its own `restart`
   */
  supervision?: SupervisionStrategy | SupervisionOptions;
  /**
   * In an actor: makes one that is no child of it, and so does not end with it.
   * @default false
   */
  detached?: boolean;
  /**
   * When the state of an actor whose class has `snapshot` is saved by itself, beside what it saves by
   * `this.context.save()`. What was done since the last time is lost with its pool.
   * @default {}, before it is parked, and when its pool or host stops
   */
  snapshot?: SnapshotTiming;
  /**
   * Milliseconds without a message after which the actor is parked: its state is saved, `preDestroy` runs, and
   * the instance is dropped. The next message makes it again, out of its arguments and its state; what
   * comes meanwhile waits in order. It keeps its uid, name and refs. An actor that has a timer, a
   * stream, a watch, a buffer or DeviceRefs of others is not idle; what a `GpuActor` has on the device for
   * itself goes with the instance, so its `snapshot` reads it. Its class has `snapshot`, or is stateless.
   * @default never
   */
  idleMs?: number;
  /**
   * Whether an actor with a `name` is made again on another host when its own is lost: of those linked with
   * the one it had, by `place` and `restart`, with its state if the store is shared. The type must be in
   * their `modules`; each of them keeps its arguments. Not with `replicas`.
   * @default true if `name` and `restart: "permanent"` are both given
   */
  failover?: boolean;
}

/** How long is waited. */
export interface WaitOptions {
  /**
   * In milliseconds.
   * @default Infinity
   */
  timeoutMs?: number;
}

/** The verbs that a host has and every actor's context too. */
export interface ActorSystem<Placement> {
  /**
   * Makes an actor in the pool that the placement finds best.
   *
   * @param type A class decorated with `@actor(import.meta)`, or a kernel.
   * @param args Its constructor's arguments; they are copied.
   * @throws {ActorExistsError} if the uid is taken.
   * @throws {NameTakenError} if the name is held in the cluster; it says by which host.
   * @throws {DirectoryUnreachableError} if it has a name, and the directory cannot be asked.
   * @throws {PlacementError} if no pool will do, or too few for its replicas; it says why for each.
   * @throws {ActorStartError} if the module cannot be loaded, or the constructor or `postCreate` throws;
   * nothing is left behind.
   * @throws {TypeError} if `concurrency` or `replicas` is given for an actor that is not stateless.
   * @throws {RangeError} for a bad option, naming it.
   */
  createActor<A extends Actor, P extends unknown[]>(
    type: ActorSource<A, P>,
    args: NoInfer<P>,
    options?: CreateOptions<Placement>,
  ): Promise<ActorRef<A>>;
  /**
   * Makes several actors together, each in the pool that its own placement and the strategy find best: all
   * of them, or none. Their pools are chosen before the first is made; of a gang that cannot be made,
   * those that were are destroyed, and uids, names and pools are free again.
   *
   * @throws {PlacementError} if one has no pool, saying which and why for each pool.
   * @throws what `createActor` throws.
   * @throws {TypeError} if the strategy is none.
   * @example
   * ```ts
   * import { Actor, actor, startHost, workerPool } from "@dramatis/dramatis";
   *
   * @actor(import.meta)
   * export class Shard extends Actor {
   *   constructor(readonly first: number) {
   *     super();
   *   }
   *   owner(): string {
   *     return `pool ${this.context.address.pool} from ${this.first}`;
   *   }
   * }
   *
   * if (import.meta.main) {
   *   await using host = await startHost({ pools: [workerPool({ count: 2 })] });
   *   const [low, high] = await host.createActors([
   *     { type: Shard, args: [0] },
   *     { type: Shard, args: [1000] },
   *   ], { strategy: "spread" });
   *   console.log(await low.owner(), await high.owner());
   * }
   * ```
   */
  createActors<const M extends SomeMembers>(
    members: M & GangMembers<M, Placement>,
    options?: GangOptions & { allOrNothing?: true },
  ): Promise<GangRefs<M>>;
  /** The same, but what can be made is made, and of the others it is said why not. */
  createActors<const M extends SomeMembers>(
    members: M & GangMembers<M, Placement>,
    options: GangOptions & { allOrNothing: false },
  ): Promise<SettledGang<M>>;
  /**
   * The actor that has a name, wherever in the cluster it is. One that is being made is waited for.
   *
   * @throws {ActorNotFoundError} if no actor has the name.
   * @throws {HostLostError} if its host cannot be reached.
   * @throws {DirectoryUnreachableError} if the directory cannot be asked.
   * @example
   * ```ts
   * import { Actor, actor, startHost } from "@dramatis/dramatis";
   *
   * @actor(import.meta)
   * class Leader extends Actor {
   *   greet(): string {
   *     return "at your service";
   *   }
   * }
   *
   * await using host = await startHost({ pools: [] });
   * await host.createActor(Leader, [], { name: "leader" });
   * const leader = await host.lookup<Leader>("leader"); // from any host of the cluster
   * console.log(await leader.greet());
   * ```
   */
  lookup<A extends Actor = Actor>(name: string): Promise<ActorRef<A>>;
  /**
   * The actor that has a name, made if there is none: of all who ask at once one makes it, and all get it.
   *
   * @throws what `lookup` and `createActor` throw, but for not finding it or finding the name taken.
   */
  getOrCreateActor<A extends Actor, P extends unknown[]>(
    name: string,
    type: ActorSource<A, P>,
    args: NoInfer<P>,
    options?: Omit<CreateOptions<Placement>, "name">,
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
   * One that is being made again is not made: there is no instance that could run `preDestroy`.
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
  /**
   * Waits until a pool that has died is there again, with its actors. A pool that is there is not waited for.
   *
   * @param pool Its number, or the address of one of another host.
   * @throws {PoolLostError} if there is no such pool, or it is given up, with the reason.
   * @throws {CallTimeoutError} if it takes longer than `timeoutMs`.
   */
  waitPoolRecovered(pool: PoolId | PoolAddress, options?: WaitOptions): Promise<void>;
  /**
   * Waits for the end of the actor behind a ref: resolves once, with why it has ended; at once if there is
   * none any more. An actor that is made again because its pool has died has not ended. Dispose of it to
   * wait no more; it then never resolves. One that an actor has asked for ends with that actor.
   *
   * @example
   * ```ts
   * import { Actor, actor, startHost } from "@dramatis/dramatis";
   *
   * @actor(import.meta)
   * class Worker extends Actor {}
   *
   * await using host = await startHost({ pools: [] });
   * const worker = await host.createActor(Worker, [], { uid: "w1" });
   * const watch = host.watch(worker);
   * await host.destroyActor(worker);
   * console.log((await watch).reason.name); // ActorStoppedError
   * ```
   */
  watch(target: ActorRef<Actor>): Watch;
  /**
   * A place that every pool of every host can copy bytes to: memory of this pool, or a file to whose
   * end they go, one copy after another. It is kept until the ref is disposed of; a ref that an actor
   * makes ends with the actor.
   *
   * @throws {TypeError} if the target is neither memory nor a file.
   * @example
   * ```ts
   * import { startHost } from "@dramatis/dramatis";
   *
   * await using host = await startHost({ pools: [] });
   * const image = new Uint8Array(4);
   * using ref = host.bufferRef(image); // to be sent to whoever computes it
   * await host.copyTo(Uint8Array.of(7, 8), ref, { offset: 2 });
   * console.log(image); // 0, 0, 7, 8
   * ```
   */
  bufferRef(target: BufferTarget): BufferRef;
  /**
   * Writes the bytes of memory or of streams into the buffers behind refs, wherever they are: each
   * source to the target of the same place. Resolves when every byte is in place. A source may be
   * shorter than its target, whose other bytes stay. Leave the sources alone meanwhile; targets change
   * bit by bit, and what a copy that fails has written stays.
   *
   * Lists are all copied, whatever becomes of one; then an `AggregateError` says which have failed and why.
   *
   * @throws {RangeError} if a source is larger than its target; of memory before anything is sent.
   * @throws {BufferNotFoundError} if the ref was disposed of, or its actor has ended.
   * @throws {PoolLostError} or {@linkcode HostLostError} if the target's is gone.
   * @throws what a source fails with; what a file fails with, as the cause of an `ActorFailedError`.
   * @example
   * ```ts ignore
   * using file = await Deno.open("picture.raw");
   * await this.context.copyTo(file.readable, ref, { signal: AbortSignal.timeout(5_000) });
   * await this.context.copyTo([left, right], [first, second]);
   * ```
   */
  copyTo(
    sources: CopySource | readonly CopySource[],
    targets: BufferRef | readonly BufferRef[],
    options?: CopyOptions,
  ): Promise<void>;
}

/** An actor's view of its surroundings. */
export interface ActorContext extends ActorSystem<unknown> {
  /** Where the actor is. */
  readonly address: ActorAddress;
  /** A ref to the actor itself, to hand to others. Hooks may call it. In a replica it is one to that alone. */
  readonly ref: ActorRef<Actor>;
  /** The pool that sent the running message. */
  readonly sender: PoolAddress;
  /**
   * The actor whose message made the running call; `null` if the code of none did, or it wants no answer. Of
   * a plain function that returns a promise, the rest of it is of none.
   */
  readonly caller: ActorRef<Actor> | null;
  /** Aborts when the caller of the running message gives up, or the actor is killed. */
  readonly signal: AbortSignal;
  /** A ref to data that this actor keeps on a device. For kernels and `GpuActor`, which take its messages. */
  deviceRef<T extends DeviceArray>(data: Omit<DeviceRefData, "owner">): DeviceRef<T>;
  /**
   * Starts pools on this actor's host, as `host.appendPool`.
   *
   * @returns The pools that came up: fewer than asked for if there is no device for them.
   * @throws {PoolStartError} with the phase and reason.
   * @throws {NotSerializableError} if what the spec was made with is no plain data.
   * @example
   * ```ts
   * import { Actor, actor, startHost, workerPool } from "@dramatis/dramatis";
   *
   * @actor(import.meta)
   * export class Foreman extends Actor {
   *   async grow(): Promise<number> {
   *     const [pool] = await this.context.appendPool(workerPool({ count: 1 }));
   *     return pool!.pool;
   *   }
   *   shrink(pool: number): Promise<void> {
   *     return this.context.removePool(pool);
   *   }
   * }
   *
   * await using host = await startHost({ pools: [] });
   * const foreman = await host.createActor(Foreman, []);
   * const pool = await foreman.grow();
   * console.log(host.pools().length); // 2: main and one worker
   * await foreman.shrink(pool);
   * ```
   */
  appendPool(spec: PoolSpec): Promise<PoolDescription[]>;
  /**
   * Ends a pool of this actor's host, as `host.removePool`. One that ends its own pool does not wait for that.
   *
   * @throws {RangeError} if the host has no such pool, or it is the main one.
   */
  removePool(pool: PoolId | PoolAddress, options?: RemovePoolOptions): Promise<void>;
  /**
   * Saves the actor's state, by its `snapshot`; resolves once the store has it durably: what was done
   * before is then there when the actor is made again. Of several that are asked for while one is on its
   * way the last is written for all.
   *
   * @throws {TypeError} if its class has no `snapshot`.
   * @throws {NotSerializableError} with the path of what cannot be kept.
   * @throws {SnapshotError} if it is too large, the store cannot be used, or a later instance of the actor
   * has taken this one's place.
   */
  save(): Promise<void>;
  /**
   * Ends this actor at once, as one that has failed: its callers get `ActorStoppedError` with the reason as
   * cause, its children end, and it is made again if its `restart` says so. If it is not, or no more, its
   * parent is told, or the host's `recovery.onGiveUp`. It does not return: it throws what the callers get.
   *
   * @example
   * ```ts
   * import { Actor, actor, startHost, workerPool } from "@dramatis/dramatis";
   *
   * @actor(import.meta)
   * export class Reader extends Actor {
   *   #position = 0;
   *   next(isBroken: boolean): number {
   *     if (isBroken) this.context.fail(new RangeError("the file has changed")); // begins anew
   *     return ++this.#position;
   *   }
   * }
   *
   * if (import.meta.main) {
   *   await using host = await startHost({ pools: [workerPool({ count: 1 })] });
   *   const reader = await host.createActor(Reader, []);
   *   await reader.next(true).catch(({ cause }) => console.log(cause.message)); // the file has changed
   * }
   * ```
   */
  fail(reason: unknown): never;
  /** See `Actor.unlocked`. */
  unlocked<T>(promise: PromiseLike<T>): Promise<T>;
}
