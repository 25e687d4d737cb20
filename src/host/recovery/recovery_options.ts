/** What users say of the recovery of pools. */
import type { RestoredActor } from "./snapshots.ts";
import type { ActorAddress } from "../../core/address.ts";
import { formatActor } from "../../core/address.ts";
import type { PoolLostError } from "../../core/host_errors.ts";
import type { PoolDescription } from "../../core/protocol.ts";
import { type ResolvedRestart, resolveLimits, type RestartLimits } from "../../actor/restart.ts";

/**
 * What becomes of a pool that dies: `actor`, it is started again at the same address, and its actors are
 * made again with the arguments they were created with; `pool`, it is started again without actors; `false`,
 * it is gone.
 */
export type AutoRecover = "actor" | "pool" | false;

/** How pools are recovered. Durations are in milliseconds. */
export interface RecoveryOptions extends RestartLimits {
  /**
   * How long a message to a pool that is being recovered waits for it, before it fails with
   * `PoolLostError`; one to an actor that is made again on another host, before `HostLostError`; and an
   * actor to be made there, if no other pool will do, before `PlacementError`. With 0 it fails at once.
   * @default 5000; for an actor that is made again on another host, `ttlMs` of `natsDirectory` longer
   */
  waitMs?: number;
  /**
   * A pool whose event loop has not answered for so long is ended, as by `killActor`, and so recovered.
   * Code that computes for long without an `await` is silent too.
   * @default Infinity, never
   */
  silentMs?: number;
  /**
   * Hears of a pool that has died, each time once.
   * @default nothing
   */
  onPoolDown?: (event: PoolDownEvent) => void;
  /**
   * Hears of a pool that is there again, with its actors.
   * @default nothing
   */
  onPoolRecovered?: (event: PoolRecoveredEvent) => void;
  /**
   * Hears of a pool or an actor that is started again no more: it has ended too often.
   * @default a line on standard error
   */
  onGiveUp?: (event: GiveUpEvent) => void;
}

/** A pool has died. */
export interface PoolDownEvent {
  /** The pool as it was. */
  readonly pool: PoolDescription;
  /** Which of the isolates at this address it was, from 1. */
  readonly generation: number;
  /** Why. */
  readonly reason: PoolLostError;
  /** Whether it is to be started again. */
  readonly recovers: boolean;
}

/** A pool is there again. */
export interface PoolRecoveredEvent {
  /** The pool as it is. */
  readonly pool: PoolDescription;
  /** Which of the isolates at this address it is. */
  readonly generation: number;
  /** How many actors have been made again. */
  readonly actors: number;
  /** Those of them whose state came back, and how old it was; the others are as new. */
  readonly restored: readonly RestoredActor[];
  /** How long it was away, in milliseconds. */
  readonly ms: number;
}

/** A pool, or one of its actors, is started again no more. */
export interface GiveUpEvent {
  /** The pool as it was. */
  readonly pool: PoolDescription;
  /** The actor; `null` if it is the pool itself, and with it all its actors. */
  readonly actor: ActorAddress | null;
  /** Why it could not be started, or has ended, the last time. */
  readonly error: Error;
}

/** {@linkcode RecoveryOptions}, decided. */
export interface ResolvedRecovery extends Readonly<Required<RecoveryOptions>> {
  readonly autoRecover: AutoRecover;
  /** How long a message waits for an actor that is made again on another host. */
  readonly successorMs: number;
  /** When actors are made again that do not say so themselves: as often as their pool. */
  readonly restart: ResolvedRestart;
}

/** Milliseconds that a message waits, unless its host says so. */
const WAIT_MS = 5000;

/**
 * Checks the options and fills in the defaults.
 *
 * @param leaseMs How long the names of a lost host stay taken: nobody can make its actors again before.
 * @throws {TypeError} or {@linkcode RangeError} that names the option.
 */
export function resolveRecovery(
  autoRecover: AutoRecover = "actor",
  options: RecoveryOptions = {},
  leaseMs: number = 0,
): ResolvedRecovery {
  if (autoRecover !== "actor" && autoRecover !== "pool" && autoRecover !== false) {
    throw new RangeError(
      `autoRecover is "actor", "pool" or false, got ${JSON.stringify(autoRecover)}`,
    );
  }
  const limits = resolveLimits(options, "recovery");
  const { waitMs = WAIT_MS, silentMs = Infinity } = options;
  const { onPoolDown = () => {}, onPoolRecovered = () => {}, onGiveUp = printGiveUp } = options;
  if (!(waitMs >= 0)) {
    throw new RangeError(`recovery.waitMs is a number of milliseconds from 0 up, got ${waitMs}`);
  }
  if (!(silentMs > 0)) {
    throw new RangeError(`recovery.silentMs is a number of milliseconds above 0, got ${silentMs}`);
  }
  for (const [name, hook] of Object.entries({ onPoolDown, onPoolRecovered, onGiveUp })) {
    if (typeof hook === "function") continue;
    throw new TypeError(`recovery.${name} is a function, got ${JSON.stringify(hook)}`);
  }
  const restart: ResolvedRestart = Object.freeze({
    kind: autoRecover === "actor" ? "permanent" : "temporary",
    ...limits,
  });
  return {
    autoRecover,
    restart,
    ...limits,
    waitMs,
    successorMs: options.waitMs ?? WAIT_MS + leaseMs,
    silentMs,
    onPoolDown,
    onPoolRecovered,
    onGiveUp,
  };
}

function printGiveUp({ pool, actor, error }: GiveUpEvent): void {
  const what = actor === null ? pool.name : formatActor(actor);
  // deno-lint-ignore no-console
  console.error(`dramatis: ${what} is given up: ${error.name}: ${error.message}`);
}
