import { formatPool } from "../core/address.ts";
import { type Hop, readChain } from "../core/call_chain.ts";
import { DeadlockError } from "../core/message_errors.ts";
import type { Cell } from "./cell.ts";
import type { Message } from "./message.ts";

/** A message that has come back to an actor whose lock one of the calls has that have led to it. */
export interface Comeback {
  readonly cell: Cell;
  /** It waits for the lock. */
  readonly message: Message;
  /** It has the lock. */
  readonly holder: Message;
  /** The calls from the holder to the message, oldest first. */
  readonly hops: readonly Hop[];
}

/** Whether a message has come back so; `null` if it has not. */
export function comebackOf(message: Message, cell: Cell): Comeback | null {
  const chain = message.terms?.chain ?? null;
  const { holders } = cell;
  if (chain === null || holders.length === 0) return null;
  const hops = readChain(chain);
  for (const [i, hop] of hops.entries()) {
    const holder = holders.find((one) => !one.ended && isMessage(hop, one, cell));
    if (holder !== undefined) return { cell, message, holder, hops: hops.slice(i) };
  }
  return null;
}

/** Whether a call of a chain is this message of this actor. */
function isMessage(hop: Hop, { serial }: Message, { address }: Cell): boolean {
  const { host, pool, generation } = address;
  return hop.generation === generation && hop.serial === serial && hop.host === host &&
    hop.pool === pool;
}

/** What a message is rejected with that the holder waits for. */
export function deadlock({ hops, message }: Comeback): DeadlockError {
  const cycle = hops.map((hop) => ({
    actor: `${hop.uid} in ${formatPool(hop)}`,
    method: hop.method,
  }));
  const path = cycle.map(({ actor, method }) => `\n  ${method} of ${actor} waits for`).join("");
  return new DeadlockError(
    `A cycle of calls that wait for each other:${path}\n  ${message.method} of ` +
      `${cycle[0]!.actor}, which cannot run before the first has ended. Make it @reentrant, or ` +
      `wait by this.unlocked(promise). A call that is not waited for had better be a tell`,
    cycle,
  );
}
