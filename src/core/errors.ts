/**
 * The errors of actors that a caller may want to catch, and nothing else: where a built-in class says
 * it, the built-in is thrown.
 */
import type { ActorAddress } from "./address.ts";

/**
 * The common parent of the errors of this package.
 *
 * @example
 * ```ts
 * import { DramatisError, startHost } from "@dramatis/dramatis";
 *
 * await using host = await startHost({ pools: [] });
 * const failure = await host.actorRef("nobody").catch((error) => error);
 * console.log(failure instanceof DramatisError, failure.name); // true "ActorNotFoundError"
 * ```
 */
export class DramatisError extends Error {
  /** The class's name; survives the wire. */
  override readonly name: string = "DramatisError";
  /** Where it happened: the actor, its pool and host. Set once, by the first cell it leaves. */
  readonly actor?: string;
}

/**
 * No actor with this uid is alive on that host. Create it, or check the uid with `hasActor`.
 *
 * @example
 * ```ts
 * import { ActorNotFoundError, startHost } from "@dramatis/dramatis";
 *
 * await using host = await startHost({ pools: [] });
 * const failure = await host.actorRef("nobody").catch((error) => error);
 * console.log(failure instanceof ActorNotFoundError); // true
 * ```
 */
export class ActorNotFoundError extends DramatisError {
  /** The class's name. */
  override readonly name = "ActorNotFoundError";
}

/**
 * The uid is taken on this host. Destroy the other actor first, or choose another uid.
 *
 * @example
 * ```ts
 * import { Actor, actor, ActorExistsError, startHost } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * class Door extends Actor {
 * }
 *
 * await using host = await startHost({ pools: [] });
 * await host.createActor(Door, [], { uid: "front" });
 * const failure = await host.createActor(Door, [], { uid: "front" }).catch((error) => error);
 * console.log(failure instanceof ActorExistsError && failure.uid); // "front"
 * ```
 */
export class ActorExistsError extends DramatisError {
  /** The class's name. */
  override readonly name = "ActorExistsError";
  /**
   * Made by the runtime.
   *
   * @param uid The uid that is taken.
   */
  constructor(message: string, readonly uid: string = "", options?: ErrorOptions) {
    super(message, options);
  }
}

/** What an actor was doing when its start failed. */
export type ActorStartPhase = "load" | "construct" | "restore" | "postCreate";

/**
 * An actor could not be created; nothing of it is left behind. The reason is in `cause`.
 *
 * @example
 * ```ts
 * import { Actor, actor, ActorStartError, startHost } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * class Broken extends Actor {
 *   override postCreate(): void {
 *     throw new RangeError("no disk");
 *   }
 * }
 *
 * await using host = await startHost({ pools: [] });
 * const failure = await host.createActor(Broken, []).catch((error) => error);
 * console.log(failure instanceof ActorStartError && failure.phase, failure.cause); // "postCreate", RangeError: no disk
 * ```
 */
export class ActorStartError extends DramatisError {
  /** The class's name. */
  override readonly name = "ActorStartError";
  /**
   * Made by the runtime.
   *
   * @param phase What failed.
   */
  constructor(message: string, readonly phase: ActorStartPhase = "load", options?: ErrorOptions) {
    super(message, options);
  }
}

/** How an actor ended: it was destroyed, killed, or has failed. */
export type ActorExit = "stopped" | "killed" | "error";

/**
 * The actor was destroyed or killed before it could answer: `exit` says which. The message may or may not have run.
 *
 * @example
 * ```ts
 * import { Actor, actor, ActorStoppedError, startHost } from "@dramatis/dramatis";
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
 * const call = sleeper.sleep().catch((error) => error);
 * await host.killActor(sleeper);
 * console.log(await call instanceof ActorStoppedError); // true
 * ```
 */
export class ActorStoppedError extends DramatisError {
  /** The class's name. */
  override readonly name = "ActorStoppedError";
  /**
   * Made by the runtime.
   *
   * @param exit How it ended.
   */
  constructor(message: string, readonly exit: ActorExit = "stopped", options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * An actor failed because one went down that it is linked with, which `linked` names: `cause` is why that one
 * did; of a chain of links, why the first did. It is the cause of what callers and watchers get.
 *
 * @example
 * ```ts
 * import { Actor, actor, type ActorRef, LinkedActorDownError, startHost } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * export class Half extends Actor {
 *   async link(other: ActorRef<Half>): Promise<void> {
 *     await this.context.link(other);
 *   }
 * }
 *
 * if (import.meta.main) {
 *   await using host = await startHost({ pools: [] });
 *   const [a, b] = [await host.createActor(Half, []), await host.createActor(Half, [], { uid: "b" })];
 *   await a.link(b);
 *   const down = host.watch(a);
 *   await host.killActor(b);
 *   const { cause } = (await down).reason;
 *   console.log(cause instanceof LinkedActorDownError && cause.linked.uid); // "b"
 * }
 * ```
 */
export class LinkedActorDownError extends DramatisError {
  /** The class's name. */
  override readonly name = "LinkedActorDownError";
  /**
   * Made by the runtime.
   *
   * @param linked The one that went down.
   */
  constructor(message: string, readonly linked: ActorAddress, options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * The actor's method threw something that is not a built-in error; `cause` has it.
 *
 * @example
 * ```ts
 * import { Actor, actor, ActorFailedError, startHost } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * class Till extends Actor {
 *   pay(): void {
 *     throw Object.assign(new Error("too little"), { name: "FundsError", missing: 3 });
 *   }
 * }
 *
 * await using host = await startHost({ pools: [] });
 * const till = await host.createActor(Till, []);
 * const failure = await till.pay().catch((error) => error);
 * console.log(failure instanceof ActorFailedError, failure.cause); // true, FundsError: too little
 * ```
 */
export class ActorFailedError extends DramatisError {
  /** The class's name. */
  override readonly name = "ActorFailedError";
}

/**
 * What is wrong with a snapshot: a later instance of the actor has taken its place (`fenced`); it is too
 * large (`size`); its bytes are not what was written (`damaged`); it is of another version or type, and
 * the class has no way to take it (`version`); the store cannot be used (`store`).
 */
export type SnapshotReason = "fenced" | "size" | "damaged" | "version" | "store";

/**
 * The state of an actor could not be saved or brought back; `reason` says why.
 *
 * @example
 * ```ts
 * import { Actor, SnapshotError } from "@dramatis/dramatis";
 *
 * export abstract class Careful extends Actor {
 *   protected async saved(): Promise<boolean> {
 *     try {
 *       await this.context.save();
 *       return true;
 *     } catch (error) {
 *       if (error instanceof SnapshotError && error.reason === "size") return false;
 *       throw error;
 *     }
 *   }
 * }
 * ```
 */
export class SnapshotError extends DramatisError {
  /** The class's name. */
  override readonly name = "SnapshotError";
  /**
   * Made by the runtime.
   *
   * @param reason What is wrong.
   */
  constructor(message: string, readonly reason: SnapshotReason = "store", options?: ErrorOptions) {
    super(message, options);
  }
}
