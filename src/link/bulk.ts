import { LIMITS } from "../core/protocol.ts";
import { BATCH_BYTES } from "./batched.ts";

/**
 * What a message carries at most, besides what says what it is: far below the 64 MiB at which Deno's
 * server refuses, and sent in a fraction of a millisecond, which is what a small frame waits for.
 */
export const PART_BYTES: number = 256 * 1024;

/** A larger frame leaves the batches, so that any frame that stays fits into a message with those before it. */
export const BULK_BYTES: number = PART_BYTES - BATCH_BYTES;

/** Transfers under way in one direction: each is memory at the receiver, and they share one connection anyway. */
export const MAX_TRANSFERS = 64;

/** Bytes of all transfers under way in one direction: two of the largest, so that one of them stops no other. */
export const MAX_TRANSFER_BYTES: number = 2 * (LIMITS.frameBytes + LIMITS.payloadBytes);

/** What a message is: its first byte. */
export const BATCH = 0, START = 1, PART = 2, TAKEN = 3;

/** What stands before the number of a transfer's bytes: the kind and the number of the transfer. */
export const PART_HEAD_BYTES = 5;

/** Kind, number and length of the head; the lengths of the segments follow. */
export const START_HEAD_BYTES = 9;

/** The longest message. */
export const MESSAGE_BYTES: number = PART_HEAD_BYTES + PART_BYTES;

/** A frame on its way out in parts: its head, which is header and body, and its segments. */
export class Transfer {
  /** Of head and segments together. */
  readonly byteLength: number;
  readonly #headLength: number;
  readonly #segmentLengths: readonly number[];
  /** What is still to go. */
  #pieces: readonly Uint8Array[];
  #piece = 0;
  #offset = 0;
  #left: number;
  #number = -1;

  private constructor(
    headLength: number,
    segmentLengths: readonly number[],
    pieces: readonly Uint8Array[],
  ) {
    this.#headLength = headLength;
    this.#segmentLengths = segmentLengths;
    this.#pieces = pieces;
    this.byteLength = this.#left = segmentLengths.reduce((sum, length) => sum + length, headLength);
  }

  /** Of a frame as it stands in a byte stream, its segments behind it. */
  static ofBytes(bytes: Uint8Array): Transfer {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const headLength = view.getUint32(0, true);
    const count = view.getUint16(6, true);
    const lengths = Array.from(
      { length: count },
      (_, i) => view.getUint32(headLength + 4 * i, true),
    );
    const segments = bytes.subarray(headLength + 4 * count);
    return new Transfer(headLength, lengths, [bytes.subarray(0, headLength), segments]);
  }

  /** Of a frame whose segments are apart; they are not copied before they go. */
  static ofSegments(head: Uint8Array, segments: readonly ArrayBufferLike[]): Transfer {
    const lengths = segments.map((segment) => segment.byteLength);
    const pieces = segments.map((segment) => new Uint8Array(segment));
    return new Transfer(head.length, lengths, [head, ...pieces]);
  }

  /** Bytes that have not gone yet. */
  get left(): number {
    return this.#left;
  }

  /** The message that announces it under a number. */
  start(number: number): Uint8Array<ArrayBuffer> {
    this.#number = number;
    const message = new Uint8Array(START_HEAD_BYTES + 4 * this.#segmentLengths.length);
    const view = new DataView(message.buffer);
    message[0] = START;
    view.setUint32(1, number, true);
    view.setUint32(5, this.#headLength, true);
    for (const [i, length] of this.#segmentLengths.entries()) {
      view.setUint32(START_HEAD_BYTES + 4 * i, length, true);
    }
    return message;
  }

  /** Its next part as a message. */
  part(): Uint8Array<ArrayBuffer> {
    const length = Math.min(PART_BYTES, this.#left);
    const message = new Uint8Array(PART_HEAD_BYTES + length);
    message[0] = PART;
    new DataView(message.buffer).setUint32(1, this.#number, true);
    for (let at = PART_HEAD_BYTES; at < message.length;) {
      const piece = this.#pieces[this.#piece]!;
      const some = piece.subarray(this.#offset, this.#offset + message.length - at);
      message.set(some, at);
      at += some.length;
      this.#offset += some.length;
      if (this.#offset === piece.length) {
        this.#piece++;
        this.#offset = 0;
      }
    }
    this.#left -= length;
    if (this.#left === 0) this.#pieces = [];
    return message;
  }
}
