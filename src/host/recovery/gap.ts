import { formatPool, type PoolAddress } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import { type Codec, FrameWriter, readFrames } from "../../core/codec.ts";
import { MailboxFullError } from "../../core/message_errors.ts";
import { PoolLostError } from "../../core/host_errors.ts";
import { MAILBOX_DEFAULTS } from "../../core/mailbox_options.ts";
import type { Frame, FrameKind, RawFrame } from "../../core/protocol.ts";
import type { Link } from "../../link/link.ts";

/** What a gap needs. */
export interface GapOptions {
  readonly pool: PoolAddress;
  readonly codec: Codec;
  readonly clock: Clock;
  /** How long a message may wait, in milliseconds; with 0 none does. */
  readonly waitMs: number;
  readonly reason: PoolLostError;
  /** Tells the sender of a frame that it failed. */
  refuse(frame: RawFrame, error: Error): void;
}

interface Held {
  readonly frame: RawFrame;
  readonly until: number;
  readonly bytes: number;
}

/** How many messages may wait for one pool: as many as for ten actors. */
const MAX_MESSAGES = 10 * MAILBOX_DEFAULTS.messages;

/** The way to a pool that is being recovered: messages wait in order, answers to the next isolate go through. */
export class Gap {
  /** Why the pool is not there. */
  reason: PoolLostError;
  /** The next isolate, once it is there; its actors are being made. */
  through: Link | undefined;
  readonly #options: GapOptions;
  readonly #writer: FrameWriter;
  readonly #held: Held[] = [];
  #bytes = 0;
  #timer: unknown;

  constructor(options: GapOptions) {
    this.#options = options;
    this.#writer = new FrameWriter(options.codec, "aside");
    this.reason = options.reason;
  }

  /** {@linkcode Link.send} */
  send(frame: Frame): void {
    if (!waits(frame.kind)) return this.#there.send(frame);
    this.#check();
    this.#writer.write(frame);
    const { bytes, segments } = this.#writer.take();
    this.#hold(readFrames(bytes, segments, true)[0]!);
  }

  /** {@linkcode Link.forward} */
  forward(frame: RawFrame): void {
    if (!waits(frame.kind)) return this.#there.forward(frame);
    this.#check();
    this.#hold(frame);
  }

  /** The pool is there: what has waited goes to it, before all that comes now. */
  open(link: Link): void {
    for (const frame of this.#takeAll()) {
      try {
        link.forward(frame);
      } catch (error) {
        this.#options.refuse(frame, error as Error);
      }
    }
  }

  /** The pool will not be there again. */
  close(reason: Error): void {
    for (const frame of this.#takeAll()) this.#options.refuse(frame, reason);
  }

  get #there(): Link {
    if (this.through === undefined) throw this.#lost("is gone, and being recovered");
    return this.through;
  }

  #lost(what: string): PoolLostError {
    const { exit } = this.reason;
    const message = `${formatPool(this.#options.pool)} ${what}: ${this.reason.message}`;
    return new PoolLostError(message, exit, { cause: this.reason });
  }

  /** Before a message is taken, which may move what is in it. */
  #check(): void {
    if (this.#options.waitMs <= 0) throw this.#lost("is gone, and being recovered");
    const isFull = this.#held.length >= MAX_MESSAGES;
    if (!isFull && this.#bytes <= MAILBOX_DEFAULTS.bytes) return;
    const limit = isFull ? MAX_MESSAGES : MAILBOX_DEFAULTS.bytes;
    const bound = isFull ? "messages" : "bytes";
    throw new MailboxFullError(
      `More than ${limit} ${bound} wait for ${formatPool(this.#options.pool)} to be recovered`,
      limit,
      bound,
    );
  }

  #hold(frame: RawFrame): void {
    const { clock, waitMs } = this.#options;
    const bytes = frame.segments.reduce((sum, one) => sum + one.byteLength, frame.body.length);
    this.#bytes += bytes;
    this.#held.push({ frame, bytes, until: clock.now() + waitMs });
    this.#timer ??= clock.setTimeout(() => this.#expire(), waitMs);
  }

  /** All have waited for the same time: the first is due first. */
  #expire(): void {
    const { clock, refuse, waitMs } = this.#options;
    this.#timer = undefined;
    const now = clock.now();
    const first = this.#held.findIndex(({ until }) => until > now);
    const late = this.#held.splice(0, first < 0 ? this.#held.length : first);
    const next = this.#held[0];
    if (next !== undefined) {
      this.#timer = clock.setTimeout(() => this.#expire(), next.until - now);
    }
    for (const { frame, bytes } of late) {
      this.#bytes -= bytes;
      refuse(frame, this.#lost(`was not recovered in ${waitMs} ms`));
    }
  }

  #takeAll(): RawFrame[] {
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#bytes = 0;
    return this.#held.splice(0).map(({ frame }) => frame);
  }
}

/** Messages, and what says how far the messages of a pool have come. */
function waits(kind: FrameKind): boolean {
  switch (kind) {
    case "call":
    case "tell":
    case "batch":
    case "cancel":
    case "ping":
    case "pong":
      return true;
    default:
      return false;
  }
}
