/** Policies of users' own: rules, and as plain data what they have said. */
import type { HostId } from "../core/address.ts";
import type { PoolDescription } from "../core/protocol.ts";

/** What a policy says of pools: which will not do, and which of the others is better. */
export interface Rules {
  /** Why a pool will not do; `undefined` if it will. */
  refuse?(pool: PoolDescription): string | undefined;
  /** How good a pool is that will do: less is better. Left out, all are equal. */
  score?(pool: PoolDescription): number;
}

/** A policy of your own. Make one with {@linkcode custom}. */
export interface CustomPolicy extends Rules {
  /** What it is. */
  readonly policy: "custom";
  /** What it is called in reasons and refusals. */
  readonly name: string;
}

/** What the rules of a policy have said of pools, as plain data: rules cannot travel. */
export interface SettledPolicy {
  /** What it is. */
  readonly policy: "settled";
  /** The policy's name. */
  readonly name: string;
  /** For each pool that there was, why it will not do, or how good it is. */
  readonly verdicts: readonly {
    readonly host: HostId;
    readonly pool: number;
    readonly verdict: string | number;
  }[];
}

/**
 * A policy of your own: it filters, or scores, or both. It runs where the actor is created, over the
 * descriptions of the pools there are; within an actor that is not in the main pool, once before its
 * host decides. Other policies can be combined with it.
 *
 * What a rule throws, or answers that is neither a reason nor a number, becomes a `TypeError` that names the
 * policy, and no actor is made.
 *
 * @param name What it is called in reasons and refusals.
 * @throws {TypeError} if it has no rules.
 * @example
 * ```ts
 * import { custom } from "@dramatis/dramatis";
 *
 * const quiet = custom("quiet", {
 *   refuse: ({ busy = 0 }) => busy > 0.5 ? "it is too busy" : undefined,
 *   score: ({ actors, device }) => actors / (device.kind === "gpu" ? 8 : 1),
 * });
 * console.log(quiet.name); // quiet
 * ```
 */
export function custom(name: string, rules: Rules): CustomPolicy {
  const { refuse, score } = rules;
  const isRule = (rule: unknown) => rule === undefined || typeof rule === "function";
  if (!isRule(refuse) || !isRule(score) || (refuse === undefined && score === undefined)) {
    throw new TypeError(`The policy ${JSON.stringify(name)} needs refuse or score, as functions`);
  }
  return {
    policy: "custom",
    name,
    ...(refuse === undefined ? {} : {
      refuse: (pool) => ask(name, "refuse", () => refuse.call(rules, frozen(pool)), isReason),
    }),
    ...(score === undefined ? {} : {
      score: (pool) => ask(name, "score", () => score.call(rules, frozen(pool)), isScore),
    }),
  };
}

/** What each rule may answer. */
const ANSWERS = { refuse: "a reason or undefined", score: "a number" } as const;

function isReason(answer: unknown): answer is string | undefined {
  return answer === undefined || typeof answer === "string";
}

function isScore(answer: unknown): answer is number {
  return typeof answer === "number" && !Number.isNaN(answer);
}

/** Other policies look at the same description. */
function frozen(pool: PoolDescription): PoolDescription {
  const labels = Object.freeze([...pool.labels]);
  return Object.freeze({ ...pool, labels, device: Object.freeze({ ...pool.device }) });
}

/** What a rule answers; what it throws, or answers else, is said to be its fault. */
function ask<T>(
  policy: string,
  rule: keyof Rules,
  run: () => unknown,
  isAnswer: (answer: unknown) => answer is T,
): T {
  const which = `${rule} of the policy ${JSON.stringify(policy)}`;
  let answer: unknown;
  try {
    answer = run();
  } catch (cause) {
    const what = cause instanceof Error ? `${cause.name}: ${cause.message}` : `a ${typeof cause}`;
    throw new TypeError(`${which} has thrown ${what}`, { cause });
  }
  if (isAnswer(answer)) return answer;
  // Nobody waits for it.
  if (answer instanceof Promise) answer.catch(() => {});
  const isPlain = typeof answer !== "object" && typeof answer !== "function";
  const got = answer instanceof Promise ? "a promise" : isPlain ? String(answer) : typeof answer;
  throw new TypeError(`${which} answers with ${ANSWERS[rule]}, got ${got}`);
}
