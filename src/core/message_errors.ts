/** The errors of single messages that a caller may want to catch. */
import { DramatisError } from "./errors.ts";

/**
 * The actor's mailbox is full: the message was refused, or dropped for another, and has not run. Slow
 * down, or raise its bounds.
 *
 * @example
 * ```ts
 * import { Actor, actor, MailboxFullError, startHost } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * class Slow extends Actor {
 *   work(): Promise<void> {
 *     return new Promise(() => {});
 *   }
 * }
 *
 * await using host = await startHost({ pools: [] });
 * const slow = await host.createActor(Slow, [], { mailbox: { messages: 1 } });
 * const calls = [slow.work(), slow.work(), slow.work()];
 * const failure = await Promise.any(calls.map((call) => call.then(() => {}, (error) => error)));
 * console.log(failure instanceof MailboxFullError && failure.limit); // 1
 * ```
 */
export class MailboxFullError extends DramatisError {
  /** The class's name. */
  override readonly name = "MailboxFullError";
  /**
   * Made by the runtime.
   *
   * @param limit How many messages or bytes may wait.
   * @param bound Which of the two it is.
   * @param dropped Whether the message had been waiting, and made room for another.
   */
  constructor(
    message: string,
    readonly limit: number = 0,
    readonly bound: "messages" | "bytes" = "messages",
    readonly dropped: boolean = false,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * The buffer of this ref has ended: it was disposed of, or with the actor or pool that made it.
 *
 * @example
 * ```ts
 * import { BufferNotFoundError, startHost } from "@dramatis/dramatis";
 *
 * await using host = await startHost({ pools: [] });
 * const target = host.bufferRef(new Uint8Array(4));
 * target.dispose();
 * const failure = await host.copyTo(Uint8Array.of(1), target).catch((error) => error);
 * console.log(failure instanceof BufferNotFoundError); // true
 * ```
 */
export class BufferNotFoundError extends DramatisError {
  /** The class's name. */
  override readonly name = "BufferNotFoundError";
}

/**
 * A value that cannot travel; `path` says where inside the value it is, for example `args[0].onDone`.
 *
 * @example
 * ```ts
 * import { Actor, actor, NotSerializableError, startHost } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * class Sink extends Actor {
 *   take(_value: unknown): void {}
 * }
 *
 * await using host = await startHost({ pools: [] });
 * const sink = await host.createActor(Sink, []);
 * const failure = await sink.take({ onDone: () => {} }).catch((error) => error);
 * console.log(failure instanceof NotSerializableError && failure.path); // "args[0].onDone"
 * ```
 */
export class NotSerializableError extends DramatisError {
  /** The class's name. */
  override readonly name = "NotSerializableError";
  /**
   * Made by the runtime.
   *
   * @param path Where in the value.
   */
  constructor(message: string, readonly path: string = "", options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * A call that was not answered in its time. It may still run, unless it was waiting in the mailbox.
 *
 * @example
 * ```ts
 * import { Actor, actor, CallTimeoutError, startHost } from "@dramatis/dramatis";
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
 * const failure = await sleeper.sleep.with({ timeoutMs: 10 })().catch((error) => error);
 * console.log(failure instanceof CallTimeoutError && failure.timeoutMs); // 10
 * await host.killActor(sleeper);
 * ```
 */
export class CallTimeoutError extends DramatisError {
  /** The class's name. */
  override readonly name = "CallTimeoutError";
  /**
   * Made by the runtime.
   *
   * @param timeoutMs The time that is over, in milliseconds.
   */
  constructor(message: string, readonly timeoutMs: number = 0, options?: ErrorOptions) {
    super(message, options);
  }
}

/** One actor in a cycle of calls. */
export interface DeadlockHop {
  /** The actor, its pool and host, for people. */
  readonly actor: string;
  /** The method that waits. */
  readonly method: string;
}

/**
 * A call came back to an actor that waits for it: neither could ever go on. Make the method that is
 * called back `@reentrant`, or wait by `this.unlocked(promise)`.
 *
 * The runtime sees which calls are open, not what a method awaits. So a call that comes back waits in the
 * queue until all that the holder of the lock waits for, directly or not, have open calls which lead to
 * nobody else. One that is not awaited gets its turn so, unless the holder waits for something that is no
 * call, a timer say: there it is rejected too. Send a `tell`, or wait by `this.unlocked(promise)`.
 *
 * @example
 * ```ts
 * import { Actor, actor, type ActorRef, DeadlockError, startHost } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * class Echo extends Actor {
 *   async answer(self: ActorRef<Echo>): Promise<unknown> {
 *     return await self.answer(self); // waits for itself
 *   }
 * }
 *
 * await using host = await startHost({ pools: [] });
 * const echo = await host.createActor(Echo, []);
 * const failure = await echo.answer(echo).catch((error) => error);
 * console.log(failure instanceof DeadlockError && failure.cycle);
 * ```
 */
export class DeadlockError extends DramatisError {
  /** The class's name. */
  override readonly name = "DeadlockError";
  /**
   * Made by the runtime.
   *
   * @param cycle Who waits for whom; the last calls the first.
   */
  constructor(
    message: string,
    readonly cycle: readonly DeadlockHop[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
