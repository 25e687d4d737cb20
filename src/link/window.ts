import { Fifo } from "../core/fifo.ts";
import { PART_BYTES } from "./bulk.ts";

/** So much may always be under way: a part that travels while the other side takes the one before. */
const MIN_BYTES = 2 * PART_BYTES;

/** Enough for 10 Gbit/s to the other side of the world. */
const MAX_BYTES = 256 * 2 ** 20;

/** How long bulk may make a small frame wait in the buffers on the way, past what the way takes anyway. */
const TARGET_MS = 4;

/** A message that the other side has not taken yet. */
interface Sent {
  readonly bytes: number;
  readonly at: number;
}

/**
 * How much bulk may be on the way at a time: as much as does not wait in line there.
 *
 * What the socket says that it buffers is not the half of it: the system's buffers hold megabytes more,
 * and a small frame would wait behind all of them. So the other side says when it has taken a message,
 * and the delay tells how long the line is; the window grows while the line is short and shrinks when it
 * is long, as in LEDBAT (RFC 6817). A fixed window would be either slow on long ways or long on slow ones.
 */
export class Window {
  readonly #sent = new Fifo<Sent>();
  #bytes = 0;
  #limit = MIN_BYTES;
  /** The shortest delay since there was last nothing on the way: that of the way itself. */
  #baseMs = Infinity;

  /** Whether more may go. */
  get isOpen(): boolean {
    return this.#bytes < this.#limit;
  }

  /** A message of so many bytes has gone. */
  sent(bytes: number, nowMs: number): void {
    this.#sent.push({ bytes, at: nowMs });
    this.#bytes += bytes;
  }

  /** The other side has taken the oldest; false if nothing was on the way. */
  taken(nowMs: number): boolean {
    const sent = this.#sent.shift();
    if (sent === undefined) return false;
    const delayMs = nowMs - sent.at;
    this.#baseMs = Math.min(this.#baseMs, delayMs);
    const spare = 1 - (delayMs - this.#baseMs) / TARGET_MS;
    // A window that was not used up says nothing about a larger one.
    if (spare < 0 || !this.isOpen) {
      const limit = this.#limit + Math.max(-1, spare) * sent.bytes;
      this.#limit = Math.min(MAX_BYTES, Math.max(MIN_BYTES, limit));
    }
    this.#bytes -= sent.bytes;
    if (this.#sent.length === 0) this.#baseMs = Infinity;
    return true;
  }
}
