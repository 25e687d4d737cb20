import type { Actor } from "./actor.ts";
import { type ActorMethod, formatType } from "./actor_type.ts";
import type { Cell } from "./cell.ts";

/** What became of each call of a batch, in order: a value, or an error for those that failed. */
export interface BatchOutcome {
  /** The results; `null` where a call failed. */
  readonly values: unknown[];
  /** Index and error of each call that failed. */
  readonly failures: (readonly [number, unknown])[];
}

/**
 * Runs a batch under one hold of the lock: by the method's handler if it has one; else sync calls one
 * after the other, and async ones side by side.
 *
 * @param failure What the caller of a failed call gets.
 */
export function runBatch(
  cell: Cell,
  method: ActorMethod,
  items: unknown[][],
  failure: (thrown: unknown) => Error,
): BatchOutcome | Promise<BatchOutcome> {
  if (items.length === 0) return { values: [], failures: [] };
  if (method.batch !== null) return runHandler(cell, method.batch, items);
  const values: unknown[] = [];
  const failures: [number, unknown][] = [];
  const waits: Promise<void>[] = [];
  for (const [i, args] of items.entries()) {
    values.push(null);
    const fail = (thrown: unknown) => void failures.push([i, failure(thrown)]);
    try {
      const result = method.run.apply(cell.actor, args);
      if (!isThenable(result)) values[i] = result;
      else waits.push(Promise.resolve(result).then((value) => void (values[i] = value), fail));
    } catch (error) {
      fail(error);
    }
  }
  const outcome = { values, failures };
  return waits.length === 0 ? outcome : Promise.all(waits).then(() => outcome);
}

function runHandler(
  cell: Cell,
  handler: (this: Actor, items: unknown[][]) => unknown,
  items: unknown[][],
): BatchOutcome | Promise<BatchOutcome> {
  const result = handler.call(cell.actor, items);
  return isThenable(result)
    ? Promise.resolve(result).then((values) => checked(cell, values, items.length))
    : checked(cell, result, items.length);
}

function checked(cell: Cell, values: unknown, count: number): BatchOutcome {
  if (Array.isArray(values) && values.length === count) return { values, failures: [] };
  const got = Array.isArray(values) ? `${values.length}` : `a ${typeof values}`;
  throw new TypeError(
    `A @batched handler of ${formatType(cell.type.name)} must return one result for each of ` +
      `${count} calls, got ${got}`,
  );
}

/** Whether to wait for a result. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}
