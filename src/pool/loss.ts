import { ActorNotFoundError, ActorStoppedError, DramatisError } from "../core/errors.ts";

/** Whether an error says that the destination is gone, rather than that the frame is wrong. */
export function isLoss(error: unknown): error is DramatisError {
  return error instanceof DramatisError &&
    (error.name === "PoolLostError" || error.name === "HostLostError");
}

/** Whether an error says that there is nobody to send to any more. */
export function isGone(error: unknown): boolean {
  return isLoss(error) || error instanceof ActorNotFoundError || error instanceof ActorStoppedError;
}
