/** The bare primitive under process pools: bytes over a Unix socket to another process and back. @module */

/** What an encoded call takes. */
const FRAME_BYTES = 64;

/** A Unix socket to an echo server in a process of its own. */
export class BareUnix implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #connection: Deno.Conn;
  readonly #folder: string;
  readonly #waiting: (() => void)[] = [];
  readonly #reading: Promise<void>;
  #unsent = 0;
  #received = 0;

  private constructor(process: Deno.ChildProcess, connection: Deno.Conn, folder: string) {
    this.#process = process;
    this.#connection = connection;
    this.#folder = folder;
    this.#reading = this.#read();
  }

  /** Starts the server, which connects. */
  static async open(): Promise<BareUnix> {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/s`;
    using listener = Deno.listen({ transport: "unix", path });
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", new URL("./echo_unix.ts", import.meta.url).href, path],
    }).spawn();
    return new BareUnix(process, await listener.accept(), folder);
  }

  /** One message there and one back. Those of one turn go together. */
  call(): Promise<void> {
    if (this.#unsent++ === 0) queueMicrotask(() => void this.#send());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #send(): Promise<void> {
    const bytes = new Uint8Array(this.#unsent * FRAME_BYTES);
    this.#unsent = 0;
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
  }

  async #read(): Promise<void> {
    const chunk = new Uint8Array(64 * 1024);
    for (
      let count = await this.#connection.read(chunk);
      count !== null;
      count = await this.#connection.read(chunk)
    ) {
      this.#received += count;
      for (; this.#received >= FRAME_BYTES; this.#received -= FRAME_BYTES) this.#waiting.shift()!();
    }
  }

  /** Ends the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.status;
    await this.#reading;
    this.#connection.close();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
