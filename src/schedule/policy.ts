/**
 * Every placement policy: plain data, so that it can be decided by another pool or host than the one
 * that asks, and a few lines each. A policy filters, or scores, or both; several compose.
 */
import type { HostId } from "../core/address.ts";
import { MAIN_POOL } from "../core/address.ts";
import { type DevicePolicy, deviceRank, deviceReason, deviceRefusal } from "./device_policy.ts";
import type { PoolDescription } from "../core/protocol.ts";

/** A placement policy. Make one with the functions of the same name. */
export type Policy =
  | { readonly policy: "onPool"; readonly pool: number | string; readonly host?: HostId }
  | { readonly policy: "onHost"; readonly host: HostId }
  | { readonly policy: "anyHost" }
  | { readonly policy: "mainPool" }
  | { readonly policy: "random" }
  | { readonly policy: "randomWorker" }
  | { readonly policy: "label"; readonly label: string }
  | { readonly policy: "leastLoaded" }
  | DevicePolicy;

/** What `place` takes: one policy, or several: all filter, and the first scores first. */
export type Placement = Policy | readonly Policy[];

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
 * The pool with the fewest actors; among equals, the one that was not chosen for longest. The main
 * pool only if there is no other: work there holds up the host.
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

/** Whether a policy chooses the kind of pool itself, so that the default choice does not apply. */
export function choosesKind(policy: Policy): boolean {
  return policy.policy === "onPool" || policy.policy === "mainPool" ||
    policy.policy === "label" || policy.policy === "device" || policy.policy === "randomWorker";
}

/** Why a policy refuses a pool; `undefined` if it does not. */
export function refusal(policy: Policy, pool: PoolDescription): string | undefined {
  switch (policy.policy) {
    case "onPool":
      if (policy.host !== undefined && policy.host !== pool.host) return "it is on another host";
      return policy.pool === pool.pool || policy.pool === pool.name
        ? undefined
        : `it is not ${policy.pool}`;
    case "onHost":
      return policy.host === pool.host ? undefined : "it is on another host";
    case "mainPool":
      return pool.pool === MAIN_POOL ? undefined : "it is not the main pool";
    case "randomWorker":
      return pool.kind === "worker" ? undefined : `it is a ${pool.kind} pool`;
    case "label":
      return pool.label === policy.label ? undefined : `its label is ${pool.label ?? "not set"}`;
    case "device":
      return deviceRefusal(policy, pool);
    case "anyHost":
    case "random":
    case "leastLoaded":
      return undefined;
    default:
      policy satisfies never;
      return "its policy is unknown";
  }
}

/** A pool's score by a policy: less is better. */
export function score(policy: Policy, pool: PoolDescription): number {
  switch (policy.policy) {
    case "random":
    case "randomWorker":
      return Math.random();
    case "leastLoaded":
      return pool.kind === "main" ? Infinity : pool.actors;
    case "device":
      return deviceRank(policy, pool);
    case "onPool":
    case "onHost":
    case "anyHost":
    case "mainPool":
    case "label":
      return 0;
    default:
      return policy satisfies never;
  }
}

/** What is to be said of a chosen pool by a policy; empty if its name says it all. */
export function remark(policy: Policy, pool: PoolDescription): string {
  return policy.policy === "device" ? deviceReason(policy, pool) : "";
}
