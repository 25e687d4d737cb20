/** The fixed header of a frame; its layout is in `protocol.ts`. */
import type { PoolAddress } from "./address.ts";
import { ProtocolError } from "./host_errors.ts";
import { type Envelope, FRAME_KINDS, type FrameKind, HEADER_BYTES, LIMITS } from "./protocol.ts";

const HIGH = 2 ** 32;

/** What is written into a header. */
export interface HeaderFields {
  readonly length: number;
  readonly kind: number;
  readonly hops: number;
  readonly segments: number;
  readonly at: Envelope;
}

/** What is read from one. */
export interface Header extends Envelope {
  readonly length: number;
  readonly kind: FrameKind;
  readonly hops: number;
  readonly segments: number;
}

function setU48(view: DataView, at: number, value: number): void {
  // The same as value % HIGH, without a division.
  view.setUint32(at, value >>> 0, true);
  view.setUint16(at + 4, value / HIGH, true);
}

function getU48(view: DataView, at: number): number {
  return view.getUint16(at + 4, true) * HIGH + view.getUint32(at, true);
}

/** Writes a header at an offset. */
export function writeHeader(view: DataView, at: number, fields: HeaderFields): void {
  const { id, to, from } = fields.at;
  view.setUint32(at, fields.length, true);
  view.setUint8(at + 4, fields.kind);
  view.setUint8(at + 5, fields.hops);
  view.setUint16(at + 6, fields.segments, true);
  setU48(view, at + 8, id);
  view.setUint16(at + 14, 0);
  setU48(view, at + 16, to.host);
  view.setUint16(at + 22, to.pool, true);
  setU48(view, at + 24, from.host);
  view.setUint16(at + 30, from.pool, true);
}

function address(view: DataView, at: number, last: PoolAddress | undefined): PoolAddress {
  const host = getU48(view, at);
  const pool = view.getUint16(at + 6, true);
  return last !== undefined && last.host === host && last.pool === pool ? last : { host, pool };
}

function fail(what: string): never {
  throw new ProtocolError(`Malformed frame: ${what}`);
}

/**
 * Reads the header at an offset. The addresses of the frame before are used again if they are the
 * same, as they are in most batches.
 *
 * @throws {ProtocolError} if it is not one, or past a limit.
 */
export function readHeader(view: DataView, at: number, last: Envelope | undefined): Header {
  if (at + HEADER_BYTES > view.byteLength) fail("its header ends early");
  const length = view.getUint32(at, true);
  const code = view.getUint8(at + 4);
  const hops = view.getUint8(at + 5);
  const segments = view.getUint16(at + 6, true);
  if (length < HEADER_BYTES || at + length > view.byteLength) fail(`a length of ${length}`);
  if (length > LIMITS.frameBytes) fail(`more than ${LIMITS.frameBytes} bytes`);
  if (code === 0 || code >= FRAME_KINDS.length) fail(`kind ${code}`);
  if (hops > LIMITS.hops) fail(`${hops} hops`);
  if (segments > LIMITS.segments) fail(`${segments} segments`);
  if (view.getUint16(at + 14) !== 0) fail("its reserved bytes");
  return {
    length,
    kind: FRAME_KINDS[code] as FrameKind,
    hops,
    segments,
    id: getU48(view, at + 8),
    to: address(view, at + 16, last?.to),
    from: address(view, at + 24, last?.from),
  };
}
