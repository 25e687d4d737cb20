/** A bare WebSocket ping-pong between two processes: the baseline of calls across hosts. @module */
import { WebSocket as WebSocketClient } from "ws";

/** Bytes of a small call's frame and of its answer. */
const FRAME_BYTES = 56;

/** An echo server in a process of its own, and a socket to it. */
export class BareSocket implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #socket: WebSocketClient;
  readonly #frame = new Uint8Array(FRAME_BYTES);
  readonly #waiting: (() => void)[] = [];
  #head = 0;

  private constructor(process: Deno.ChildProcess, socket: WebSocketClient) {
    this.#process = process;
    this.#socket = socket;
    socket.on("message", () => {
      const resolve = this.#waiting[this.#head++]!;
      if (this.#head === this.#waiting.length) this.#head = this.#waiting.length = 0;
      resolve();
    });
  }

  /** Starts the server and connects. */
  static async open(): Promise<BareSocket> {
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-net", new URL("./echo_server.ts", import.meta.url).href],
      stdout: "piped",
    }).spawn();
    const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value: port } = await reader.read();
    await reader.cancel();
    const socket = new WebSocketClient(`ws://127.0.0.1:${port!.trim()}`, {
      perMessageDeflate: false,
    });
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    return new BareSocket(process, socket);
  }

  /** One message there and one back. */
  call(): Promise<void> {
    return this.send(this.#frame);
  }

  /** Some bytes there; of many, only a few come back. */
  send(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#socket.send(bytes);
    });
  }

  /** Ends the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.once("close", resolve));
    this.#socket.close();
    this.#process.kill("SIGTERM");
    await Promise.all([closed, this.#process.status]);
  }
}
