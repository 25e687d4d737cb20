/** Whether and when what has ended is started again: a pure decision, and what users say of it. */

/** How often something may be started again, and how long it waits between. */
export interface RestartLimits {
  /**
   * How often it is started again within `withinMs`; when it ends once more, it is given up.
   * @default 5
   */
  maxRestarts?: number;
  /**
   * The time in milliseconds that `maxRestarts` counts in.
   * @default 60_000
   */
  withinMs?: number;
  /**
   * Milliseconds before the second restart within `withinMs`; the first is at once. Each further one waits
   * twice as long, less a random part of up to a half, so that not all come back in the same moment.
   * @default 100
   */
  backoffMs?: number;
  /**
   * The longest wait in milliseconds.
   * @default 10_000
   */
  maxBackoffMs?: number;
}

/**
 * After which ends of its pool an actor is made again: `permanent`, after all; `transient`, unless the pool
 * has exited by itself (`self.close()`, `Deno.exit()`); `temporary`, after none.
 */
export type RestartKind = "permanent" | "transient" | "temporary";

/** When an actor is made again, and how often. */
export interface RestartOptions extends RestartLimits {
  /**
   * After which ends.
   * @default "permanent"
   */
  kind?: RestartKind;
}

/** {@linkcode RestartOptions}, decided. */
export type ResolvedRestart = Readonly<Required<RestartOptions>>;

/** What holds for what is not said: most actors share it. */
export const RESTART_DEFAULTS: ResolvedRestart = Object.freeze({
  kind: "permanent",
  maxRestarts: 5,
  withinMs: 60_000,
  backoffMs: 100,
  maxBackoffMs: 10_000,
});

const KINDS: readonly RestartKind[] = ["permanent", "transient", "temporary"];

/** What is to be done. */
export type RestartDecision =
  | { readonly restart: true; readonly delayMs: number; readonly history: readonly number[] }
  | { readonly restart: false };

/**
 * Whether it is started again, and after how long.
 *
 * @param history When it was started again before; the decision has what is to be kept of it.
 * @param now The time, by the same clock.
 * @param random From 0 to below 1.
 */
export function decideRestart(
  history: readonly number[],
  limits: Readonly<Required<RestartLimits>>,
  now: number,
  random: number,
): RestartDecision {
  const { maxRestarts, withinMs, backoffMs, maxBackoffMs } = limits;
  const recent = history.filter((time) => now - time < withinMs);
  const count = recent.length;
  if (count >= maxRestarts) return { restart: false };
  const longest = count === 0 ? 0 : Math.min(maxBackoffMs, backoffMs * 2 ** (count - 1));
  return { restart: true, delayMs: longest * (1 - random / 2), history: [...recent, now] };
}

/** Whether an actor is one to be made again after its pool has ended so. */
export function outlives({ kind }: ResolvedRestart, exit: string): boolean {
  return kind === "permanent" || (kind === "transient" && exit !== "exit");
}

/**
 * Completes what a user says of an actor.
 *
 * @param defaults What holds for what is not said.
 * @throws {TypeError} or {@linkcode RangeError} that names the option.
 */
export function resolveRestart(
  options?: RestartKind | RestartOptions,
  defaults: ResolvedRestart = RESTART_DEFAULTS,
): ResolvedRestart {
  if (options === undefined || options === defaults.kind) return defaults;
  const given = typeof options === "string" ? { kind: options } : options;
  const resolved = resolveLimits(given, "restart", defaults);
  const { kind = defaults.kind } = given;
  if (!KINDS.includes(kind)) {
    throw new RangeError(`restart is one of ${KINDS.join(", ")}, got ${JSON.stringify(kind)}`);
  }
  return { kind, ...resolved };
}

/**
 * Completes how often and how fast.
 *
 * @param root The option, for people.
 * @param defaults What holds for what is not said.
 * @throws {TypeError} or {@linkcode RangeError} that names the option.
 */
export function resolveLimits(
  options: RestartLimits,
  root: string,
  defaults: Readonly<Required<RestartLimits>> = RESTART_DEFAULTS,
): Readonly<Required<RestartLimits>> {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(`${root} is an object, got ${JSON.stringify(options)}`);
  }
  const {
    maxRestarts = defaults.maxRestarts,
    withinMs = defaults.withinMs,
    backoffMs = defaults.backoffMs,
    maxBackoffMs = defaults.maxBackoffMs,
  } = options;
  const limits = { maxRestarts, withinMs, backoffMs, maxBackoffMs };
  for (const [name, value] of Object.entries(limits)) {
    if (typeof value === "number" && value >= 0) continue;
    throw new RangeError(`${root}.${name} is a number from 0 up, got ${value}`);
  }
  return limits;
}
