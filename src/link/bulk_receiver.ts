import { ProtocolError } from "../core/host_errors.ts";
import { HEADER_BYTES, LIMITS } from "../core/protocol.ts";
import {
  MAX_TRANSFER_BYTES,
  MAX_TRANSFERS,
  PART_BYTES,
  PART_HEAD_BYTES,
  START_HEAD_BYTES,
} from "./bulk.ts";

/** A frame that has come whole: header and body, and its segments. */
export interface ReceivedFrame {
  readonly head: Uint8Array<ArrayBuffer>;
  readonly segments: readonly ArrayBuffer[];
}

/** A transfer that has not come whole. */
class Incoming {
  /** Of head and segments together. */
  readonly byteLength: number;
  readonly #lengths: readonly number[];
  /** Made when their first byte has come: an announcement alone takes no memory. */
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];
  #offset = 0;
  #left: number;

  constructor(lengths: readonly number[]) {
    this.#lengths = lengths;
    this.byteLength = this.#left = sum(lengths);
  }

  /** Takes a part; returns whether it was the last. */
  add(part: Uint8Array): boolean {
    if (part.length !== Math.min(PART_BYTES, this.#left)) {
      throw new ProtocolError(`A part of ${part.length} bytes, with ${this.#left} to come`);
    }
    this.#left -= part.length;
    for (let at = 0; at < part.length;) {
      const piece = this.#piece();
      const some = part.subarray(at, at + piece.length - this.#offset);
      piece.set(some, this.#offset);
      this.#offset += some.length;
      at += some.length;
    }
    return this.#left === 0;
  }

  frame(): ReceivedFrame {
    // Segments without a byte at the end have not been made yet.
    while (this.#pieces.length < this.#lengths.length) this.#add();
    const [head, ...segments] = this.#pieces;
    return { head: head!, segments: segments.map(({ buffer }) => buffer) };
  }

  /** The piece that the next byte belongs to. */
  #piece(): Uint8Array<ArrayBuffer> {
    while (this.#offset === (this.#pieces.at(-1)?.length ?? 0)) this.#add();
    return this.#pieces.at(-1)!;
  }

  #add(): void {
    this.#pieces.push(new Uint8Array(this.#lengths[this.#pieces.length]!));
    this.#offset = 0;
  }
}

/** Puts together what comes in parts, and holds the other side to the limits. */
export class BulkReceiver {
  readonly #incoming = new Map<number, Incoming>();
  #announced = 0;

  /**
   * Takes the message that announces a transfer.
   *
   * @throws {ProtocolError} if it is malformed or past a limit.
   */
  start(message: Uint8Array): void {
    const count = (message.length - START_HEAD_BYTES) / 4;
    if (!Number.isInteger(count) || count < 0 || count > LIMITS.segments) {
      throw new ProtocolError(`A start of a transfer of ${message.length} bytes`);
    }
    const number = numberOf(message);
    if (this.#incoming.has(number)) throw new ProtocolError(`Two transfers of number ${number}`);
    const view = viewOf(message);
    const lengths = Array.from({ length: count + 1 }, (_, i) => view.getUint32(5 + 4 * i, true));
    const head = lengths[0]!;
    if (head < HEADER_BYTES || head > LIMITS.frameBytes) {
      throw new ProtocolError(`A transfer whose frame has ${head} bytes`);
    }
    const incoming = new Incoming(lengths);
    if (incoming.byteLength - head > LIMITS.payloadBytes) {
      throw new ProtocolError(`A transfer of more than ${LIMITS.payloadBytes} bytes of segments`);
    }
    if (this.#incoming.size === MAX_TRANSFERS) {
      throw new ProtocolError(`More than ${MAX_TRANSFERS} transfers at a time`);
    }
    if (this.#announced + incoming.byteLength > MAX_TRANSFER_BYTES) {
      throw new ProtocolError(`Transfers of more than ${MAX_TRANSFER_BYTES} bytes at a time`);
    }
    this.#incoming.set(number, incoming);
    this.#announced += incoming.byteLength;
  }

  /**
   * Takes a part; returns the frame if it was its last.
   *
   * @throws {ProtocolError} if it belongs to no transfer, or is not as long as it has to be.
   */
  part(message: Uint8Array): ReceivedFrame | undefined {
    const number = message.length < PART_HEAD_BYTES ? -1 : numberOf(message);
    const incoming = this.#incoming.get(number);
    if (incoming === undefined) {
      throw new ProtocolError(`A part of ${message.length} bytes of no transfer`);
    }
    if (!incoming.add(message.subarray(PART_HEAD_BYTES))) return undefined;
    this.#incoming.delete(number);
    this.#announced -= incoming.byteLength;
    const frame = incoming.frame();
    if (viewOf(frame.head).getUint32(0, true) !== frame.head.length) {
      throw new ProtocolError("A transfer of something else than one frame");
    }
    return frame;
  }

  /** Forgets what has not come whole. */
  clear(): void {
    this.#incoming.clear();
    this.#announced = 0;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function numberOf(message: Uint8Array): number {
  return viewOf(message).getUint32(1, true);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
