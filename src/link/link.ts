import type { Frame, RawFrame } from "../core/protocol.ts";

/** What the owner of a link wants to hear. Set once, before the first frame can arrive. */
export interface LinkHandler {
  /** A frame has arrived; in order, one at a time. What it throws ends the link with that error. */
  frame(frame: RawFrame): void;
  /** Part of a frame has arrived that will take longer: a sign of life where large frames come slowly. */
  progress?(): void;
  /** What is sent waits from now on, because the channel is lost; or goes out again. */
  interrupted?(isInterrupted: boolean): void;
  /** The link has ended, once: by `close`, by the other side, or by an error, which is then given. */
  closed(error?: Error): void;
}

/**
 * A channel between two pools or two hosts that moves frames. All sends of one turn travel
 * together: the first arms a microtask that flushes. What is sent once the link has ended is ignored.
 *
 * What one pool sends to one actor arrives in order, large and small mixed, and so does what belongs to
 * one call. A frame to another actor, an answer to another call, or a frame about neither may overtake a large one.
 */
export interface Link {
  /**
   * Encodes a frame and queues it.
   *
   * @throws {NotSerializableError} if a value in it cannot travel; nothing of it is sent then.
   */
  send(frame: Frame): void;
  /**
   * Queues a frame that came from another link, without decoding it, one hop further.
   *
   * @throws {ProtocolError} if it has passed too many routers.
   * @throws {NotSerializableError} if it has shared memory, and this link leads out of the process.
   */
  forward(frame: RawFrame): void;
  /** Bytes accepted but not yet handed to the other side, where the channel can tell; else 0. */
  readonly bufferedBytes: number;
  /** Whether what is sent waits because the channel is lost, and may come back. */
  readonly isInterrupted?: boolean;
  /** Whether what is sent waits because the other side takes less. */
  readonly isBackedUp?: boolean;
  /** Starts delivery. Frames that came before are delivered first. */
  open(handler: LinkHandler): void;
  /** Flushes what is queued and ends the link on both sides. May be called twice. */
  close(): void;
}
