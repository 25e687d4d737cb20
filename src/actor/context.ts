import type { ActorAddress, PoolAddress, PoolId } from "../core/address.ts";
import type { PoolDescription } from "../core/protocol.ts";
import type { Actor } from "./actor.ts";
import type { ActorSystem } from "./actor_system.ts";
import type { DeviceArray, DeviceRef, DeviceRefData } from "./device_ref.ts";
import type { PoolSpec, RemovePoolOptions } from "./pool_spec.ts";
import type { ActorRef } from "./ref.ts";

/** An actor's view of its surroundings, with the verbs of {@linkcode ActorSystem}. */
export interface ActorContext extends ActorSystem<unknown> {
  /** Where the actor is. */
  readonly address: ActorAddress;
  /** A ref to the actor itself, to hand to others. Hooks may call it. In a replica it is one to that alone. */
  readonly ref: ActorRef<Actor>;
  /** The pool that sent the running message; of code that belongs to none, the actor's own. */
  readonly sender: PoolAddress;
  /**
   * The actor whose message made the running call; `null` if the code of none did, or it wants no answer. Of
   * a plain function that returns a promise, the rest of it is of none.
   */
  readonly caller: ActorRef<Actor> | null;
  /**
   * Aborts when the caller of the running message gives up, or the actor is killed; in code that belongs to
   * no message, never.
   */
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
  /**
   * Links this actor and another, both ways, as in Erlang: when either goes down, because it was killed, has
   * failed for good, or went with its pool or host, the other fails with a `LinkedActorDownError`, as by
   * {@linkcode fail}. One that ends in order, destroyed or with a host that stops, takes nobody along, and
   * the link ends with it. So it does when the other is no more: this actor then fails at once.
   *
   * Two actors have one link, however often and from whichever side it is made. It is of the actors: that
   * one of them is made again, or parked, is no end, and the link outlives it. To hear of an end and live on,
   * {@linkcode watch} instead.
   *
   * @returns Resolves when the link stands; need not be waited for.
   * @throws {TypeError} if the target is no ref.
   * @example
   * ```ts
   * import { Actor, actor, type ActorRef, startHost } from "@dramatis/dramatis";
   *
   * @actor(import.meta)
   * export class Pump extends Actor {
   *   run(): void {
   *     this.context.fail(new RangeError("no water"));
   *   }
   * }
   *
   * @actor(import.meta)
   * export class Boiler extends Actor {
   *   constructor(readonly pump: ActorRef<Pump>) {
   *     super();
   *   }
   *   override async postCreate(): Promise<void> {
   *     await this.context.link(this.pump); // no boiler without its pump, and no pump without its boiler
   *   }
   * }
   *
   * if (import.meta.main) {
   *   await using host = await startHost({ pools: [] });
   *   const pump = await host.createActor(Pump, []);
   *   const boiler = await host.createActor(Boiler, [pump]);
   *   const down = host.watch(boiler);
   *   await pump.run().catch(() => {});
   *   console.log((await down).reason.message); // … is down: …: no water
   * }
   * ```
   */
  link(target: ActorRef<Actor>): Promise<void>;
  /**
   * Removes the link with another actor, if there is one: from this moment on its end does not reach this actor.
   *
   * @returns Resolves when this actor's end does not reach the other any more either, once that host has heard.
   * @throws {TypeError} if the target is no ref.
   */
  unlink(target: ActorRef<Actor>): Promise<void>;
  /** See `Actor.unlocked`. */
  unlocked<T>(promise: PromiseLike<T>): Promise<T>;
}
