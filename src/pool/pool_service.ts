import type { ActorAddress, PoolAddress } from "../core/address.ts";
import type { Hop } from "../core/call_chain.ts";
import { StatelessActor } from "../actor/actor.ts";
import { type ActorType, callableMethods, RUNTIME_MODULE } from "../actor/actor_type.ts";
import type { PoolState } from "../debug/inspection.ts";
import type { Wait } from "../debug/waits.ts";
import { RESERVED_PREFIX } from "./host_service.ts";

/** What every pool says of itself to those who look for what is wrong. */
export interface PoolService {
  /** What lives here and how it does. */
  inspect(): PoolState;
  /** Whom a caller waits for that has called an actor of this pool. */
  follow(uid: string, caller: Hop): Wait[];
}

/** The address of a pool's service. No two pools of a host have the same uid. */
export function poolServiceOf({ host, pool }: PoolAddress): ActorAddress {
  return { host, pool, uid: `${RESERVED_PREFIX}pool/${pool}`, generation: 1 };
}

/** The service as an actor: how other pools and hosts reach it. */
export class PoolActor extends StatelessActor implements PoolService {
  readonly #pool: PoolService;

  constructor(pool: PoolService) {
    super();
    this.#pool = pool;
  }

  inspect(): PoolState {
    return this.#pool.inspect();
  }

  follow(uid: string, caller: Hop): Wait[] {
    if (typeof uid === "string" && typeof caller === "object" && caller !== null) {
      return this.#pool.follow(uid, caller);
    }
    throw new TypeError("follow takes a uid and a hop of a call chain");
  }
}

/** Not made by name: every pool makes its only one. */
export const POOL_ACTOR_TYPE: ActorType = {
  name: { module: RUNTIME_MODULE, export: "PoolActor", name: "PoolActor", version: "" },
  home: "cpu",
  methods: callableMethods(PoolActor as never),
  create: () => {
    throw new TypeError("A pool has one PoolActor");
  },
};
