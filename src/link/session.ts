import { formatHostId, MAIN_POOL, type PoolAddress } from "../core/address.ts";
import { type Clock, SYSTEM_CLOCK } from "../core/clock.ts";
import type { Codec } from "../core/codec.ts";
import {
  DramatisError,
  HostLostError,
  LinkRefusedError,
  NotSerializableError,
  ProtocolError,
} from "../core/errors.ts";
import {
  type Frame,
  type GoodbyeFrame,
  type HostDescription,
  PROTOCOL_VERSION,
  type RawFrame,
} from "../core/protocol.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { Link } from "./link.ts";

/** How a session runs and who is told. */
export interface SessionOptions {
  /** What the other side learns about this one. */
  readonly self: HostDescription;
  /** The side that dials says hello; the one that accepts answers with a welcome. */
  readonly role: "dial" | "accept";
  /** Milliseconds between signs of life; `null` where the link looks after that. @default {1000} */
  readonly heartbeatMs?: number | null;
  /** So many silent heartbeats in a row mean that the other host is lost. @default {3} */
  readonly missedBeats?: number;
  /** Milliseconds until the other side must have introduced itself. @default {5000} */
  readonly handshakeTimeoutMs?: number;
  /** Gives up the handshake; later it has no effect. */
  readonly signal?: AbortSignal;
  /** What time it is. @default {SYSTEM_CLOCK} */
  readonly clock?: Clock;
  /** A frame that is not the session's own business. What it throws ends the session. */
  onFrame(frame: RawFrame, session: Session): void;
  /** The session has ended, once, for whatever cause. Not called if the handshake fails. */
  onClosed(cause: Error, session: Session): void;
}

/** Two hosts that have introduced themselves and are alive. */
export interface Session {
  /** The other host, as it described itself in the handshake. */
  readonly peer: HostDescription;
  /** Bytes accepted but not yet handed to the other side. */
  readonly bufferedBytes: number;
  /** Whether the link is lost, and may come back. */
  readonly isInterrupted: boolean;
  /**
   * Sends a frame; nothing once the session has ended, which `onClosed` tells.
   *
   * @throws {NotSerializableError} if a value in it cannot travel.
   */
  send(frame: Frame): void;
  /** Sends a frame from another link one hop further. */
  forward(frame: RawFrame): void;
  /** Ends the session after all that was sent, and tells the other side why. */
  goodbye(reason: string, error?: unknown): void;
}

/**
 * Opens a session on a fresh link: both sides introduce themselves and check the version, then keep
 * each other alive. Whoever awaits it directly goes on before the first frame is given to `onFrame`.
 *
 * @throws {LinkRefusedError} if the other side says goodbye instead of welcome; the message has its reason.
 * @throws {ProtocolError} if it speaks another version, or anything but the handshake.
 * @throws {HostLostError} if it is silent for too long or the link ends.
 * @throws the signal's reason.
 */
export function openSession(link: Link, codec: Codec, options: SessionOptions): Promise<Session> {
  return new LinkSession(link, codec, options).ready;
}

/** A handshake's waiting caller. */
interface Waiting {
  readonly resolve: (session: Session) => void;
  readonly reject: (reason: unknown) => void;
  readonly timer: unknown;
}

class LinkSession implements Session {
  readonly ready: Promise<Session>;
  readonly #link: Link;
  readonly #codec: Codec;
  readonly #options: SessionOptions;
  readonly #clock: Clock;
  #state: "handshake" | "starting" | "running" | "ended" = "handshake";
  #waiting: Waiting | undefined;
  #heartbeat: Heartbeat | undefined;
  #peer: HostDescription | undefined;
  /** Frames that came before the opener could go on. */
  #early: RawFrame[] = [];
  /** Why the session ends: an error, or an abort signal's reason. */
  #cause: unknown;

  constructor(link: Link, codec: Codec, options: SessionOptions) {
    this.#link = link;
    this.#codec = codec;
    this.#options = options;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    const { promise, resolve, reject } = Promise.withResolvers<Session>();
    this.ready = promise;
    const timeoutMs = options.handshakeTimeoutMs ?? 5_000;
    const timer = this.#clock.setTimeout(
      () => this.#close(new HostLostError(`No handshake within ${timeoutMs} ms`, "silent")),
      timeoutMs,
    );
    this.#waiting = { resolve, reject, timer };
    options.signal?.addEventListener("abort", this.#aborted);
    link.open({
      frame: (frame) => this.#frame(frame),
      progress: () => this.#heartbeat?.heard(),
      closed: (error) => this.#closed(error),
    });
    if (options.signal?.aborted) this.#aborted();
    else if (options.role === "dial") this.#introduce("hello");
  }

  get peer(): HostDescription {
    return this.#peer!;
  }

  get bufferedBytes(): number {
    return this.#link.bufferedBytes;
  }

  get isInterrupted(): boolean {
    return this.#link.isInterrupted ?? false;
  }

  send(frame: Frame): void {
    if (this.#state !== "ended") this.#link.send(frame);
  }

  forward(frame: RawFrame): void {
    if (this.#state !== "ended") this.#link.forward(frame);
  }

  goodbye(reason: string, error?: unknown): void {
    if (this.#state === "ended" || this.#cause !== undefined) return;
    this.#sayGoodbye(reason, error);
    this.#cause = new HostLostError(`The session was ended here: ${reason}`, "stopped");
    this.#heartbeat?.[Symbol.dispose]();
    // Ended when the link says so: whoever then stops the process loses nothing that was sent.
    this.#link.close();
  }

  #frame(frame: RawFrame): void {
    switch (this.#state) {
      case "handshake":
        this.#handshake(frame);
        break;
      case "starting":
        this.#early.push(frame);
        break;
      case "running":
        this.#run(frame);
        break;
      case "ended":
        break;
      default:
        this.#state satisfies never;
    }
  }

  #handshake(raw: RawFrame): void {
    const expected = this.#options.role === "dial" ? "welcome" : "hello";
    if (raw.kind !== expected && raw.kind !== "goodbye") {
      throw new ProtocolError(`A frame of kind ${raw.kind} came before the ${expected}`);
    }
    const frame = this.#codec.decode(raw);
    if (frame.kind === "goodbye") {
      this.#close(new LinkRefusedError(`The other host refused the session: ${frame.reason}`));
    } else if (frame.kind === "hello" || frame.kind === "welcome") {
      if (frame.version !== PROTOCOL_VERSION) {
        const reason = `host ${formatHostId(frame.host.id)} speaks version ${frame.version} of ` +
          `the protocol, host ${formatHostId(this.#options.self.id)} version ${PROTOCOL_VERSION}`;
        this.#sayGoodbye(reason, null);
        this.#close(new ProtocolError(`Cannot open a session: ${reason}`));
        return;
      }
      this.#peer = frame.host;
      if (frame.kind === "hello") this.#introduce("welcome");
      this.#start();
    }
  }

  #start(): void {
    this.#state = "starting";
    this.#settle()!.resolve(this);
    if (this.#options.heartbeatMs !== null) this.#heartbeat = this.#beat();
    queueMicrotask(() => this.#deliverEarly());
  }

  #beat(): Heartbeat {
    return new Heartbeat({
      ping: () => this.#link.send({ kind: "ping", ...this.#envelope(0) }),
      silent: (ms) =>
        this.#close(
          new HostLostError(
            `Host ${formatHostId(this.peer.id)} has been silent for ${Math.round(ms)} ms`,
            "silent",
          ),
        ),
    }, {
      intervalMs: this.#options.heartbeatMs ?? 1_000,
      missedBeats: this.#options.missedBeats ?? 3,
      clock: this.#clock,
    });
  }

  /** Gives out what waited for the opener. Runs outside of the link's care, so it keeps the link's rule itself. */
  #deliverEarly(): void {
    if (this.#state !== "starting") return;
    this.#state = "running";
    const early = this.#early;
    this.#early = [];
    try {
      for (const frame of early) {
        if (this.#cause === undefined) this.#run(frame);
      }
    } catch (error) {
      this.#close(lossOf(error as Error));
    }
  }

  #run(raw: RawFrame): void {
    this.#heartbeat?.heard();
    switch (raw.kind) {
      case "ping":
        this.#link.send({ kind: "pong", ...this.#envelope(raw.id) });
        break;
      case "pong":
        break;
      case "goodbye":
        this.#close(goodbyeError(this.#codec.decode(raw) as GoodbyeFrame, this.peer));
        break;
      case "hello":
      case "welcome":
        throw new ProtocolError(`A second handshake: a frame of kind ${raw.kind}`);
      default:
        this.#options.onFrame(raw, this);
    }
  }

  /** Ends the session at once; the link is left to close in its own time, as the other side may be stuck. */
  #close(cause: unknown): void {
    this.#cause ??= cause;
    this.#link.close();
    this.#end();
  }

  #closed(error: Error | undefined): void {
    // What came before the end is given out before the end.
    this.#deliverEarly();
    this.#cause ??= lossOf(error);
    this.#end();
  }

  #end(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#heartbeat?.[Symbol.dispose]();
    const waiting = this.#settle();
    if (waiting !== undefined) waiting.reject(this.#cause);
    else this.#options.onClosed(this.#cause as Error, this);
  }

  /** Ends the waiting of the opener, if it still waits. */
  #settle(): Waiting | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#clock.clearTimeout(waiting?.timer);
    this.#options.signal?.removeEventListener("abort", this.#aborted);
    return waiting;
  }

  readonly #aborted = (): void => this.#close(this.#options.signal!.reason);

  #introduce(kind: "hello" | "welcome"): void {
    const { self } = this.#options;
    this.#link.send({ kind, version: PROTOCOL_VERSION, host: self, ...this.#envelope(0) });
  }

  #sayGoodbye(reason: string, error: unknown): void {
    const goodbye = { kind: "goodbye", reason, ...this.#envelope(0) } as const;
    try {
      this.#link.send({ ...goodbye, error: error ?? null });
    } catch (thrown) {
      if (!(thrown instanceof NotSerializableError)) throw thrown;
      this.#link.send({ ...goodbye, error: null });
    }
  }

  #envelope(id: number): { id: number; to: PoolAddress; from: PoolAddress } {
    return {
      id,
      to: { host: this.#peer?.id ?? 0, pool: MAIN_POOL },
      from: { host: this.#options.self.id, pool: MAIN_POOL },
    };
  }
}

function goodbyeError({ reason, error }: GoodbyeFrame, peer: HostDescription): HostLostError {
  const message = `Host ${formatHostId(peer.id)} said goodbye: ${reason}`;
  return error === null || error === undefined
    ? new HostLostError(message, "stopped")
    : new HostLostError(message, "error", { cause: error });
}

function lossOf(error: Error | undefined): Error {
  if (error === undefined) {
    return new HostLostError("The other host left without a goodbye", "lost");
  }
  return error instanceof DramatisError
    ? error
    : new HostLostError(`The session ended: ${error.message}`, "error", { cause: error });
}
