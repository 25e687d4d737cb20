import type { Clock } from "../core/clock.ts";
import { ProtocolError } from "../core/host_errors.ts";
import { Fifo } from "../core/fifo.ts";
import type { Carrier } from "./carrier.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { LinkSocket, LinkSocketEvent } from "./link_socket.ts";
import {
  CODE_LOST,
  CODE_SILENT,
  readReceived,
  RECEIVED,
  RECEIVED_BYTES,
  writeReceived,
} from "./resume_wire.ts";

/** After so many messages the other side is told that they have come: one in 64 costs next to nothing. */
const TELL_MESSAGES = 64;

/** Or after so many bytes, so that little of what the other side keeps has come long ago. */
const TELL_BYTES = 2 ** 20;

/**
 * What is kept at most for the case that it has to be sent again. Past it the link holds back, so it also
 * bounds what is on the way: 10 Gbit/s over 50 ms, or 2.5 Gbit/s to the other side of the world.
 */
const REPLAY_BYTES = 64 * 2 ** 20;

/** Signs of life that may be missing in a row. */
const MISSED_BEATS = 3;

/** A grace time is counted in so many steps: an isolate that was blocked itself has not waited, but for one. */
const GRACE_STEPS = 10;

/** The ends of a socket that nobody wanted: it vanished, its server or a proxy went away. */
const INTERRUPTIONS: ReadonlySet<number> = new Set([0, 1001, 1006, 1012, 1013, 1014]);

/** `readyState`, with WebSocket's numbers. */
const OPEN = 1, CLOSING = 2, CLOSED = 3;

/** How a socket was lost: it ended, or nothing was heard on it any more. */
export type Interruption = "ended" | "silent";

/** How long and how often. Durations are in milliseconds. */
export interface ResumeOptions {
  readonly clock: Clock;
  /** Between signs of life; three that are missing end the socket underneath. */
  readonly heartbeatMs: number;
  /** Until a session whose socket fell silent is given up; 0 resumes none. */
  readonly graceMs: number;
}

/** What it needs beside. */
interface ResumableOptions extends ResumeOptions {
  /** Until it is given up where its socket has ended. */
  readonly endedGraceMs: number;
  /** It has no socket now. */
  onInterrupted(how: Interruption): void;
}

type Message = Uint8Array<ArrayBuffer>;
type Listener = (event: LinkSocketEvent) => void;

/**
 * A socket that outlives the sockets that carry it: what was sent and may not have come is sent again on
 * the next one, and what comes twice is left out. Above it nothing is lost, doubled or out of order.
 *
 * Messages are kept until the other side says that it has got them. That saying is also the sign of life
 * that both sides give each heartbeat.
 */
export class ResumableSocket implements LinkSocket {
  /** Messages are always ArrayBuffers. */
  binaryType = "arraybuffer";
  readonly #options: ResumableOptions;
  readonly #listeners = new Map<string, Listener>();
  readonly #ended = new AbortController();
  #readyState: typeof OPEN | typeof CLOSING | typeof CLOSED = OPEN;
  #carrier: Carrier | undefined;
  #heartbeat: Heartbeat | undefined;
  #graceTimer: unknown;
  /** What the other side may not have got, oldest first. */
  readonly #replay = new Fifo<Message>();
  #replayBytes = 0;
  /** Messages that the other side has got. */
  #confirmed = 0;
  /** Messages that have come, those of them that the other side knows of, and bytes of the rest. */
  #received = 0;
  #told = 0;
  #untoldBytes = 0;

  constructor(options: ResumableOptions) {
    this.#options = options;
  }

  /** {@linkcode LinkSocket.readyState} */
  get readyState(): number {
    return this.#readyState;
  }

  /** {@linkcode LinkSocket.isInterrupted} */
  get isInterrupted(): boolean {
    return this.#carrier === undefined;
  }

  /** What the socket underneath has not sent; without one, or with too much unconfirmed, all that is kept. */
  get bufferedAmount(): number {
    return this.#carrier === undefined || this.#replayBytes >= REPLAY_BYTES
      ? this.#replayBytes
      : this.#carrier.bufferedAmount;
  }

  /** Messages that have come. */
  get received(): number {
    return this.#received;
  }

  /** Aborts when it has ended for good. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** {@linkcode LinkSocket.addEventListener}; one listener of each kind. */
  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, listener);
  }

  /** {@linkcode LinkSocket.send} */
  send(data: Message): void {
    if (this.#readyState !== OPEN) return;
    this.#replay.push(data);
    this.#replayBytes += data.length;
    this.#carrier?.send(data);
  }

  /** {@linkcode LinkSocket.close}; without a socket there is nobody to tell. */
  close(code: number = 1000, reason: string = ""): void {
    if (this.#readyState !== OPEN) return;
    this.#readyState = CLOSING;
    this.#heartbeat?.[Symbol.dispose]();
    if (this.#carrier === undefined) this.end(code, reason);
    else this.#carrier.close(code, reason);
  }

  /** {@linkcode LinkSocket.terminate} */
  terminate(): void {
    this.end(CODE_LOST, "");
  }

  /**
   * Goes on over another socket, or begins.
   *
   * @param received Messages that the other side has got.
   * @param says What to say on it first, now that nothing more comes on the one before.
   * @throws {ProtocolError} if it cannot have got so many, or has said before that it has got more.
   */
  attach(carrier: Carrier, received: number, says?: (received: number) => Message): void {
    if (!this.#confirm(received)) {
      throw new ProtocolError(
        `The other host says that ${received} messages have come, of ${
          this.#confirmed + this.#replay.length
        } that were sent; ${this.#confirmed} had come before`,
      );
    }
    this.#leaveCarrier();
    this.#carrier = carrier;
    carrier.handler = {
      message: (event) => this.#message(event),
      closed: (code, reason) => this.#carrierClosed(code, reason),
    };
    this.#told = this.#received;
    this.#untoldBytes = 0;
    const { heartbeatMs, clock } = this.#options;
    this.#heartbeat = new Heartbeat({
      ping: () => this.#tell(),
      silent: () => this.#interrupt("silent"),
    }, { intervalMs: heartbeatMs, missedBeats: MISSED_BEATS, clock });
    if (says !== undefined) carrier.send(says(this.#received));
    for (let i = 0; i < this.#replay.length; i++) carrier.send(this.#replay.at(i)!);
    // Whoever waited because too much was kept looks again.
    this.#emit({ type: "open" });
  }

  /** Ends it for good. */
  end(code: number, reason: string): void {
    if (this.#readyState === CLOSED) return;
    this.#readyState = CLOSED;
    this.#leaveCarrier();
    this.#replay.clear();
    this.#replayBytes = 0;
    this.#ended.abort();
    this.#emit({ type: "close", code, reason });
  }

  #leaveCarrier(): void {
    this.#options.clock.clearTimeout(this.#graceTimer);
    this.#heartbeat?.[Symbol.dispose]();
    this.#carrier?.drop();
    this.#carrier = undefined;
  }

  #message(event: LinkSocketEvent): void {
    this.#heartbeat?.heard();
    // What cannot be right goes on to the link, which refuses it as anything else that it cannot read.
    const byteLength = event.data instanceof ArrayBuffer ? event.data.byteLength : 0;
    if (byteLength === RECEIVED_BYTES && this.#confirm(readReceived(RECEIVED, event.data))) return;
    this.#received++;
    this.#untoldBytes += byteLength;
    if (this.#received - this.#told >= TELL_MESSAGES || this.#untoldBytes >= TELL_BYTES) {
      this.#tell();
    }
    this.#emit(event);
  }

  #tell(): void {
    this.#told = this.#received;
    this.#untoldBytes = 0;
    this.#carrier?.send(writeReceived(RECEIVED, this.#received));
  }

  /** Forgets what the other side has got; false if it cannot have got so many. */
  #confirm(received: number): boolean {
    if (received < this.#confirmed || received > this.#confirmed + this.#replay.length) {
      return false;
    }
    for (; this.#confirmed < received; this.#confirmed++) {
      this.#replayBytes -= this.#replay.shift()!.length;
    }
    return true;
  }

  #carrierClosed(code: number, reason: string): void {
    if (this.#readyState === OPEN && INTERRUPTIONS.has(code)) this.#interrupt("ended", reason);
    else this.end(code, reason);
  }

  #interrupt(how: Interruption, reason = ""): void {
    const { graceMs, endedGraceMs, onInterrupted } = this.#options;
    this.#leaveCarrier();
    const ms = how === "ended" ? endedGraceMs : graceMs;
    const code = how === "ended" ? CODE_LOST : CODE_SILENT;
    if (ms === 0) return this.end(code, reason);
    const isOver = () => {
      this.end(code, `${reason === "" ? "" : `${reason}; `}it was not back within ${ms} ms`);
    };
    this.#wait(GRACE_STEPS, ms / GRACE_STEPS, isOver);
    onInterrupted(how);
    this.#emit({ type: "interrupted" });
  }

  #wait(steps: number, ms: number, isOver: () => void): void {
    this.#graceTimer = this.#options.clock.setTimeout(
      () => steps === 1 ? isOver() : this.#wait(steps - 1, ms, isOver),
      ms,
    );
  }

  #emit(event: LinkSocketEvent): void {
    this.#listeners.get(event.type)?.(event);
  }
}
