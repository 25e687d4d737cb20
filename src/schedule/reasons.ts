/** Placement in words: why a pool was chosen, and why the others were not. */
import { formatHostId } from "../core/address.ts";
import { PlacementError, type PlacementRefusal } from "../core/host_errors.ts";
import type { PoolDescription } from "../core/protocol.ts";
import type { Judge } from "./judges.ts";
import type { Policy } from "./policy.ts";

/** A choice and its reasons. */
export interface PlacementDecision {
  /** The best pool. */
  readonly pool: PoolDescription;
  /** By what it is the best. */
  readonly reason: string;
  /** The others that would not do, and why. */
  readonly refusals: readonly PlacementRefusal[];
}

/** A pool that will not do, and why. */
export type Refused = readonly [PoolDescription, string];

/** Why a main pool gets no replica where others do. */
export const KEPT_FOR_HOST = "replicas go to a main pool only if no other pool will do";

/** Its words are made when somebody reads them: nearly every decision is only carried out. */
export class Decision implements PlacementDecision {
  readonly #policies: readonly Policy[];
  readonly #judges: readonly Judge[];
  readonly #refused: readonly Refused[];

  constructor(
    readonly pool: PoolDescription,
    policies: readonly Policy[],
    judges: readonly Judge[],
    refused: readonly Refused[],
  ) {
    this.#policies = policies;
    this.#judges = judges;
    this.#refused = refused;
  }

  get reason(): string {
    const named = this.#policies.map(nameOfPolicy).join(", ");
    const remarks = this.#judges.map(({ remark }) => remark?.(this.pool) ?? "");
    const said = remarks.filter((one) => one !== "").map((one) => `; ${one}`);
    return `${nameOf(this.pool)} is best by ${named}${said.join("")}`;
  }

  get refusals(): readonly PlacementRefusal[] {
    return refusalsOf(this.#refused);
  }
}

/** No pool will do. */
export function noPool(type: string, refused: readonly Refused[]): PlacementError {
  return failure(`No pool can take ${type}`, refused, "there are no pools");
}

/** Too few will do for replicas. */
export function tooFewPools(
  type: string,
  refused: readonly Refused[],
  wanted: number,
  found: number,
): PlacementError {
  if (found === 0) return noPool(type, refused);
  const what = `${wanted} replicas of ${type} need as many pools, and only ${found} will do`;
  return failure(what, refused, "there are no others");
}

function failure(what: string, refused: readonly Refused[], rest: string): PlacementError {
  const refusals = refusalsOf(refused);
  const list = refusals.map(({ pool, reason }) => `\n  ${pool}: ${reason}`).join("");
  return new PlacementError(`${what}:${list === "" ? ` ${rest}` : list}`, refusals);
}

function refusalsOf(refused: readonly Refused[]): PlacementRefusal[] {
  return refused.map(([pool, reason]) => ({ pool: nameOf(pool), reason }));
}

function nameOfPolicy(policy: Policy): string {
  switch (policy.policy) {
    case "custom":
    case "settled":
      return policy.name;
    case "prefer":
      return `prefer(${nameOfPolicy(policy.wish)})`;
    default:
      return policy.policy;
  }
}

function nameOf(pool: PoolDescription): string {
  return `${pool.name} (pool ${pool.pool} of host ${formatHostId(pool.host)})`;
}
