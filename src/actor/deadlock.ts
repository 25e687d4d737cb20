import { type ActorAddress, formatPool } from "../core/address.ts";
import { type Hop, readChain } from "../core/call_chain.ts";
import { DeadlockError } from "../core/message_errors.ts";
import type { Message } from "./message.ts";

/**
 * The error of a message that comes back to an actor which waits, under its lock, for the very answer;
 * `null` if it can wait for the lock.
 *
 * @param holders What holds the lock.
 */
export function deadlockOf(
  message: Message,
  holders: readonly Message[],
  address: ActorAddress,
): DeadlockError | null {
  const chain = message.terms?.chain ?? null;
  if (chain === null || holders.length === 0) return null;
  const hops = readChain(chain);
  const start = hops.findIndex((hop) =>
    holders.some((holder) => !holder.ended && isMessage(hop, holder, address))
  );
  return start < 0 ? null : deadlock(hops.slice(start), message.method);
}

/** Whether a call of a chain is this message of this actor. */
function isMessage(hop: Hop, { serial }: Message, address: ActorAddress): boolean {
  const { host, pool, generation } = address;
  return hop.generation === generation && hop.serial === serial && hop.host === host &&
    hop.pool === pool;
}

function deadlock(hops: readonly Hop[], method: string): DeadlockError {
  const cycle = hops.map((hop) => ({
    actor: `${hop.uid} in ${formatPool(hop)}`,
    method: hop.method,
  }));
  const path = cycle.map(({ actor, method }) => `\n  ${method} of ${actor} waits for`).join("");
  return new DeadlockError(
    `A cycle of calls that wait for each other:${path}\n  ${method} of ${cycle[0]!.actor}, which ` +
      `cannot run before the first has ended. Make it @reentrant, or wait by this.unlocked(promise)`,
    cycle,
  );
}
