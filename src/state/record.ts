/** How a snapshot is written into a store: what it is of, and whether it is whole. */
import { SnapshotError } from "../core/errors.ts";

/** A snapshot in a store. */
export interface SnapshotRecord {
  /** The name of the actor's type. */
  readonly type: string;
  /** The version of that type. */
  readonly version: string;
  /** When it was saved, in milliseconds since 1970. */
  readonly savedAt: number;
  /** The state, as the codec has written it. */
  readonly state: Uint8Array;
}

/** The first bytes: "DSN" and the version of this form. */
const MAGIC = 0x44534e01;

/** Magic, checksum, length of what describes it. */
const HEAD_BYTES = 12;

/** A record as bytes. */
export function encodeRecord({ type, version, savedAt, state }: SnapshotRecord): Uint8Array {
  const about = new TextEncoder().encode(JSON.stringify({ type, version, savedAt }));
  const bytes = new Uint8Array(HEAD_BYTES + about.length + state.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(8, about.length);
  bytes.set(about, HEAD_BYTES);
  bytes.set(state, HEAD_BYTES + about.length);
  view.setUint32(4, crc32(bytes.subarray(8)));
  return bytes;
}

/**
 * The record in bytes from a store.
 *
 * @param of Whose it is, for people.
 * @throws {SnapshotError} with reason `damaged` if they are not what was written.
 */
export function decodeRecord(bytes: Uint8Array, of: string): SnapshotRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isWhole = bytes.length >= HEAD_BYTES && view.getUint32(0) === MAGIC &&
    view.getUint32(4) === crc32(bytes.subarray(8));
  const length = isWhole ? view.getUint32(8) : 0;
  if (!isWhole || HEAD_BYTES + length > bytes.length) {
    throw new SnapshotError(
      `The snapshot of ${of} is damaged: ${bytes.length} bytes that are not what was written. ` +
        `Put back a copy of the store, or begin anew with host.dropSnapshot`,
      "damaged",
    );
  }
  const about = JSON.parse(
    new TextDecoder().decode(bytes.subarray(HEAD_BYTES, HEAD_BYTES + length)),
  );
  const { type, version, savedAt } = about;
  return { type, version, savedAt, state: bytes.slice(HEAD_BYTES + length) };
}

const CRC_TABLE: Readonly<Uint32Array> = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

/** CRC-32 as in zip: the errors that disks and networks make are seen. */
export function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) {
    crc = CRC_TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}
