import { formatHostId, MAIN_POOL, type PoolAddress } from "../core/address.ts";
import { type Clock, SYSTEM_CLOCK } from "../core/clock.ts";
import type { Codec } from "../core/codec.ts";
import { HostLostError, LinkRefusedError, ProtocolError } from "../core/host_errors.ts";
import { NotSerializableError } from "../core/message_errors.ts";
import {
  type Frame,
  type GoodbyeCode,
  type GoodbyeFrame,
  type HostDescription,
  PROTOCOL_VERSION,
  type RawFrame,
} from "../core/protocol.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { Link } from "./link.ts";
import { goodbyeError, lossOf } from "./session_end.ts";
import type { Session, SessionOptions } from "./session_options.ts";

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
      interrupted: (isInterrupted) => {
        if (this.#waiting === undefined) options.onInterrupted?.(isInterrupted, this);
      },
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

  get isBackedUp(): boolean {
    return this.#link.isBackedUp ?? false;
  }

  send(frame: Frame): void {
    if (this.#state !== "ended") this.#link.send(frame);
  }

  forward(frame: RawFrame): void {
    if (this.#state !== "ended") this.#link.forward(frame);
  }

  goodbye(reason: string, code: GoodbyeCode = "ended", error: unknown = null): void {
    if (this.#state === "ended" || this.#cause !== undefined) return;
    this.#sayGoodbye(code, reason, error);
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
      this.#options.onRefused?.(frame.from.host, frame.code);
      this.#close(new LinkRefusedError(`The other host refused the session: ${frame.reason}`));
    } else if (frame.kind === "hello" || frame.kind === "welcome") {
      if (frame.version !== PROTOCOL_VERSION) {
        const reason = `host ${formatHostId(frame.host.id)} speaks version ${frame.version} of ` +
          `the protocol, host ${formatHostId(this.#options.self.id)} version ${PROTOCOL_VERSION}`;
        this.#sayGoodbye("refused", reason);
        this.#close(new ProtocolError(`Cannot open a session: ${reason}`));
        return;
      }
      if (this.#peer !== undefined) throw new ProtocolError("A second hello");
      this.#peer = frame.host;
      if (frame.kind === "hello" && this.#options.admit !== undefined) void this.#admit(frame.host);
      else this.#begin(frame.kind);
    }
  }

  async #admit(peer: HostDescription): Promise<void> {
    const refusal = await this.#options.admit!(peer);
    if (this.#state !== "handshake") return;
    if (refusal === undefined) return this.#begin("hello");
    this.#sayGoodbye(refusal.code, refusal.reason);
    this.#close(
      new LinkRefusedError(`Not linked with host ${formatHostId(peer.id)}: ${refusal.reason}`),
    );
  }

  #begin(after: "hello" | "welcome"): void {
    if (after === "hello") this.#introduce("welcome");
    this.#start();
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
    // What goes on to a third host, or comes from one, is not about this session.
    if (this.#isRelayed(raw)) return this.#options.onFrame(raw, this);
    switch (raw.kind) {
      case "ping":
        this.#link.send({ kind: "pong", ...this.#envelope(raw.id) });
        break;
      case "pong":
        break;
      case "goodbye":
        this.#parted(this.#codec.decode(raw) as GoodbyeFrame);
        break;
      case "hello":
      case "welcome":
        throw new ProtocolError(`A second handshake: a frame of kind ${raw.kind}`);
      default:
        this.#options.onFrame(raw, this);
    }
  }

  #parted(goodbye: GoodbyeFrame): void {
    if (goodbye.code === "stopped") this.#options.onStopped?.(this);
    this.#close(goodbyeError(goodbye, this.peer));
  }

  #isRelayed({ from, to }: RawFrame): boolean {
    const isOurs = to.host === this.#options.self.id || to.host === 0;
    return !isOurs || from.host !== this.peer.id;
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

  #sayGoodbye(code: GoodbyeCode, reason: string, error: unknown = null): void {
    const goodbye = { kind: "goodbye", code, reason, ...this.#envelope(0) } as const;
    try {
      this.#link.send({ ...goodbye, error });
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
