import type { ActorContext } from "./context.ts";
import type { ActorRef } from "./ref.ts";
import type { ChildDown } from "./supervision.ts";
import type { SnapshotInfo } from "./state.ts";

/** Gives an actor its context: for its cell alone. */
export let bindContext: (actor: Actor, context: ActorContext) => void;

/** What the runtime calls by itself, if the class of an actor has it. */
export const HOOKS = [
  "postCreate",
  "preDestroy",
  "snapshot",
  "restore",
  "migrate",
  "childDown",
] as const satisfies readonly (keyof Actor)[];

/** Whether the class of an actor says what is to be kept of it. */
export function hasState(actor: Actor): boolean {
  return actor.snapshot !== Actor.prototype.snapshot;
}

/**
 * The base of stateful actors: an instance runs one message at a time, across awaits. Messages that
 * wait are first in, first out.
 *
 * @example
 * ```ts
 * import { Actor, actor } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * export class Counter extends Actor {
 *   #n = 0;
 *   add(k: number): number {
 *     return this.#n += k;
 *   }
 * }
 * ```
 */
export abstract class Actor {
  #context: ActorContext | undefined;

  static {
    bindContext = (actor, context) => actor.#context = context;
  }

  /**
   * The actor's view of its surroundings: its own ref, the running call's signal, and the verbs of
   * the host. Where messages overlap (a `@reentrant` method, a stateless actor) `signal` and `sender` are
   * those of the message whose code asks, if its method is declared `async`. What a plain function does
   * after it has returned a promise belongs to no message: read them before it returns, and declare a
   * method `async` that then makes calls, or they have neither the time nor the chain of its own.
   *
   * @throws {TypeError} in the constructor, where there is none yet; use `postCreate`.
   */
  protected get context(): ActorContext {
    if (this.#context === undefined) {
      throw new TypeError(
        `${this.constructor.name} has no context in its constructor: use postCreate`,
      );
    }
    return this.#context;
  }

  /**
   * Gives up the lock while a promise is pending and takes it back before it returns: other messages
   * run meanwhile, so state may have changed. The way out of call cycles.
   *
   * @example
   * ```ts ignore
   * const price = await this.unlocked(this.#market.price("tea"));
   * ```
   */
  protected unlocked<T>(promise: PromiseLike<T>): Promise<T> {
    return this.context.unlocked(promise);
  }

  /** Runs before the first message. If it throws, the actor is not created. It may call the actor itself. */
  postCreate(): void | Promise<void> {}

  /**
   * Runs after the last message, on destroy and on stop of the host; not on kill or crash. If it
   * throws, the destroyer gets the error; the actor is gone all the same. It may call the actor itself.
   */
  preDestroy(): void | Promise<void> {}

  /**
   * Runs when a child has ended and is not made again, unless it was destroyed or killed. If it throws, the
   * actor itself fails, as by `this.context.fail`: so does one that says nothing of a child that was to be
   * made again. It takes its turn before the messages that wait.
   *
   * @param child What was made by `this.context.createActor`.
   */
  childDown(_child: ActorRef<Actor>, down: ChildDown): void | Promise<void> {
    if (down.gaveUp) throw down.reason;
  }

  /**
   * Gives what is to be kept of the actor's state: anything that a message may carry. Runs under the lock,
   * between messages, when the state is saved: on `this.context.save()`, as `createActor(…, { snapshot })`
   * says, before the actor is parked, and before `preDestroy` when its pool or host stops.
   *
   * A class that has it has `restore` too. When its actor is made again, because its pool has died or with
   * its uid or name after its host was stopped, it gets the last state that was saved.
   *
   * @example
   * ```ts
   * import { Actor, actor, startHost } from "@dramatis/dramatis";
   *
   * @actor(import.meta)
   * class Counter extends Actor {
   *   #n = 0;
   *   override snapshot(): number {
   *     return this.#n;
   *   }
   *   override restore(n: number): void {
   *     this.#n = n;
   *   }
   *   async add(k: number): Promise<number> {
   *     this.#n += k;
   *     await this.context.save(); // what is answered is not lost
   *     return this.#n;
   *   }
   * }
   *
   * await using host = await startHost({ pools: [] });
   * const counter = await host.createActor(Counter, [], { uid: "c1" });
   * await counter.add(2);
   * await host.killActor(counter);
   * const again = await host.createActor(Counter, [], { uid: "c1" });
   * console.log(await again.add(1)); // 3
   * ```
   */
  snapshot(): unknown {
    return undefined;
  }

  /**
   * Takes the state that `snapshot` has given, in a new instance, after the constructor and before
   * `postCreate`. Not called if nothing was saved. If it throws, the actor is not created.
   */
  restore(_state: unknown, _info: SnapshotInfo): void | Promise<void> {}

  /**
   * Makes a state of this version of the class, by `@actor(import.meta, { version })`, out of one that
   * another version has saved; `restore` gets what it returns. A class without it refuses such a state.
   */
  migrate(state: unknown, _info: SnapshotInfo): unknown {
    return state;
  }
}

/**
 * The base of stateless actors: messages run concurrently, as many as come, or as many as
 * `createActor(…, { concurrency })` says. They may have `replicas`, which share their messages.
 *
 * @example
 * ```ts
 * import { actor, StatelessActor } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * export class Fetcher extends StatelessActor {
 *   async length(text: string): Promise<number> {
 *     return await Promise.resolve(text.length);
 *   }
 * }
 * ```
 */
export abstract class StatelessActor extends Actor {}
