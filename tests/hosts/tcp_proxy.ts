/** A way between two hosts over real sockets, and what can happen to it. @module */

/** Passes connections on; cuts them, or holds everything back. */
export class TcpProxy implements AsyncDisposable {
  /** How many bytes a connection passes on before it is cut by itself. */
  lifeBytes: () => number = () => Infinity;
  /** Connections that were cut. */
  cuts = 0;
  readonly #port: number;
  readonly #to: number;
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #tasks: Promise<void>[] = [];
  #listener: Deno.TcpListener | undefined;
  #fence: PromiseWithResolvers<void> | undefined;

  /** @param to The port that it leads to. */
  constructor(to: number) {
    this.#to = to;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#port = this.#listener.addr.port;
    this.#tasks.push(this.#serve(this.#listener));
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  /** Open ends of connections: two of each that it passes on. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Ends all connections, with what is on the way. */
  cut(): void {
    for (const connection of this.#connections) connection.close();
    this.#connections.clear();
  }

  /** Refuses new connections. */
  close(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** Takes new connections again. */
  open(): void {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: this.#port });
    this.#tasks.push(this.#serve(this.#listener));
  }

  /** Holds everything back, without a word to anybody. */
  fence(): void {
    this.#fence ??= Promise.withResolvers();
  }

  /** Lets what was held back go on. */
  lift(): void {
    this.#fence?.resolve();
    this.#fence = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    this.lift();
    this.cut();
    await Promise.all(this.#tasks);
  }

  async #serve(listener: Deno.TcpListener): Promise<void> {
    for await (const from of listener) {
      this.#connections.add(from);
      this.#tasks.push(this.#connect(from));
    }
  }

  async #connect(from: Deno.TcpConn): Promise<void> {
    await this.#fence?.promise;
    if (!this.#connections.has(from)) return;
    let to: Deno.TcpConn;
    try {
      to = await Deno.connect({ hostname: "127.0.0.1", port: this.#to });
    } catch {
      // Nobody is there: the same for who dialled.
      if (this.#connections.delete(from)) from.close();
      return;
    }
    if (!this.#connections.has(from)) return to.close();
    this.#connections.add(to);
    const life = { bytes: this.lifeBytes() };
    await Promise.all([this.#pipe(from, to, life), this.#pipe(to, from, life)]);
  }

  async #pipe(from: Deno.TcpConn, to: Deno.TcpConn, life: { bytes: number }): Promise<void> {
    from.setNoDelay(true);
    const bytes = new Uint8Array(64 * 1024);
    try {
      for (let count; (count = await from.read(bytes)) !== null;) {
        await this.#fence?.promise;
        life.bytes -= count;
        if (life.bytes < 0) {
          this.cuts++;
          break;
        }
        for (let at = 0; at < count;) at += await to.write(bytes.subarray(at, count));
      }
    } catch {
      // It was cut.
    }
    for (const connection of [from, to]) {
      if (this.#connections.delete(connection)) connection.close();
    }
  }
}
