/** What is written into NATS, and what of it can be used: others may write there what they like. */
import type { KvEntry } from "@nats-io/kv";
import { formatHostId, type HostId, parseHostId } from "../../core/address.ts";
import type { HostDescription, PoolDescription } from "../../core/protocol.ts";

/** A host's lease. Its key is the host's id. */
export interface LeaseRecord {
  /** Tells the lease from an earlier one of the same host. */
  readonly epoch: string;
  readonly address: string | null;
  readonly pools: readonly PoolDescription[];
}

/** Who holds a name: the host, by this lease. */
export interface NameRecord {
  readonly name: string;
  readonly host: string;
  readonly epoch: string;
  /** Tells the attempt to take it from every other. */
  readonly claim: string;
}

/** The key of a host's lease. */
export function hostKey(host: HostId): string {
  return formatHostId(host);
}

/** The key of a name: of letters that a key may have. */
export function nameKey(name: string): string {
  const bytes = new TextEncoder().encode(name);
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** The lease that an entry holds; `undefined` if it is none. */
export function readLease(
  entry: KvEntry,
): { epoch: string; description: HostDescription } | undefined {
  const record = read(entry);
  const id = parseHostId(entry.key);
  if (record === undefined || id === undefined) return undefined;
  const { epoch, address, pools } = record;
  if (typeof epoch !== "string" || !(address === null || typeof address === "string")) {
    return undefined;
  }
  if (!Array.isArray(pools) || !pools.every((pool) => isPool(pool, id))) return undefined;
  return { epoch, description: { id, address, pools } };
}

/** The claim that an entry holds; `undefined` if it is none. */
export function readName(entry: KvEntry): NameRecord | undefined {
  const { name, host, epoch, claim } = read(entry) ?? {};
  const isRecord = typeof name === "string" && typeof host === "string" &&
    typeof epoch === "string" && typeof claim === "string";
  return isRecord ? { name, host, epoch, claim } : undefined;
}

function read(entry: KvEntry): Record<string, unknown> | undefined {
  if (entry.operation !== "PUT") return undefined;
  try {
    const value: unknown = entry.json();
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function isPool(value: unknown, host: HostId): value is PoolDescription {
  if (typeof value !== "object" || value === null) return false;
  const pool = value as Partial<Record<keyof PoolDescription, unknown>>;
  return pool.host === host && Number.isSafeInteger(pool.pool) && typeof pool.name === "string" &&
    typeof pool.kind === "string" && typeof pool.device === "object" && pool.device !== null &&
    typeof pool.actors === "number";
}
