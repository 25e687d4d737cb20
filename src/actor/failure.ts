import { isError, isWireError } from "../core/error_wire.ts";
import { ActorFailedError } from "../core/errors.ts";

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

function describe(thrown: unknown): string {
  if (!isError(thrown)) return `a ${typeof thrown}, not an error`;
  return `${thrown.name}: ${thrown.message}`;
}
