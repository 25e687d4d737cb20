import { type Codec, FrameWriter } from "../core/codec.ts";
import { ProtocolError } from "../core/host_errors.ts";
import { Fifo } from "../core/fifo.ts";
import type { Frame, RawFrame } from "../core/protocol.ts";
import { BATCH_BYTES, takeLast } from "./batched.ts";
import { BULK_BYTES, MAX_TRANSFER_BYTES, MAX_TRANSFERS, Transfer } from "./bulk.ts";
import { EVERYTHING, orderOf } from "./order.ts";
import { Window } from "./window.ts";

/** A large frame that is under way, and what has to wait for it: frames that must keep their order with it. */
export class Line {
  readonly order: string;
  readonly #codec: Codec;
  readonly #items = new Fifo<Uint8Array | Transfer>();
  #itemBytes = 0;
  #writer: FrameWriter | undefined;

  constructor(order: string, codec: Codec) {
    this.order = order;
    this.#codec = codec;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#itemBytes + (this.#writer?.byteLength ?? 0);
  }

  /** Adds a frame, encoded now. */
  send(frame: Frame): void {
    const writer = this.#writer ??= new FrameWriter(this.#codec, "inline");
    const start = writer.byteLength;
    writer.write(frame);
    this.#cut(writer, start);
  }

  /** Adds a frame from another link. */
  forward(frame: RawFrame): void {
    const writer = this.#writer ??= new FrameWriter(this.#codec, "inline");
    const start = writer.byteLength;
    writer.forward(frame);
    this.#cut(writer, start);
  }

  /** Adds a large one. */
  add(transfer: Transfer): void {
    this.#endBatch();
    this.#push(transfer, transfer.byteLength);
  }

  /** Takes what is next. */
  next(): Uint8Array | Transfer | undefined {
    if (this.#items.length === 0) this.#endBatch();
    const item = this.#items.shift();
    if (item !== undefined) this.#itemBytes -= item.byteLength;
    return item;
  }

  #cut(writer: FrameWriter, start: number): void {
    if (writer.byteLength - start > BULK_BYTES) {
      const [before, last] = takeLast(writer, start);
      if (before !== undefined) this.#push(before, before.length);
      this.add(Transfer.ofBytes(last));
    } else if (writer.byteLength >= BATCH_BYTES) {
      this.#endBatch();
    }
  }

  #endBatch(): void {
    if (this.#writer === undefined || this.#writer.frames === 0) return;
    const { bytes } = this.#writer.take();
    this.#push(bytes, bytes.length);
  }

  #push(item: Uint8Array | Transfer, bytes: number): void {
    this.#items.push(item);
    this.#itemBytes += bytes;
  }
}

/** A transfer whose turn comes again and again, and the line that it is the head of. */
interface Running {
  readonly transfer: Transfer;
  readonly line: Line;
  /** Batches that were given to the link before it, and go before it. */
  readonly after: number;
  started: boolean;
}

/** Batches of small frames on their way: since the link began, so many have waited, and so many have gone. */
export interface BatchCount {
  queued: number;
  sent: number;
}

/**
 * Sends large frames in parts, several taking turns, and holds back what must not overtake them. It
 * only says what goes next; the link sends it, between batches of small frames.
 */
export class BulkSender {
  readonly #codec: Codec;
  readonly #release: (batch: Uint8Array) => void;
  readonly #batches: Readonly<BatchCount>;
  readonly #window = new Window();
  readonly #lines = new Map<string, Line>();
  /** The line of what waits for all other lines; while it is there, everything new goes into it. */
  #last: Line | undefined;
  /** Transfers that the receiver has no room for yet, and those that take turns. */
  readonly #waiting: Running[] = [];
  readonly #turns = new Fifo<Running>();
  #turnBytes = 0;
  #bytes = 0;
  #number = 0;

  /**
   * @param release Takes batches that need no longer wait.
   * @param batches Kept by the link.
   */
  constructor(
    codec: Codec,
    release: (batch: Uint8Array) => void,
    batches: Readonly<BatchCount>,
  ) {
    this.#codec = codec;
    this.#release = release;
    this.#batches = batches;
  }

  /** Whether no large frame is under way, so that nothing has to wait. */
  get isIdle(): boolean {
    return this.#lines.size === 0 && this.#last === undefined;
  }

  /** Bytes that the socket has not got yet. */
  get bufferedBytes(): number {
    let bytes = this.#bytes + (this.#last?.bytes ?? 0);
    for (const line of this.#lines.values()) bytes += line.bytes;
    return bytes;
  }

  /** The line in which a frame has to wait; `undefined` if it need not. Asked only while this is not idle. */
  lineOf(frame: Frame | RawFrame): Line | undefined {
    if (this.#last !== undefined) return this.#last;
    const order = orderOf(frame);
    if (order === undefined) return undefined;
    return order === EVERYTHING ? this.#last = this.#line(order) : this.#lines.get(order);
  }

  /** Adds a large frame, behind all that was given to the link before it. */
  add(frame: Frame | RawFrame, transfer: Transfer): void {
    const line = this.lineOf(frame);
    if (line !== undefined) return line.add(transfer);
    // A large frame about no actor (the description of a host) is kept in order with everything.
    const order = orderOf(frame) ?? EVERYTHING;
    const first = this.#line(order);
    if (order !== EVERYTHING) {
      this.#lines.set(order, first);
    } else {
      this.#last = first;
      if (this.#lines.size > 0) return first.add(transfer);
    }
    this.#run(first, transfer);
  }

  /** Whether {@linkcode next} has something; `all` leaves the window out of account. */
  isReady(all: boolean): boolean {
    const next = this.#waiting[0];
    return (this.#turns.length > 0 || (next !== undefined && this.#isDue(next))) &&
      (all || this.#window.isOpen);
  }

  /** The next message. */
  next(nowMs: number): Uint8Array<ArrayBuffer> {
    const running = this.#turn();
    const { transfer, line } = running;
    let message: Uint8Array<ArrayBuffer>;
    if (running.started) {
      this.#bytes -= transfer.left;
      message = transfer.part();
      this.#bytes += transfer.left;
    } else {
      running.started = true;
      message = transfer.start(this.#number);
      this.#number = (this.#number + 1) >>> 0;
    }
    this.#window.sent(message.length, nowMs);
    if (transfer.left > 0) {
      this.#turns.push(running);
    } else {
      this.#turnBytes -= transfer.byteLength;
      this.#advance(line);
    }
    return message;
  }

  /**
   * The other side has taken a message.
   *
   * @throws {ProtocolError} if it was sent none.
   */
  taken(nowMs: number): void {
    if (!this.#window.taken(nowMs)) throw new ProtocolError("Taken what was not sent");
  }

  /** Forgets everything. */
  clear(): void {
    this.#lines.clear();
    this.#last = undefined;
    this.#waiting.length = 0;
    this.#turns.clear();
    this.#turnBytes = this.#bytes = 0;
  }

  #line(order: string): Line {
    return new Line(order, this.#codec);
  }

  /** The transfer whose turn it is. The oldest that waits goes first, if the receiver has room for it. */
  #turn(): Running {
    const next = this.#waiting[0];
    if (next === undefined || !this.#isDue(next) || !this.#hasRoomFor(next.transfer)) {
      return this.#turns.shift()!;
    }
    this.#waiting.shift();
    this.#turnBytes += next.transfer.byteLength;
    return next;
  }

  /** A full socket lets batches wait: what was sent before a large frame is not to come after it. */
  #isDue({ after }: Running): boolean {
    return this.#batches.sent >= after;
  }

  #hasRoomFor({ byteLength }: Transfer): boolean {
    return this.#turns.length < MAX_TRANSFERS &&
      this.#turnBytes + byteLength <= MAX_TRANSFER_BYTES;
  }

  #run(line: Line, transfer: Transfer): void {
    this.#bytes += transfer.byteLength;
    this.#waiting.push({ transfer, line, after: this.#batches.queued, started: false });
  }

  /** The head of a line has gone: batches that waited follow it, up to the next large frame. */
  #advance(line: Line): void {
    for (let item = line.next(); item !== undefined; item = line.next()) {
      if (item instanceof Transfer) return this.#run(line, item);
      this.#release(item);
    }
    if (line === this.#last) this.#last = undefined;
    else this.#lines.delete(line.order);
    if (this.#lines.size === 0 && this.#last !== undefined) this.#advance(this.#last);
  }
}
