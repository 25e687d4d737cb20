import type { ActorAddress, PoolAddress } from "../core/address.ts";

/** A message that nobody waits for and that failed, or could not be delivered. */
export interface DeadLetter {
  /** Whom it was meant for. */
  readonly to: ActorAddress;
  /** The method it named. */
  readonly method: string;
  /** The pool it came from. */
  readonly from: PoolAddress;
  /** Why it failed. */
  readonly reason: Error;
}
