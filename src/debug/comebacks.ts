import type { ActorAddress } from "../core/address.ts";
import type { Hop } from "../core/call_chain.ts";
import { SYSTEM_CLOCK } from "../core/clock.ts";
import { type Comeback, deadlock } from "../actor/deadlock.ts";
import type { Wait } from "./waits.ts";

/** Asks the pool of an actor whom a caller of it waits for; `null` if it does not say. */
export type AskWaits = (to: ActorAddress, caller: Hop) => Promise<Wait[] | null>;

/** Whether an actor is the runtime's own: it makes actors, and does not say which one a call waits for. */
export type IsOurs = (to: ActorAddress) => boolean;

/** A message that runs, and what it may wait for. */
type Running = Pick<Wait, "hop" | "calls" | "open">;

/** The longest time between two looks, in milliseconds. */
const MAX_LOOK_MS = 250;

/** Messages that one look follows: it must end, however many wait. */
const MAX_MESSAGES = 256;

/**
 * Calls that have come back to a locked actor of their own chain, and which of them are deadlocks. Nobody
 * sees what a method awaits; but whoever waits for something else has another call open, or ends soon. So
 * some turns of the event loop after a call has come back its pool looks at all that the holder of the
 * lock waits for, and those that it waits for, and so on. If all of them have open calls, and these lead to
 * nobody else, the call is rejected. Until then it waits in the queue.
 */
export class Comebacks {
  readonly #ask: AskWaits;
  readonly #isOurs: IsOurs;
  readonly #waiting = new Set<Comeback>();
  #timer: unknown;
  #lookMs = 0;
  #isLooking = false;
  #isStopped = false;

  constructor(ask: AskWaits, isOurs: IsOurs) {
    this.#ask = ask;
    this.#isOurs = isOurs;
  }

  /** A call has come back. */
  add(comeback: Comeback): void {
    this.#waiting.add(comeback);
    this.#lookMs = 0;
    this.#rest();
  }

  /** Looks no more. */
  stop(): void {
    this.#isStopped = true;
    SYSTEM_CLOCK.clearTimeout(this.#timer);
  }

  #rest(): void {
    if (this.#isLooking || this.#isStopped || this.#waiting.size === 0) return;
    SYSTEM_CLOCK.clearTimeout(this.#timer);
    this.#timer = SYSTEM_CLOCK.setTimeout(() => void this.#look(), this.#lookMs);
    this.#lookMs = Math.min(MAX_LOOK_MS, 2 * this.#lookMs + 1);
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    for (const one of this.#waiting) if (!isOpen(one)) this.#waiting.delete(one);
    const holders = Map.groupBy(this.#waiting, ({ holder }) => holder);
    for (const [holder, comebacks] of holders) {
      const { calls, open } = holder;
      const stuck = await this.#stuckWith({ hop: comebacks[0]!.hops[0]!, calls, open });
      // Meanwhile it may have gone on.
      if (stuck === null || holder.open !== open) continue;
      for (const one of comebacks) {
        if (!isOpen(one) || !one.hops.every((hop) => stuck.has(keyOf(hop)))) continue;
        this.#waiting.delete(one);
        one.cell.refuse((message) => message === one.message, deadlock(one));
      }
    }
    this.#isLooking = false;
    this.#rest();
  }

  /** All that a message waits for; `null` if one of them may go on. */
  async #stuckWith(start: Running): Promise<ReadonlySet<string> | null> {
    const next = this.#nextHops();
    const stuck = new Set([keyOf(start.hop)]);
    const left: Running[] = [start];
    for (let one = left.pop(); one !== undefined; one = left.pop()) {
      const calls = one.calls.filter(({ to }) => !this.#isOurs(to));
      const targets = targetsOf({ ...one, calls }, next.get(keyOf(one.hop)) ?? []);
      if (targets === null || stuck.size > MAX_MESSAGES) return null;
      for (const waits of await Promise.all(targets.map((to) => this.#ask(to, one!.hop)))) {
        // It is on its way, or its answer.
        if (waits === null || waits.length === 0) return null;
        for (const wait of waits) {
          if (stuck.has(keyOf(wait.hop))) continue;
          stuck.add(keyOf(wait.hop));
          left.push(wait);
        }
      }
    }
    return stuck;
  }

  /** Whom those that have led to the calls have called. */
  #nextHops(): Map<string, Hop[]> {
    const next = new Map<string, Hop[]>();
    for (const { hops } of this.#waiting) {
      for (const [i, hop] of hops.slice(1).entries()) {
        const key = keyOf(hops[i]!);
        const known = next.get(key) ?? [];
        if (!known.some((other) => keyOf(other) === keyOf(hop))) next.set(key, [...known, hop]);
      }
    }
    return next;
  }
}

/** Whether a call still waits behind the one that waits for it. */
function isOpen({ cell, message, holder }: Comeback): boolean {
  return !cell.isStopped && !holder.ended && !message.ended && message.cell === null &&
    cell.holders.includes(holder);
}

/**
 * The actors that a message waits for; `null` if it may go on by itself, or nobody knows where a stream
 * comes from that it reads, or which actor's start it waits for.
 *
 * @param next Whom it has called, as the calls say that have come back.
 */
function targetsOf({ calls, open }: Running, next: readonly Hop[]): ActorAddress[] | null {
  const called = new Map(calls.map(({ to }) => [actorOf(to), to]));
  const producers = next.filter((hop) => !called.has(actorOf(hop)));
  const others = open - calls.length;
  if (open === 0 || others > producers.length) return null;
  return others > 0 ? [...called.values(), ...producers] : [...called.values()];
}

function actorOf({ host, pool, uid }: ActorAddress): string {
  return `${host}/${pool}/${uid}`;
}

function keyOf({ host, pool, generation, serial }: Hop): string {
  return `${host}/${pool}/${generation}/${serial}`;
}
