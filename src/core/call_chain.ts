/**
 * The chain of a call: who waits for whom, oldest first. It travels with every call that an actor makes
 * and is checked where it arrives, mostly without being read whole: so it is bytes, one hop after the other.
 *
 * | bytes | what |
 * |---|---|
 * | 2 | length of this hop |
 * | 6 + 2 | host, pool |
 * | 6 | generation of the actor |
 * | 4 | which of its messages made the call |
 * | 2 + n | uid, UTF-8 |
 * | the rest | method, UTF-8 |
 */
import type { ActorAddress } from "./address.ts";

/** One call in a chain: the message of an actor that waits. */
export interface Hop extends ActorAddress {
  readonly method: string;
  /** The actor's own number of the message. */
  readonly serial: number;
}

/** A chain: hops one after the other. */
export type CallChain = Uint8Array<ArrayBuffer>;

/** Hops that are kept: a longer chain forgets its oldest, and a cycle of more actors is not seen. */
const MAX_HOPS = 64;

const FIXED_BYTES = 22;
const HIGH = 2 ** 32;
const UTF8 = new TextEncoder();
const TEXT = new TextDecoder();

/** The chain with one hop more. */
export function extendChain(chain: CallChain | null, hop: Hop): CallChain {
  const uid = UTF8.encode(hop.uid);
  const method = UTF8.encode(hop.method);
  const length = FIXED_BYTES + uid.length + method.length;
  const older = chain === null ? NO_CHAIN : newest(chain, MAX_HOPS - 1);
  const bytes = new Uint8Array(older.length + length);
  bytes.set(older);
  const view = new DataView(bytes.buffer, older.length);
  view.setUint16(0, length);
  view.setUint16(2, hop.host / HIGH);
  view.setUint32(4, hop.host >>> 0);
  view.setUint16(8, hop.pool);
  view.setUint16(10, hop.generation / HIGH);
  view.setUint32(12, hop.generation >>> 0);
  view.setUint32(16, hop.serial >>> 0);
  view.setUint16(20, uid.length);
  bytes.set(uid, older.length + FIXED_BYTES);
  bytes.set(method, older.length + FIXED_BYTES + uid.length);
  return bytes;
}

/**
 * The hops of a chain, oldest first. What another host sent and is no chain has none: it serves
 * detection alone.
 */
export function readChain(chain: Uint8Array): Hop[] {
  const hops: Hop[] = [];
  const view = new DataView(chain.buffer, chain.byteOffset, chain.byteLength);
  for (let at = 0; at < chain.length;) {
    const length = at + FIXED_BYTES <= chain.length ? view.getUint16(at) : 0;
    const uidEnd = length === 0 ? 0 : at + FIXED_BYTES + view.getUint16(at + 20);
    if (length < FIXED_BYTES || at + length > chain.length || uidEnd > at + length) return [];
    hops.push({
      host: view.getUint16(at + 2) * HIGH + view.getUint32(at + 4),
      pool: view.getUint16(at + 8),
      generation: view.getUint16(at + 10) * HIGH + view.getUint32(at + 12),
      serial: view.getUint32(at + 16),
      uid: TEXT.decode(chain.subarray(at + FIXED_BYTES, uidEnd)),
      method: TEXT.decode(chain.subarray(uidEnd, at + length)),
    });
    at += length;
  }
  return hops;
}

/** The newest hop of a chain: whose call it is. `null` if that is no chain, or of nobody. */
export function lastHop(chain: CallChain): Hop | null {
  return readChain(newest(chain, 1)).at(-1) ?? null;
}

const NO_CHAIN: CallChain = new Uint8Array(0);

/** The last hops of a chain. */
function newest(chain: CallChain, count: number): CallChain {
  const view = new DataView(chain.buffer, chain.byteOffset, chain.byteLength);
  const starts: number[] = [];
  for (let at = 0; at + 2 <= chain.length; at += Math.max(FIXED_BYTES, view.getUint16(at))) {
    starts.push(at);
  }
  return starts.length <= count ? chain : chain.subarray(starts[starts.length - count]!);
}
