/** Frames to bytes and back. */
import { Decoder, Encoder, ExtData } from "@msgpack/msgpack";
import { detachAll, takeSegments } from "./buffers.ts";
import { copyValue } from "./copy.ts";
import { NotSerializableError, ProtocolError } from "./errors.ts";
import { BODY_SHAPES, bodyOf, frameOf, KIND_CODES, valueOf } from "./frame_body.ts";
import { GraphBuilder, type Table } from "./graph.ts";
import { readGraph } from "./graph_reader.ts";
import { readHeader, writeHeader } from "./header.ts";
import { NameReader } from "./names.ts";
import { type Frame, HEADER_BYTES, LIMITS, type RawFrame } from "./protocol.ts";
import { type CodecExtension, PlainCheck } from "./values.ts";
import { VALUE_EXT, WireWalk } from "./wire_walk.ts";

/** The bytes of a table, as they come out of the decoder: raised once the body is complete. */
class Lowered {
  constructor(readonly bytes: Uint8Array) {}
}

/** MessagePack's own timestamps are not used: a Date may be invalid, a timestamp may not. */
const EXTENSION_CODEC = Object.freeze({
  tryToEncode: (value: unknown): ExtData | null => value instanceof ExtData ? value : null,
  decode(bytes: Uint8Array, type: number): Lowered {
    if (type !== VALUE_EXT) throw new ProtocolError(`Malformed frame: extension type ${type}`);
    return new Lowered(bytes);
  },
});

/** The whole value `undefined`, which every method without a result returns. */
const UNDEFINED = Object.freeze(new ExtData(VALUE_EXT, new Uint8Array(0)));

/** An encoder whose buffer has grown past this is replaced, so that one large value does not stay. */
const KEEP_BYTES = 2 ** 20;

/** What the library counts as depth: one for the body, one for a leaf. */
const MAX_DEPTH = LIMITS.depth + 2;

function newEncoder(): Encoder {
  return new Encoder({ extensionCodec: EXTENSION_CODEC, maxDepth: MAX_DEPTH });
}

/** An encoder that is kept while it is small. */
class KeptEncoder {
  #encoder = newEncoder();

  /** The encoded value, in the encoder's own buffer: valid until the next call. */
  encode(value: unknown): Uint8Array {
    const bytes = this.#encoder.encodeSharedRef(value);
    if (bytes.buffer.byteLength > KEEP_BYTES) this.#encoder = newEncoder();
    return bytes;
  }
}

/** The first byte of a call's body: an array of three. */
const CALL_BODY = 0x93;

/** What turns frames into bytes and back; one for all links of a pool. */
export class Codec {
  /** How refs and other handles travel. */
  readonly extensions: readonly CodecExtension[];
  readonly #decoder = new Decoder({ extensionCodec: EXTENSION_CODEC });
  readonly #check = new PlainCheck(true);
  readonly #names = new NameReader();

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
      const body = this.#body(raw);
      const { fields, value } = BODY_SHAPES[raw.kind];
      if (!Array.isArray(body) || body.length !== fields) throw new ProtocolError("Its fields");
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

  #body(raw: RawFrame): unknown {
    const { kind, body } = raw;
    if (kind !== "call" && kind !== "tell" || body[0] !== CALL_BODY) {
      return this.#decoder.decode(body);
    }
    const names = this.#names;
    const uid = names.read(body, 1);
    const method = uid === undefined ? undefined : names.read(body, names.end);
    if (method === undefined) return this.#decoder.decode(body);
    return [uid, method, this.#decoder.decode(body.subarray(names.end))];
  }

  #raise({ bytes }: Lowered, segments: readonly ArrayBufferLike[]): unknown {
    if (bytes.length === 0) return undefined;
    const table = this.#decoder.decode(bytes);
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

/** Where segments go: into the byte stream after their frame, or beside it as ArrayBuffers. */
export type SegmentMode = "inline" | "aside";

/** Frames that are ready to go. */
export interface Batch {
  /** Exactly the bytes, in a buffer of their own. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Empty in inline mode. The ArrayBuffers are owned and may be transferred, shared ones not. */
  readonly segments: ArrayBufferLike[];
}

const INITIAL_BYTES = 16 * 1024;

/** Encodes frames one after another into one buffer; one per link, reused. */
export class FrameWriter {
  readonly #codec: Codec;
  readonly #mode: SegmentMode;
  readonly #check = new PlainCheck(false);
  /** The body's and the table's: an encoder that is entered twice clones itself. */
  readonly #encoder = new KeptEncoder();
  readonly #tableEncoder = new KeptEncoder();
  #bytes = new Uint8Array(INITIAL_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  #frames = 0;
  #segments: ArrayBufferLike[] = [];

  constructor(codec: Codec, segments: SegmentMode) {
    this.#codec = codec;
    this.#mode = segments;
  }

  /** Bytes pending; segments count in inline mode. */
  get byteLength(): number {
    return this.#length;
  }

  /** Frames pending. */
  get frames(): number {
    return this.#frames;
  }

  /**
   * Encodes a frame. Buffers marked by `transfer` are detached last, when nothing can fail any more.
   *
   * @throws {NotSerializableError} if a value in it cannot travel, or is past the limits of a frame;
   * the writer and the value are as before then.
   */
  write(frame: Frame): void {
    const { value: field, root, forgiving } = BODY_SHAPES[frame.kind];
    checkNames(frame);
    let table: Table | undefined;
    let value: unknown;
    if (field >= 0) {
      value = valueOf(frame);
      if (value === undefined) {
        value = UNDEFINED;
      } else if (!this.#isPlain(value, frame, root)) {
        table = new GraphBuilder(this.#codec.extensions, this.#mode, forgiving).build(value, root);
        value = new ExtData(VALUE_EXT, this.#encode(this.#tableEncoder, table.table, root));
      }
    }
    const body = this.#encode(this.#encoder, bodyOf(frame, value), root);
    if (body.length + HEADER_BYTES > LIMITS.frameBytes) throw tooLarge(root, LIMITS.frameBytes);
    const start = this.#begin(body, table, root);
    writeHeader(this.#view, start, {
      length: HEADER_BYTES + body.length,
      kind: KIND_CODES[frame.kind]!,
      hops: 0,
      segments: table?.segments.length ?? 0,
      at: frame,
    });
  }

  /**
   * Adds a frame that came from another link, one hop further. Its segments go with it.
   *
   * @throws {ProtocolError} if it has passed too many routers.
   * @throws {NotSerializableError} if it has shared memory, and this link leads out of the process.
   */
  forward(raw: RawFrame): void {
    if (raw.hops >= LIMITS.hops) {
      throw new ProtocolError(`A ${raw.kind} frame passed more than ${LIMITS.hops} routers`);
    }
    const { body, segments } = raw;
    const length = HEADER_BYTES + body.length;
    const inline = this.#mode === "inline";
    if (inline && segments.some((segment) => segment instanceof SharedArrayBuffer)) {
      const { root } = BODY_SHAPES[raw.kind];
      throw new NotSerializableError(
        `Cannot send ${root}: it has a SharedArrayBuffer in it, which is shared within one host only; send a copy`,
        root,
      );
    }
    const payload = inline ? sum(segments) + 4 * segments.length : 0;
    const start = this.#reserve(length + payload);
    this.#bytes.set(body, start + HEADER_BYTES);
    if (inline) {
      this.#putSegments(start + length, segments.map((segment) => new Uint8Array(segment)));
    } else {
      for (const segment of segments) this.#segments.push(segment);
    }
    this.#length = start + length + payload;
    this.#frames++;
    writeHeader(this.#view, start, {
      length,
      kind: KIND_CODES[raw.kind]!,
      hops: raw.hops + 1,
      segments: segments.length,
      at: raw,
    });
  }

  /** Gives out everything pending; the writer is empty then. */
  take(): Batch {
    const length = this.#length;
    const segments = this.#segments;
    let bytes: Uint8Array<ArrayBuffer>;
    if (length > INITIAL_BYTES * 4) {
      bytes = new Uint8Array(this.#bytes.buffer.transferToFixedLength(length));
      this.#use(new Uint8Array(INITIAL_BYTES));
    } else {
      bytes = this.#bytes.slice(0, length);
    }
    this.#length = 0;
    this.#frames = 0;
    this.#segments = [];
    return { bytes, segments };
  }

  #isPlain(value: unknown, frame: Frame, root: string): boolean {
    try {
      return root === "args" && frame.kind !== "create"
        ? this.#check.isPlainList(value as readonly unknown[])
        : this.#check.isPlain(value);
    } catch {
      // A getter threw: the other way of encoding says where.
      return false;
    }
  }

  #encode(encoder: KeptEncoder, value: unknown, root: string): Uint8Array {
    try {
      return encoder.encode(value);
    } catch (error) {
      throw new NotSerializableError(
        `Cannot send ${root}: ${error instanceof Error ? error.message : error}`,
        root,
        { cause: error },
      );
    }
  }

  /** Puts the body and the segments into place; returns where the header goes. */
  #begin(body: Uint8Array, table: Table | undefined, root: string): number {
    const uses = table?.segments ?? [];
    const inline = this.#mode === "inline";
    const length = HEADER_BYTES + body.length;
    if (uses.length === 0 && table === undefined) {
      const start = this.#reserve(length);
      this.#bytes.set(body, start + HEADER_BYTES);
      this.#length = start + length;
      this.#frames++;
      return start;
    }
    const bulk = uses.reduce((total, use) => total + use.length, 0);
    if (inline && bulk > LIMITS.payloadBytes) throw tooLarge(root, LIMITS.payloadBytes);
    const payload = inline ? bulk + 4 * uses.length : 0;
    const start = this.#reserve(length + payload);
    this.#bytes.set(body, start + HEADER_BYTES);
    if (inline) {
      this.#putSegments(
        start + length,
        uses.map((use) => new Uint8Array(use.buffer, use.start, use.length)),
      );
      detachAll(uses.filter((use) => use.moved).map((use) => use.buffer as ArrayBuffer));
    } else {
      for (const segment of takeSegments(uses)) this.#segments.push(segment);
    }
    if (table !== undefined) detachAll(table.detach);
    this.#length = start + length + payload;
    this.#frames++;
    return start;
  }

  #putSegments(at: number, segments: readonly Uint8Array[]): void {
    let from = at + 4 * segments.length;
    for (const [i, segment] of segments.entries()) {
      this.#view.setUint32(at + 4 * i, segment.length, true);
      this.#bytes.set(segment, from);
      from += segment.length;
    }
  }

  /** Makes room at the end; returns where. */
  #reserve(size: number): number {
    const needed = this.#length + size;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#use(grown);
    }
    return this.#length;
  }

  #use(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

function sum(segments: readonly ArrayBufferLike[]): number {
  return segments.reduce((total, segment) => total + segment.byteLength, 0);
}

function tooLarge(root: string, limit: number): NotSerializableError {
  return new NotSerializableError(
    `Cannot send ${root}: it takes more than ${limit} bytes; send it in parts, or bulk data as byte buffers`,
    root,
  );
}

/** A name that is too long would be refused by the other side, which would close the link. */
function checkNames(frame: Frame): void {
  const { uid = "", method = "" } = frame as { readonly uid?: string; readonly method?: string };
  if (uid.length <= LIMITS.nameLength && method.length <= LIMITS.nameLength) return;
  const field = uid.length > LIMITS.nameLength ? "uid" : "method";
  throw new NotSerializableError(
    `Cannot send ${field}: it is longer than ${LIMITS.nameLength} characters`,
    field,
  );
}

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
