import { formatPool, type PoolAddress } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import { type Codec, FrameWriter, readFrames } from "../../core/codec.ts";
import { PoolLostError } from "../../core/host_errors.ts";
import { sizeOfFrame } from "../../core/message_size.ts";
import { type Frame, type FrameKind, isMessage, type RawFrame } from "../../core/protocol.ts";
import type { Link } from "../../link/link.ts";
import { HeldMessages } from "./held_messages.ts";

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

/** The way to a pool that is being recovered: messages wait in order, answers to the next isolate go through. */
export class Gap {
  /** Why the pool is not there. */
  reason: PoolLostError;
  /** The next isolate, once it is there; its actors are being made. */
  through: Link | undefined;
  readonly #options: GapOptions;
  readonly #writer: FrameWriter;
  readonly #held: HeldMessages<RawFrame>;

  constructor(options: GapOptions) {
    this.#options = options;
    this.#writer = new FrameWriter(options.codec, "aside");
    this.reason = options.reason;
    const { clock, waitMs, refuse } = options;
    const onLate = (frame: RawFrame) =>
      refuse(frame, this.#lost(`was not recovered in ${waitMs} ms`));
    this.#held = new HeldMessages({ clock, waitMs, onLate });
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
    for (const frame of this.#held.takeAll()) {
      try {
        link.forward(frame);
      } catch (error) {
        this.#options.refuse(frame, error as Error);
      }
    }
  }

  /** The pool will not be there again. */
  close(reason: Error): void {
    for (const frame of this.#held.takeAll()) this.#options.refuse(frame, reason);
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
    this.#held.check(`${formatPool(this.#options.pool)} to be recovered`);
  }

  #hold(frame: RawFrame): void {
    this.#held.add(frame, sizeOfFrame(frame.body, frame.segments));
  }
}

/** Messages, and what says how far the messages of a pool have come. */
function waits(kind: FrameKind): boolean {
  return isMessage(kind) || kind === "cancel" || kind === "ping" || kind === "pong";
}
