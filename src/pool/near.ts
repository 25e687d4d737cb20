import type { PoolAddress } from "../core/address.ts";
import type { Actor } from "../actor/actor.ts";
import { type ActorRef, addressOf, isRef } from "../actor/ref.ts";
import type { Policy } from "../schedule/policy.ts";

/**
 * The pool of an actor, or one in which it has a replica; else the same host, else any: by where it is
 * now. A call within a pool takes no message.
 *
 * @param target A ref, or the address of a pool.
 * @throws {TypeError} if it is neither.
 * @example
 * ```ts
 * import { Actor, actor, near, startHost, workerPool } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * export class Store extends Actor {}
 *
 * if (import.meta.main) {
 *   await using host = await startHost({ pools: [workerPool({ count: 2 })] });
 *   const store = await host.createActor(Store, []);
 *   const second = await host.createActor(Store, [], { place: near(store) });
 *   console.log(host.poolOf(store).name === host.poolOf(second).name); // true
 * }
 * ```
 */
export function near(target: ActorRef<Actor> | PoolAddress): Policy {
  const { replicas, host, pool } = isRef(target)
    ? addressOf(target as ActorRef<Actor>)
    : { replicas: undefined, ...target as PoolAddress };
  if (!Number.isSafeInteger(host) || !Number.isSafeInteger(pool)) {
    throw new TypeError(`near takes a ref or the address of a pool, got ${JSON.stringify(target)}`);
  }
  const pools = replicas ?? [{ host, pool }];
  return { policy: "near", pools: pools.map(({ host, pool }) => ({ host, pool })) };
}
