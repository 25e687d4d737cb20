import { Fifo } from "../core/fifo.ts";
import type { LinkSocket, LinkSocketEvent } from "./link_socket.ts";

/** What a {@linkcode ByteSocket} runs over: a connection of the operating system. */
export interface ByteStream {
  /** Reads some bytes into a buffer; answers how many, or `null` at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes; answers how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends it; what is under way rejects. */
  close(): void;
}

/** Before each message stands its length: 32 bits, little-endian. */
const HEAD_BYTES = 4;

/** The words of a last message are cut here, as a WebSocket's are. */
const MAX_REASON_BYTES = 123;

/** In the length of the last message, which says why the connection ends: a code of 16 bits, then words. */
const CLOSE_BIT = 0x8000_0000;

/** What a read takes at most: several batches, and little enough for every socket to have it. */
const READ_BYTES = 64 * 1024;

/** The codes of WebSocket, as links use them. */
const NORMAL = 1000, LOST = 1006;

/** `readyState`, with WebSocket's numbers. */
const OPEN = 1, CLOSING = 2, CLOSED = 3;

const UTF8 = new TextEncoder();
const TEXT = new TextDecoder();

/** A message on its way out. */
interface Outgoing {
  readonly head: number;
  readonly bytes: Uint8Array;
}

type Listener = (event: LinkSocketEvent) => void;

/**
 * Messages over a byte stream between two processes of one machine, with the manners of a WebSocket and
 * without its framing: no masks, no upgrade. It is open from the start. What is sent while a write is
 * under way goes with the next, in one.
 */
export class ByteSocket implements LinkSocket {
  /** Messages are always ArrayBuffers. */
  binaryType = "arraybuffer";
  readonly #stream: ByteStream;
  readonly #maxBytes: number;
  readonly #listeners = new Map<string, Listener[]>();
  readonly #outgoing = new Fifo<Outgoing>();
  /** What the next write takes; made when there is something to write. */
  #chunk: Uint8Array<ArrayBuffer> | undefined;
  #isWriting = false;
  #bufferedAmount = 0;
  #readyState: typeof OPEN | typeof CLOSING | typeof CLOSED = OPEN;
  /** Why the other side has ended the connection. */
  #farewell: { readonly code: number; readonly reason: string } | undefined;

  /**
   * Takes the stream over.
   *
   * @param maxBytes How long a message may be; the words of a last message need 125.
   */
  constructor(stream: ByteStream, maxBytes: number) {
    this.#stream = stream;
    this.#maxBytes = maxBytes;
    void this.#readAll();
  }

  /** {@linkcode LinkSocket.readyState} */
  get readyState(): number {
    return this.#readyState;
  }

  /** {@linkcode LinkSocket.bufferedAmount} */
  get bufferedAmount(): number {
    return this.#bufferedAmount;
  }

  /** {@linkcode LinkSocket.send}; ignored once the connection ends. */
  send(data: Uint8Array<ArrayBuffer>): void {
    if (this.#readyState !== OPEN) return;
    if (data.length > this.#maxBytes) {
      throw new RangeError(`A message has at most ${this.#maxBytes} bytes, got ${data.length}`);
    }
    this.#push(data.length, data);
  }

  /** {@linkcode LinkSocket.close} */
  close(code: number = NORMAL, reason: string = ""): void {
    if (this.#readyState !== OPEN) return;
    this.#readyState = CLOSING;
    this.#pushClose(code, reason);
  }

  /** {@linkcode LinkSocket.terminate} */
  terminate(): void {
    this.#finish(LOST, "");
  }

  /** {@linkcode LinkSocket.addEventListener} */
  addEventListener(type: string, listener: Listener): void {
    const listeners = this.#listeners.get(type);
    if (listeners === undefined) this.#listeners.set(type, [listener]);
    else listeners.push(listener);
  }

  #push(head: number, bytes: Uint8Array): void {
    this.#outgoing.push({ head, bytes });
    this.#bufferedAmount += bytes.length;
    if (!this.#isWriting) void this.#writeAll();
  }

  #pushClose(code: number, reason: string): void {
    const words = UTF8.encode(reason).subarray(0, MAX_REASON_BYTES);
    const bytes = new Uint8Array(2 + words.length);
    new DataView(bytes.buffer).setUint16(0, code, true);
    bytes.set(words, 2);
    this.#push(bytes.length + CLOSE_BIT, bytes);
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#outgoing.length > 0) {
        const [bytes, payload] = this.#gather();
        for (let at = 0; at < bytes.length;) at += await this.#stream.write(bytes.subarray(at));
        this.#bufferedAmount -= payload;
      }
      const farewell = this.#farewell;
      if (farewell !== undefined) this.#finish(farewell.code, farewell.reason);
    } catch (error) {
      this.#fault(error);
    }
    this.#isWriting = false;
  }

  /** Puts as many messages as fit into one chunk; a copy of each, which costs less than a write of each. */
  #gather(): [bytes: Uint8Array, payload: number] {
    const chunk = this.#chunk ??= new Uint8Array(HEAD_BYTES + this.#maxBytes);
    const view = new DataView(chunk.buffer);
    let at = 0;
    let payload = 0;
    for (
      let next = this.#outgoing.at(0);
      this.#outgoing.length > 0 && at + HEAD_BYTES + next!.bytes.length <= chunk.length;
      next = this.#outgoing.at(0)
    ) {
      const { head, bytes } = this.#outgoing.shift()!;
      view.setUint32(at, head, true);
      chunk.set(bytes, at + HEAD_BYTES);
      at += HEAD_BYTES + bytes.length;
      payload += bytes.length;
    }
    return [chunk.subarray(0, at), payload];
  }

  async #readAll(): Promise<void> {
    const chunk = new Uint8Array(READ_BYTES);
    const view = new DataView(chunk.buffer);
    let filled = 0;
    try {
      while (this.#readyState !== CLOSED) {
        filled += await this.#readSome(chunk.subarray(filled));
        let at = 0;
        while (filled - at >= HEAD_BYTES) {
          const head = view.getUint32(at, true);
          const length = this.#lengthOf(head);
          const end = at + HEAD_BYTES + length;
          // The rest of it comes with the next reads, and there is room for it.
          if (end > filled && end - at <= READ_BYTES) break;
          const message = new Uint8Array(length);
          message.set(chunk.subarray(at + HEAD_BYTES, Math.min(end, filled)));
          if (end > filled) await this.#fill(message, filled - at - HEAD_BYTES);
          at = Math.min(end, filled);
          if (this.#take(head, message)) return;
        }
        chunk.copyWithin(0, at, filled);
        filled -= at;
      }
    } catch (error) {
      this.#fault(error);
    }
  }

  #lengthOf(head: number): number {
    const length = head % CLOSE_BIT;
    const isClose = head >= CLOSE_BIT;
    if (length <= this.#maxBytes && (!isClose || length >= 2)) return length;
    throw new RangeError(`a message of ${length} bytes, with ${this.#maxBytes} at most`);
  }

  async #fill(message: Uint8Array, from: number): Promise<void> {
    for (let at = from; at < message.length;) at += await this.#readSome(message.subarray(at));
  }

  async #readSome(into: Uint8Array): Promise<number> {
    const count = await this.#stream.read(into);
    if (count === null) throw new Error("the other side is gone");
    return count;
  }

  /** Takes a message; returns whether it was the last. */
  #take(head: number, message: Uint8Array<ArrayBuffer>): boolean {
    if (head < CLOSE_BIT) {
      if (this.#readyState === OPEN) this.#emit({ type: "message", data: message.buffer });
      return false;
    }
    const code = new DataView(message.buffer).getUint16(0, true);
    const reason = TEXT.decode(message.subarray(2));
    if (this.#readyState === OPEN) {
      // The other side hears the same; then both end.
      this.#readyState = CLOSING;
      this.#farewell = { code, reason };
      this.#pushClose(code, "");
    } else {
      this.#finish(code, reason);
    }
    return true;
  }

  #fault(error: unknown): void {
    if (this.#readyState === CLOSED) return;
    const message = error instanceof Error ? error.message : String(error);
    this.#emit({ type: "error", message });
    this.#finish(LOST, "");
  }

  #finish(code: number, reason: string): void {
    if (this.#readyState === CLOSED) return;
    this.#readyState = CLOSED;
    this.#outgoing.clear();
    this.#bufferedAmount = 0;
    this.#stream.close();
    this.#emit({ type: "close", code, reason });
  }

  #emit(event: LinkSocketEvent): void {
    for (const listener of this.#listeners.get(event.type) ?? []) listener(event);
  }
}
