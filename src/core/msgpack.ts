/** The MessagePack library as it is used here. */
import { Encoder, ExtData } from "@msgpack/msgpack";
import { ProtocolError } from "./host_errors.ts";
import { LIMITS } from "./protocol.ts";
import { VALUE_EXT } from "./wire_walk.ts";

/** The bytes of a table, as they come out of the decoder: raised once the body is complete. */
export class Lowered {
  constructor(readonly bytes: Uint8Array) {}
}

/** MessagePack's own timestamps are not used: a Date may be invalid, a timestamp may not. */
export const EXTENSION_CODEC = Object.freeze({
  tryToEncode: (value: unknown): ExtData | null => value instanceof ExtData ? value : null,
  decode(bytes: Uint8Array, type: number): Lowered {
    if (type !== VALUE_EXT) throw new ProtocolError(`Malformed frame: extension type ${type}`);
    return new Lowered(bytes);
  },
});

/** The whole value `undefined`, which every method without a result returns. */
export const UNDEFINED = Object.freeze(new ExtData(VALUE_EXT, new Uint8Array(0)));

/** An encoder whose buffer has grown past this is replaced, so that one large value does not stay. */
const KEEP_BYTES = 2 ** 20;

/** What the library counts as depth: one for the body, one for a leaf. */
const MAX_DEPTH = LIMITS.depth + 2;

function newEncoder(): Encoder {
  return new Encoder({ extensionCodec: EXTENSION_CODEC, maxDepth: MAX_DEPTH });
}

/** An encoder that is kept while it is small. */
export class KeptEncoder {
  #encoder = newEncoder();

  /** The encoded value, in the encoder's own buffer: valid until the next call. */
  encode(value: unknown): Uint8Array {
    const bytes = this.#encoder.encodeSharedRef(value);
    if (bytes.buffer.byteLength > KEEP_BYTES) this.#encoder = newEncoder();
    return bytes;
  }
}
