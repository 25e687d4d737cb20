import { formatHostId, type HostId } from "../core/address.ts";
import { PlacementError, type PlacementRefusal } from "../core/errors.ts";
import type { PoolDescription } from "../core/protocol.ts";
import { device } from "./device_policy.ts";
import {
  choosesKind,
  leastLoaded,
  type Placement,
  type Policy,
  refusal,
  remark,
  score,
} from "./policy.ts";

/** What is to be placed. */
export interface PlacementRequest {
  /** The type, for people. */
  readonly type: string;
  /** Where its actors are at home. */
  readonly home: "cpu" | "gpu";
  readonly place?: Placement | undefined;
}

/** A choice and its reasons. */
export interface PlacementDecision {
  /** The best pool. */
  readonly pool: PoolDescription;
  /** By what it is the best. */
  readonly reason: string;
  /** The others that would not do, and why. */
  readonly refusals: readonly PlacementRefusal[];
}

/** A pool that will do. */
interface Candidate {
  readonly pool: PoolDescription;
  /** By each policy, less is better. */
  readonly scores: readonly number[];
  /** When it was chosen last. */
  readonly turn: number;
}

/** Chooses pools: what is feasible, then what scores best. Pure but for turns among equals. */
export class Scheduler {
  readonly #host: HostId;
  #turn = 0;
  readonly #lastTurn = new Map<string, number>();
  /** Pools that one actor has to itself. */
  readonly #exclusive = new Set<string>();

  /** @param host The host whose pools are meant when a placement names none. */
  constructor(host: HostId) {
    this.#host = host;
  }

  /**
   * The best pool for a request, which takes its turn.
   *
   * @throws {PlacementError} if none is feasible, saying why for each.
   */
  choose(request: PlacementRequest, pools: readonly PoolDescription[]): PlacementDecision {
    const decision = this.decide(request, pools);
    this.#take(request, decision.pool);
    return decision;
  }

  /** The same without a consequence: what would be chosen now. */
  decide(request: PlacementRequest, pools: readonly PoolDescription[]): PlacementDecision {
    const policies = policiesOf(request);
    const refused: (readonly [PoolDescription, string])[] = [];
    let best: Candidate | undefined;
    for (const pool of pools) {
      const reason = this.#refuse(request, policies, pool);
      if (reason !== undefined) {
        refused.push([pool, reason]);
        continue;
      }
      const scores = policies.map((policy) => score(policy, pool));
      const turn = this.#lastTurn.get(keyOf(pool)) ?? 0;
      if (best === undefined || isBetter(scores, turn, best)) best = { pool, scores, turn };
    }
    if (best === undefined) throw noPool(request, refusalsOf(refused));
    return new Decision(best.pool, policies, refused);
  }

  /**
   * The best pools for replicas of what is requested, one in each; they take their turns. The main pool
   * is one of them only if no other will do: work there holds up the host.
   *
   * @param count `Infinity` takes every pool that will do.
   * @throws {PlacementError} if there are fewer, saying why for each of the others.
   */
  chooseSeveral(
    request: PlacementRequest,
    pools: readonly PoolDescription[],
    count: number,
  ): PoolDescription[] {
    const policies = policiesOf(request);
    const refused: (readonly [PoolDescription, string])[] = [];
    const feasible: Candidate[] = [];
    for (const pool of pools) {
      const reason = this.#refuse(request, policies, pool);
      const turn = this.#lastTurn.get(keyOf(pool)) ?? 0;
      if (reason !== undefined) refused.push([pool, reason]);
      else feasible.push({ pool, turn, scores: policies.map((policy) => score(policy, pool)) });
    }
    const [main, others] = [true, false].map((isMain) =>
      feasible.filter(({ pool }) => (pool.kind === "main") === isMain)
    ) as [Candidate[], Candidate[]];
    const eligible = others.length > 0 ? others : main;
    if (eligible.length < count && (count !== Infinity || eligible.length === 0)) {
      if (eligible === others) {
        refused.push(...main.map(({ pool }) => [pool, KEPT_FOR_HOST] as const));
      }
      throw noPool(request, refusalsOf(refused), count === Infinity ? 1 : count, eligible.length);
    }
    const best = eligible.sort(compare).slice(0, count).map(({ pool }) => pool);
    for (const pool of best) this.#take(request, pool);
    return best;
  }

  /** A pool gets its turn; its actor may have it to itself. */
  #take(request: PlacementRequest, pool: PoolDescription): void {
    const key = keyOf(pool);
    this.#lastTurn.set(key, ++this.#turn);
    const isExclusive = policiesOf(request).some((one) => one.policy === "device" && one.exclusive);
    if (isExclusive && pool.device.kind !== "cpu") this.#exclusive.add(key);
  }

  /** Whether an actor has a pool to itself: as long as there is one. */
  #isTaken(pool: PoolDescription): boolean {
    const key = keyOf(pool);
    if (!this.#exclusive.has(key)) return false;
    if (pool.actors > 0) return true;
    this.#exclusive.delete(key);
    return false;
  }

  #refuse(
    request: PlacementRequest,
    policies: readonly Policy[],
    pool: PoolDescription,
  ): string | undefined {
    if (this.#isTaken(pool)) return "an actor has it to itself";
    for (const policy of policies) {
      const reason = refusal(policy, pool);
      if (reason !== undefined) return reason;
    }
    if (pool.host !== this.#host && !policies.some(isWide)) {
      return "it is on another host: use anyHost() or onHost(id)";
    }
    if (policies.some(choosesKind)) return undefined;
    return request.home === "cpu" && pool.kind === "gpu"
      ? "it is kept for gpu actors: use device() or onPool()"
      : undefined;
  }
}

/** Its words are made when somebody reads them: nearly every decision is only carried out. */
class Decision implements PlacementDecision {
  readonly #policies: readonly Policy[];
  readonly #refused: readonly (readonly [PoolDescription, string])[];

  constructor(
    readonly pool: PoolDescription,
    policies: readonly Policy[],
    refused: readonly (readonly [PoolDescription, string])[],
  ) {
    this.#policies = policies;
    this.#refused = refused;
  }

  get reason(): string {
    const named = this.#policies.map(({ policy }) => policy).join(", ");
    const remarks = this.#policies.map((policy) => remark(policy, this.pool));
    const said = remarks.filter((one) => one !== "").map((one) => `; ${one}`);
    return `${nameOf(this.pool)} is best by ${named}${said.join("")}`;
  }

  get refusals(): readonly PlacementRefusal[] {
    return refusalsOf(this.#refused);
  }
}

function refusalsOf(
  refused: readonly (readonly [PoolDescription, string])[],
): PlacementRefusal[] {
  return refused.map(([pool, reason]) => ({ pool: nameOf(pool), reason }));
}

/** What the request asks for, or the default: kernels by device, classes by load and not on main. */
function policiesOf({ place, home }: PlacementRequest): readonly Policy[] {
  const given: readonly Policy[] = place === undefined
    ? []
    : Array.isArray(place)
    ? place
    : [place as Policy];
  const wanted = home === "gpu" && !given.some(choosesKind) ? [device(), ...given] : given;
  const scored = wanted.some(({ policy }) => policy === "random" || policy === "randomWorker");
  return scored ? wanted : [...wanted, leastLoaded()];
}

function isWide(policy: Policy): boolean {
  return policy.policy === "anyHost" || policy.policy === "onHost" ||
    (policy.policy === "onPool" && policy.host !== undefined);
}

/** Why a main pool gets no replica where others do. */
const KEPT_FOR_HOST = "replicas go to a main pool only if no other pool will do";

function compare(a: Candidate, b: Candidate): number {
  if (isBetter(a.scores, a.turn, b)) return -1;
  return isBetter(b.scores, b.turn, a) ? 1 : 0;
}

function isBetter(scores: readonly number[], turn: number, best: Candidate): boolean {
  for (let i = 0; i < scores.length; i++) {
    if (scores[i] !== best.scores[i]) return scores[i]! < best.scores[i]!;
  }
  return turn < best.turn;
}

function noPool(
  request: PlacementRequest,
  refusals: PlacementRefusal[],
  wanted: number = 1,
  found: number = 0,
): PlacementError {
  const list = refusals.map(({ pool, reason }) => `\n  ${pool}: ${reason}`).join("");
  const what = found === 0
    ? `No pool can take ${request.type}`
    : `${wanted} replicas of ${request.type} need as many pools, and only ${found} will do`;
  const rest = found === 0 ? "there are no pools" : "there are no others";
  return new PlacementError(`${what}:${list === "" ? ` ${rest}` : list}`, refusals);
}

function keyOf({ host, pool }: PoolDescription): string {
  return `${host}/${pool}`;
}

function nameOf(pool: PoolDescription): string {
  return `${pool.name} (pool ${pool.pool} of host ${formatHostId(pool.host)})`;
}
