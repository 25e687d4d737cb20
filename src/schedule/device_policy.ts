/** Placement by device: what it must have, what will do instead, and why. */
import type { HostId } from "../core/address.ts";
import type { Device, DeviceKind } from "../core/device.ts";
import type { Held, PoolDescription } from "../core/protocol.ts";

/** What a device must have; a CPU that a fallback allows runs a twin, which needs none of it. */
export interface DeviceNeeds {
  /** WebGPU features, such as `shader-f16`. */
  readonly features?: readonly string[];
  /** Bytes of the largest array that a kernel binds. */
  readonly maxBufferBytes?: number;
  /**
   * Bytes of memory: of those that the pool was given by `gpuPool({ memoryBytes })`, and that no other
   * actor was promised. The actor has them until it has ended.
   */
  readonly memoryBytes?: number;
}

/** Something that lives on a device, such as a DeviceRef. */
export interface NearData {
  /** Where. */
  readonly owner: { readonly host: HostId; readonly pool: number };
  /** How much. */
  readonly length: number;
}

/** {@linkcode device} */
export interface DeviceOptions {
  /**
   * The device that is wanted.
   * @default "gpu"
   */
  prefer?: DeviceKind;
  /** What a GPU must have, real or in software. @default nothing in particular */
  require?: DeviceNeeds;
  /**
   * Whether a GPU is to be this actor's alone: one without other actors, that gets none while it lives.
   * @default false
   */
  exclusive?: boolean;
  /**
   * What will do if there is none: a GPU in software, then also the kernel's `cpu` twin, or nothing.
   * @default "software"
   */
  fallback?: "software" | "cpu" | "none";
  /** Among devices of a kind, first the one that holds most of this. @default nothing */
  near?: readonly NearData[];
  /**
   * From how much work on a kernel's `compute` uses the device: calls whose longest array is shorter
   * run the twin, in the same pool. `"auto"` learns which is faster, by kernel and size. Calls with
   * DeviceRefs, and `run`, whose results stay, always use the device.
   * @default 0
   */
  minWork?: number | "auto";
}

/** {@linkcode DeviceOptions}, complete and as plain data. */
export interface DevicePolicy {
  /** What it is. */
  readonly policy: "device";
  /** The device that is wanted. */
  readonly prefer: DeviceKind;
  /** What will do if there is none. */
  readonly fallback: "software" | "cpu" | "none";
  /** What a GPU must have. */
  readonly require?: DeviceNeeds;
  /** Whether it is to be the actor's alone. */
  readonly exclusive?: boolean;
  /** What is to be near: how much in which pools. */
  readonly near?: readonly {
    readonly host: HostId;
    readonly pool: number;
    readonly amount: number;
  }[];
  /** From how much work on the device is used. */
  readonly minWork?: number | "auto";
}

/**
 * By device: the preferred one, else what `fallback` allows, the better kind first.
 *
 * @throws {TypeError} or {@linkcode RangeError} for an option that is none, naming it.
 * @example
 * ```ts
 * import { anyHost, device } from "@dramatis/dramatis";
 *
 * // Hardware, else in software, else the kernel's twin on a CPU; on whichever host.
 * const place = [anyHost(), device({ prefer: "gpu", fallback: "cpu" })];
 * // Large arrays of half floats; small calls are not worth the way to the device.
 * const large = device({
 *   require: { features: ["shader-f16"], maxBufferBytes: 2 ** 30 },
 *   minWork: "auto",
 * });
 * console.log(place.length, large.policy); // 2 device
 * ```
 */
export function device(options: DeviceOptions = {}): DevicePolicy {
  const { prefer = "gpu", fallback = "software", require, exclusive, near, minWork } = options;
  if (!["cpu", "gpu", "software"].includes(prefer)) {
    throw new TypeError(`prefer is "gpu", "software" or "cpu", got ${JSON.stringify(prefer)}`);
  }
  if (!["software", "cpu", "none"].includes(fallback)) {
    throw new TypeError(`fallback is "software", "cpu" or "none", got ${JSON.stringify(fallback)}`);
  }
  for (const name of ["maxBufferBytes", "memoryBytes"] as const) {
    const bytes = require?.[name];
    if (bytes !== undefined && !(bytes >= 0)) {
      throw new RangeError(`require.${name} is a number of bytes, got ${bytes}`);
    }
  }
  if (minWork !== undefined && minWork !== "auto" && !(minWork >= 0)) {
    throw new RangeError(`minWork is a number of elements or "auto", got ${minWork}`);
  }
  return {
    policy: "device",
    prefer,
    fallback,
    ...(require === undefined ? {} : { require }),
    ...(exclusive === true ? { exclusive } : {}),
    ...(near === undefined ? {} : { near: near.map(placeOf) }),
    ...(minWork === undefined ? {} : { minWork }),
  };
}

/** From how much work on its device is used; `undefined` if a placement does not say. */
export function minWorkOf(place: unknown): number | "auto" | undefined {
  const policies: readonly unknown[] = Array.isArray(place) ? place : [place];
  for (const one of policies) {
    const { policy, minWork } = (one ?? {}) as Partial<DevicePolicy>;
    if (policy === "device" && minWork !== undefined) return minWork;
  }
  return undefined;
}

function placeOf({ owner: { host, pool }, length }: NearData): {
  host: HostId;
  pool: number;
  amount: number;
} {
  return { host, pool, amount: length };
}

/** Why a pool will not do; `undefined` if it will. */
export function deviceRefusal(policy: DevicePolicy, pool: PoolDescription): string | undefined {
  const { device } = pool;
  if (kindRank(policy, pool) === Infinity) {
    return `its device is ${device.kind}${pool.kind === "main" ? " of the main pool" : ""}`;
  }
  if (device.kind === "cpu") return undefined;
  if (policy.exclusive && pool.actors > 0) {
    const actors = pool.actors === 1 ? "an actor" : `${pool.actors} actors`;
    return `it has ${actors}, and is wanted for one alone`;
  }
  const { require } = policy;
  return require && shortage(require, device, pool.held?.memoryBytes ?? 0);
}

/** What an actor has to itself of a pool that it is placed in by its device; `undefined` if nothing. */
export function deviceNeed(policy: DevicePolicy, { device }: PoolDescription): Held | undefined {
  const { exclusive = false, require: { memoryBytes = 0 } = {} } = policy;
  if (device.kind === "cpu" || (!exclusive && memoryBytes === 0)) return undefined;
  return { marks: [], memoryBytes, exclusive };
}

/** What a device lacks, of whose memory so much is given away. */
function shortage(needs: DeviceNeeds, device: Device, takenBytes: number): string | undefined {
  const { features = [], maxBufferBytes = 0, memoryBytes } = needs;
  const missing = features.filter((feature) => !device.features.includes(feature));
  if (missing.length > 0) return `its device lacks ${missing.join(", ")}`;
  const { maxBufferSize = Infinity, maxStorageBufferBindingSize = Infinity } = device.limits;
  const largest = Math.min(maxBufferSize, maxStorageBufferBindingSize);
  if (largest < maxBufferBytes) {
    return `its device binds at most ${largest} bytes, not ${maxBufferBytes}`;
  }
  if (memoryBytes === undefined) return undefined;
  if (device.memoryBytes === undefined) {
    return "its memory is not known: say it by gpuPool({ memoryBytes })";
  }
  if (device.memoryBytes - takenBytes >= memoryBytes) return undefined;
  const taken = takenBytes === 0 ? "" : ` of which actors have ${takenBytes},`;
  return `it may use ${device.memoryBytes} bytes of memory,${taken} not ${memoryBytes}`;
}

/** A pool's score: less is better. The kind counts most, then how much is there already. */
export function deviceRank(policy: DevicePolicy, pool: PoolDescription): number {
  return kindRank(policy, pool) - shareNear(policy, pool) / 2;
}

/** What is to be said of the chosen one. */
export function deviceReason(policy: DevicePolicy, pool: PoolDescription): string {
  const { prefer, near } = policy;
  const { kind, name } = pool.device;
  const instead = kind === prefer ? "" : `, as there is no ${prefer} that will do`;
  const share = Math.round(100 * shareNear(policy, pool));
  const there = near === undefined || near.length === 0 ? "" : `, with ${share} % of the data`;
  return `its device is ${kind}${name === kind ? "" : ` (${name})`}${instead}${there}`;
}

/** The part of the data that is in a pool, from 0 to 1. */
function shareNear({ near }: DevicePolicy, { host, pool }: PoolDescription): number {
  if (near === undefined) return 0;
  let all = 0;
  let here = 0;
  for (const one of near) {
    all += one.amount;
    if (one.host === host && one.pool === pool) here += one.amount;
  }
  return all === 0 ? 0 : here / all;
}

function kindRank({ prefer, fallback }: DevicePolicy, pool: PoolDescription): number {
  const { kind } = pool.device;
  if (kind === "cpu" && pool.kind === "main") return Infinity;
  if (kind === prefer) return 0;
  if (fallback === "none") return Infinity;
  if (prefer === "cpu") return Infinity;
  if (kind === "gpu") return 1;
  if (kind === "software") return 2;
  return fallback === "cpu" ? 3 : Infinity;
}
