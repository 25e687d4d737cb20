/** Bytes to frames whose headers are read and whose bodies are not yet. */
import { ProtocolError } from "./host_errors.ts";
import { BODY_SHAPES } from "./frame_body.ts";
import { readHeader } from "./header.ts";
import { HEADER_BYTES, LIMITS, type RawFrame } from "./protocol.ts";
import { WireWalk } from "./wire_walk.ts";

/**
 * The frames in a batch: every header, length, kind and limit is checked, and for bytes from the
 * network (`trusted` false) the structure of every body too, so that it is safe to decode and to
 * forward to those who trust their sender. Bodies are views on the bytes; segments in the stream are
 * copied out of it.
 *
 * @throws {ProtocolError} if the bytes are not whole frames within the limits.
 */
export function readFrames(
  bytes: Uint8Array,
  segments: readonly ArrayBufferLike[] | "inline",
  trusted: boolean,
): RawFrame[] {
  const frames: RawFrame[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const walk = trusted ? undefined : new WireWalk(bytes);
  const source = segments === "inline" ? undefined : segments;
  let at = 0;
  let next = 0;
  let last: RawFrame | undefined;
  while (at < bytes.length) {
    const header = readHeader(view, at, last);
    const start = at + HEADER_BYTES;
    const end = at + header.length;
    walk?.body(start, end, BODY_SHAPES[header.kind].value);
    at = end;
    let own: readonly ArrayBufferLike[] = NO_SEGMENTS;
    if (header.segments > 0) {
      if (source === undefined) {
        [own, at] = cutSegments(bytes, view, at, header.segments);
      } else {
        own = source.slice(next, next += header.segments);
        if (own.length !== header.segments) {
          throw new ProtocolError("Malformed frame: its segments");
        }
      }
    }
    last = {
      kind: header.kind,
      hops: header.hops,
      id: header.id,
      to: header.to,
      from: header.from,
      body: bytes.subarray(start, end),
      segments: own,
    };
    frames.push(last);
  }
  if (source !== undefined && next !== source.length) {
    throw new ProtocolError("Malformed batch: segments that no frame has");
  }
  return frames;
}

const NO_SEGMENTS: readonly ArrayBufferLike[] = Object.freeze([]);

/** Copies the segments that start at `at` out of the stream; returns them and where they end. */
function cutSegments(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  count: number,
): [ArrayBufferLike[], number] {
  let from = at + 4 * count;
  if (from > bytes.length) throw new ProtocolError("Malformed frame: it ends early");
  const ends: number[] = [];
  for (let i = 0; i < count; i++) {
    const end = (ends.at(-1) ?? from) + view.getUint32(at + 4 * i, true);
    if (end > bytes.length) throw new ProtocolError("Malformed frame: it ends early");
    ends.push(end);
  }
  if (ends.at(-1)! - from > LIMITS.payloadBytes) {
    throw new ProtocolError(`Malformed frame: more than ${LIMITS.payloadBytes} bytes of segments`);
  }
  const segments = ends.map((end) => {
    const segment = new Uint8Array(bytes.subarray(from, end)).buffer;
    from = end;
    return segment;
  });
  return [segments, from];
}
