import { type ActorAddress, formatActor } from "../core/address.ts";
import type { Hop } from "../core/call_chain.ts";
import { DeadlockError } from "../core/message_errors.ts";
import { sameHop, type Wait } from "./waits.ts";

/** Asks the pool of an actor whom a caller of it waits for. */
export type Follow = (to: ActorAddress, caller: Hop) => Promise<Wait[]>;

/** Calls that one probe follows: it must end, however many wait. */
const MAX_STEPS = 256;

/**
 * Looks whether a message waits, by however many others, for itself. What it sees was true at different
 * moments; but a call that has ended never comes back, so what it sees twice in a row was true all the
 * time between the two, and all at once.
 *
 * @param start A message that holds the lock of its actor.
 * @returns Who waits for whom: the last waits for the first, which is `start`; `null` if it does not.
 */
export async function findCycle(start: Wait, follow: Follow): Promise<Wait[] | null> {
  const first = await walk(start, follow);
  if (first === null) return null;
  const again = await walk(start, follow);
  return again !== null && sameCycle(first, again) ? again : null;
}

/** A cycle is seen from each of its locks; it is reported from the one that comes first in this order. */
export function isReporter(cycle: readonly Wait[]): boolean {
  const own = cycle[0]!;
  return own.isQueued && cycle.every((other) => !other.isQueued || !isBefore(other.hop, own.hop));
}

/** What a call of the cycle is rejected with. */
export function cycleError(cycle: readonly Wait[]): DeadlockError {
  const lines = cycle.map(({ hop }, i) => {
    const next = cycle[(i + 1) % cycle.length]!;
    const behind = next.isQueued ? `, which waits behind ${next.hop.method}` : "";
    return `\n  ${hop.method} of ${formatActor(hop)} waits for ${next.call} of ` +
      `${formatActor(next.hop)}${behind}`;
  });
  return new DeadlockError(
    `A cycle of calls that wait for each other:${lines.join("")}\n` +
      `None can go on before another has ended. Make one @reentrant, or wait by this.unlocked(promise)`,
    cycle.map(({ hop }) => ({ actor: formatActor(hop), method: hop.method })),
  );
}

async function walk(start: Wait, follow: Follow): Promise<Wait[] | null> {
  const seen: Hop[] = [];
  let steps = 0;
  const path: Wait[] = [];
  const visit = async (wait: Wait): Promise<Wait[] | null> => {
    path.push(wait);
    for (const { to } of wait.calls) {
      if (++steps > MAX_STEPS) return null;
      for (const next of await follow(to, wait.hop)) {
        if (sameHop(next.hop, start.hop)) return [next, ...path.slice(1)];
        if (seen.some((hop) => sameHop(hop, next.hop))) continue;
        seen.push(next.hop);
        const cycle = await visit(next);
        if (cycle !== null) return cycle;
      }
    }
    path.pop();
    return null;
  };
  return await visit(start);
}

function sameCycle(a: readonly Wait[], b: readonly Wait[]): boolean {
  return a.length === b.length &&
    a.every((wait, i) => wait.key === b[i]!.key && sameHop(wait.hop, b[i]!.hop));
}

function isBefore(a: Hop, b: Hop): boolean {
  return (a.host - b.host || a.pool - b.pool || a.generation - b.generation ||
    a.serial - b.serial) < 0;
}
