import { MAIN_POOL } from "../core/address.ts";
import { PlacementError } from "../core/host_errors.ts";
import type { PoolDescription } from "../core/protocol.ts";
import type { Judge } from "./judges.ts";
import type { Choice, Further, PlacementRequest, Scheduler } from "./scheduler.ts";

/**
 * How the members of a gang lie to each other, beside what each of them asks for: `"pack"` on one host
 * if one can take them all, and in as few pools as will do; `"spread"` on as many hosts, and in as many
 * pools, as there are.
 */
export type GangStrategy = "pack" | "spread";

/** All of them. */
export const GANG_STRATEGIES: readonly GangStrategy[] = Object.freeze(["pack", "spread"] as const);

/** What is known of a gang beside what its members ask for. */
export interface GangHistory {
  /** Why a pool is out of the question for a member. */
  refuse?(member: number, pool: PoolDescription): string | undefined;
  /** Where those members are that have been made already. */
  readonly placed?: readonly PoolDescription[];
}

/**
 * A pool for each member of a gang, held for it; or why there is none.
 *
 * @param strategy `null` leaves it to what each of them asks for.
 */
export function chooseGang(
  scheduler: Scheduler,
  members: readonly PlacementRequest[],
  pools: readonly PoolDescription[],
  strategy: GangStrategy | null,
  history: GangHistory = {},
): (Choice | PlacementError)[] {
  if (strategy === "pack" && members.length > 1 && !history.placed?.length) {
    for (const own of hostsFor(scheduler, members[0]!, pools)) {
      const chosen = chooseEach(scheduler, members, own, strategy, history);
      if (chosen.every(isChoice)) return chosen;
      withdraw(chosen);
    }
  }
  return chooseEach(scheduler, members, pools, strategy, history);
}

/** Gives back what was chosen. */
export function withdraw(chosen: readonly (Choice | PlacementError)[]): void {
  for (const one of chosen.toReversed()) if (isChoice(one)) one.withdraw();
}

/** What an error says of a gang of which nothing is made because of it. */
export function gangError(
  error: PlacementError,
  index: number,
  members: readonly PlacementRequest[],
): PlacementError {
  const which = `Member ${index} of ${members.length} has no place: ${error.message}`;
  return new PlacementError(which, error.refusals, { cause: error });
}

function isChoice(one: Choice | PlacementError): one is Choice {
  return !(one instanceof PlacementError);
}

/** The pools of each host, that first which the first member would choose. */
function hostsFor(
  scheduler: Scheduler,
  first: PlacementRequest,
  pools: readonly PoolDescription[],
): readonly PoolDescription[][] {
  const byHost = Map.groupBy(pools, ({ host }) => host);
  try {
    const { host } = scheduler.decide(first, pools).pool;
    return [byHost.get(host)!, ...[...byHost.values()].filter((one) => one[0]!.host !== host)];
  } catch (error) {
    if (error instanceof PlacementError) return [];
    throw error;
  }
}

function chooseEach(
  scheduler: Scheduler,
  members: readonly PlacementRequest[],
  pools: readonly PoolDescription[],
  strategy: GangStrategy | null,
  { refuse, placed = [] }: GangHistory,
): (Choice | PlacementError)[] {
  const chosen: (Choice | PlacementError)[] = [];
  try {
    for (const [i, member] of members.entries()) {
      const there = () => [...placed, ...chosen.filter(isChoice).map(({ pool }) => pool)];
      const judges = strategy === null ? [] : judgesOf(strategy, there());
      const further = refuse === undefined
        ? { judges }
        : { judges, refuse: (pool: PoolDescription) => refuse(i, pool) };
      chosen.push(chooseOne(scheduler, member, pools, further));
    }
  } catch (error) {
    withdraw(chosen);
    throw error;
  }
  return chosen;
}

function chooseOne(
  scheduler: Scheduler,
  member: PlacementRequest,
  pools: readonly PoolDescription[],
  further: Further,
): Choice | PlacementError {
  try {
    return scheduler.choose(member, pools, further);
  } catch (error) {
    if (error instanceof PlacementError) return error;
    throw error;
  }
}

/** More members than a pool has. */
const MOST_MEMBERS = 2 ** 20;

function judgesOf(
  strategy: GangStrategy,
  placed: readonly PoolDescription[],
): readonly Judge[] {
  const way = strategy === "pack" ? -1 : 1;
  const count = ({ host, pool }: PoolDescription) => {
    const there = placed.filter((one) => one.host === host);
    return there.length * MOST_MEMBERS + there.filter((one) => one.pool === pool).length;
  };
  return [{ score: (pool) => pool.pool === MAIN_POOL ? Infinity : way * count(pool) }];
}
