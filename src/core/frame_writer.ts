/** Frames to bytes. */
import { ExtData } from "@msgpack/msgpack";
import { detachAll, takeSegments } from "./buffers.ts";
import { NotSerializableError } from "./message_errors.ts";
import { ProtocolError } from "./host_errors.ts";
import { BODY_SHAPES, bodyOf, KIND_CODES, termsBody, valueOf } from "./frame_body.ts";
import { GraphBuilder, type Table } from "./graph.ts";
import { writeHeader } from "./header.ts";
import { KeptEncoder, UNDEFINED } from "./msgpack.ts";
import { BodyWriter, SHORT_BODY_BYTES } from "./short_body.ts";
import { type Frame, HEADER_BYTES, LIMITS, type RawFrame } from "./protocol.ts";
import { isSharedMemory } from "./shared_memory.ts";
import { type CodecExtension, PlainCheck } from "./values.ts";
import { VALUE_EXT } from "./wire_walk.ts";

/** Where segments go: into the byte stream after their frame, or beside it as ArrayBuffers. */
export type SegmentMode = "inline" | "aside";

/** What a writer needs of a codec; named here so that the two files do not import each other. */
export interface ExtensionHolder {
  /** How refs and other handles travel. */
  readonly extensions: readonly CodecExtension[];
}

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
  readonly #codec: ExtensionHolder;
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
  readonly #body = new BodyWriter();
  /** It writes a body that is short. */
  #isBusy = false;

  constructor(codec: ExtensionHolder, segments: SegmentMode) {
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
    const value = valueOf(frame);
    const isPlain = value === undefined || this.#isPlain(value, frame);
    // A getter sends something in the midst of a body, which is written once more then.
    if (this.#isBusy) this.#use(this.#bytes.slice());
    const length = isPlain && !this.#isBusy ? this.#short(frame, value) : -1;
    if (length < 0) return this.#long(frame, value, isPlain);
    const start = this.#length;
    this.#length += length;
    this.#frames++;
    writeHeader(this.#view, start, {
      length,
      kind: KIND_CODES[frame.kind]!,
      hops: 0,
      segments: 0,
      at: frame,
    });
  }

  /** Writes a body behind where its header goes, if it is a short one; returns the length of both, or -1. */
  #short(frame: Frame, value: unknown): number {
    const start = this.#reserve(HEADER_BYTES + SHORT_BODY_BYTES);
    const body = this.#body;
    const bytes = this.#bytes;
    body.begin(this.#view, bytes, start + HEADER_BYTES);
    this.#isBusy = true;
    try {
      writeBody(body, frame, value);
    } finally {
      this.#isBusy = false;
    }
    return body.end < 0 || bytes !== this.#bytes ? -1 : body.end - start;
  }

  #long(frame: Frame, given: unknown, isPlain: boolean): void {
    const { value: field, root, forgiving } = BODY_SHAPES[frame.kind];
    checkNames(frame);
    let table: Table | undefined;
    let value: unknown;
    if (field >= 0) {
      value = given;
      if (value === undefined) {
        value = UNDEFINED;
      } else if (!isPlain) {
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
    if (inline && segments.some((segment) => isSharedMemory(segment))) {
      const { root } = BODY_SHAPES[raw.kind];
      throw new NotSerializableError(
        `Cannot send ${root}: it has a SharedArrayBuffer in it, which is shared within one process only; send a copy`,
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

  #isPlain(value: unknown, frame: Frame): boolean {
    try {
      if (frame.kind === "batch") return this.#check.isPlainBatch(value as readonly unknown[]);
      return frame.kind === "call" || frame.kind === "tell"
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

function writeBody(body: BodyWriter, frame: Frame, value: unknown): void {
  if (frame.kind === "call" || frame.kind === "tell") {
    const { uid, method, args, terms } = frame;
    body.list(terms === undefined ? 3 : 4);
    body.name(uid);
    body.name(method);
    body.value(args);
    if (terms !== undefined) body.value(termsBody(terms));
  } else if (frame.kind === "reply") {
    body.list(1);
    body.value(value === undefined ? UNDEFINED : value);
  } else {
    body.value(bodyOf(frame, value));
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
