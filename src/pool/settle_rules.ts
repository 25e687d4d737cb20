import type { PoolDescription } from "../core/protocol.ts";
import type { Placement, Policy } from "../schedule/policy.ts";

/** Whether a placement has rules, which cannot travel. */
export function hasRules(place: Placement | undefined): boolean {
  if (Array.isArray(place)) return place.some(isOfRules);
  return isOfRules(place as Policy | undefined);
}

function isOfRules(policy: Policy | undefined): boolean {
  // Policies may be anything that somebody has written.
  const { policy: kind, wish } = (policy ?? {}) as { readonly policy?: string; wish?: Policy };
  return kind === "custom" || (kind === "prefer" && isOfRules(wish));
}

/** The same placement without rules: they have been asked for these pools. */
export function settleRules(
  place: Placement | undefined,
  pools: readonly PoolDescription[],
): readonly Policy[] {
  const settle = (policy: Policy): Policy => {
    if (policy.policy === "prefer") return { policy: "prefer", wish: settle(policy.wish) };
    if (policy.policy !== "custom") return policy;
    const verdicts = pools.map((pool) => {
      const verdict = policy.refuse?.(pool) ?? policy.score?.(pool) ?? 0;
      return { host: pool.host, pool: pool.pool, verdict };
    });
    return { policy: "settled", name: policy.name, verdicts };
  };
  return [place ?? []].flat().map(settle);
}
