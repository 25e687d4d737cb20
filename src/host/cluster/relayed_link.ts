import { type HostId, MAIN_POOL } from "../../core/address.ts";
import type { Frame, FrameKind, RawFrame } from "../../core/protocol.ts";
import type { Link, LinkHandler } from "../../link/link.ts";
import type { Session } from "../../link/session_options.ts";

/** Who a relayed link is between. */
export interface RelayedLinkOptions {
  readonly self: HostId;
  /** The other end. */
  readonly host: HostId;
  /** The session with the host that passes on what both say. */
  readonly relay: Session;
  /** It has ended. */
  onEnd(): void;
}

/**
 * A link with a host that is reached by way of another: what is sent goes out on the session with that
 * one, which passes it on by its header, and with that session it ends.
 */
export class RelayedLink implements Link {
  readonly host: HostId;
  readonly #options: RelayedLinkOptions;
  #handler: LinkHandler | undefined;
  #state: "open" | "closing" | "ended" = "open";
  /** How far the two ends have introduced themselves: `asking` has said hello, `asked` has heard one. */
  #phase: "asking" | "asked" | "greeted" = "asked";

  constructor(options: RelayedLinkOptions) {
    this.#options = options;
    this.host = options.host;
  }

  /** Whether one end has said goodbye: a second one would be taken for that of another link of the two. */
  #isParted = false;

  /** By which it goes. */
  get relay(): Session {
    return this.#options.relay;
  }

  /** {@linkcode Link.bufferedBytes} */
  get bufferedBytes(): number {
    return this.#options.relay.bufferedBytes;
  }

  /** {@linkcode Link.isInterrupted} */
  get isInterrupted(): boolean {
    return this.#options.relay.isInterrupted;
  }

  /** {@linkcode Link.isBackedUp} */
  get isBackedUp(): boolean {
    return this.#options.relay.isBackedUp;
  }

  /** {@linkcode Link.open} */
  open(handler: LinkHandler): void {
    this.#handler = handler;
  }

  /** {@linkcode Link.send} */
  send(frame: Frame): void {
    if (this.#state !== "open") return;
    if (frame.kind === "hello") this.#phase = "asking";
    if (frame.kind === "welcome") this.#phase = "greeted";
    if (frame.kind === "goodbye") this.#isParted = true;
    // Whoever introduces himself does not know yet to whom.
    const { host } = this.#options;
    this.relay.send(frame.to.host === host ? frame : { ...frame, to: { host, pool: MAIN_POOL } });
  }

  /** {@linkcode Link.forward} */
  forward(frame: RawFrame): void {
    if (this.#state === "open") this.relay.forward(frame);
  }

  /** Whether this end has said hello, and was not answered yet. */
  get isAsking(): boolean {
    return this.#phase === "asking";
  }

  /** Whether a frame of this kind can be for this link; of two with one host, each may have asked for one. */
  takes(kind: FrameKind): boolean {
    switch (kind) {
      case "hello":
        return false;
      case "welcome":
        return this.#phase === "asking";
      case "goodbye":
        return true;
      default:
        return this.#phase === "greeted";
    }
  }

  /** Takes a frame that the relay has brought. */
  receive(frame: RawFrame): void {
    if (this.#state !== "open") return;
    if (frame.kind === "welcome") this.#phase = "greeted";
    if (frame.kind === "goodbye") this.#isParted = true;
    try {
      this.#handler!.frame(frame);
    } catch (error) {
      this.lost(error as Error);
    }
  }

  /** {@linkcode Link.close} */
  close(): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    const { self, host, relay, onEnd } = this.#options;
    if (!this.#isParted) {
      relay.send({
        kind: "goodbye",
        code: "ended",
        id: 0,
        to: { host, pool: MAIN_POOL },
        from: { host: self, pool: MAIN_POOL },
        reason: "the link was closed",
        error: null,
      });
    }
    onEnd();
    queueMicrotask(() => this.#end(undefined));
  }

  /** There is no way to the other end any more, or what it says cannot be read. */
  lost(error: Error): void {
    if (this.#state !== "open") return;
    this.#options.onEnd();
    this.#end(error);
  }

  /** {@linkcode Link.interrupted} */
  interrupted(isInterrupted: boolean): void {
    if (this.#state === "open") this.#handler?.interrupted?.(isInterrupted);
  }

  #end(error: Error | undefined): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#handler?.closed(error);
  }
}
