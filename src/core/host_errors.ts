/** The errors of pools, hosts and the links between them that a caller may want to catch. */
import { DramatisError } from "./errors.ts";

/**
 * The name is held by an actor of the cluster. Look it up, or choose another.
 *
 * @example
 * ```ts
 * import { Actor, actor, NameTakenError, startHost } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * class Leader extends Actor {
 * }
 *
 * await using host = await startHost({ pools: [] });
 * await host.createActor(Leader, [], { name: "leader" });
 * const failure = await host.createActor(Leader, [], { name: "leader" }).catch((error) => error);
 * console.log(failure instanceof NameTakenError && failure.actorName); // "leader"
 * ```
 */
export class NameTakenError extends DramatisError {
  /** The class's name. */
  override readonly name = "NameTakenError";
  /**
   * Made by the runtime.
   *
   * @param actorName The name that is held.
   * @param holder The id of the host that holds it, for people.
   */
  constructor(
    message: string,
    readonly actorName: string = "",
    readonly holder: string = "",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * The cluster's directory cannot be asked. Names that this host holds may soon be others'.
 *
 * @example
 * ```ts
 * import { type ActorRef, type ActorSystem, DirectoryUnreachableError } from "@dramatis/dramatis";
 * import type { Actor } from "@dramatis/dramatis";
 *
 * // The last ref does while the directory is away.
 * export async function leader<P>(system: ActorSystem<P>, last: ActorRef<Actor>): Promise<ActorRef<Actor>> {
 *   try {
 *     return await system.lookup("leader");
 *   } catch (error) {
 *     if (error instanceof DirectoryUnreachableError) return last;
 *     throw error;
 *   }
 * }
 * ```
 */
export class DirectoryUnreachableError extends DramatisError {
  /** The class's name. */
  override readonly name = "DirectoryUnreachableError";
}

/** How a pool or host ended; `memory` is a process whose heap was exhausted. */
export type ExitKind = "error" | "exit" | "killed" | "memory" | "silent" | "stopped" | "lost";

/**
 * The pool that had to answer is gone. The message may or may not have run.
 *
 * @example
 * ```ts
 * import { PoolLostError } from "@dramatis/dramatis";
 *
 * // Once more if the pool died under it; only for calls that may run twice.
 * export async function twice<T>(call: () => Promise<T>): Promise<T> {
 *   try {
 *     return await call();
 *   } catch (error) {
 *     if (error instanceof PoolLostError && error.exit !== "stopped") return await call();
 *     throw error;
 *   }
 * }
 * ```
 */
export class PoolLostError extends DramatisError {
  /** The class's name. */
  override readonly name = "PoolLostError";
  /**
   * Made by the runtime.
   *
   * @param exit How it ended.
   */
  constructor(message: string, readonly exit: ExitKind = "lost", options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * The host that had to answer is gone or cannot be reached. The message may or may not have run.
 *
 * @example
 * ```ts
 * import { HostLostError } from "@dramatis/dramatis";
 *
 * // `undefined` while the actor's host is away.
 * export async function ifReachable<T>(call: Promise<T>): Promise<T | undefined> {
 *   try {
 *     return await call;
 *   } catch (error) {
 *     if (error instanceof HostLostError) return undefined;
 *     throw error;
 *   }
 * }
 * ```
 */
export class HostLostError extends DramatisError {
  /** The class's name. */
  override readonly name = "HostLostError";
  /**
   * Made by the runtime.
   *
   * @param exit How it ended.
   */
  constructor(message: string, readonly exit: ExitKind = "lost", options?: ErrorOptions) {
    super(message, options);
  }
}

/** What a pool was doing when its start failed. */
export type PoolStartPhase = "spawn" | "import" | "handshake" | "device";

/**
 * A pool could not be started; the reason is in `cause`.
 *
 * @example
 * ```ts
 * import { PoolStartError, startHost, workerPool } from "@dramatis/dramatis";
 *
 * try {
 *   await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 * } catch (error) {
 *   if (error instanceof PoolStartError) console.error(`the ${error.phase} failed:`, error.cause);
 *   else throw error;
 * }
 * ```
 */
export class PoolStartError extends DramatisError {
  /** The class's name. */
  override readonly name = "PoolStartError";
  /**
   * Made by the runtime.
   *
   * @param phase What failed.
   */
  constructor(message: string, readonly phase: PoolStartPhase = "spawn", options?: ErrorOptions) {
    super(message, options);
  }
}

/** Why one pool was not chosen. */
export interface PlacementRefusal {
  /** The pool for people. */
  readonly pool: string;
  /** What it lacks. */
  readonly reason: string;
}

/**
 * No pool satisfies the placement; `refusals` has every candidate and why not.
 *
 * @example
 * ```ts
 * import { Actor, actor, label, PlacementError, startHost } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * class Model extends Actor {
 * }
 *
 * await using host = await startHost({ pools: [] });
 * const failure = await host.createActor(Model, [], { place: label("big") }).catch((error) => error);
 * if (failure instanceof PlacementError) {
 *   for (const { pool, reason } of failure.refusals) console.log(`${pool}: ${reason}`);
 * }
 * ```
 */
export class PlacementError extends DramatisError {
  /** The class's name. */
  override readonly name = "PlacementError";
  /**
   * Made by the runtime.
   *
   * @param refusals Every candidate and why not.
   */
  constructor(
    message: string,
    readonly refusals: readonly PlacementRefusal[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * Bytes that are not a frame of this protocol, or past its limits. The link that sent them is closed.
 *
 * @example
 * ```ts
 * import { ProtocolError } from "@dramatis/dramatis";
 *
 * // Whether the other side speaks another version, or nonsense.
 * export function isNonsense(error: unknown): boolean {
 *   return error instanceof ProtocolError;
 * }
 * ```
 */
export class ProtocolError extends DramatisError {
  /** The class's name. */
  override readonly name = "ProtocolError";
}

/**
 * The other host refused the link: wrong token, wrong version, or it is stopping.
 *
 * @example
 * ```ts
 * import { LinkRefusedError, startHost } from "@dramatis/dramatis";
 *
 * await using seed = await startHost({ pools: [], token: "right", listen: { port: 0 } });
 * await using host = await startHost({ pools: [], token: "wrong" });
 * const failure = await host.join(`ws://${seed.address}`).catch((error) => error);
 * console.log(failure instanceof LinkRefusedError); // true
 * ```
 */
export class LinkRefusedError extends DramatisError {
  /** The class's name. */
  override readonly name = "LinkRefusedError";
}
