/** How the children of an actor are supervised: what users say of it, and the pure decisions. */
import type { Down } from "./watch.ts";
import { resolveLimits, type RestartLimits } from "./restart.ts";

/**
 * Who is made again when a child has died: `oneForOne`, that child; `allForOne`, all children;
 * `restForOne`, that child and those made after it.
 */
export type SupervisionStrategy = "oneForOne" | "allForOne" | "restForOne";

/** How the children of an actor are supervised. Durations are in milliseconds. */
export interface SupervisionOptions extends RestartLimits {
  /**
   * Who is made again when a child has died. Those that live are ended first, the last made first; then
   * all are made again in the order in which they were made, each once the one before it has started.
   * @default "oneForOne"
   */
  strategy?: SupervisionStrategy;
  /**
   * How long a child may take to end in order, before it is killed.
   * @default 5000
   */
  stopTimeoutMs?: number;
}

/** {@linkcode SupervisionOptions}, decided. */
export type ResolvedSupervision = Readonly<Required<SupervisionOptions>>;

/** A child has ended, and is not made again. */
export interface ChildDown extends Down {
  /** Whether it was to be made again: its restarts are used up, or its host is gone. */
  readonly gaveUp: boolean;
}

const STRATEGIES: readonly SupervisionStrategy[] = ["oneForOne", "allForOne", "restForOne"];

/** How long a child may take to end, unless it is said. */
export const STOP_TIMEOUT_MS = 5000;

/**
 * Completes what a user says.
 *
 * @throws {TypeError} or {@linkcode RangeError} that names the option.
 */
export function resolveSupervision(
  options: SupervisionStrategy | SupervisionOptions,
): ResolvedSupervision {
  const given = typeof options === "string" ? { strategy: options } : options;
  const limits = resolveLimits(given, "supervision");
  const { strategy = "oneForOne", stopTimeoutMs = STOP_TIMEOUT_MS } = given;
  if (!STRATEGIES.includes(strategy)) {
    throw new RangeError(
      `supervision is one of ${STRATEGIES.join(", ")}, got ${JSON.stringify(strategy)}`,
    );
  }
  if (!(typeof stopTimeoutMs === "number" && stopTimeoutMs >= 0)) {
    throw new RangeError(
      `supervision.stopTimeoutMs is a number of milliseconds from 0 up, got ${stopTimeoutMs}`,
    );
  }
  return { strategy, stopTimeoutMs, ...limits };
}

/**
 * Which children are made again.
 *
 * @param children In the order in which they were made.
 * @param dead Those that have died.
 */
export function madeAgain<C>(
  strategy: SupervisionStrategy,
  children: readonly C[],
  dead: ReadonlySet<C>,
): readonly C[] {
  switch (strategy) {
    case "oneForOne":
      return children.filter((child) => dead.has(child));
    case "allForOne":
      return children;
    case "restForOne": {
      const first = children.findIndex((child) => dead.has(child));
      return first < 0 ? [] : children.slice(first);
    }
    default:
      return strategy satisfies never;
  }
}
