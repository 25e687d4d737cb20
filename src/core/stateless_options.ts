/** What only actors that keep nothing between messages can be made with. */
import { LIMITS } from "./protocol.ts";

/** One replica in each of so many pools, or in every pool that will do. */
export type Replicas = number | "everyPool";

/**
 * How many messages may run at once; `undefined` is as many as come.
 *
 * @throws {RangeError} if it is no number of messages.
 */
export function checkConcurrency(value: unknown): number | undefined {
  if (value === undefined || isCount(value)) return value;
  throw new RangeError(`concurrency is a whole number from 1 up, got ${show(value)}`);
}

/**
 * How many replicas are wanted; `Infinity` for as many as there are pools, `undefined` for a single actor.
 *
 * @throws {RangeError} if it is no number of replicas.
 */
export function checkReplicas(value: unknown): number | undefined {
  if (value === "everyPool") return Infinity;
  if (value === undefined || (isCount(value) && value <= LIMITS.replicas)) return value;
  throw new RangeError(
    `replicas is "everyPool" or a whole number from 1 to ${LIMITS.replicas}, got ${show(value)}`,
  );
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 1;
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
