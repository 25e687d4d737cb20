import type { ActorAddress } from "../core/address.ts";
import { type Hop, readChain } from "../core/call_chain.ts";
import type { Cell } from "../actor/cell.ts";
import type { Callee, Message } from "../actor/message.ts";

/** A message that others wait for, and whom it waits for itself. Plain data. */
export interface Wait {
  /** The message that runs. */
  readonly hop: Hop;
  /** What it was asked of: the call that has led here. */
  readonly call: string;
  /** Names that call, which waits for the message, or is it. */
  readonly key: string;
  /** Whether the call waits in the queue; otherwise it is the message. */
  readonly isQueued: boolean;
  /** The calls that the message waits for. */
  readonly calls: readonly Callee[];
  /** {@linkcode Message.open} */
  readonly open: number;
}

/** What a running message of a cell is to others. */
export function hopOf(message: Message, address: ActorAddress): Hop {
  const { method, serial } = message;
  return { ...address, method, serial };
}

/** Names a message among those of a pool. */
export function keyOf({ from, id }: Message): string {
  return `${from.host}/${from.pool}/${id}`;
}

/** Whom a caller waits for that has called an actor: several if they hold it together. */
export function waitsOf(cell: Cell, caller: Hop): Wait[] {
  const isCall = (message: Message) => isCalledBy(message, caller);
  // While it starts its postCreate does, which its creator waits for.
  const hooks = cell.state === "starting" ? cell.holders : [];
  const running = [...cell.running.keys(), ...hooks].filter(isCall);
  const waits = running.map((message) => wait(message, message, cell, false));
  const queued = cell.findWaiting(isCall);
  if (queued === undefined || queued.target!.concurrent) return waits;
  const holders = cell.holders.filter(({ ended }) => !ended);
  return [...waits, ...holders.map((one) => wait(one, queued, cell, true))];
}

function wait(holder: Message, call: Message, { address }: Cell, isQueued: boolean): Wait {
  return {
    hop: hopOf(holder, address),
    call: call.method,
    key: keyOf(call),
    isQueued,
    calls: holder.calls.map(({ to, method }) => ({ to, method })),
    open: holder.open,
  };
}

function isCalledBy({ terms }: Message, caller: Hop): boolean {
  const chain = terms?.chain ?? null;
  if (chain === null) return false;
  const last = readChain(chain).at(-1);
  return last !== undefined && sameHop(last, caller);
}

/** Whether two hops are the same message. */
export function sameHop(a: Hop, b: Hop): boolean {
  return a.serial === b.serial && a.generation === b.generation && a.pool === b.pool &&
    a.host === b.host;
}
