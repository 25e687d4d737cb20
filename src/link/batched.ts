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

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("Something else than an error was thrown", {
    cause: error,
  });
}
