import type { Batch, Codec } from "../core/codec.ts";
import { HostLostError } from "../core/host_errors.ts";
import { BatchedLink } from "./batched.ts";

/** How a link ends on the way to the other side. */
interface Goodbye {
  readonly error: Error | undefined;
}

/**
 * One end of a link inside one isolate, with handles for trouble. Frames are really encoded and read
 * again, and segments really move, so that what works here works between isolates.
 */
export class MemoryLink extends BatchedLink {
  /** What is on the way to this end. */
  #incoming: (Batch | Goodbye)[] = [];
  #incomingBytes = 0;
  #scheduled = false;
  #fenced = false;
  #peer: MemoryLink = this;

  /** Ties two new ends together. */
  static pair(codecA: Codec, codecB: Codec): [MemoryLink, MemoryLink] {
    const [a, b] = [new MemoryLink(codecA, "aside"), new MemoryLink(codecB, "aside")];
    a.#peer = b;
    b.#peer = a;
    return [a, b];
  }

  /** Bytes that the other end has not taken yet; a fence makes them pile up. */
  override get bufferedBytes(): number {
    return super.bufferedBytes + this.#peer.#incomingBytes;
  }

  /** Holds everything back in both directions, the end of the link too, until {@linkcode lift}. */
  fence(): void {
    this.#fenced = true;
  }

  /** Lets everything that was held back go on, in order. */
  lift(): void {
    this.#fenced = false;
    this.#schedule();
    this.#peer.#schedule();
  }

  /** Cuts the link at once: what is on the way is lost, and both ends close with an error. */
  drop(): void {
    const error = new HostLostError("The link was cut", "lost");
    for (const end of [this, this.#peer]) {
      end.#clear();
      end.end(error);
    }
  }

  /** Hands a batch to the other end, as a port would. */
  protected override post({ bytes, segments }: Batch): void {
    const moved = new Map<ArrayBufferLike, ArrayBufferLike>();
    for (const segment of segments) {
      moved.set(segment, segment instanceof ArrayBuffer ? segment.transfer() : segment);
    }
    this.#peer.#arrive({ bytes, segments: segments.map((segment) => moved.get(segment)!) });
  }

  /** Sends the goodbye after what is on the way. */
  protected override shut(error?: Error): void {
    this.#peer.#arrive({
      error: error && new HostLostError(`The other side ended the link: ${error.message}`, "error"),
    });
    this.#clear();
    this.end(error);
  }

  #arrive(message: Batch | Goodbye): void {
    this.#incoming.push(message);
    this.#incomingBytes += size(message);
    this.#schedule();
  }

  /** Delivers in a microtask of its own: never inside the sender's `send`. */
  #schedule(): void {
    if (this.#scheduled || this.#incoming.length === 0) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#incoming.length > 0 && !this.#fenced && !this.#peer.#fenced) {
      const message = this.#incoming.shift()!;
      this.#incomingBytes -= size(message);
      if ("bytes" in message) {
        this.receive(message.bytes, message.segments, true);
      } else {
        this.#clear();
        this.end(message.error);
      }
    }
  }

  #clear(): void {
    this.#incoming = [];
    this.#incomingBytes = 0;
  }
}

/**
 * Two ends of a link inside one isolate, for tests.
 *
 * @param codecB The second end's codec; the first one's if left out.
 */
export function memoryLinks(codecA: Codec, codecB: Codec = codecA): [MemoryLink, MemoryLink] {
  return MemoryLink.pair(codecA, codecB);
}

function size(message: Batch | Goodbye): number {
  if (!("bytes" in message)) return 0;
  return message.segments.reduce((sum, { byteLength }) => sum + byteLength, message.bytes.length);
}
