import type { HostId } from "../../core/address.ts";
import { PlacementError } from "../../core/host_errors.ts";
import type { PoolDescription } from "../../core/protocol.ts";
import { chooseGang, gangError, type GangStrategy, withdraw } from "../../schedule/gang.ts";
import { isClaim } from "../../schedule/judges.ts";
import type { Lease } from "../../schedule/leases.ts";
import { type Placement, policiesIn, type Policy } from "../../schedule/policy.ts";
import type {
  Choice,
  PlacementDecision,
  PlacementRequest,
  Scheduler,
} from "../../schedule/scheduler.ts";
import { ownPools } from "../cluster/strangers.ts";
import type { HostRouter } from "../router.ts";

/** What finding a pool takes. */
export interface PlacerOptions {
  readonly scheduler: Scheduler;
  readonly router: HostRouter;
  /** The pools of this host, with their load. */
  ownPools(): PoolDescription[];
}

/** Finds pools for actors: those of this host, and of the hosts that it is or can be linked with. */
export class Placer {
  readonly #options: PlacerOptions;

  constructor(options: PlacerOptions) {
    this.#options = options;
  }

  /** The pools that an actor may be placed in, with what was decided on them and how old their figures are. */
  pools(): PoolDescription[] {
    return [...this.#options.scheduler.leases.described(this.#withAge())];
  }

  /** Which pool would be chosen, and why. */
  explain(request: PlacementRequest): PlacementDecision {
    return this.#options.scheduler.decide(request, this.#withAge());
  }

  /** Which pools would be chosen for a gang, and why. */
  explainGang(
    requests: readonly PlacementRequest[],
    strategy: GangStrategy | null,
  ): PlacementDecision[] {
    const chosen = chooseGang(this.#options.scheduler, requests, this.#withAge(), strategy);
    withdraw(chosen);
    return allChosen(chosen, requests);
  }

  /**
   * The best pool.
   *
   * @param refused Pools whose hosts have refused, and why.
   * @throws {PlacementError} if none will do.
   */
  choose(request: PlacementRequest, refused: Refusals): Choice {
    const { scheduler } = this.#options;
    if (refused.isEmpty) return scheduler.choose(request, this.#candidates());
    return scheduler.choose(request, this.#candidates(), {
      refuse: (pool) => refused.reasonOf(pool),
    });
  }

  /** Whether a pool would do that is no candidate now. */
  wouldDo(request: PlacementRequest, pool: PoolDescription): boolean {
    try {
      this.#options.scheduler.decide(request, [pool]);
      return true;
    } catch (error) {
      if (error instanceof PlacementError) return false;
      throw error;
    }
  }

  /** The best pools for replicas, one in each. */
  chooseSeveral(request: PlacementRequest, count: number): Lease[] {
    return this.#options.scheduler.chooseSeveral(request, this.#candidates(), count);
  }

  /**
   * Pools for a gang, as it is known now; for those that have none, why.
   *
   * @param placed Where those of it are that have been made.
   * @param allOrNothing Whether none is held if one has none.
   */
  chooseGang(
    gang: readonly {
      readonly member: { readonly wanted: PlacementRequest };
      readonly refused: Refusals;
    }[],
    strategy: GangStrategy | null,
    placed: readonly PoolDescription[],
    allOrNothing: boolean,
  ): (Choice | PlacementError)[] {
    const requests = gang.map(({ member }) => member.wanted);
    const isNew = gang.every(({ refused }) => refused.isEmpty);
    const refuse = (i: number, pool: PoolDescription) => gang[i]!.refused.reasonOf(pool);
    const history = isNew ? { placed } : { placed, refuse };
    const { scheduler } = this.#options;
    const chosen = chooseGang(scheduler, requests, this.#candidates(), strategy, history);
    const isWhole = chosen.every((one) => !(one instanceof PlacementError));
    if (allOrNothing && !isWhole) withdraw(chosen);
    return chosen;
  }

  /** Another host has said how its pools are. */
  told(host: HostId, pools: readonly PoolDescription[]): void {
    const peer = this.#options.router.peers.get(host);
    if (peer === undefined) return;
    peer.pools = ownPools(pools, host);
    peer.toldAt = performance.now();
    this.#options.scheduler.leases.reported(host);
  }

  #candidates(): PoolDescription[] {
    const all = this.#options.ownPools();
    for (const peer of this.#options.router.others) all.push(...peer.pools);
    return all;
  }

  /** {@linkcode pools}, without what was decided: the scheduler adds that. */
  #withAge(): PoolDescription[] {
    const now = performance.now();
    const all = this.#options.ownPools();
    for (const { pools, toldAt } of this.#options.router.others) {
      for (const pool of pools) all.push({ ...pool, ageMs: now - toldAt });
    }
    return all;
  }
}

/** The pools whose hosts have refused an actor: another was faster. */
export class Refusals {
  /** Made once there is one. */
  #reasons: Map<HostId, Map<number, string>> | undefined;

  /** Whether there are none. */
  get isEmpty(): boolean {
    return this.#reasons === undefined;
  }

  /** A pool's host has refused. */
  add({ host, pool }: PoolDescription, error: PlacementError): void {
    const own = error.refusals.length === 0 ? error.message : reasonIn(error, pool);
    this.#reasons ??= new Map();
    const pools = this.#reasons.get(host) ?? new Map<number, string>();
    this.#reasons.set(host, pools.set(pool, `its host has refused: ${own}`));
  }

  /** Why a pool is out of the question. */
  reasonOf({ host, pool }: PoolDescription): string | undefined {
    return this.#reasons?.get(host)?.get(pool);
  }
}

/** What the host of a chosen pool is asked for: this pool, if what the actor is to have to itself is still free. */
export function orderFor({ host, pool }: PoolDescription, place: Placement | undefined): Placement {
  return [{ policy: "onPool", host, pool }, ...claimsIn(place)];
}

/** The policies of a placement that whoever has the pool must look at again. */
export function claimsIn(place: Placement | undefined): readonly Policy[] {
  return policiesIn(place).filter(isClaim);
}

/** What is said of the pool itself: the other pools of that host were out of the question. */
function reasonIn({ refusals }: PlacementError, pool: number): string {
  const own = refusals.find((one) => one.pool.includes(`(pool ${pool} of `));
  return own?.reason ?? refusals[0]!.reason;
}

function allChosen(
  chosen: readonly (Choice | PlacementError)[],
  requests: readonly PlacementRequest[],
): Choice[] {
  const failed = chosen.findIndex((one) => one instanceof PlacementError);
  if (failed >= 0) throw gangError(chosen[failed] as PlacementError, failed, requests);
  return chosen as Choice[];
}
