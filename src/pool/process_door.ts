/** How a child process gets its connections to the host that started it, and nobody else does. */

/** What the child's connections are for: notes about the process, and frames. */
export type Lane = "notes" | "frames";

/** Where a child knocks, and what it says there. */
export interface DoorKey {
  readonly address: DoorAddress;
  readonly secret: string;
}

type DoorAddress =
  | { readonly transport: "unix"; readonly path: string }
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number };

type Connection = Deno.Conn;

/** The character behind the secret that says which lane it is. */
const LANE_SIGNS: Readonly<Record<Lane, string>> = { notes: "n", frames: "f" };

/** Deno has no Unix sockets there; a connection over loopback has the same secret to show. */
const HAS_UNIX_SOCKETS = Deno.build.os !== "windows";

/**
 * A place where one child connects: a Unix socket in a folder that only this user can enter. The
 * secret, which the child reads from its standard input, is what counts.
 */
export class Door {
  readonly key: DoorKey;
  readonly #folder: string | undefined;
  readonly #listener: Deno.Listener;
  readonly #greeting = new Set<Connection>();
  readonly #lanes = new Map<string, PromiseWithResolvers<Connection>>();

  private constructor(folder: string | undefined, listener: Deno.Listener, key: DoorKey) {
    this.#folder = folder;
    this.#listener = listener;
    this.key = key;
    for (const sign of Object.values(LANE_SIGNS)) this.#lanes.set(sign, Promise.withResolvers());
    void this.#acceptAll();
  }

  /** Opens one. */
  static async open(): Promise<Door> {
    const secret = crypto.randomUUID();
    if (!HAS_UNIX_SOCKETS) {
      const hostname = "127.0.0.1";
      const listener = Deno.listen({ hostname, port: 0 });
      const { port } = listener.addr;
      return new Door(undefined, listener, {
        address: { transport: "tcp", hostname, port },
        secret,
      });
    }
    const folder = await Deno.makeTempDir({ prefix: "dramatis-" });
    const address = { transport: "unix", path: `${folder}/s` } as const;
    try {
      return new Door(folder, Deno.listen(address), { address, secret });
    } catch (error) {
      await Deno.remove(folder, { recursive: true });
      throw error;
    }
  }

  /** The child's connection for a lane, once it is there. Whoever asks owns it. */
  connection(lane: Lane): Promise<Connection> {
    return this.#lanes.get(LANE_SIGNS[lane])!.promise;
  }

  /** Nobody else comes in, and nothing is left of it. */
  async close(): Promise<void> {
    this.#listener.close();
    for (const stranger of this.#greeting) stranger.close();
    if (this.#folder !== undefined) await Deno.remove(this.#folder, { recursive: true });
  }

  async #acceptAll(): Promise<void> {
    try {
      for await (const connection of this.#listener) void this.#greet(connection);
    } catch {
      // Closed.
    }
  }

  async #greet(connection: Connection): Promise<void> {
    this.#greeting.add(connection);
    const lane = await this.#laneOf(connection).catch(() => undefined);
    if (!this.#greeting.delete(connection)) return;
    if (lane === undefined) return connection.close();
    hurry(connection);
    lane.resolve(connection);
  }

  /** Which lane a connection is; `undefined` if it does not know the secret. */
  async #laneOf(connection: Connection): Promise<PromiseWithResolvers<Connection> | undefined> {
    const { secret } = this.key;
    const greeting = new Uint8Array(secret.length + 1);
    for (let at = 0; at < greeting.length;) {
      const count = await connection.read(greeting.subarray(at));
      if (count === null) return undefined;
      at += count;
    }
    const words = new TextDecoder().decode(greeting);
    return words.startsWith(secret) ? this.#lanes.get(words.slice(secret.length)) : undefined;
  }
}

/** Connects a child to its host. */
export async function knock({ address, secret }: DoorKey, lane: Lane): Promise<Connection> {
  const connection = address.transport === "unix"
    ? await Deno.connect(address)
    : await Deno.connect(address);
  hurry(connection);
  const greeting = new TextEncoder().encode(secret + LANE_SIGNS[lane]);
  for (let at = 0; at < greeting.length;) at += await connection.write(greeting.subarray(at));
  return connection;
}

/** Small messages do not wait for others to go with them. */
function hurry(connection: Connection): void {
  if ("setNoDelay" in connection) (connection as Deno.TcpConn).setNoDelay();
}
