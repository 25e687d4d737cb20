import type { HostId } from "../core/address.ts";
import type { PoolDescription } from "../core/protocol.ts";
import { device } from "./device_policy.ts";
import { choosesKind, decides, isWide, type Judge, judgeOf, needOf, type View } from "./judges.ts";
import { type Lease, Leases, type Need, NOTHING } from "./leases.ts";
import { leastLoaded, type Placement, policiesIn, type Policy } from "./policy.ts";
import {
  Decision,
  KEPT_FOR_HOST,
  noPool,
  type PlacementDecision,
  type Refused,
  tooFewPools,
} from "./reasons.ts";
import { Turns } from "./turns.ts";

export type { PlacementDecision };

/** What is to be placed. */
export interface PlacementRequest {
  /** The type, for people. */
  readonly type: string;
  /** Where its actors are at home. */
  readonly home: "cpu" | "gpu";
  readonly place?: Placement | undefined;
}

/** How a scheduler decides. */
export interface SchedulerOptions {
  /** Chance, from 0 up to 1. @default Math.random */
  readonly random?: () => number;
}

/** What a decision goes by beside the placement: a gang has its own rules. */
export interface Further {
  /** Score before all others. */
  readonly judges?: readonly Judge[];
  /** Why a pool is out of the question. */
  refuse?(pool: PoolDescription): string | undefined;
}

/** A pool that was chosen, and is held for the actor. */
export interface Choice extends PlacementDecision {
  readonly lease: Lease;
  /** As if it had not been chosen; later choices are to be withdrawn first. */
  withdraw(): void;
}

/** The best pool, and what it is the best of. */
type Best = ConstructorParameters<typeof Decision>;

/** Chooses pools: what is feasible, then what scores best, then a lease. */
export class Scheduler {
  /** What was decided. */
  readonly leases: Leases;
  readonly #host: HostId;
  readonly #random: () => number;
  readonly #turns = new Turns();
  readonly #turnOf = (pool: PoolDescription): number => this.#turns.of(pool);

  /** @param host The host whose pools are meant when a placement names none. */
  constructor(host: HostId, { random = Math.random }: SchedulerOptions = {}) {
    this.#host = host;
    this.#random = random;
    this.leases = new Leases(host);
  }

  /**
   * The best pool for a request, held for it until the lease is given back.
   *
   * @throws {PlacementError} if none is feasible, saying why for each.
   */
  choose(
    request: PlacementRequest,
    pools: readonly PoolDescription[],
    further: Further = {},
  ): Choice {
    const best = this.#decide(request, pools, further);
    const [pool, policies] = best;
    const turn = this.#turns.of(pool);
    return new HeldChoice(best, this.#take(pool, policies), this.#turns, turn);
  }

  /** A host is gone. */
  forget(host: HostId): void {
    this.leases.forget(host);
    this.#turns.forget(host);
  }

  /** The same without a consequence: what would be chosen now. */
  decide(request: PlacementRequest, pools: readonly PoolDescription[]): PlacementDecision {
    return new Decision(...this.#decide(request, pools, {}));
  }

  /**
   * The best pools for replicas of what is requested, one in each, held for them. The main pool
   * is one of them only if no other will do: work there holds up the host.
   *
   * @param count `Infinity` takes every pool that will do.
   * @throws {PlacementError} if there are fewer, saying why for each of the others.
   */
  chooseSeveral(
    request: PlacementRequest,
    pools: readonly PoolDescription[],
    count: number,
  ): Lease[] {
    const policies = policiesOf(request);
    const bench = this.#bench(request, policies, pools, {});
    const { feasible, refused } = bench;
    const [main, others] = [true, false].map((isMain) =>
      feasible.filter(({ kind }) => (kind === "main") === isMain)
    ) as [PoolDescription[], PoolDescription[]];
    const eligible = others.length > 0 ? others : main;
    if (eligible.length < count && (count !== Infinity || eligible.length === 0)) {
      if (eligible === others) refused.push(...main.map((pool) => [pool, KEPT_FOR_HOST] as const));
      throw tooFewPools(request.type, refused, count === Infinity ? 1 : count, eligible.length);
    }
    const scored = eligible.map((pool) => ({
      pool,
      scores: [...bench.judges.map(({ score }) => score?.(pool) ?? 0), this.#turns.of(pool)],
    }));
    const best = scored.sort((a, b) => compare(a.scores, b.scores)).slice(0, count);
    return best.map(({ pool }) => this.#take(pool, policies));
  }

  #decide(
    request: PlacementRequest,
    pools: readonly PoolDescription[],
    further: Further,
  ): Best {
    const policies = policiesOf(request);
    const { judges, feasible, refused } = this.#bench(request, policies, pools, further);
    const pool = this.#best(feasible, judges);
    if (pool === undefined) throw noPool(request.type, refused);
    return [pool, policies, judges, refused];
  }

  /** What is feasible, and what is not. */
  #bench(
    request: PlacementRequest,
    policies: readonly Policy[],
    pools: readonly PoolDescription[],
    { judges: first = [], refuse: refuseFirst }: Further,
  ): { judges: readonly Judge[]; feasible: PoolDescription[]; refused: Refused[] } {
    const described = this.leases.described(pools);
    const view: View = { pools: described, turnOf: this.#turnOf, random: this.#random };
    const judges = [...first];
    for (const policy of policies) judges.push(judgeOf(policy, view));
    const isWideRequest = policies.some(isWide);
    const isForAnyKind = request.home === "gpu" || policies.some(choosesKind);
    const feasible: PoolDescription[] = [];
    const refused: Refused[] = [];
    for (const pool of described) {
      let reason = refuseFirst?.(pool);
      if (reason === undefined && pool.held?.exclusive) reason = "an actor has it to itself";
      for (let i = 0; reason === undefined && i < judges.length; i++) {
        reason = judges[i]!.refuse?.(pool);
      }
      if (reason === undefined && !isWideRequest && pool.host !== this.#host) reason = FAR;
      if (reason === undefined && !isForAnyKind && pool.kind === "gpu") reason = KEPT_FOR_GPU;
      if (reason === undefined) feasible.push(pool);
      else refused.push([pool, reason]);
    }
    return { judges, feasible, refused };
  }

  /** The pool that the first judge prefers that tells it from others; among equals, whose turn it is. */
  #best(
    feasible: readonly PoolDescription[],
    judges: readonly Judge[],
  ): PoolDescription | undefined {
    if (feasible.length <= 1) return feasible[0];
    const scores = [
      ...judges.flatMap(({ score }) => score === undefined ? [] : [score]),
      this.#turnOf,
    ];
    let best: PoolDescription | undefined;
    // What the best one got, as far as it was needed: each score is asked for once.
    let bests: number[] = [];
    for (const pool of feasible) {
      if (best === undefined) {
        best = pool;
        continue;
      }
      for (let i = 0; i < scores.length; i++) {
        const own = scores[i]!(pool);
        const other = bests[i] ??= scores[i]!(best);
        if (own === other) continue;
        if (own < other) {
          best = pool;
          bests = bests.slice(0, i);
          bests.push(own);
        }
        break;
      }
    }
    return best;
  }

  /** A pool gets its turn, and the actor what it is to have to itself. */
  #take(pool: PoolDescription, policies: readonly Policy[]): Lease {
    this.#turns.take(pool);
    return this.leases.take(pool, needIn(policies, pool));
  }
}

class HeldChoice extends Decision implements Choice {
  readonly lease: Lease;
  readonly #turns: Turns;
  /** When the pool was chosen before. */
  readonly #turn: number;

  constructor(best: Best, lease: Lease, turns: Turns, turn: number) {
    super(...best);
    this.lease = lease;
    this.#turns = turns;
    this.#turn = turn;
  }

  withdraw(): void {
    this.lease[Symbol.dispose]();
    this.#turns.back(this.pool, this.#turn);
  }
}

const FAR = "it is on another host: use anyHost() or onHost(id)";
const KEPT_FOR_GPU = "it is kept for gpu actors: use device() or onPool()";

/** All that policies give an actor to itself. */
function needIn(policies: readonly Policy[], pool: PoolDescription): Need {
  let all = NOTHING;
  for (const policy of policies) {
    const need = needOf(policy, pool);
    if (need === undefined) continue;
    all = {
      marks: [...all.marks, ...need.marks],
      memoryBytes: Math.max(all.memoryBytes, need.memoryBytes),
      exclusive: all.exclusive || need.exclusive,
    };
  }
  return all;
}

const BY_LOAD: readonly Policy[] = Object.freeze([leastLoaded()]);

/** What the request asks for, or the default: kernels by device, classes by load and not on main. */
function policiesOf({ place, home }: PlacementRequest): readonly Policy[] {
  const given = policiesIn(place);
  const wanted = home === "gpu" && !given.some(choosesKind) ? [device(), ...given] : given;
  if (wanted.length === 0) return BY_LOAD;
  return wanted.some(decides) ? wanted : wanted.concat(BY_LOAD);
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1;
  return 0;
}
