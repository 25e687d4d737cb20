import type { Batch, Codec } from "../core/codec.ts";
import { HostLostError, ProtocolError } from "../core/errors.ts";
import { LIMITS } from "../core/protocol.ts";
import type { Link } from "./link.ts";
import { BATCH_BYTES, BatchedLink } from "./batched.ts";

/** What one message carries at most, besides its kind: far below the 64 MiB at which Deno's server refuses. */
export const PART_BYTES = 256 * 1024;

/** What a batch in parts may come to: frames that had to wait for no more than a batch, and one of the largest. */
const MAX_BATCH_BYTES = BATCH_BYTES + LIMITS.frameBytes + 4 * LIMITS.segments + LIMITS.payloadBytes;

/** Past this many bytes in the socket, batches wait in the link: enough to keep any network busy. */
const HIGH_WATER_BYTES = 4 * 2 ** 20;

/** How often a blocked link looks whether the socket has drained; sockets have no event for it. */
const DRAIN_POLL_MS = 2;

/** How long the other side may take to answer the end of the connection. */
const CLOSE_TIMEOUT_MS = 2_000;

/** What a message is: its first byte. */
const WHOLE = 0, PART = 1, LAST_PART = 2;

/** `WebSocket.OPEN`, the same in every implementation. */
const OPEN = 1;

/** What the events of a socket carry, as far as a link looks. */
export interface LinkSocketEvent {
  /** The event's name; every implementation has it. */
  readonly type: string;
  /** `message`: an ArrayBuffer, or a string. */
  readonly data?: unknown;
  /** `close`: why, as a number; 0 or 1006 if the other side just vanished. */
  readonly code?: number;
  /** `close`: why, in words. */
  readonly reason?: string;
  /** `error`: what went wrong. */
  readonly message?: string;
}

/** What a link needs of a socket: Deno's server-side WebSocket and npm's `ws` client have it. */
export interface LinkSocket {
  /** Set to `arraybuffer`. */
  binaryType: string;
  /** 1 is open. */
  readonly readyState: number;
  /** Bytes that were given to `send` and have not left yet. */
  readonly bufferedAmount: number;
  /** Sends a binary message. The bytes are not touched again by the caller. */
  send(data: Uint8Array<ArrayBuffer>): void;
  /** Ends the connection after what was sent. */
  close(code?: number, reason?: string): void;
  /** Ends the connection without waiting for the other side; Deno's has none. */
  terminate?(): void;
  /** Listens for one kind of event. */
  addEventListener(
    type: "open" | "message" | "close" | "error",
    listener: (event: LinkSocketEvent) => void,
  ): void;
}

class WebSocketLink extends BatchedLink {
  readonly #socket: LinkSocket;
  /** Batches that the socket has not taken yet. */
  readonly #queue: Uint8Array<ArrayBuffer>[] = [];
  #queuedBytes = 0;
  /** Bytes of the first batch in the queue that the socket has taken. */
  #sentBytes = 0;
  #drainTimer: ReturnType<typeof setTimeout> | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  /** Parts of a batch that has not come whole. */
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #shut = false;
  /** What the socket said about its end, which the `close` event does not repeat. */
  #fault = "";

  constructor(socket: LinkSocket, codec: Codec) {
    super(codec, "inline");
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", this.#drain);
    socket.addEventListener("message", (event) => this.#message(event.data));
    socket.addEventListener("error", (event) => this.#fault = event.message ?? "");
    socket.addEventListener("close", (event) => this.#closed(event.code ?? 0, event.reason ?? ""));
  }

  override get bufferedBytes(): number {
    return super.bufferedBytes + this.#queuedBytes + this.#socket.bufferedAmount;
  }

  protected override post({ bytes }: Batch): void {
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#drainTimer === undefined) this.#drain();
  }

  protected override shut(error?: Error): void {
    this.#shut = true;
    this.#parts = [];
    clearTimeout(this.#drainTimer);
    this.#closeTimer = setTimeout(() => {
      this.#socket.terminate?.();
      this.end(new HostLostError("The other host did not answer the end of the link", "silent"));
    }, CLOSE_TIMEOUT_MS);
    if (error === undefined) {
      while (this.#queue.length > 0 && this.#socket.readyState === OPEN) this.#sendPart();
      this.#socket.close(1000);
    } else {
      this.#socket.close(error instanceof ProtocolError ? 1002 : 1011, closeReason(error.message));
      // The other side has erred, perhaps on purpose: the owner need not wait for its answer.
      this.end(error);
    }
  }

  readonly #drain = (): void => {
    this.#drainTimer = undefined;
    while (this.#queue.length > 0 && this.#socket.readyState === OPEN) {
      if (this.#socket.bufferedAmount > HIGH_WATER_BYTES) {
        this.#drainTimer = setTimeout(this.#drain, DRAIN_POLL_MS);
        return;
      }
      this.#sendPart();
    }
  };

  #sendPart(): void {
    const batch = this.#queue[0]!;
    const part = batch.subarray(this.#sentBytes, this.#sentBytes + PART_BYTES);
    const isFirst = this.#sentBytes === 0;
    const isLast = this.#sentBytes + part.length === batch.length;
    const message = new Uint8Array(1 + part.length);
    message[0] = !isLast ? PART : isFirst ? WHOLE : LAST_PART;
    message.set(part, 1);
    if (isLast) this.#queue.shift();
    this.#sentBytes = isLast ? 0 : this.#sentBytes + part.length;
    this.#queuedBytes -= part.length;
    this.#socket.send(message);
  }

  #message(data: unknown): void {
    if (this.#shut) return;
    if (!(data instanceof ArrayBuffer)) {
      this.fail(new ProtocolError("A text message on a link, which has only binary ones"));
      return;
    }
    const body = new Uint8Array(data).subarray(1);
    const kind = data.byteLength === 0 ? undefined : new Uint8Array(data)[0];
    const inParts = this.#parts.length > 0;
    if (kind === WHOLE && !inParts && body.length <= PART_BYTES) {
      this.receive(body, "inline", false);
    } else if (kind === PART && body.length === PART_BYTES) {
      this.#part(body);
    } else if (kind === LAST_PART && inParts && body.length <= PART_BYTES) {
      this.#part(body);
      this.#assemble();
    } else {
      const where = inParts ? "inside a batch in parts" : "between batches";
      this.fail(
        new ProtocolError(`A message of kind ${kind} and ${data.byteLength} bytes ${where}`),
      );
    }
  }

  #part(part: Uint8Array): void {
    this.#partBytes += part.length;
    this.#parts.push(part);
    this.progress();
    if (this.#partBytes > MAX_BATCH_BYTES) {
      this.fail(new ProtocolError(`A batch of more than ${MAX_BATCH_BYTES} bytes`));
    }
  }

  #assemble(): void {
    const batch = new Uint8Array(this.#partBytes);
    let offset = 0;
    for (const part of this.#parts) {
      batch.set(part, offset);
      offset += part.length;
    }
    this.#parts = [];
    this.#partBytes = 0;
    this.receive(batch, "inline", false);
  }

  #closed(code: number, reason: string): void {
    clearTimeout(this.#drainTimer);
    clearTimeout(this.#closeTimer);
    this.end(closeError(code, reason, this.#fault));
  }
}

/**
 * A link over a WebSocket, for two hosts that do not trust each other's bytes. A socket that is not
 * open yet is waited for.
 *
 * Every message is binary: one byte of kind (0: a whole batch, 1: a part that others follow, 2: the
 * last part) and at most 256 KiB. Anything else closes the link with a {@linkcode ProtocolError} and
 * code 1002.
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
    default:
      return new HostLostError(`The connection to the other host was lost (${detail})`, "lost");
  }
}

/** A close frame has room for 123 bytes of reason. */
function closeReason(message: string): string {
  return message.replace(/[^\x20-\x7e]/g, "?").slice(0, 123);
}
