/** What a host is asked to make, and what of it is right: other hosts may write what they like. */
import type { PoolAddress } from "../core/address.ts";
import { resolveMailbox } from "../core/mailbox_options.ts";
import { type CellOptions, LIMITS, type TypeName } from "../core/protocol.ts";
import { type ResolvedRestart, resolveRestart } from "../actor/restart.ts";
import { checkConcurrency } from "../core/stateless_options.ts";
import { isReserved, RESERVED_PREFIX, type ServiceCreateOptions } from "../pool/host_service.ts";

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
  if (options.mailbox === undefined && options.concurrency === undefined) return USUAL;
  const mailbox = resolveMailbox(options.mailbox);
  const concurrency = checkConcurrency(options.concurrency);
  return concurrency === undefined ? { mailbox } : { mailbox, concurrency };
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
