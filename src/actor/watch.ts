import type { ActorAddress } from "../core/address.ts";

/** An actor has ended for good. */
export interface Down {
  /** Which, as the ref that was watched names it. */
  readonly actor: ActorAddress;
  /**
   * Why: `ActorStoppedError` if it was destroyed or killed (`exit`), `ActorFailedError` if it has failed,
   * `ActorNotFoundError` if it had ended before it was watched, `PoolLostError` or `HostLostError` if it went
   * with its pool or host, or with what it could not be made again.
   */
  readonly reason: Error;
}

/** Waits for the end of an actor, until it is disposed of. */
export interface Watch extends Promise<Down>, Disposable {}
