import { type ActorAddress, formatActor, formatPool, type PoolAddress } from "../core/address.ts";
import type { DeadlockHop } from "../core/message_errors.ts";

/** A call of an actor that waits for the answer to the next one. */
export interface CallerHop extends ActorAddress {
  /** What the actor runs. */
  readonly method: string;
}

/** Code of an actor that a pool runs, or has begun to run. */
export interface RunningCode {
  /** The type's name. */
  readonly type: string;
  /** `null` if the actor has ended since. */
  readonly uid: string | null;
  /** The method or hook. */
  readonly method: string;
}

/** A call that takes longer than `slowCallMs`. Each is reported once. */
export interface CallReport {
  /**
   * `slow`: it runs; time in which it waits for other actors does not count, as they are reported
   * themselves. `queued`: it is the next of those that wait for their actor. Of a queue that goes on to be
   * slow only the first is reported.
   */
  readonly kind: "slow" | "queued";
  /** The actor that is called. */
  readonly to: ActorAddress;
  /** The name of its type. */
  readonly type: string;
  /** What is called. */
  readonly method: string;
  /** The pool that has sent it. */
  readonly from: PoolAddress;
  /**
   * For how many milliseconds, within half the threshold. Time in which the pool's event loop was
   * blocked does not count: it is reported by itself.
   */
  readonly ms: number;
  /** The actors' calls that wait for it, oldest first. */
  readonly chain: readonly CallerHop[];
  /** Messages that wait for the actor. */
  readonly waiting: number;
  /** If it is queued, what holds the actor: several if they only read, none if that is a hook. */
  readonly heldBy: readonly { readonly method: string; readonly chain: readonly CallerHop[] }[];
  /** Reports that this pool has left out since its last one, because there were too many. */
  readonly suppressed: number;
}

/** A pool whose event loop does not turn, or turns again. */
export interface LoopReport {
  /** `blocked`: for longer than `blockedLoopMs`; `unblocked`: it is over. */
  readonly kind: "blocked" | "unblocked";
  /** Which. */
  readonly pool: PoolAddress;
  /** The pool's name, for example `worker-1`. */
  readonly name: string;
  /** For how many milliseconds. */
  readonly ms: number;
  /**
   * What runs. If that is the rest of an async method after an `await`, it is one of those listed: all
   * that are under way there, at most 16. Empty when the loop turns again.
   */
  readonly running: readonly RunningCode[];
}

/** Calls that wait for each other in a circle, each behind one that holds an actor. */
export interface DeadlockReport {
  /** Found by a look along who waits for whom. */
  readonly kind: "deadlock";
  /** Who waits for whom; the last one for the first. */
  readonly cycle: readonly DeadlockHop[];
  /** The same in words. */
  readonly message: string;
  /** Whether a call of the cycle was rejected with `DeadlockError`. */
  readonly rejected: boolean;
}

/** What a host has to say about calls and pools that do not get on. */
export type DebugReport = CallReport | LoopReport | DeadlockReport;

/**
 * A report as text for people: one line, or of a deadlock one for each hop.
 *
 * @example
 * ```ts
 * import { type DebugReport, formatReport, startHost } from "@dramatis/dramatis";
 *
 * const onReport = (report: DebugReport) => console.warn(formatReport(report));
 * await using host = await startHost({ pools: [], debug: { slowCallMs: 500, onReport } });
 * ```
 */
export function formatReport(report: DebugReport): string {
  const { kind } = report;
  switch (kind) {
    case "slow":
      return `slow call: ${formatCall(report)} has run for ${seconds(report.ms)}${trail(report)}`;
    case "queued": {
      const { heldBy, waiting } = report;
      const behind = heldBy.length === 0
        ? "a hook"
        : heldBy.map(({ method, chain }) => `${method}${by(chain)}`).join(" and ");
      const text = `${formatCall(report)} has waited for ${seconds(report.ms)} behind ${behind}`;
      return `queued call: ${text}; ${waiting} in the queue${trail(report)}`;
    }
    case "blocked": {
      const running = [...new Set(report.running.map(formatCode))];
      const what = running.length === 0
        ? "no message"
        : running.length === 1
        ? running[0]
        : `one of ${running.join(", ")}`;
      return `blocked: ${formatLoop(report)} has not answered for ${
        seconds(report.ms)
      }; it runs ${what}`;
    }
    case "unblocked":
      return `unblocked: ${formatLoop(report)} answers again after ${seconds(report.ms)}`;
    case "deadlock":
      return `deadlock: ${report.message}`;
    default:
      return kind satisfies never;
  }
}

function formatCall({ method, type, to }: CallReport): string {
  return `${method} of ${type} ${formatActor(to)}`;
}

function formatCode({ method, type, uid }: RunningCode): string {
  return `${method} of ${type} ${uid ?? "(ended)"}`;
}

function formatLoop({ name, pool }: LoopReport): string {
  return `${name} (${formatPool(pool)})`;
}

function trail({ chain, suppressed }: CallReport): string {
  const left = suppressed === 0 ? "" : `; ${suppressed} more reports were left out`;
  return by(chain) + left;
}

/** Who has called, the nearest first. */
function by(chain: readonly CallerHop[]): string {
  const hops = chain.map((hop) => `${hop.method} of ${formatActor(hop)}`).reverse();
  return hops.length === 0 ? "" : `, called by ${hops.join(", called by ")}`;
}

function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
