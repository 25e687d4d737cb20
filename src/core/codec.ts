/** Frames to bytes and back: the codec of a pool; writers and readers of batches beside it. */
import { Decoder } from "@msgpack/msgpack";
import { copyValue } from "./copy.ts";
import { ProtocolError } from "./host_errors.ts";
import { BODY_SHAPES, frameOf } from "./frame_body.ts";
import { readGraph } from "./graph_reader.ts";
import { EXTENSION_CODEC, Lowered } from "./msgpack.ts";
import { BodyReader, LastNames } from "./short_body.ts";
import { type Frame, type FrameKind, isMessage, type RawFrame } from "./protocol.ts";
import { type CodecExtension, PlainCheck } from "./values.ts";

export { readFrames } from "./frame_reader.ts";
export { type Batch, FrameWriter, type SegmentMode } from "./frame_writer.ts";
export type { CodecExtension } from "./values.ts";

/** Messages may have their terms as one field more. */
function hasFields({ length }: readonly unknown[], kind: FrameKind, fields: number): boolean {
  return length === fields || (length === fields + 1 && isMessage(kind));
}

/** What turns frames into bytes and back; one for all links of a pool. */
export class Codec {
  /** How refs and other handles travel. */
  readonly extensions: readonly CodecExtension[];
  readonly #decoder = new Decoder({ extensionCodec: EXTENSION_CODEC });
  readonly #check = new PlainCheck(true);
  readonly #reader = new BodyReader();
  readonly #names = new LastNames();

  constructor(extensions: readonly CodecExtension[] = []) {
    this.extensions = Object.freeze([...extensions]);
  }

  /**
   * Reads the body of a frame from {@linkcode readFrames}. Its segments become part of the values
   * in it, so a frame is decoded or forwarded, once.
   *
   * @throws {ProtocolError} if the body is not one of its kind.
   */
  decode(raw: RawFrame): Frame {
    try {
      const body = isMessage(raw.kind) ? this.#message(raw.body) : this.#read(raw.body);
      const { fields, value } = BODY_SHAPES[raw.kind];
      if (!Array.isArray(body) || !hasFields(body, raw.kind, fields)) {
        throw new ProtocolError("Its fields");
      }
      if (value >= 0 && body[value] instanceof Lowered) {
        body[value] = this.#raise(body[value], raw.segments);
      } else if (raw.segments.length > 0) {
        throw new ProtocolError("Segments that nothing uses");
      }
      return frameOf(raw.kind, raw, body);
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new ProtocolError(`Malformed ${raw.kind} frame: ${reason}`, { cause: error });
    }
  }

  /** The fields of a message: the first two are often those of the message before. */
  #message(bytes: Uint8Array): unknown {
    const names = this.#names;
    if (names.areIn(bytes)) {
      const args = this.#reader.read(bytes, names.end);
      if (args !== undefined) return [names.uid, names.method, args];
    }
    const body = this.#read(bytes);
    names.keep(bytes, body);
    return body;
  }

  #read(bytes: Uint8Array): unknown {
    return this.#reader.read(bytes) ?? this.#decoder.decode(bytes);
  }

  #raise({ bytes }: Lowered, segments: readonly ArrayBufferLike[]): unknown {
    if (bytes.length === 0) return undefined;
    const table = this.#read(bytes);
    return readGraph(table, { extensions: this.extensions, segments, local: false });
  }

  /**
   * Copies a value for a call within the pool, as if it had been sent; see {@linkcode copyValue}.
   *
   * @throws {NotSerializableError} with the path from `root`: `args` or `result`.
   */
  copy<T>(value: T, root: string): T {
    return copyValue(value, this.extensions, root, this.#check);
  }
}
