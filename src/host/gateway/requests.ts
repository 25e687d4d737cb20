/** What the parts of a request say, checked. */
import { type HostId, MAIN_POOL, parseHostId } from "../../core/address.ts";
import { LIMITS } from "../../core/protocol.ts";
import type { CallOptions } from "../../actor/message.ts";
import type { ServiceCreateOptions } from "../../pool/host_service.ts";
import { Problem } from "./problem.ts";

/** The parameters after `?`. */
type Query = Readonly<Record<string, string>>;

/**
 * The host that a request names.
 *
 * @throws {Problem} if it is no host's id.
 */
export function hostOf({ host }: Query): HostId | undefined {
  if (host === undefined) return undefined;
  const id = parseHostId(host);
  if (id !== undefined) return id;
  throw wrong("host is a host's id, 12 hexadecimal digits", host);
}

/**
 * What a call is told by its query.
 *
 * @throws {Problem} that names what is wrong.
 */
export function callOptionsOf(query: Query): CallOptions {
  const timeoutMs = numberOf(query, "timeoutMs", 1, Number.MAX_SAFE_INTEGER);
  const priority = numberOf(query, "priority", -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const window = numberOf(query, "window", 1, LIMITS.streamWindow);
  return {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(priority === undefined ? {} : { priority }),
    ...(window === undefined ? {} : { window }),
  };
}

/**
 * A whole number of the query.
 *
 * @throws {Problem} if it is none, or out of bounds.
 */
export function numberOf(
  query: Query,
  name: string,
  least: number,
  most: number,
): number | undefined {
  const text = query[name];
  if (text === undefined) return undefined;
  const value = /^-?\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw wrong(`${name} is a whole number from ${least} to ${most}`, text);
}

/**
 * Yes or no of the query.
 *
 * @throws {Problem} if it is neither `true` nor `false`.
 */
export function flagOf(query: Query, name: string): boolean {
  const text = query[name] ?? "false";
  if (text === "true" || text === "false") return text === "true";
  throw wrong(`${name} is true or false`, text);
}

/**
 * The arguments of a call; none if the body is empty.
 *
 * @throws {Problem} if it is no list.
 */
export function argumentsOf(body: unknown): readonly unknown[] {
  if (body === undefined) return [];
  if (Array.isArray(body)) return body;
  throw wrong("The body is the list of arguments, such as [1, 2]", body);
}

/** What a request wants made. */
export interface ActorRequest {
  readonly type: string;
  readonly version: string;
  /** As JSON. */
  readonly args: readonly unknown[];
  readonly options: ServiceCreateOptions;
}

/** What an order for an actor may say. Who has which replicas is between hosts. */
const ORDER_KEYS: ReadonlySet<string> = new Set([
  "type",
  "version",
  "args",
  "uid",
  "name",
  "place",
  "mailbox",
  "concurrency",
  "replicas",
  "restart",
  "snapshot",
  "idleMs",
  "failover",
]);

/**
 * An order for an actor. What its options say is checked by whoever makes it.
 *
 * @throws {Problem} that names what is wrong.
 */
export function actorRequestOf(body: unknown): ActorRequest {
  if (!isRecord(body)) throw wrong('The body is an object, such as {"type": "Counter"}', body);
  const unknown = Object.keys(body).find((key) => !ORDER_KEYS.has(key));
  if (unknown !== undefined) {
    throw wrong(`The body has ${[...ORDER_KEYS].join(", ")}`, unknown);
  }
  const { type, version = "", args = [], place, ...options } = body;
  if (typeof type !== "string" || type === "") throw wrong("type is the name of a type", type);
  if (typeof version !== "string") throw wrong("version is a string", version);
  if (!Array.isArray(args)) throw wrong("args is the list of the constructor's arguments", args);
  const placed = place === undefined ? options : { ...options, place: placeOf(place) };
  return { type, version, args, options: placed as ServiceCreateOptions };
}

/** Policies as `schedule/policy.ts` has them, but hosts named as people do. */
function placeOf(place: unknown): unknown {
  if (Array.isArray(place)) return place.map(policyOf);
  return policyOf(place);
}

function policyOf(policy: unknown): unknown {
  if (!isRecord(policy) || typeof policy["policy"] !== "string") {
    throw wrong('place is a policy, such as {"policy": "leastLoaded"}, or a list of them', policy);
  }
  const { host, pools, wish } = policy;
  return {
    ...policy,
    ...(host === undefined ? {} : { host: hostOf({ host: String(host) }) }),
    ...(wish === undefined ? {} : { wish: policyOf(wish) }),
    ...(Array.isArray(pools) ? { pools: pools.map(addressedOf) } : {}),
  };
}

/** A pool as `near` has it. */
function addressedOf(pool: unknown): unknown {
  if (!isRecord(pool)) throw wrong("pools is a list of addresses", pool);
  return { ...pool, host: hostOf({ host: String(pool["host"]) }) };
}

/** The number of a pool that a query names. */
export function poolOf(query: Query): number | undefined {
  return numberOf(query, "pool", MAIN_POOL, 65_535);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Characters of what was received that an answer repeats. */
const SHOWN = 100;

function wrong(expected: string, got: unknown): Problem {
  const text = JSON.stringify(got) ?? "nothing";
  const shown = text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`;
  return new Problem(400, "bad-request", `${expected}; got ${shown}`);
}
