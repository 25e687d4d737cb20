import { type Batch, type Codec, FrameWriter } from "../core/codec.ts";
import { HostLostError, ProtocolError } from "../core/host_errors.ts";
import { NotSerializableError } from "../core/message_errors.ts";
import { BODY_SHAPES } from "../core/frame_body.ts";
import { type Frame, HEADER_BYTES, LIMITS, type RawFrame } from "../core/protocol.ts";
import { isSharedMemory } from "../core/shared_memory.ts";
import { BatchedLink } from "./batched.ts";
import { BATCH, BULK_BYTES, PART, PART_BYTES, START, TAKEN, Transfer } from "./bulk.ts";
import { BulkReceiver } from "./bulk_receiver.ts";
import { type BatchCount, BulkSender, type Line } from "./bulk_sender.ts";
import type { Link } from "./link.ts";
import type { LinkSocket } from "./link_socket.ts";
import { EVERYTHING } from "./order.ts";
import { CODE_SILENT } from "./resume_wire.ts";

/** Past this many bytes in the socket, batches wait in the link: enough to keep any network busy. */
const HIGH_WATER_BYTES = 4 * 2 ** 20;

/** How often a blocked link looks whether the socket has drained; sockets have no event for it. */
const DRAIN_POLL_MS = 2;

/** How long the other side may take to answer the end of the connection. */
const CLOSE_TIMEOUT_MS = 2_000;

/** `WebSocket.OPEN`, the same in every implementation. */
const OPEN = 1;

class WebSocketLink extends BatchedLink {
  readonly #socket: LinkSocket;
  /** Batches that the socket has not taken yet. */
  readonly #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  readonly #batches: BatchCount = { queued: 0, sent: 0 };
  /** Bytes of batches that have gone since the last of bulk: the two share. */
  #batchBytes = 0;
  readonly #outgoing: BulkSender;
  readonly #incoming = new BulkReceiver();
  /** Writes the headers of large frames from other links. */
  readonly #heads: FrameWriter;
  #drainTimer: ReturnType<typeof setTimeout> | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  #shut = false;
  #wasInterrupted = false;
  /** What the socket said about its end, which the `close` event does not repeat. */
  #fault = "";

  constructor(socket: LinkSocket, codec: Codec) {
    super(codec, "inline", BULK_BYTES);
    this.#socket = socket;
    this.#outgoing = new BulkSender(codec, (batch) => this.#enqueue(batch), this.#batches);
    this.#heads = new FrameWriter(codec, "aside");
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      if (this.#wasInterrupted) this.interrupted(this.#wasInterrupted = false);
      this.#drain();
    });
    socket.addEventListener("interrupted", () => this.interrupted(this.#wasInterrupted = true));
    socket.addEventListener("message", (event) => this.#message(event.data));
    socket.addEventListener("error", (event) => this.#fault = event.message ?? "");
    socket.addEventListener("close", (event) => this.#closed(event.code ?? 0, event.reason ?? ""));
  }

  override get bufferedBytes(): number {
    return super.bufferedBytes + this.#queuedBytes + this.#outgoing.bufferedBytes +
      this.#socket.bufferedAmount;
  }

  get isInterrupted(): boolean {
    return this.#socket.isInterrupted ?? false;
  }

  get isBackedUp(): boolean {
    return this.#drainTimer !== undefined || !this.#outgoing.isIdle;
  }

  override send(frame: Frame): void {
    const line = this.#lineOf(frame);
    if (line === undefined) super.send(frame);
    else line.send(frame);
  }

  override forward(frame: RawFrame): void {
    if (byteLength(frame) > BULK_BYTES) return this.#forwardBulk(frame);
    const line = this.#lineOf(frame);
    if (line === undefined) super.forward(frame);
    else line.forward(frame);
  }

  /** Where a frame has to wait for a large one. */
  #lineOf(frame: Frame | RawFrame): Line | undefined {
    const line = this.#outgoing.isIdle ? undefined : this.#outgoing.lineOf(frame);
    // What is gathered came before it.
    if (line?.order === EVERYTHING) this.flush();
    return line;
  }

  /** The segments go out as they came in, without a copy. */
  #forwardBulk(frame: RawFrame): void {
    if (!this.isOpen) return;
    // It refuses them.
    if (frame.segments.some((one) => isSharedMemory(one))) return super.forward(frame);
    if (byteLength(frame) > HEADER_BYTES + frame.body.length + LIMITS.payloadBytes) {
      const { root } = BODY_SHAPES[frame.kind];
      throw new NotSerializableError(
        `Cannot send ${root}: it takes more than ${LIMITS.payloadBytes} bytes; send it in parts`,
        root,
      );
    }
    this.#heads.forward(frame);
    const { bytes, segments } = this.#heads.take();
    // What was sent before it goes before it.
    this.flush();
    this.#add(frame, Transfer.ofSegments(bytes, segments));
  }

  protected override post({ bytes }: Batch): void {
    this.#enqueue(bytes);
    this.#wake();
  }

  protected override postBulk(frame: Frame | RawFrame, bytes: Uint8Array): void {
    this.#add(frame, Transfer.ofBytes(bytes));
  }

  protected override shut(error?: Error): void {
    this.#shut = true;
    this.#incoming.clear();
    clearTimeout(this.#drainTimer);
    if (error === undefined) {
      while (this.#hasMore(true) && this.#socket.readyState === OPEN) this.#sendNext(true);
      this.#awaitClose();
      this.#socket.close(1000);
    } else {
      this.#awaitClose();
      this.#socket.close(error instanceof ProtocolError ? 1002 : 1011, closeReason(error.message));
      // The other side has erred, perhaps on purpose: the owner need not wait for its answer.
      this.end(error);
    }
    this.#forget();
  }

  /** Does not wait for ever for the other side, but as long as what was sent goes out. */
  #awaitClose(): void {
    const { bufferedAmount } = this.#socket;
    this.#closeTimer = setTimeout(() => {
      if (this.#socket.bufferedAmount < bufferedAmount) return this.#awaitClose();
      this.#socket.terminate?.();
      this.end(new HostLostError("The other host did not answer the end of the link", "silent"));
    }, CLOSE_TIMEOUT_MS);
  }

  #add(frame: Frame | RawFrame, transfer: Transfer): void {
    // Flushing may have ended the link.
    if (!this.isOpen) return;
    this.#outgoing.add(frame, transfer);
    this.#wake();
  }

  #enqueue(batch: Uint8Array): void {
    this.#queue.push(batch);
    this.#batches.queued++;
    this.#queuedBytes += batch.length;
  }

  #wake(): void {
    if (this.#drainTimer === undefined) this.#drain();
  }

  readonly #drain = (): void => {
    this.#drainTimer = undefined;
    while (this.#hasMore(false) && this.#socket.readyState === OPEN) {
      if (this.#socket.bufferedAmount > HIGH_WATER_BYTES) {
        this.#drainTimer = setTimeout(this.#drain, DRAIN_POLL_MS);
        return;
      }
      this.#sendNext(false);
    }
  };

  #hasMore(all: boolean): boolean {
    return this.#queue.length > 0 || this.#outgoing.isReady(all);
  }

  /** Batches go first, but leave half of the way to bulk. */
  #sendNext(all: boolean): void {
    if (this.#queue.length > 0 && !(this.#batchBytes > PART_BYTES && this.#outgoing.isReady(all))) {
      const batch = this.#queue.shift()!;
      this.#queuedBytes -= batch.length;
      this.#batches.sent++;
      this.#batchBytes += batch.length;
      const message = new Uint8Array(1 + batch.length);
      message[0] = BATCH;
      message.set(batch, 1);
      this.#socket.send(message);
    } else {
      this.#batchBytes = 0;
      this.#socket.send(this.#outgoing.next(performance.now()));
    }
  }

  #message(data: unknown): void {
    if (this.#shut) return;
    try {
      if (!(data instanceof ArrayBuffer)) {
        throw new ProtocolError("A text message on a link, which has only binary ones");
      }
      this.#take(new Uint8Array(data));
    } catch (error) {
      this.fail(error as Error);
    }
  }

  #take(message: Uint8Array): void {
    const kind = message[0];
    if (kind === BATCH && message.length <= 1 + PART_BYTES) {
      this.receive(message.subarray(1), "inline", false);
    } else if (kind === START) {
      this.#incoming.start(message);
      this.#taken();
    } else if (kind === PART) {
      const frame = this.#incoming.part(message);
      this.#taken();
      if (frame !== undefined) this.receive(frame.head, frame.segments, false);
    } else if (kind === TAKEN && message.length === 1) {
      this.#outgoing.taken(performance.now());
      this.#wake();
    } else {
      throw new ProtocolError(`A message of kind ${kind} and ${message.length} bytes`);
    }
  }

  /** Says so of a part or a start, at once: the other side measures the way. */
  #taken(): void {
    if (this.#socket.readyState === OPEN) this.#socket.send(Uint8Array.of(TAKEN));
    this.progress();
  }

  #forget(): void {
    this.#queue.length = this.#queuedBytes = 0;
    this.#outgoing.clear();
    this.#incoming.clear();
  }

  #closed(code: number, reason: string): void {
    clearTimeout(this.#drainTimer);
    clearTimeout(this.#closeTimer);
    this.#forget();
    this.end(closeError(code, reason, this.#fault));
  }
}

/**
 * A link over a WebSocket, for two hosts that do not trust each other's bytes. A socket that is not
 * open yet is waited for.
 *
 * Every message is binary, and its first byte says what it is. Numbers are 32 bits, little-endian.
 *
 * | byte | what | then |
 * |---|---|---|
 * | 0 | a batch | whole frames of up to 192 KiB each, 256 KiB together, each followed by its segments |
 * | 1 | the start of a transfer of one larger frame | its number, the length of the frame's head (header and body), the length of each segment |
 * | 2 | a part of a transfer | its number, the next bytes of head and segments: 256 KiB, but for the last part |
 * | 3 | the oldest start or part that was not taken yet has been taken | nothing |
 *
 * A transfer ends with its last byte, and then its number is free. Transfers take turns, and batches
 * go between their parts, so that bulk does not hold up what is small. What must keep its order with a large frame
 * (messages from one pool to one actor; what belongs to one call) is sent after it; a goodbye, after everything.
 * At most 64 transfers of 2,176 MiB in all are under way in one direction. Each start and part is answered at once by a
 * message of kind 3, from which the sender learns how much is on the way, and how long it takes.
 *
 * Kinds 4 to 7 are those of a socket that is resumed, and do not come up to the link (`resume_wire.ts`).
 * Anything else closes the link with a {@linkcode ProtocolError} and code 1002.
 */
export function webSocketLink(socket: LinkSocket, codec: Codec): Link {
  return new WebSocketLink(socket, codec);
}

/** Why a socket's end ends the link; nothing if it ended in order. */
function closeError(code: number, reason: string, fault: string): Error | undefined {
  const detail = [`code ${code}`, reason, fault].filter((text) => text !== "").join(", ");
  switch (code) {
    case 1000:
    case 1005:
      return undefined;
    case 1002:
      return new ProtocolError(`The other host could not read what it was sent (${detail})`);
    case CODE_SILENT:
      return new HostLostError(`The other host has fallen silent: ${reason}`, "silent");
    default:
      return new HostLostError(`The connection to the other host was lost (${detail})`, "lost");
  }
}

/** A close frame has room for 123 bytes of reason. */
function closeReason(message: string): string {
  return message.replace(/[^\x20-\x7e]/g, "?").slice(0, 123);
}

/** What a frame takes in a byte stream, but for the table of its segments. */
function byteLength({ body, segments }: RawFrame): number {
  let bytes = HEADER_BYTES + body.length;
  for (const segment of segments) bytes += segment.byteLength;
  return bytes;
}
