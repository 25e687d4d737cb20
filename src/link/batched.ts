import { type Batch, type Codec, FrameWriter, readFrames } from "../core/codec.ts";
import type { Frame, RawFrame } from "../core/protocol.ts";
import type { Link, LinkHandler } from "./link.ts";

/** A batch goes at once when it has this many frames: past it, one hop's fixed cost is already paid off. */
const BATCH_FRAMES = 256;

/** In bytes: a batch goes at once when it has so many, so that the receiver starts while the sender goes on. */
export const BATCH_BYTES = 64 * 1024;

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

  readonly #bulkBytes: number;

  /** Takes whether segments travel inside a batch's bytes or beside them, and which frames are too large for one. */
  constructor(codec: Codec, segments: "inline" | "aside", bulkBytes = Infinity) {
    this.#writer = new FrameWriter(codec, segments);
    this.#bulkBytes = bulkBytes;
  }

  send(frame: Frame): void {
    if (this.#state !== "open") return;
    const start = this.#writer.byteLength;
    this.#writer.write(frame);
    this.#written(frame, start);
  }

  forward(frame: RawFrame): void {
    if (this.#state !== "open") return;
    const start = this.#writer.byteLength;
    this.#writer.forward(frame);
    this.#written(frame, start);
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
    this.flush();
    this.#leave();
  }

  /** Whether frames are taken. */
  protected get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Puts a batch on the channel. What it throws ends the link. */
  protected abstract post(batch: Batch): void;

  /** Takes a frame that is too large for a batch, with its bytes. What it throws ends the link. */
  protected postBulk(_frame: Frame | RawFrame, bytes: Uint8Array<ArrayBuffer>): void {
    this.post({ bytes, segments: [] });
  }

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

  /** Tells the owner that the channel is lost, or is there again. */
  protected interrupted(isInterrupted: boolean): void {
    if (!this.#quiet) this.#handler?.interrupted?.(isInterrupted);
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

  /** A frame stands in the writer, from `start` on. */
  #written(frame: Frame | RawFrame, start: number): void {
    if (this.#writer.byteLength - start > this.#bulkBytes) {
      this.#postLast(frame, start);
    } else if (this.#writer.frames >= BATCH_FRAMES || this.#writer.byteLength >= BATCH_BYTES) {
      this.flush();
    } else if (!this.#armed) {
      this.#armed = true;
      queueMicrotask(this.#turnEnded);
    }
  }

  readonly #turnEnded = (): void => {
    this.#armed = false;
    if (this.#state === "open") this.flush();
  };

  /** Sends what is gathered. */
  protected flush(): void {
    if (this.#writer.frames === 0) return;
    try {
      this.post(this.#writer.take());
    } catch (error) {
      this.fail(asError(error));
    }
  }

  #postLast(frame: Frame | RawFrame, start: number): void {
    try {
      const [before, last] = takeLast(this.#writer, start);
      if (before !== undefined) this.post({ bytes: before, segments: [] });
      this.postBulk(frame, last);
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

/** Empties a writer of inline segments whose last frame, from `start` on, is large; what stands before it apart. */
export function takeLast(
  writer: FrameWriter,
  start: number,
): [before: Uint8Array<ArrayBuffer> | undefined, last: Uint8Array<ArrayBuffer>] {
  const { bytes } = writer.take();
  // A copy, which does not keep the large frame's memory.
  return [start > 0 ? bytes.slice(0, start) : undefined, bytes.subarray(start)];
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("Something else than an error was thrown", {
    cause: error,
  });
}
