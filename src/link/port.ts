import { type Batch, type Codec, FrameWriter, readFrames } from "../core/codec.ts";
import { PoolLostError, ProtocolError } from "../core/errors.ts";
import type { Frame, RawFrame } from "../core/protocol.ts";
import type { Link, LinkHandler } from "./link.ts";

/** A batch goes at once when it has this many frames: past it, one hop's fixed cost is already paid off. */
const BATCH_FRAMES = 256;

/** In bytes: a batch goes at once when it has so many, so that the receiver starts while the sender goes on. */
export const BATCH_BYTES = 64 * 1024;

/** From here on, moving a buffer to another thread is cheaper than copying it (measured: 64 KiB). */
const TRANSFER_BYTES = 64 * 1024;

/**
 * What every link that sends batches shares: frames are gathered until the end of the turn, what
 * arrives before {@linkcode Link.open} waits, and whatever goes wrong ends the link instead of the isolate.
 */
export abstract class BatchedLink implements Link {
  readonly #writer: FrameWriter;
  #state: "open" | "closing" | "ended" = "open";
  #armed = false;
  #handler: LinkHandler | undefined;
  /** What happened before there was a handler. */
  #early: (() => void)[] = [];
  /** The owner has closed the link or heard that it is closed: it hears nothing more. */
  #quiet = false;

  /** Takes whether segments travel inside a batch's bytes or beside them. */
  constructor(codec: Codec, segments: "inline" | "aside") {
    this.#writer = new FrameWriter(codec, segments);
  }

  send(frame: Frame): void {
    if (this.#state !== "open") return;
    this.#writer.write(frame);
    this.#arm();
  }

  forward(frame: RawFrame): void {
    if (this.#state !== "open") return;
    this.#writer.forward(frame);
    this.#arm();
  }

  get bufferedBytes(): number {
    return this.#writer.byteLength;
  }

  open(handler: LinkHandler): void {
    if (this.#handler !== undefined) throw new Error("Cannot open a link twice");
    this.#handler = handler;
    const early = this.#early;
    this.#early = [];
    for (const event of early) event();
  }

  close(): void {
    if (this.#state !== "open") return;
    this.#flush();
    this.#leave();
  }

  /** Puts a batch on the channel. What it throws ends the link. */
  protected abstract post(batch: Batch): void;

  /** Tells the other side that the link ends, and why if by an error, frees the channel and calls `end`. */
  protected abstract shut(error?: Error): void;

  /** Takes what the channel has brought. */
  protected receive(
    bytes: Uint8Array,
    segments: readonly ArrayBufferLike[] | "inline",
    trusted: boolean,
  ): void {
    if (this.#state !== "open") return;
    const deliver = () => this.#deliver(this.#handler!, bytes, segments, trusted);
    if (this.#handler !== undefined) deliver();
    else this.#early.push(deliver);
  }

  /** Tells the owner that something is on its way. */
  protected progress(): void {
    if (!this.#quiet) this.#handler?.progress?.();
  }

  /** Ends the link from this side because of an error. */
  protected fail(error: Error): void {
    this.#leave(error);
  }

  /** The channel is gone: tells the owner, once. */
  protected end(error?: Error): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    const report = () => {
      this.#quiet = true;
      this.#handler!.closed(error);
    };
    if (this.#handler !== undefined) report();
    else this.#early.push(report);
  }

  #leave(error?: Error): void {
    // A flush that failed has ended the link already.
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#quiet = true;
    this.shut(error);
  }

  #arm(): void {
    if (this.#writer.frames >= BATCH_FRAMES || this.#writer.byteLength >= BATCH_BYTES) {
      this.#flush();
    } else if (!this.#armed) {
      this.#armed = true;
      queueMicrotask(this.#turnEnded);
    }
  }

  readonly #turnEnded = (): void => {
    this.#armed = false;
    if (this.#state === "open") this.#flush();
  };

  #flush(): void {
    if (this.#writer.frames === 0) return;
    try {
      this.post(this.#writer.take());
    } catch (error) {
      this.fail(asError(error));
    }
  }

  #deliver(
    handler: LinkHandler,
    bytes: Uint8Array,
    segments: readonly ArrayBufferLike[] | "inline",
    trusted: boolean,
  ): void {
    try {
      for (const frame of readFrames(bytes, segments, trusted)) {
        // Its owner may close the link while it handles a frame.
        if (this.#quiet) return;
        handler.frame(frame);
      }
    } catch (error) {
      this.fail(asError(error));
    }
  }
}

/**
 * A link over a MessagePort, between two isolates of one process. Both sides trust each other.
 *
 * A batch is one message: the bytes alone, or an array of the bytes and their segments; a segment is
 * moved (ArrayBuffer) or shared (SharedArrayBuffer), never copied. `null`, or a string that says which
 * error, is the goodbye.
 *
 * That the other isolate has died is known only from the port's `close` event, which Deno fires only in
 * an isolate that has imported `node:worker_threads`. The host imports it; a worker does not, because
 * it would start later and its host's death ends it anyway.
 */
export class PortLink extends BatchedLink {
  readonly #port: MessagePort;

  /** Takes the port over: nobody else may use it. */
  constructor(port: MessagePort, codec: Codec) {
    super(codec, "aside");
    this.#port = port;
    port.addEventListener("message", this.#message);
    port.addEventListener("messageerror", this.#unreadable);
    // As a listener: Deno never calls `onclose` of a port.
    port.addEventListener("close", this.#died);
  }

  /** Starts delivery; what came before has waited in the port. */
  override open(handler: LinkHandler): void {
    super.open(handler);
    this.#port.start();
  }

  /** Posts a batch as one message. */
  protected override post({ bytes, segments }: Batch): void {
    const large = bytes.length >= TRANSFER_BYTES;
    if (segments.length === 0) {
      // An empty transfer list would cost a microsecond of the four.
      if (large) this.#port.postMessage(bytes, [bytes.buffer]);
      else this.#port.postMessage(bytes);
      return;
    }
    // Forwarding to several places may name one buffer twice, a transfer list may not.
    const moved = new Set<ArrayBufferLike>(segments);
    if (large) moved.add(bytes.buffer);
    const transfer = [...moved].filter((buffer) => buffer instanceof ArrayBuffer);
    this.#port.postMessage([bytes, ...segments], transfer);
  }

  /** Posts the goodbye and closes the port. */
  protected override shut(error?: Error): void {
    this.#port.postMessage(error === undefined ? null : `${error.name}: ${error.message}`);
    this.#finish(error);
  }

  readonly #message = (event: MessageEvent): void => {
    const message: unknown = event.data;
    if (message instanceof Uint8Array) {
      this.receive(message, [], true);
    } else if (Array.isArray(message) && message[0] instanceof Uint8Array) {
      this.receive(message[0], message.slice(1), true);
    } else if (message === null) {
      this.#finish();
    } else if (typeof message === "string") {
      this.#finish(new PoolLostError(`The other side ended the link: ${message}`, "error"));
    } else {
      this.fail(new ProtocolError(`A message on a port that is no batch: ${typeof message}`));
    }
  };

  readonly #unreadable = (): void => {
    this.fail(new ProtocolError("A message on a port that cannot be deserialized"));
  };

  readonly #died = (): void => {
    this.#finish(new PoolLostError("The isolate on the other side of the link is gone", "lost"));
  };

  #finish(error?: Error): void {
    this.#port.removeEventListener("message", this.#message);
    this.#port.removeEventListener("messageerror", this.#unreadable);
    this.#port.removeEventListener("close", this.#died);
    this.#port.close();
    this.end(error);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("Something else than an error was thrown", {
    cause: error,
  });
}
