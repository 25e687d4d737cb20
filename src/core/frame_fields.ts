/**
 * The fields of a frame's body, checked: each function gives the value that a field must have, or
 * throws a {@linkcode ProtocolError} that names the field.
 */
import type { Device } from "./device.ts";
import { ProtocolError } from "./host_errors.ts";
import {
  type CallTerms,
  type CellOptions,
  GOODBYE_CODES,
  type GoodbyeCode,
  type Held,
  type HostDescription,
  type HostRoute,
  LIMITS,
  MAILBOX_OVERFLOWS,
  type MailboxOverflow,
  type PoolDescription,
  type TypeName,
} from "./protocol.ts";

function wrong(field: string): never {
  throw new ProtocolError(`Malformed frame: ${field}`);
}

/** A name of limited length. */
export function name(value: unknown, field: string): string {
  return typeof value === "string" && value.length <= LIMITS.nameLength ? value : wrong(field);
}

/** A string. */
export function text(value: unknown, field: string): string {
  return typeof value === "string" ? value : wrong(field);
}

/** A whole number from 0 up. */
export function count(value: unknown, field: string): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
    ? value
    : wrong(field);
}

/** A part of a whole. */
function share(value: unknown, field: string): number {
  return typeof value === "number" && value >= 0 && value <= 1 ? value : wrong(field);
}

/** A boolean. */
export function flag(value: unknown, field: string): boolean {
  return typeof value === "boolean" ? value : wrong(field);
}

/** Lists up to this length may have holes. */
const LONG_LIST = 1024;

/** A list. A few bytes can claim a list of four thousand million holes: nobody is to count through them. */
export function list(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value)) return wrong(field);
  if (value.length > LONG_LIST && Object.values(value).length < value.length) return wrong(field);
  return value;
}

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown, field: string): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Fields
    : wrong(field);
}

/** A property of the object itself, never an inherited one. */
function own(source: Fields, key: string): unknown {
  return Object.hasOwn(source, key) ? source[key] : undefined;
}

function device(value: unknown, field: string): Device {
  const source = fields(value, field);
  const kind = own(source, "kind");
  if (kind !== "cpu" && kind !== "gpu" && kind !== "software") return wrong(`${field}.kind`);
  const limits: Record<string, number> = {};
  for (const [key, limit] of Object.entries(fields(own(source, "limits"), `${field}.limits`))) {
    limits[key] = typeof limit === "number" ? limit : wrong(`${field}.limits`);
  }
  const memoryBytes = own(source, "memoryBytes");
  return {
    kind,
    name: text(own(source, "name"), `${field}.name`),
    features: list(own(source, "features"), `${field}.features`)
      .map((feature) => text(feature, `${field}.features`)),
    limits,
    ...(memoryBytes === undefined
      ? {}
      : { memoryBytes: count(memoryBytes, `${field}.memoryBytes`) }),
  };
}

function poolDescription(value: unknown, field: string): PoolDescription {
  const source = fields(value, field);
  const kind = own(source, "kind");
  if (kind !== "main" && kind !== "worker" && kind !== "gpu" && kind !== "process") {
    return wrong(`${field}.kind`);
  }
  const busy = own(source, "busy");
  const taken = own(source, "held");
  return {
    host: hostNumber(own(source, "host"), `${field}.host`),
    pool: poolNumber(own(source, "pool"), `${field}.pool`),
    name: name(own(source, "name"), `${field}.name`),
    kind,
    labels: list(own(source, "labels"), `${field}.labels`)
      .map((label) => name(label, `${field}.labels`)),
    device: device(own(source, "device"), `${field}.device`),
    actors: count(own(source, "actors"), `${field}.actors`),
    ...(busy === undefined ? {} : { busy: share(busy, `${field}.busy`) }),
    ...(taken === undefined ? {} : { held: held(taken, `${field}.held`) }),
  };
}

function held(value: unknown, field: string): Held {
  const source = fields(value, field);
  return {
    marks: list(own(source, "marks"), `${field}.marks`).map((mark) => text(mark, `${field}.marks`)),
    memoryBytes: count(own(source, "memoryBytes"), `${field}.memoryBytes`),
    exclusive: flag(own(source, "exclusive"), `${field}.exclusive`),
  };
}

/** What a host says of its pools. */
export function poolDescriptions(value: unknown, field: string): readonly PoolDescription[] {
  return list(value, field).map((item, i) => poolDescription(item, `${field}[${i}]`));
}

/** A host's id. */
export function hostNumber(value: unknown, field: string): number {
  const number = count(value, field);
  return number < 2 ** 48 ? number : wrong(field);
}

/** A pool's number. */
export function poolNumber(value: unknown, field: string): number {
  const number = count(value, field);
  return number < 2 ** 16 ? number : wrong(field);
}

/** What a host says of itself. */
export function hostDescription(value: unknown, field: string): HostDescription {
  const source = fields(value, field);
  const address = own(source, "address");
  return {
    id: hostNumber(own(source, "id"), `${field}.id`),
    address: address === null ? null : text(address, `${field}.address`),
    pools: poolDescriptions(own(source, "pools"), `${field}.pools`),
  };
}

/** What a host says of a third one. */
export function hostRoute(value: unknown, field: string): HostRoute {
  const source = fields(value, field);
  const host = hostDescription(own(source, "host"), `${field}.host`);
  const via = list(own(source, "via"), `${field}.via`);
  const isOwn = host.pools.every((pool) => pool.host === host.id);
  if (!isOwn || via.length > LIMITS.relays) return wrong(field);
  return {
    host,
    via: via.map((relay) => hostNumber(relay, `${field}.via`)),
    interrupted: flag(own(source, "interrupted"), `${field}.interrupted`),
  };
}

/** Why a session ends. */
export function goodbyeCode(value: unknown): GoodbyeCode {
  return GOODBYE_CODES.find((code) => code === value) ?? wrong("code");
}

/** Which class an actor is of. */
export function typeName(value: unknown): TypeName {
  const source = fields(value, "type");
  return {
    module: text(own(source, "module"), "type.module"),
    export: text(own(source, "export"), "type.export"),
    name: text(own(source, "name"), "type.name"),
    version: text(own(source, "version"), "type.version"),
  };
}

/** How an actor is run. */
export function cellOptions(value: unknown): CellOptions {
  const source = fields(value, "options");
  const mailbox = fields(own(source, "mailbox"), "options.mailbox");
  const concurrency = own(source, "concurrency");
  const overflow = own(mailbox, "overflow") as MailboxOverflow;
  if (!MAILBOX_OVERFLOWS.includes(overflow)) wrong("options.mailbox.overflow");
  return {
    mailbox: {
      messages: count(own(mailbox, "messages"), "options.mailbox.messages"),
      bytes: count(own(mailbox, "bytes"), "options.mailbox.bytes"),
      overflow,
    },
    ...(concurrency === undefined
      ? {}
      : { concurrency: count(concurrency, "options.concurrency") }),
    ...snapshotTiming(own(source, "snapshot")),
    ...amount(source, "idleMs"),
    ...parkedState(own(source, "parked")),
    ...creators(own(source, "chain")),
  };
}

function creators(chain: unknown): Pick<CellOptions, "chain"> {
  if (chain === undefined) return {};
  if (!(chain instanceof Uint8Array)) return wrong("options.chain");
  // As that of a message.
  return { chain: chain.slice() as Uint8Array<ArrayBuffer> };
}

function parkedState(value: unknown): Pick<CellOptions, "parked"> {
  if (value === undefined) return {};
  const source = fields(value, "options.parked");
  return { parked: { ...amount(source, "savedAt"), ...amount(source, "bytes") } };
}

function snapshotTiming(value: unknown): Pick<CellOptions, "snapshot"> {
  if (value === undefined) return {};
  const source = fields(value, "options.snapshot");
  return { snapshot: { ...amount(source, "every"), ...amount(source, "intervalMs") } };
}

/** An option that is a number above 0, if it is there. */
function amount<K extends string>(source: Fields, key: K): { [key in K]?: number } {
  const value = own(source, key);
  if (value === undefined) return {};
  if (typeof value !== "number" || !(value > 0)) return wrong(`options.${key}`);
  return { [key]: value } as { [key in K]: number };
}

/** What a message says beside what to run. */
export function callTerms(value: unknown): CallTerms {
  const [budgetMs, priority, chain] = list(value, "terms");
  if (budgetMs !== null && !(typeof budgetMs === "number" && budgetMs >= 0)) wrong("budget");
  if (typeof priority !== "number" || !Number.isSafeInteger(priority)) wrong("priority");
  if (chain !== null && !(chain instanceof Uint8Array)) wrong("chain");
  // The decoder gives a view on the whole batch, which must not live as long as the call.
  return { budgetMs, priority, chain: chain === null ? null : chain.slice() } as CallTerms;
}
