import type { ActorAddress, HostId, PoolAddress, PoolId } from "../core/address.ts";
import { ActorNotFoundError } from "../core/errors.ts";
import { NameTakenError } from "../core/host_errors.ts";
import type { PoolDescription } from "../core/protocol.ts";
import type { Actor } from "./actor.ts";
import type { ActorSource } from "./actor_type.ts";
import type { BufferRef, BufferTarget, CopyOptions, CopySource } from "./buffer_ref.ts";
import type { CreateOptions, WaitOptions } from "./create_options.ts";
import type {
  GangMember,
  GangMembers,
  GangOptions,
  GangRefs,
  SettledGang,
  SomeMembers,
} from "./gang.ts";
import type { ActorRef } from "./ref.ts";
import type { Creation, Verbs } from "./verbs.ts";
import type { Watch } from "./watch.ts";

/**
 * The verbs that a host, a client and every actor's context have. Functions that take one work with each:
 *
 * @example
 * ```ts
 * import { type ActorSystem, startHost } from "@dramatis/dramatis";
 *
 * async function hasAll<P>(system: ActorSystem<P>, uids: string[]): Promise<boolean> {
 *   return (await Promise.all(uids.map((uid) => system.hasActor(uid)))).every(Boolean);
 * }
 *
 * await using host = await startHost({ pools: [] });
 * console.log(await hasAll(host, ["a1", "a2"])); // false; in an actor: hasAll(this.context, …)
 * ```
 */
export class ActorSystem<Placement> {
  readonly #pool: { readonly verbs: Verbs };
  readonly #parent: ActorAddress | null;

  /**
   * For the runtime: a program has one of the three already.
   *
   * @param pool Where it is.
   * @param parent Whose children the actors are that it makes, unless they are detached; `null` if nobody's.
   */
  constructor(pool: { readonly verbs: Verbs }, parent: ActorAddress | null = null) {
    this.#pool = pool;
    this.#parent = parent;
  }

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
   * @example
   * ```ts
   * import { Actor, actor, startHost } from "@dramatis/dramatis";
   *
   * @actor(import.meta)
   * class Greeter extends Actor {
   *   constructor(readonly greeting: string) {
   *     super();
   *   }
   *   greet(name: string): string {
   *     return `${this.greeting}, ${name}`;
   *   }
   * }
   *
   * await using host = await startHost({ pools: [] });
   * const greeter = await host.createActor(Greeter, ["Hello"], { uid: "g1" });
   * console.log(await greeter.greet("world")); // Hello, world
   * ```
   */
  createActor<A extends Actor, P extends unknown[]>(
    type: ActorSource<A, P>,
    args: NoInfer<P>,
    options: CreateOptions<Placement> = {},
  ): Promise<ActorRef<A>> {
    const creation = this.#creation({ type, args, options });
    return this.#pool.verbs.createActor(creation) as Promise<ActorRef<A>>;
  }

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
  async createActors<const M extends SomeMembers>(
    members: M & GangMembers<M, Placement>,
    options: GangOptions = {},
  ): Promise<GangRefs<M> | SettledGang<M>> {
    const creations = checkMembers(members).map((member) => this.#creation(member));
    const made = await this.#pool.verbs.createActors(creations, options);
    return made as GangRefs<M> | SettledGang<M>;
  }

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
  lookup<A extends Actor = Actor>(name: string): Promise<ActorRef<A>> {
    return this.#pool.verbs.lookup<A>(name);
  }

  /**
   * The actor that has a name, made if there is none: of all who ask at once one makes it, and all get it.
   * It is nobody's child.
   *
   * @throws what `lookup` and `createActor` throw, but for not finding it or finding the name taken.
   * @example
   * ```ts
   * import { Actor, actor, startHost } from "@dramatis/dramatis";
   *
   * @actor(import.meta)
   * class Tally extends Actor {
   *   #votes = 0;
   *   vote(): number {
   *     return ++this.#votes;
   *   }
   * }
   *
   * await using host = await startHost({ pools: [] });
   * for (const voter of ["one", "two"]) {
   *   const tally = await host.getOrCreateActor("tally", Tally, []);
   *   console.log(voter, await tally.vote()); // one 1, two 2
   * }
   * ```
   */
  async getOrCreateActor<A extends Actor, P extends unknown[]>(
    name: string,
    type: ActorSource<A, P>,
    args: NoInfer<P>,
    options?: Omit<CreateOptions<Placement>, "name">,
  ): Promise<ActorRef<A>> {
    const creation = { type, args, options: { ...options, name }, parent: null };
    for (;;) {
      try {
        return await this.lookup<A>(name);
      } catch (error) {
        if (!(error instanceof ActorNotFoundError)) throw error;
      }
      try {
        return await this.#pool.verbs.createActor(creation) as ActorRef<A>;
      } catch (error) {
        // Another was faster. It may end before it is found, or not start: then it is tried again.
        if (!(error instanceof NameTakenError)) throw error;
      }
    }
  }

  /**
   * The ref of a living actor.
   *
   * @param host A linked host's id; the own one unless given, of a client the one it is linked with.
   * @throws {ActorNotFoundError} if there is none with this uid.
   * @throws {HostLostError} if the host cannot be reached.
   * @example
   * ```ts
   * import { Actor, actor, startHost } from "@dramatis/dramatis";
   *
   * @actor(import.meta)
   * class Worker extends Actor {}
   *
   * await using host = await startHost({ pools: [] });
   * await host.createActor(Worker, [], { uid: "w1" });
   * console.log(await host.actorRef<Worker>("w1")); // ActorRef(w1 in pool 0 of host …)
   * ```
   */
  actorRef<A extends Actor = Actor>(uid: string, host?: HostId): Promise<ActorRef<A>> {
    return this.#pool.verbs.actorRef<A>(uid, host);
  }

  /**
   * Whether an actor with this uid, or behind this ref, is alive.
   *
   * @throws {HostLostError} if its host cannot be reached.
   * @example
   * ```ts
   * import { Actor, actor, startHost } from "@dramatis/dramatis";
   *
   * @actor(import.meta)
   * class Worker extends Actor {}
   *
   * await using host = await startHost({ pools: [] });
   * await host.createActor(Worker, [], { uid: "w1" });
   * console.log(await host.hasActor("w1"), await host.hasActor("w2")); // true false
   * ```
   */
  hasActor(target: string | ActorRef<Actor>): Promise<boolean> {
    return this.#pool.verbs.hasActor(target);
  }

  /**
   * Ends an actor: waits for its running message, hands queued ones back to their callers as
   * `ActorStoppedError`, runs `preDestroy`. An actor that destroys itself ends after the message that does so.
   * One that is being made again is not made: there is no instance that could run `preDestroy`.
   *
   * @throws {ActorNotFoundError} if there is none.
   * @throws {HostLostError} if its host cannot be reached.
   * @throws what `preDestroy` throws; the actor is gone all the same.
   * @example
   * ```ts
   * import { Actor, actor, startHost } from "@dramatis/dramatis";
   *
   * @actor(import.meta)
   * class Worker extends Actor {}
   *
   * await using host = await startHost({ pools: [] });
   * await host.createActor(Worker, [], { uid: "w1" });
   * await host.destroyActor("w1"); // or its ref
   * console.log(await host.hasActor("w1")); // false
   * ```
   */
  destroyActor(target: string | ActorRef<Actor>): Promise<void> {
    return this.#pool.verbs.destroyActor(target);
  }

  /**
   * Ends an actor at once: its callers get `ActorStoppedError`, `preDestroy` does not run. If its pool
   * does not answer, as when a synchronous loop holds it, the whole pool is given up.
   *
   * @throws {ActorNotFoundError} if there is none.
   * @throws {HostLostError} if its host cannot be reached.
   * @example
   * ```ts
   * import { Actor, actor, startHost } from "@dramatis/dramatis";
   *
   * @actor(import.meta)
   * class Sleeper extends Actor {
   *   sleep(): Promise<void> {
   *     return new Promise(() => {});
   *   }
   * }
   *
   * await using host = await startHost({ pools: [] });
   * const sleeper = await host.createActor(Sleeper, []);
   * const slept = sleeper.sleep().catch(({ name }) => console.log(name)); // ActorStoppedError
   * await host.killActor(sleeper);
   * await slept;
   * ```
   */
  killActor(target: string | ActorRef<Actor>): Promise<void> {
    return this.#pool.verbs.killActor(target);
  }

  /**
   * The pools of this host and of the hosts it is linked with.
   *
   * @example
   * ```ts
   * import { startHost, workerPool } from "@dramatis/dramatis";
   *
   * await using host = await startHost({ pools: [workerPool({ count: 1 })] });
   * for (const { pool, kind } of await host.poolConfig()) console.log(pool, kind);
   * ```
   */
  poolConfig(): Promise<PoolDescription[]> {
    return this.#pool.verbs.poolConfig();
  }

  /**
   * Waits until a pool that has died is there again, with its actors. A pool that is there is not waited for.
   *
   * @param pool Its number, or the address of one of another host.
   * @throws {PoolLostError} if there is no such pool, or it is given up, with the reason.
   * @throws {CallTimeoutError} if it takes longer than `timeoutMs`.
   * @example
   * ```ts
   * import { startHost, workerPool } from "@dramatis/dramatis";
   *
   * await using host = await startHost({ pools: [workerPool({ count: 1 })] });
   * await host.waitPoolRecovered(1, { timeoutMs: 10_000 }); // at once: it has not died
   * ```
   */
  waitPoolRecovered(pool: PoolId | PoolAddress, options?: WaitOptions): Promise<void> {
    return this.#pool.verbs.waitPoolRecovered(pool, options);
  }

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
  watch(target: ActorRef<Actor>): Watch {
    return this.#pool.verbs.watch(target);
  }

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
  bufferRef(target: BufferTarget): BufferRef {
    return this.#pool.verbs.bufferRef(target);
  }

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
   * ```ts
   * import { startHost } from "@dramatis/dramatis";
   *
   * await using host = await startHost({ pools: [] });
   * const text = new Uint8Array(5);
   * using ref = host.bufferRef(text);
   * const { body } = new Response("bytes"); // a file's `readable` as well
   * await host.copyTo(body!, ref, { signal: AbortSignal.timeout(5_000) });
   * console.log(new TextDecoder().decode(text)); // bytes
   * ```
   */
  copyTo(
    sources: CopySource | readonly CopySource[],
    targets: BufferRef | readonly BufferRef[],
    options?: CopyOptions,
  ): Promise<void> {
    return this.#pool.verbs.copyTo(sources, targets, options);
  }

  #creation({ type, args, options = {} }: Pick<Creation, "type" | "args"> & {
    readonly options?: CreateOptions<unknown>;
  }): Creation {
    if (typeof options !== "object" || options === null) {
      throw new TypeError(`The options of createActor are an object, got ${String(options)}`);
    }
    return { type, args, options, parent: options.detached === true ? null : this.#parent };
  }
}

/** The members of a gang, whatever a caller may have written. */
function checkMembers(members: unknown): readonly GangMember<Actor, never>[] {
  if (!Array.isArray(members)) {
    throw new TypeError(`createActors takes a list of members, got ${String(members)}`);
  }
  // Not `forEach`: a hole is no member either.
  for (const [i, member] of members.entries()) {
    if (typeof member === "object" && member !== null && Array.isArray(member.args)) continue;
    throw new TypeError(
      `Cannot create member ${i}: a member is { type, args, options? }, got ${shown(member)}`,
    );
  }
  return members;
}

function shown(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  return `an object with ${Object.keys(value).join(", ") || "nothing"}`;
}
