/** Every placement policy, as plain data that any pool or host can decide; `judges.ts` says how. */
import type { HostId, PoolAddress } from "../core/address.ts";
import { LIMITS, type PoolDescription } from "../core/protocol.ts";
import type { CustomPolicy, SettledPolicy } from "./custom_policy.ts";
import type { DevicePolicy } from "./device_policy.ts";

/** A placement policy. Make one with the functions of the same name. */
export type Policy =
  | { readonly policy: "onPool"; readonly pool: number | string; readonly host?: HostId }
  | { readonly policy: "onHost"; readonly host: HostId }
  | { readonly policy: "anyHost" }
  | { readonly policy: "mainPool" }
  | { readonly policy: "random" }
  | { readonly policy: "randomWorker" }
  | { readonly policy: "poolIndex"; readonly index: number }
  | { readonly policy: "label"; readonly label: string }
  | { readonly policy: "idleLabel"; readonly label: string; readonly mark: string }
  | { readonly policy: "leastLoaded" }
  | { readonly policy: "roundRobin" }
  | { readonly policy: "spread" }
  | { readonly policy: "pack"; readonly perPool?: number }
  | { readonly policy: "near"; readonly pools: readonly PoolAddress[] }
  | { readonly policy: "byHash"; readonly key: string }
  | { readonly policy: "prefer"; readonly wish: Policy }
  | DevicePolicy
  | CustomPolicy
  | SettledPolicy;

/** What `place` takes: one policy, or several: all filter, and the first scores first. */
export type Placement = Policy | readonly Policy[];

/** The policies of a placement. */
export function policiesIn(place: Placement | undefined): readonly Policy[] {
  if (place === undefined) return [];
  const policies: readonly Policy[] = Array.isArray(place) ? place : [place as Policy];
  // One that is not known refuses every pool.
  if (policies.every((one) => typeof one === "object" && one !== null)) return policies;
  throw new TypeError("place is a policy, such as leastLoaded(), or a list of policies");
}

/**
 * One pool: by its description, number or name.
 *
 * @example
 * ```ts
 * import { onPool } from "@dramatis/dramatis";
 *
 * const place = onPool("worker-1");
 * console.log(place.policy); // onPool
 * ```
 */
export function onPool(pool: PoolDescription | number | string): Policy {
  return typeof pool === "object"
    ? { policy: "onPool", pool: pool.pool, host: pool.host }
    : { policy: "onPool", pool };
}

/**
 * Any pool of one host, which may be another one.
 *
 * @example
 * ```ts
 * import { onHost } from "@dramatis/dramatis";
 *
 * const place = onHost(0x00f3a91b22c4);
 * console.log(place.policy); // onHost
 * ```
 */
export function onHost(host: HostId): Policy {
  return { policy: "onHost", host };
}

/**
 * Any pool of any linked host.
 *
 * @example
 * ```ts
 * import { anyHost } from "@dramatis/dramatis";
 *
 * const place = anyHost();
 * console.log(place.policy); // anyHost
 * ```
 */
export function anyHost(): Policy {
  return { policy: "anyHost" };
}

/**
 * The host's own isolate. Work that blocks it blocks the host.
 *
 * @example
 * ```ts
 * import { mainPool } from "@dramatis/dramatis";
 *
 * const place = mainPool();
 * console.log(place.policy); // mainPool
 * ```
 */
export function mainPool(): Policy {
  return { policy: "mainPool" };
}

/**
 * Any pool with equal chance.
 *
 * @example
 * ```ts
 * import { random } from "@dramatis/dramatis";
 *
 * const place = random();
 * console.log(place.policy); // random
 * ```
 */
export function random(): Policy {
  return { policy: "random" };
}

/**
 * Any worker pool with equal chance.
 *
 * @example
 * ```ts
 * import { randomWorker } from "@dramatis/dramatis";
 *
 * const place = randomWorker();
 * console.log(place.policy); // randomWorker
 * ```
 */
export function randomWorker(): Policy {
  return { policy: "randomWorker" };
}

/**
 * One pool of a host, counted among those that it has now: 0 is the main one. With `anyHost()` that of
 * any host.
 *
 * @throws {RangeError} if the index is not a whole number from 0.
 * @example
 * ```ts
 * import { poolIndex, startHost, workerPool } from "@dramatis/dramatis";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 2 })] });
 * await host.removePool(1);
 * console.log(host.pools().map(({ name }) => name)); // ["main", "worker-2"]
 * const place = poolIndex(1); // worker-2
 * ```
 */
export function poolIndex(index: number): Policy {
  if (!Number.isSafeInteger(index) || index < 0) {
    throw new RangeError(`A pool's index is a whole number from 0, got ${index}`);
  }
  return { policy: "poolIndex", index };
}

/**
 * Pools that were started with this label.
 *
 * @example
 * ```ts
 * import { label } from "@dramatis/dramatis";
 *
 * const place = label("io");
 * console.log(place.policy); // label
 * ```
 */
export function label(label: string): Policy {
  return { policy: "label", label };
}

/**
 * A pool with this label in which no actor lives that was placed with the same label and mark: one for
 * each. The actor has its place until it has ended, however that is; one that is made again keeps it.
 *
 * @throws {TypeError} if label or mark is no name.
 * @example
 * ```ts
 * import { Actor, actor, idleLabel, startHost, workerPool } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * export class Model extends Actor {}
 *
 * if (import.meta.main) {
 *   await using host = await startHost({ pools: [workerPool({ count: 2, labels: ["card"] })] });
 *   const place = idleLabel("card", "model");
 *   await host.createActor(Model, [], { place });
 *   const second = await host.createActor(Model, [], { place }); // in the other pool
 *   await host.createActor(Model, [], { place }).catch(({ message }) => console.log(message));
 *   await host.destroyActor(second); // now there is room again
 * }
 * ```
 */
export function idleLabel(label: string, mark: string): Policy {
  for (const [what, name] of Object.entries({ label, mark })) {
    if (typeof name === "string" && name !== "" && name.length <= LIMITS.nameLength) continue;
    const shown = JSON.stringify(name);
    throw new TypeError(`${what} is a name of 1 to ${LIMITS.nameLength} characters, got ${shown}`);
  }
  return { policy: "idleLabel", label, mark };
}

/**
 * The pool that is least busy, and of those about as busy the one with the fewest actors; among equals,
 * the one that was not chosen for longest. The main pool only if there is no other: work there holds
 * up the host.
 *
 * @example
 * ```ts
 * import { leastLoaded } from "@dramatis/dramatis";
 *
 * const place = leastLoaded();
 * console.log(place.policy); // leastLoaded
 * ```
 */
export function leastLoaded(): Policy {
  return { policy: "leastLoaded" };
}

/**
 * Each pool in turn, whatever its load. The main pool only if there is no other.
 *
 * @example
 * ```ts
 * import { label, roundRobin } from "@dramatis/dramatis";
 *
 * const place = [label("io"), roundRobin()];
 * console.log(place.length); // 2
 * ```
 */
export function roundRobin(): Policy {
  return { policy: "roundRobin" };
}

/**
 * The host with the fewest actors, and there the pool with the fewest: far from others.
 *
 * @example
 * ```ts
 * import { anyHost, spread } from "@dramatis/dramatis";
 *
 * const place = [anyHost(), spread()];
 * console.log(place.length); // 2
 * ```
 */
export function spread(): Policy {
  return { policy: "spread" };
}

/**
 * The host with the most actors, and there the pool with the most that will still do: others stay free.
 *
 * @param perPool Actors that a pool may have. By default any number: give it, or require memory of a
 * device, or everything goes to one pool.
 * @throws {RangeError} if it is not a whole number from 1.
 * @example
 * ```ts
 * import { anyHost, pack } from "@dramatis/dramatis";
 *
 * const place = [anyHost(), pack(100)];
 * console.log(place.length); // 2
 * ```
 */
export function pack(perPool?: number): Policy {
  if (perPool === undefined) return { policy: "pack" };
  if (!Number.isSafeInteger(perPool) || perPool < 1) {
    throw new RangeError(`A pool may have a whole number of actors from 1, got ${perPool}`);
  }
  return { policy: "pack", perPool };
}

/**
 * Always the same pool for a key, as long as it is there; a pool that is added takes its share of the
 * keys, and no others move. The main pool only if there is no other.
 *
 * @example
 * ```ts
 * import { byHash } from "@dramatis/dramatis";
 *
 * const place = byHash("customer-17");
 * console.log(place.policy); // byHash
 * ```
 */
export function byHash(key: string): Policy {
  return { policy: "byHash", key: String(key) };
}

/**
 * What another policy requires, as a wish: pools that it refuses will do if there are no others.
 *
 * @example
 * ```ts
 * import { device, label, prefer } from "@dramatis/dramatis";
 *
 * // A GPU it must be, and one of the large ones if there is any.
 * const place = [device(), prefer(label("large"))];
 * console.log(place.length); // 2
 * ```
 */
export function prefer(wish: Policy): Policy {
  return { policy: "prefer", wish };
}
