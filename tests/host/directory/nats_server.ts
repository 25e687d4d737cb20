/** A NATS server of a test's own, and a way to it that can be cut. */
import assert from "node:assert/strict";

/** Where Debian's package `nats-server` puts it is not in every user's path. */
const COMMANDS = ["nats-server", "/usr/sbin/nats-server"];

/** The `nats-server` of this machine, if there is one. */
const COMMAND: string | undefined = await (async () => {
  for (const command of COMMANDS) {
    try {
      if ((await new Deno.Command(command, { args: ["--version"] }).output()).success) {
        return command;
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
})();

/** Whether a server can be run here. */
export const HAS_NATS: boolean = COMMAND !== undefined;

/** What the name of a test says that needs a server. */
export const NEEDS_NATS = HAS_NATS ? "" : " (not run: nats-server is not installed)";

/** One server with JetStream, in a folder that goes with it. */
export class NatsServer implements AsyncDisposable {
  readonly url: string;
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;
  readonly #log: Promise<void>;

  private constructor(child: Deno.ChildProcess, folder: string, port: number, log: Promise<void>) {
    this.#child = child;
    this.#folder = folder;
    this.#log = log;
    this.url = `nats://127.0.0.1:${port}`;
  }

  /** Starts one; resolves when it takes connections. */
  static async start(): Promise<NatsServer> {
    const folder = await Deno.makeTempDir({ prefix: "dramatis-nats-" });
    assert(COMMAND !== undefined);
    const child = new Deno.Command(COMMAND, {
      args: ["-js", "-a", "127.0.0.1", "-p", "-1", "-sd", folder],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const started = Promise.withResolvers<number>();
    const log = (async () => {
      let text = "";
      for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        const port = /client connections on 127\.0\.0\.1:(\d+)/.exec(text)?.[1];
        if (port !== undefined && text.includes("Server is ready")) started.resolve(Number(port));
      }
      started.reject(new Error(`nats-server has ended: ${text}`));
    })();
    const port = await started.promise;
    return new NatsServer(child, folder, port, log);
  }

  /** Lets it do nothing until {@linkcode NatsServer.thaw}. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  /** Lets it go on. */
  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#log;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** A way to a server for one host. */
export class Wire implements AsyncDisposable {
  readonly url: string;
  readonly #to: URL;
  readonly #listener: Deno.TcpListener;
  readonly #sockets = new Set<Deno.TcpConn>();
  readonly #accepting: Promise<void>;
  #isCut = false;

  constructor(server: NatsServer) {
    this.#to = new URL(server.url);
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = this.#listener.addr;
    this.url = `nats://127.0.0.1:${port}`;
    this.#accepting = this.#accept();
  }

  /** From now on nothing comes through, and nobody is told. */
  cut(): void {
    assert(!this.#isCut);
    this.#isCut = true;
  }

  /** New connections come through again; those that were cut end. */
  mend(): void {
    this.#isCut = false;
    for (const socket of this.#sockets) socket.close();
    this.#sockets.clear();
  }

  async #accept(): Promise<void> {
    const pipes: Promise<void>[] = [];
    for await (const client of this.#listener) {
      if (this.#isCut) {
        client.close();
        continue;
      }
      const server = await Deno.connect({
        hostname: this.#to.hostname,
        port: Number(this.#to.port),
      });
      this.#sockets.add(client).add(server);
      pipes.push(this.#pipe(client, server), this.#pipe(server, client));
    }
    await Promise.all(pipes);
  }

  async #pipe(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(65536);
    try {
      for (let n; (n = await from.read(buffer)) !== null;) {
        if (this.#isCut) continue;
        for (let sent = 0; sent < n;) sent += await to.write(buffer.subarray(sent, n));
      }
    } catch {
      // One side has ended: so does the other.
    }
    for (const socket of [from, to]) if (this.#sockets.delete(socket)) socket.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const socket of this.#sockets) socket.close();
    this.#sockets.clear();
    await this.#accepting;
  }
}
