import type { LinkSocket, LinkSocketEvent } from "./link_socket.ts";

/** Who hears what a {@linkcode Carrier} brings. */
export interface CarrierHandler {
  /** It can be sent on. Not called if it could from the start. */
  opened?(): void;
  /** A message has come. */
  message(event: LinkSocketEvent): void;
  /** It has ended, once. */
  closed(code: number, reason: string): void;
}

/** `WebSocket.OPEN`, the same in every implementation. */
const OPEN = 1;

/** "Going away": the other side may come back. */
const CODE_AWAY = 1001;

/** Hears nothing. */
const NOBODY: CarrierHandler = { message: () => {}, closed: () => {} };

/** One socket of the several that carry a resumable one in turn: whoever hears it can be exchanged. */
export class Carrier {
  /** Whom it tells. */
  handler: CarrierHandler;
  readonly #socket: LinkSocket;
  /** What the socket said about its end, which the `close` event does not repeat. */
  #fault = "";

  constructor(socket: LinkSocket, handler: CarrierHandler) {
    this.#socket = socket;
    this.handler = handler;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => this.handler.opened?.());
    socket.addEventListener("message", (event) => this.handler.message(event));
    socket.addEventListener("error", (event) => this.#fault = event.message ?? "");
    socket.addEventListener("close", ({ code = 0, reason = "" }) => {
      const { handler } = this;
      this.handler = NOBODY;
      handler.closed(code, reason === "" ? this.#fault : reason);
    });
  }

  /** Whether it can be sent on. */
  get isOpen(): boolean {
    return this.#socket.readyState === OPEN;
  }

  /** {@linkcode LinkSocket.bufferedAmount} */
  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  /** Sends a message; ignored unless it is open, as who resumes sends it again. */
  send(message: Uint8Array<ArrayBuffer>): void {
    if (this.#socket.readyState === OPEN) this.#socket.send(message);
  }

  /** Ends it in order; the handler hears when it has ended. */
  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  /** Ends it and hears nothing more of it; Deno's sockets then wait for the other side by themselves. */
  drop(): void {
    this.handler = NOBODY;
    this.#socket.close(CODE_AWAY);
    this.#socket.terminate?.();
  }
}
