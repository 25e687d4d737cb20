/** Why a session has ended, as an error for whoever waited on it. */
import { formatHostId } from "../core/address.ts";
import { DramatisError } from "../core/errors.ts";
import { HostLostError, LinkRefusedError } from "../core/host_errors.ts";
import type { GoodbyeFrame, HostDescription } from "../core/protocol.ts";

/** Two hosts have asked each other at once, and the other's session has won: it comes next. */
export class CrossedDialError extends LinkRefusedError {}

/** The other side has said goodbye. */
export function goodbyeError(
  { reason, error }: GoodbyeFrame,
  peer: HostDescription,
): HostLostError {
  const message = `Host ${formatHostId(peer.id)} said goodbye: ${reason}`;
  return error === null || error === undefined
    ? new HostLostError(message, "stopped")
    : new HostLostError(message, "error", { cause: error });
}

/** The link has ended, by an error if there is one. */
export function lossOf(error: Error | undefined): Error {
  if (error === undefined) {
    return new HostLostError("The other host left without a goodbye", "lost");
  }
  return error instanceof DramatisError
    ? error
    : new HostLostError(`The session ended: ${error.message}`, "error", { cause: error });
}
