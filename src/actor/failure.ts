import { isError, isWireError } from "../core/error_wire.ts";
import { ActorFailedError, ActorStartError } from "../core/errors.ts";

/**
 * What the caller of a failed method gets: built-in errors and ours as themselves, everything else
 * as the cause of an `ActorFailedError`. `actor` says where it happened, and is set once however
 * many actors the error passes on its way.
 *
 * @param thrown Whatever the method threw.
 * @param copy Its copy, which is marked in place; the class of an error of the user's is lost in it.
 * @param where The actor, for people.
 */
export function failureOf(thrown: unknown, copy: unknown, where: string, method: string): Error {
  const error = isError(thrown) && isError(copy) && isWireError(thrown)
    ? copy
    : new ActorFailedError(`${where}: ${method} threw ${describe(thrown)}`, { cause: copy });
  if (typeof (error as { actor?: unknown }).actor !== "string") {
    Object.defineProperty(error, "actor", {
      value: where,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return error;
}

/** What the creator of an actor gets whose start has failed. */
export function startError(
  what: string,
  phase: "construct" | "restore" | "postCreate",
  cause: unknown,
): ActorStartError {
  if (cause instanceof ActorStartError) return cause;
  const message = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return new ActorStartError(`${what} could not be started: ${phase} threw ${message}`, phase, {
    cause,
  });
}

function describe(thrown: unknown): string {
  if (thrown === null) return "null, not an error";
  const kind = typeof thrown;
  if (!isError(thrown)) return `${/^[ou]/.test(kind) ? "an" : "a"} ${kind}, not an error`;
  return `${thrown.name}: ${thrown.message}`;
}
