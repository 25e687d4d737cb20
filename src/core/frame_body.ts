/** A frame's own fields to the list that is its body, and back. */
import {
  callTerms,
  cellOptions,
  count,
  flag,
  goodbyeCode,
  hostDescription,
  hostNumber,
  hostRoute,
  list,
  name,
  poolDescriptions,
  poolNumber,
  text,
  typeName,
} from "./frame_fields.ts";
import {
  type CallTerms,
  type Envelope,
  type Frame,
  FRAME_KINDS,
  type FrameKind,
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
  goodbye: shape(3, 2, "error", true),
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
  hosts: shape(2),
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
      return [frame.code, frame.reason, value];
    case "down":
      return [frame.host, frame.pool, value];
    case "pools":
      return [frame.pools];
    case "hosts":
      return [frame.gone, frame.known];
    default:
      return frame satisfies never;
  }
}

/** The body of a message's terms. */
export function termsBody({ budgetMs, priority, chain }: CallTerms): unknown[] {
  return [budgetMs, priority, chain];
}

/** Most messages have none: not even a key for them. */
function withTerms<F extends Envelope>(
  frame: F,
  body: readonly unknown[],
): F & { readonly terms?: CallTerms } {
  return body.length > 3 ? { ...frame, terms: callTerms(body[3]) } : frame;
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
    case "tell": {
      const uid = name(body[0], "uid");
      const method = name(body[1], "method");
      return withTerms({ kind, id, to, from, uid, method, args: list(body[2], "args") }, body);
    }
    case "batch": {
      const uid = name(body[0], "uid");
      const method = name(body[1], "method");
      const items = list(body[2], "items").map((item) => list(item, "items"));
      return withTerms({ kind, id, to, from, uid, method, items }, body);
    }
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
        options: cellOptions(body[3]),
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
        host: hostDescription(body[1], "host"),
      };
    case "goodbye":
      return {
        kind,
        id,
        to,
        from,
        code: goodbyeCode(body[0]),
        reason: text(body[1], "reason"),
        error: body[2],
      };
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
      return { kind, id, to, from, pools: poolDescriptions(body[0], "pools") };
    case "hosts":
      return {
        kind,
        id,
        to,
        from,
        gone: list(body[0], "gone").map((host) => hostNumber(host, "gone")),
        known: list(body[1], "known").map((route, i) => hostRoute(route, `known[${i}]`)),
      };
    default:
      return kind satisfies never;
  }
}
