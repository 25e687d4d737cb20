/** A frame's own fields to the list that is its body, and back. */
import type { Device } from "./device.ts";
import { ProtocolError } from "./errors.ts";
import {
  type CallTerms,
  type CellOptions,
  type Envelope,
  type Frame,
  FRAME_KINDS,
  type FrameKind,
  type HostDescription,
  LIMITS,
  MAILBOX_OVERFLOWS,
  type MailboxOverflow,
  type PoolDescription,
  type TypeName,
} from "./protocol.ts";

/** The code of each kind in a header. */
export const KIND_CODES: Readonly<Record<string, number>> = Object.freeze(
  Object.fromEntries(FRAME_KINDS.map((kind, code) => [kind, code])),
);

interface BodyShape {
  /** How many fields; messages may have one more, their terms. */
  readonly fields: number;
  /** Which of them is a user's value, -1 for none. */
  readonly value: number;
  /** What paths into that value start with. */
  readonly root: string;
  /** Whether the value is why something failed: what of it cannot travel becomes a note then. */
  readonly forgiving: boolean;
}

function shape(fields: number, value = -1, root = "", forgiving = false): BodyShape {
  return { fields, value, root, forgiving };
}

/** What each kind's body looks like. */
export const BODY_SHAPES: Readonly<Record<FrameKind, BodyShape>> = Object.freeze({
  hello: shape(2),
  welcome: shape(2),
  goodbye: shape(2, 1, "error", true),
  ping: shape(0),
  pong: shape(0),
  create: shape(5, 4, "args"),
  destroy: shape(2),
  call: shape(3, 2, "args"),
  tell: shape(3, 2, "args"),
  cancel: shape(2, 1, "reason", true),
  reply: shape(1, 0, "result"),
  failure: shape(1, 0, "error", true),
  down: shape(3, 2, "error", true),
  pools: shape(1),
  batch: shape(3, 2, "items"),
  items: shape(1, 0, "items"),
  end: shape(2, 1, "error", true),
  credit: shape(1),
  drop: shape(0),
});

/** The user's value in a frame; `undefined` if its kind has none. */
export function valueOf(frame: Frame): unknown {
  switch (frame.kind) {
    case "call":
    case "tell":
    case "create":
      return frame.args;
    case "batch":
      return frame.items;
    case "items":
      return frame.values;
    case "reply":
      return frame.value;
    case "failure":
    case "goodbye":
    case "down":
    case "end":
      return frame.error;
    case "cancel":
      return frame.reason;
    default:
      return undefined;
  }
}

/** The body of a frame whose value, if it has one, has been lowered. */
export function bodyOf(frame: Frame, value: unknown): unknown[] {
  switch (frame.kind) {
    case "call":
    case "tell":
    case "batch":
      return frame.terms === undefined
        ? [frame.uid, frame.method, value]
        : [frame.uid, frame.method, value, termsBody(frame.terms)];
    case "items":
      return [value];
    case "end":
      return [frame.failed, value];
    case "credit":
      return [frame.count];
    case "drop":
      return [];
    case "reply":
    case "failure":
      return [value];
    case "cancel":
      return [frame.uid, value];
    case "create":
      return [frame.uid, frame.generation, frame.type, frame.options, value];
    case "destroy":
      return [frame.uid, frame.kill];
    case "ping":
    case "pong":
      return [];
    case "hello":
    case "welcome":
      return [frame.version, frame.host];
    case "goodbye":
      return [frame.reason, value];
    case "down":
      return [frame.host, frame.pool, value];
    case "pools":
      return [frame.pools];
    default:
      return frame satisfies never;
  }
}

function termsBody({ budgetMs, priority, chain }: CallTerms): unknown[] {
  return [budgetMs, priority, chain];
}

function terms(value: unknown): CallTerms {
  const [budgetMs, priority, chain] = list(value, "terms");
  if (budgetMs !== null && !(typeof budgetMs === "number" && budgetMs >= 0)) wrong("budget");
  if (typeof priority !== "number" || !Number.isSafeInteger(priority)) wrong("priority");
  if (chain !== null && !(chain instanceof Uint8Array)) wrong("chain");
  // The decoder gives a view on the whole batch, which must not live as long as the call.
  return { budgetMs, priority, chain: chain === null ? null : chain.slice() } as CallTerms;
}

function wrong(field: string): never {
  throw new ProtocolError(`Malformed frame: ${field}`);
}

function name(value: unknown, field: string): string {
  return typeof value === "string" && value.length <= LIMITS.nameLength ? value : wrong(field);
}

function text(value: unknown, field: string): string {
  return typeof value === "string" ? value : wrong(field);
}

function count(value: unknown, field: string): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
    ? value
    : wrong(field);
}

function flag(value: unknown, field: string): boolean {
  return typeof value === "boolean" ? value : wrong(field);
}

/** Lists up to this length may have holes. */
const LONG_LIST = 1024;

/** A few bytes can claim a list of four thousand million holes: nobody is to count through them. */
function list(value: unknown, field: string): readonly unknown[] {
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
  return {
    kind,
    name: text(own(source, "name"), `${field}.name`),
    features: list(own(source, "features"), `${field}.features`)
      .map((feature) => text(feature, `${field}.features`)),
    limits,
  };
}

function pool(value: unknown, field: string): PoolDescription {
  const source = fields(value, field);
  const kind = own(source, "kind");
  if (kind !== "main" && kind !== "worker" && kind !== "gpu" && kind !== "process") {
    return wrong(`${field}.kind`);
  }
  const label = own(source, "label");
  return {
    host: hostNumber(own(source, "host"), `${field}.host`),
    pool: poolNumber(own(source, "pool"), `${field}.pool`),
    name: name(own(source, "name"), `${field}.name`),
    kind,
    label: label === null ? null : text(label, `${field}.label`),
    device: device(own(source, "device"), `${field}.device`),
    actors: count(own(source, "actors"), `${field}.actors`),
  };
}

function pools(value: unknown, field: string): readonly PoolDescription[] {
  return list(value, field).map((item, i) => pool(item, `${field}[${i}]`));
}

function hostNumber(value: unknown, field: string): number {
  const number = count(value, field);
  return number < 2 ** 48 ? number : wrong(field);
}

function poolNumber(value: unknown, field: string): number {
  const number = count(value, field);
  return number < 2 ** 16 ? number : wrong(field);
}

function host(value: unknown, field: string): HostDescription {
  const source = fields(value, field);
  const address = own(source, "address");
  return {
    id: hostNumber(own(source, "id"), `${field}.id`),
    address: address === null ? null : text(address, `${field}.address`),
    pools: pools(own(source, "pools"), `${field}.pools`),
  };
}

function typeName(value: unknown): TypeName {
  const source = fields(value, "type");
  return {
    module: text(own(source, "module"), "type.module"),
    export: text(own(source, "export"), "type.export"),
    name: text(own(source, "name"), "type.name"),
    version: text(own(source, "version"), "type.version"),
  };
}

function options(value: unknown): CellOptions {
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
  };
}

/**
 * The frame of a decoded body whose value has been raised already.
 *
 * @throws {ProtocolError} naming the field that is not right.
 */
export function frameOf(kind: FrameKind, at: Envelope, body: readonly unknown[]): Frame {
  const { id, to, from } = at;
  switch (kind) {
    case "call":
    case "tell":
      return {
        kind,
        id,
        to,
        from,
        uid: name(body[0], "uid"),
        method: name(body[1], "method"),
        args: list(body[2], "args"),
        ...(body.length > 3 ? { terms: terms(body[3]) } : {}),
      };
    case "batch":
      return {
        kind,
        id,
        to,
        from,
        uid: name(body[0], "uid"),
        method: name(body[1], "method"),
        items: list(body[2], "items").map((item) => list(item, "items")),
        ...(body.length > 3 ? { terms: terms(body[3]) } : {}),
      };
    case "items":
      return { kind, id, to, from, values: list(body[0], "items") };
    case "end":
      return { kind, id, to, from, failed: flag(body[0], "failed"), error: body[1] };
    case "credit":
      return { kind, id, to, from, count: count(body[0], "count") };
    case "drop":
      return { kind, id, to, from };
    case "reply":
      return { kind, id, to, from, value: body[0] };
    case "failure":
      return { kind, id, to, from, error: body[0] };
    case "cancel":
      return { kind, id, to, from, uid: name(body[0], "uid"), reason: body[1] };
    case "create":
      return {
        kind,
        id,
        to,
        from,
        uid: name(body[0], "uid"),
        generation: count(body[1], "generation"),
        type: typeName(body[2]),
        options: options(body[3]),
        args: list(body[4], "args"),
      };
    case "destroy":
      return { kind, id, to, from, uid: name(body[0], "uid"), kill: flag(body[1], "kill") };
    case "ping":
    case "pong":
      return { kind, id, to, from };
    case "hello":
    case "welcome":
      return {
        kind,
        id,
        to,
        from,
        version: count(body[0], "version"),
        host: host(body[1], "host"),
      };
    case "goodbye":
      return { kind, id, to, from, reason: text(body[0], "reason"), error: body[1] };
    case "down":
      return {
        kind,
        id,
        to,
        from,
        host: hostNumber(body[0], "host"),
        pool: body[1] === null ? null : poolNumber(body[1], "pool"),
        error: body[2],
      };
    case "pools":
      return { kind, id, to, from, pools: pools(body[0], "pools") };
    default:
      return kind satisfies never;
  }
}
