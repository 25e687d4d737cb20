import { type DebugReport, formatReport } from "./report.ts";

/** What a host looks out for, and whom it tells. Durations are in milliseconds; `Infinity` turns one off. */
export interface DebugOptions {
  /**
   * When a call is slow that runs, or waits for its actor: it is reported, once. From then on the host
   * also looks whether calls wait for each other in a circle, across pools and hosts. Types and methods
   * may have their own: `@actor(import.meta, { slowCallMs })`, `@slowCallMs(ms)`.
   * @default 1000
   */
  slowCallMs?: number;
  /**
   * When a pool is blocked whose event loop does not answer: it is reported with what it runs, and
   * again when it answers. The main pool, which nobody watches from outside, only then.
   * @default 1000
   */
  blockedLoopMs?: number;
  /**
   * What becomes of calls that wait for each other in a circle: `report` leaves them; `reject` fails
   * one of them with `DeadlockError`, so that the others go on.
   * @default "report"
   */
  onDeadlock?: "report" | "reject";
  /**
   * Hears of all this.
   * @default a line on standard error
   */
  onReport?: (report: DebugReport) => void;
}

/** What a pool has to know of them: plain data. */
export interface PoolDebug {
  readonly slowCallMs: number;
  readonly blockedLoopMs: number;
  readonly onDeadlock: "report" | "reject";
}

/** Every option, decided. */
export interface ResolvedDebug extends PoolDebug {
  readonly onReport: (report: DebugReport) => void;
}

/**
 * Checks the options and fills in the defaults; `null` if there is to be no debugging.
 *
 * @throws {TypeError} or {@linkcode RangeError} that names the option.
 */
export function resolveDebug(options: DebugOptions | false = {}): ResolvedDebug | null {
  if (options === false) return null;
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`debug is an object or false, got ${JSON.stringify(options)}`);
  }
  const {
    slowCallMs = 1000,
    blockedLoopMs = 1000,
    onDeadlock = "report",
    onReport = printReport,
  } = options;
  for (const [name, ms] of Object.entries({ slowCallMs, blockedLoopMs })) {
    if (typeof ms === "number" && ms > 0) continue;
    throw new RangeError(`debug.${name} is a number of milliseconds above 0, got ${ms}`);
  }
  if (onDeadlock !== "report" && onDeadlock !== "reject") {
    throw new RangeError(
      `debug.onDeadlock is "report" or "reject", got ${JSON.stringify(onDeadlock)}`,
    );
  }
  if (typeof onReport !== "function") {
    throw new TypeError(`debug.onReport is a function, got ${JSON.stringify(onReport)}`);
  }
  return { slowCallMs, blockedLoopMs, onDeadlock, onReport };
}

/** The part of them that travels to a pool. */
export function poolDebug(debug: ResolvedDebug | null): PoolDebug | null {
  if (debug === null) return null;
  const { slowCallMs, blockedLoopMs, onDeadlock } = debug;
  return { slowCallMs, blockedLoopMs, onDeadlock };
}

function printReport(report: DebugReport): void {
  // deno-lint-ignore no-console
  console.error(`dramatis: ${formatReport(report)}`);
}
