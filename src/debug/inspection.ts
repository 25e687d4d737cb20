import type { ActorAddress, HostId } from "../core/address.ts";
import type { DeviceUse } from "../core/device.ts";
import type { PoolDescription } from "../core/protocol.ts";
import type { Cell } from "../actor/cell.ts";
import type { CellState } from "../actor/cell_life.ts";
import type { ActorCounters } from "../actor/cell_stats.ts";
import type { ParkedActor } from "../actor/registry.ts";
import type { SavedState } from "../actor/state.ts";
import type { DeadLetter } from "../actor/dead_letter.ts";
import { chainOf } from "./pool_watch.ts";
import type { CallerHop, RunningCode } from "./report.ts";

/** A message that an actor has begun and not ended. */
export interface RunningMessage {
  /** What it runs. */
  readonly method: string;
  /**
   * For how many milliseconds it has had something to do itself: not counting while it waited for
   * other actors, as far as was seen. 0 with `debug: false`.
   */
  readonly ms: number;
  /** The actors' calls that wait for it, oldest first. */
  readonly chain: readonly CallerHop[];
  /** The calls of other actors that it waits for. */
  readonly waitsFor: readonly { readonly to: ActorAddress; readonly method: string }[];
}

/** One actor, as it is now. */
export interface ActorInspection {
  /** Where it is, and its uid. */
  readonly address: ActorAddress;
  /** The name of its type. */
  readonly type: string;
  /**
   * `starting`: `postCreate` runs; `parked`: there is no instance until the next message comes; `stopping`:
   * it takes no new messages, then runs `preDestroy`.
   */
  readonly state: CellState;
  /** Messages that wait for it. */
  readonly queued: number;
  /** Methods that have begun and wait for something; a method that never waits is never seen here. */
  readonly running: readonly RunningMessage[];
  /** What it has done so far. */
  readonly counters: ActorCounters;
  /** How its state is kept; left out if its class has none to keep. */
  readonly saved?: SavedState;
}

/** What a pool says of itself. */
export interface PoolState {
  /** Its actors; of a pool that does not answer, none. */
  readonly actors: readonly ActorInspection[];
  /** What its actors that have ended had counted, by the name of their type. */
  readonly ended: Readonly<Record<string, ActorCounters>>;
  /** Calls made there that wait for answers from other pools. */
  readonly pendingCalls: number;
  /** Streams that are produced or read there. */
  readonly streams: number;
  /** How it uses its device; left out if it has none of its own. */
  readonly deviceUse?: DeviceUse;
}

/** One pool, as it is now. */
export interface PoolInspection extends PoolState {
  /** What it is. */
  readonly pool: PoolDescription;
  /** Whether it has answered. If not, it says nothing of itself, and `running` is what there is. */
  readonly responding: boolean;
  /**
   * How many milliseconds its event loop took to answer when last asked, which is every half second;
   * `null` if it was not asked, as the main pool never is.
   */
  readonly lagMs: number | null;
  /** What its thread runs at this moment, or what is under way there; see `LoopReport.running`. */
  readonly running: readonly RunningCode[];
}

/** The messages that a host could not deliver. */
export interface DeadLetterCount {
  /** How many there were. */
  readonly total: number;
  /** By the name of the error that is the reason. */
  readonly byReason: Readonly<Record<string, number>>;
  /** The last ones, oldest first; at most 16. */
  readonly last: readonly DeadLetter[];
}

/** A host, as it is now. Plain data. */
export interface HostInspection {
  /** This incarnation's id. */
  readonly id: HostId;
  /** Where it listens, `host:port`; `null` if it does not. */
  readonly address: string | null;
  /** How far it is; `draining`: it makes no actors any more, and ends those that it has. */
  readonly state: "starting" | "live" | "draining" | "stopping";
  /** Clients that are linked with it. */
  readonly clients: number;
  /** The main pool first. */
  readonly pools: readonly PoolInspection[];
  /** Since it has started. */
  readonly deadLetters: DeadLetterCount;
  /** Threads of workers that were given up because they did not answer: a synchronous loop may hold them. */
  readonly abandonedThreads: number;
}

/** How far a host is. */
export type HostState = HostInspection["state"];

/** What there is to say about an actor that is parked. */
export function inspectParked(actor: ParkedActor, queued: number): ActorInspection {
  const { address, type, counters, saved } = actor;
  const state = "parked" as const;
  const seen = { address, type: type.name.name, state, queued, running: [], counters };
  return saved === null ? seen : { ...seen, saved };
}

/** What there is to say about one actor. */
export function inspectCell(cell: Cell, now: number): ActorInspection {
  const { address, type, state, queued, counters, keeper } = cell;
  const running = [...cell.running].map(([message, { since }]) => ({
    method: message.method,
    ms: now - since,
    chain: chainOf(message),
    waitsFor: message.calls.map(({ to, method }) => ({ to, method })),
  }));
  const saved = keeper?.inspect() ?? null;
  const seen = { address, type: type.name.name, state, queued, running, counters };
  return saved === null ? seen : { ...seen, saved };
}
