import type { Batch, Codec } from "../core/codec.ts";
import { PoolLostError, ProtocolError } from "../core/host_errors.ts";
import { BatchedLink } from "./batched.ts";
import type { LinkHandler } from "./link.ts";

/** From here on, moving a buffer to another thread is cheaper than copying it (measured: 64 KiB). */
const TRANSFER_BYTES = 64 * 1024;

/**
 * A link over a MessagePort, between two isolates of one process. Both sides trust each other.
 *
 * A batch is one message: the bytes alone, or an array of the bytes and their segments; a segment is
 * moved (ArrayBuffer) or shared (SharedArrayBuffer), never copied. `null`, or a string that says which
 * error, is the goodbye.
 *
 * That the other isolate has died is known only from the port's `close` event, which Deno fires only in
 * an isolate that has imported `node:worker_threads`. The host imports it; a worker does not, because
 * it would start later and its host's death ends it anyway.
 */
export class PortLink extends BatchedLink {
  readonly #port: MessagePort;

  /** Takes the port over: nobody else may use it. */
  constructor(port: MessagePort, codec: Codec) {
    super(codec, "aside");
    this.#port = port;
    port.addEventListener("message", this.#message);
    port.addEventListener("messageerror", this.#unreadable);
    // As a listener: Deno never calls `onclose` of a port.
    port.addEventListener("close", this.#died);
  }

  /** Starts delivery; what came before has waited in the port. */
  override open(handler: LinkHandler): void {
    super.open(handler);
    this.#port.start();
  }

  /** Posts a batch as one message. */
  protected override post({ bytes, segments }: Batch): void {
    const large = bytes.length >= TRANSFER_BYTES;
    if (segments.length === 0) {
      // An empty transfer list would cost a microsecond of the four.
      if (large) this.#port.postMessage(bytes, [bytes.buffer]);
      else this.#port.postMessage(bytes);
      return;
    }
    // Forwarding to several places may name one buffer twice, a transfer list may not.
    const moved = new Set<ArrayBufferLike>(segments);
    if (large) moved.add(bytes.buffer);
    const transfer = [...moved].filter((buffer) => buffer instanceof ArrayBuffer);
    this.#port.postMessage([bytes, ...segments], transfer);
  }

  /** Posts the goodbye and closes the port. */
  protected override shut(error?: Error): void {
    this.#port.postMessage(error === undefined ? null : `${error.name}: ${error.message}`);
    this.#finish(error);
  }

  readonly #message = (event: MessageEvent): void => {
    const message: unknown = event.data;
    if (message instanceof Uint8Array) {
      this.receive(message, [], true);
    } else if (Array.isArray(message) && message[0] instanceof Uint8Array) {
      this.receive(message[0], message.slice(1), true);
    } else if (message === null) {
      this.#finish();
    } else if (typeof message === "string") {
      this.#finish(new PoolLostError(`The other side ended the link: ${message}`, "error"));
    } else {
      this.fail(new ProtocolError(`A message on a port that is no batch: ${typeof message}`));
    }
  };

  readonly #unreadable = (): void => {
    this.fail(new ProtocolError("A message on a port that cannot be deserialized"));
  };

  readonly #died = (): void => {
    this.#finish(new PoolLostError("The isolate on the other side of the link is gone", "lost"));
  };

  #finish(error?: Error): void {
    this.#port.removeEventListener("message", this.#message);
    this.#port.removeEventListener("messageerror", this.#unreadable);
    this.#port.removeEventListener("close", this.#died);
    this.#port.close();
    this.end(error);
  }
}
