import type { ActorContext } from "./context.ts";

/** Gives an actor its context: for its cell alone. */
export let bindContext: (actor: Actor, context: ActorContext) => void;

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
   * those of the message whose code asks, if its method is declared `async`; in a plain function that
   * returns a promise, read them before it returns.
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
