import type { Frame, RawFrame } from "../core/protocol.ts";

/** The order of a frame that goes before or after everything else. */
export const EVERYTHING = "everything";

const FIXSTR = 0xa0, STR8 = 0xd9, STR16 = 0xda;
const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * What a frame must keep its order with: frames of the same text. `undefined` if it is about no actor
 * and no call, and a small one: it may overtake anything.
 *
 * Messages of one pool to one actor are kept in order, and so is what belongs to one call; the answers
 * of two calls are not.
 */
export function orderOf(frame: Frame | RawFrame): string | undefined {
  switch (frame.kind) {
    case "call":
    case "tell":
    case "batch":
    case "cancel":
    case "create":
    case "destroy":
      return `${poolsOf(frame)} ${"body" in frame ? uidOf(frame.body) : frame.uid}`;
    case "reply":
    case "failure":
      return `${poolsOf(frame)}#${frame.id}`;
    case "items":
    case "end":
    case "credit":
    case "drop":
      return `${poolsOf(frame)}~${frame.id}`;
    case "goodbye":
      return EVERYTHING;
    case "hello":
    case "welcome":
    case "ping":
    case "pong":
    case "down":
    case "pools":
    case "hosts":
      return undefined;
    default:
      return frame satisfies never;
  }
}

function poolsOf({ from, to }: Frame | RawFrame): string {
  return `${from.host}.${from.pool}>${to.host}.${to.pool}`;
}

/** The uid is the first field of every body that has one. An empty text if the library wrote it in another way. */
function uidOf(body: Uint8Array): string {
  const tag = body[1]!;
  if (tag >= FIXSTR && tag < FIXSTR + 32) return UTF8.decode(body.subarray(2, 2 + tag - FIXSTR));
  if (tag === STR8) return UTF8.decode(body.subarray(3, 3 + body[2]!));
  if (tag === STR16) return UTF8.decode(body.subarray(4, 4 + body[2]! * 256 + body[3]!));
  return "";
}
