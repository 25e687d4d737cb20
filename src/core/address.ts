/** Where things live: hosts, pools and actors, as plain data that is valid everywhere. */

/**
 * A host's id, one per incarnation: 48 bits, so that it is an exact JavaScript number and takes six
 * bytes in a frame header. The highest is 0 of a host and 1 of a client, which is a host to nobody; the
 * others are random. A restarted host is a new host.
 */
export type HostId = number;

/** The lowest id of a client. */
const FIRST_CLIENT = 2 ** 47;

/** A pool's number within its host: 0 is `main`, others count up and are never used again. */
export type PoolId = number;

/** The number of every host's `main` pool. */
export const MAIN_POOL: PoolId = 0;

/** Where a pool is. */
export interface PoolAddress {
  /** Its host. */
  readonly host: HostId;
  /** Its number there. */
  readonly pool: PoolId;
}

/** Where an actor is. */
export interface ActorAddress extends PoolAddress {
  /** Unique per host. */
  readonly uid: string;
  /** Grows with every creation on its host: tells an actor from an earlier one of the same uid. */
  readonly generation: number;
  /**
   * The pools that it has a replica in, if it has replicas, as far as they are known to be alive. `host`
   * is then one that knows its uid, and `pool` that of a replica there as it was made.
   */
  readonly replicas?: readonly PoolAddress[];
}

/** Which actor of which host, whatever instance of it, and in whatever pool. */
export type ActorPlace = Pick<ActorAddress, "host" | "uid">;

/** A new id for a host that starts. */
export function newHostId(): HostId {
  const words = crypto.getRandomValues(new Uint16Array(3));
  return (words[0]! & 0x7fff) * 2 ** 32 + words[1]! * 2 ** 16 + words[2]!;
}

/** A new id for a client. */
export function newClientId(): HostId {
  return FIRST_CLIENT + newHostId();
}

/** Whether an id is that of a client: a program that calls actors and has none. */
export function isClient(host: HostId): boolean {
  return host >= FIRST_CLIENT;
}

/**
 * A host's id for people: 12 hexadecimal digits.
 *
 * @example
 * ```ts
 * import { formatHostId, startHost } from "@dramatis/dramatis";
 *
 * await using host = await startHost({ pools: [] });
 * console.log(`this is host ${formatHostId(host.id)}`);
 * ```
 */
export function formatHostId(host: HostId): string {
  return host.toString(16).padStart(12, "0");
}

/** The inverse of {@linkcode formatHostId}; `undefined` if the text is not a host id. */
export function parseHostId(text: string): HostId | undefined {
  return /^[0-9a-f]{12}$/.test(text) ? Number.parseInt(text, 16) : undefined;
}

/** A pool for people: `pool 2 of host 00f3a91b22c4`. */
export function formatPool(address: PoolAddress): string {
  return `pool ${address.pool} of host ${formatHostId(address.host)}`;
}

/** An actor for people: `c1 in pool 2 of host 00f3a91b22c4`. */
export function formatActor(address: ActorAddress): string {
  return `${address.uid} in ${formatPool(address)}`;
}

/** Whether two addresses name the same pool. */
export function samePool(a: PoolAddress, b: PoolAddress): boolean {
  return a.pool === b.pool && a.host === b.host;
}
