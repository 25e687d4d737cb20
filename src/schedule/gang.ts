import { MAIN_POOL } from "../core/address.ts";
import { PlacementError } from "../core/host_errors.ts";
import type { PoolDescription } from "../core/protocol.ts";
import type { Judge } from "./judges.ts";
import type { Choice, PlacementRequest, Scheduler } from "./scheduler.ts";

/**
 * How the members of a gang lie to each other, beside what each of them asks for: `"pack"` on one host
 * if one can take them all, and in as few pools as will do; `"spread"` on as many hosts, and in as many
 * pools, as there are.
 */
export type GangStrategy = "pack" | "spread";

/** All of them. */
export const GANG_STRATEGIES: readonly GangStrategy[] = Object.freeze(["pack", "spread"] as const);

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
): (Choice | PlacementError)[] {
  if (strategy === "pack" && members.length > 1) {
    for (const own of hostsFor(scheduler, members[0]!, pools)) {
      const chosen = chooseEach(scheduler, members, own, strategy);
      if (chosen.every(isChoice)) return chosen;
      withdraw(chosen);
    }
  }
  return chooseEach(scheduler, members, pools, strategy);
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
): (Choice | PlacementError)[] {
  const chosen: (Choice | PlacementError)[] = [];
  try {
    for (const member of members) {
      chosen.push(chooseOne(scheduler, member, pools, judgesOf(strategy, chosen)));
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
  judges: readonly Judge[],
): Choice | PlacementError {
  try {
    return scheduler.choose(member, pools, { judges });
  } catch (error) {
    if (error instanceof PlacementError) return error;
    throw error;
  }
}

/** More members than a pool has. */
const MOST_MEMBERS = 2 ** 20;

function judgesOf(
  strategy: GangStrategy | null,
  chosen: readonly (Choice | PlacementError)[],
): readonly Judge[] {
  if (strategy === null) return [];
  const placed = chosen.filter(isChoice).map(({ pool }) => pool);
  const way = strategy === "pack" ? -1 : 1;
  const count = ({ host, pool }: PoolDescription) => {
    const there = placed.filter((one) => one.host === host);
    return there.length * MOST_MEMBERS + there.filter((one) => one.pool === pool).length;
  };
  return [{ score: (pool) => pool.pool === MAIN_POOL ? Infinity : way * count(pool) }];
}
