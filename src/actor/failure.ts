import { ActorFailedError, WIRE_ERRORS } from "../core/errors.ts";

/**
 * What the caller of a failed method gets: built-in errors and ours as themselves, everything else
 * as the cause of an `ActorFailedError`. `actor` says where it happened, and is set once however
 * many actors the error passes on its way.
 *
 * @param thrown Whatever the method threw. An error in it is marked in place, so it must be a copy.
 * @param where The actor, for people.
 */
export function failureOf(thrown: unknown, where: string, method: string): Error {
  const error = isKnown(thrown) ? thrown : new ActorFailedError(
    `${where}: ${method} threw ${describe(thrown)}`,
    { cause: thrown },
  );
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

function isKnown(thrown: unknown): thrown is Error {
  if (!(thrown instanceof Error)) return false;
  const prototype = Object.getPrototypeOf(thrown);
  return prototype !== Object.prototype &&
    Object.values(WIRE_ERRORS).some((known) => known?.prototype === prototype);
}

function describe(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `a ${typeof thrown}, not an error`;
  return `${thrown.name}: ${thrown.message}`;
}
