import { formatHostId, type HostId } from "../../core/address.ts";
import { type Codec, FrameWriter, readFrames } from "../../core/codec.ts";
import { MailboxFullError } from "../../core/message_errors.ts";
import type { Frame, RawFrame } from "../../core/protocol.ts";
import type { Way } from "../router.ts";

/** Messages that may wait for a host to be linked: as many as for ten actors. */
const MAX_MESSAGES = 100_000;

/** In bytes: as many as are kept for a link that is interrupted. */
const MAX_BYTES = 64 * 2 ** 20;

/** The way to a host that is being linked: what is sent there waits, in order. */
export class Outbox implements Way {
  readonly #host: HostId;
  readonly #writer: FrameWriter;
  #held: RawFrame[] = [];
  #bytes = 0;

  constructor(host: HostId, codec: Codec) {
    this.#host = host;
    this.#writer = new FrameWriter(codec, "aside");
  }

  /** {@linkcode Way.send} */
  send(frame: Frame): void {
    this.#check();
    this.#writer.write(frame);
    const { bytes, segments } = this.#writer.take();
    this.#hold(readFrames(bytes, segments, true)[0]!);
  }

  /** {@linkcode Way.forward} */
  forward(frame: RawFrame): void {
    this.#check();
    this.#hold(frame);
  }

  /** Takes out what waits. */
  take(): RawFrame[] {
    const held = this.#held;
    this.#held = [];
    this.#bytes = 0;
    return held;
  }

  /** Before a message is taken, which may move what is in it. */
  #check(): void {
    const isFull = this.#held.length >= MAX_MESSAGES;
    if (!isFull && this.#bytes <= MAX_BYTES) return;
    const [limit, bound] = isFull
      ? [MAX_MESSAGES, "messages"] as const
      : [MAX_BYTES, "bytes"] as const;
    throw new MailboxFullError(
      `More than ${limit} ${bound} wait for host ${formatHostId(this.#host)} to be linked`,
      limit,
      bound,
    );
  }

  #hold(frame: RawFrame): void {
    this.#held.push(frame);
    this.#bytes += frame.segments.reduce((sum, one) => sum + one.byteLength, frame.body.length);
  }
}
