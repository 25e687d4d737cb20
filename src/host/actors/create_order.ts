/** What a host is asked to make, and what of it is right: other hosts may write what they like. */
import type { PoolAddress } from "../../core/address.ts";
import type { CallChain } from "../../core/call_chain.ts";
import { checkDuration } from "../../core/clock.ts";
import { resolveMailbox } from "../../core/mailbox_options.ts";
import {
  type CellOptions,
  LIMITS,
  type SnapshotTiming,
  type TypeName,
} from "../../core/protocol.ts";
import { type ResolvedRestart, resolveRestart } from "../../actor/restart.ts";
import { resolveSupervision } from "../../actor/supervision.ts";
import { checkConcurrency } from "../../core/stateless_options.ts";
import { isParentLink } from "../../pool/family_service.ts";
import { isReserved, RESERVED_PREFIX, type ServiceCreateOptions } from "../../pool/host_service.ts";
import type { UidEntry } from "./uid_table.ts";

/** An order for one actor. */
export interface CreateOrder {
  readonly type: TypeName;
  readonly home: "cpu" | "gpu";
  readonly args: unknown[];
  readonly options: ServiceCreateOptions;
  /** Whether a pool of this host asks: others may only have what is registered. */
  readonly isOurs: boolean;
}

/** What most cells are made with: actors that may be made again share it. */
const USUAL: CellOptions = Object.freeze({ mailbox: resolveMailbox() });

/**
 * What its cells are made with.
 *
 * @throws {TypeError} or {@linkcode RangeError} that names the option.
 */
export function cellOptionsOf(options: ServiceCreateOptions): CellOptions {
  const { snapshot, idleMs, failover, name } = options;
  if (failover === true && name === undefined) {
    throw new TypeError("failover is for actors with a name: give one, or leave it out");
  }
  const isUsual = options.mailbox === undefined && options.concurrency === undefined &&
    snapshot === undefined && idleMs === undefined;
  if (isUsual) return USUAL;
  const mailbox = resolveMailbox(options.mailbox);
  const concurrency = checkConcurrency(options.concurrency);
  if (idleMs !== undefined) checkDuration("idleMs", idleMs);
  if (idleMs !== undefined && (options.replicas ?? options.group) !== undefined) {
    throw new TypeError("An actor with replicas is not parked: give replicas or idleMs");
  }
  return {
    mailbox,
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(snapshot === undefined ? {} : { snapshot: snapshotTimingOf(snapshot) }),
    ...(idleMs === undefined ? {} : { idleMs }),
  };
}

function snapshotTimingOf(given: SnapshotTiming): SnapshotTiming {
  if (typeof given !== "object" || given === null) {
    throw new TypeError(`snapshot is { every, intervalMs }, got ${JSON.stringify(given)}`);
  }
  const { every, intervalMs } = given;
  if (every !== undefined && !(Number.isSafeInteger(every) && every > 0)) {
    throw new RangeError(`snapshot.every is a whole number from 1 up, got ${every}`);
  }
  if (intervalMs !== undefined) checkDuration("snapshot.intervalMs", intervalMs);
  return {
    ...(every === undefined ? {} : { every }),
    ...(intervalMs === undefined ? {} : { intervalMs }),
  };
}

/** What the state of an actor is kept under; `null` if it has nothing that it could be found by again. */
export function stateKeyOf({ name, uid }: ServiceCreateOptions): string | null {
  if (name !== undefined) return `name:${name}`;
  return uid === undefined ? null : `uid:${uid}`;
}

/**
 * When it is made again.
 *
 * @throws {TypeError} or {@linkcode RangeError} that names the option.
 */
export function restartOf(
  { restart }: ServiceCreateOptions,
  defaults: ResolvedRestart,
): ResolvedRestart {
  return resolveRestart(restart, defaults);
}

/** Whose child an actor is, and how its own are supervised. */
export type Kin = Pick<UidEntry, "parent" | "supervision">;

/** Most have none. */
const NO_KIN: Kin = Object.freeze({ parent: null, supervision: null });

/**
 * What is said of its parent and of its children.
 *
 * @throws {TypeError} or {@linkcode RangeError} that names the option.
 */
export function kinOf({ link, supervision }: ServiceCreateOptions): Kin {
  if (link === undefined && supervision === undefined) return NO_KIN;
  if (link !== undefined && !isParentLink(link)) throw new TypeError("link names no parent");
  return {
    parent: link ?? null,
    supervision: supervision === undefined ? null : resolveSupervision(supervision),
  };
}

/**
 * The pools of all its replicas.
 *
 * @throws {TypeError} if it is no such list.
 */
export function checkGroup(group: readonly PoolAddress[]): readonly PoolAddress[] {
  const isGroup = Array.isArray(group) && group.length <= LIMITS.replicas &&
    group.every((one) => Number.isSafeInteger(one?.host) && Number.isSafeInteger(one?.pool));
  if (!isGroup) throw new TypeError(`group is a list of up to ${LIMITS.replicas} pools`);
  return group.map(({ host, pool }) => ({ host, pool }));
}

/**
 * The calls that wait for it to start.
 *
 * @throws {TypeError} if it is no such thing.
 */
export function chainOf({ chain }: ServiceCreateOptions): CallChain | undefined {
  if (chain === undefined || chain instanceof Uint8Array) return chain;
  throw new TypeError("chain is a chain of calls, as bytes");
}

/**
 * What the order is called.
 *
 * @throws {TypeError} if it is no name of one.
 */
export function checkOrderName({ order }: ServiceCreateOptions): string | undefined {
  if (order === undefined || (typeof order === "string" && order.length <= LIMITS.nameLength)) {
    return order;
  }
  throw new TypeError(`order is a string of up to ${LIMITS.nameLength} characters`);
}

/**
 * Its uid.
 *
 * @throws {TypeError} if it is none that users may give.
 */
export function checkUid(uid: string): string {
  if (typeof uid !== "string" || uid === "" || uid.length > LIMITS.nameLength) {
    throw new TypeError(
      `uid is a string of 1 to ${LIMITS.nameLength} characters, got ${JSON.stringify(uid)}`,
    );
  }
  if (isReserved(uid)) {
    throw new TypeError(`uids that begin with ${RESERVED_PREFIX} belong to the runtime: ${uid}`);
  }
  return uid;
}
