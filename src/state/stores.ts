/** The stores that come with this package. What they need is loaded when they are opened. */
import type { SnapshotStoreSpec } from "./store.ts";

/**
 * Keeps snapshots in the memory of the host: they outlive pools, not the host. The default.
 *
 * @example
 * ```ts
 * import { memoryStore, startHost } from "@dramatis/dramatis";
 *
 * await using host = await startHost({ pools: [], state: { store: memoryStore() } });
 * ```
 */
export function memoryStore(): SnapshotStoreSpec {
  return {
    kind: "memory",
    open: async () => {
      const { MemoryStore } = await import("./memory_store.ts");
      return new MemoryStore();
    },
  };
}

/** Where {@linkcode sqliteStore} keeps its file. */
export interface SqliteStoreOptions {
  /** The file. It belongs to one host at a time; two more files lie beside it while it is open. */
  readonly path: string;
  /**
   * What a snapshot that was acknowledged survives: `"power"`, loss of power too, for a flush of the disk
   * each time; `"process"`, the end of the process.
   * @default "power"
   */
  readonly survives?: "power" | "process";
}

/**
 * Keeps snapshots in a SQLite file of one host: they are there again when the host is started again. All
 * that is to be saved in one turn of the host's event loop is one transaction.
 *
 * @throws {TypeError} if there is no path.
 * @throws {RangeError} for a bad option, naming it.
 * @example
 * ```ts
 * import { sqliteStore, startHost } from "@dramatis/dramatis";
 *
 * const path = await Deno.makeTempFile({ suffix: ".db" });
 * await using host = await startHost({ pools: [], state: { store: sqliteStore({ path }) } });
 * ```
 */
export function sqliteStore(options: SqliteStoreOptions): SnapshotStoreSpec {
  const { path, survives = "power" } = options;
  if (typeof path !== "string" || path === "") {
    throw new TypeError(`sqliteStore: path is the name of a file, got ${JSON.stringify(path)}`);
  }
  if (survives !== "power" && survives !== "process") {
    throw new RangeError(
      `sqliteStore: survives is "power" or "process", got ${JSON.stringify(survives)}`,
    );
  }
  return {
    kind: "sqlite",
    open: async () => {
      const { openSqlite } = await import("./sqlite_store.ts");
      return await openSqlite(path, survives);
    },
  };
}

/** How {@linkcode natsStore} reaches NATS. */
export interface NatsStoreOptions {
  /** One or more servers of the NATS cluster, with JetStream on: `nats://user:password@host:4222`. */
  readonly servers: string | readonly string[];
  /**
   * What the name of its bucket begins with: that of the directory of the cluster.
   * @default "dramatis"
   */
  readonly bucket?: string;
  /**
   * How many servers keep a copy; the others of the cluster can then fail. Used when the bucket is made.
   * @default 1
   */
  readonly replicas?: number;
  /**
   * How long the store may take to answer, in milliseconds.
   * @default 5000
   */
  readonly timeoutMs?: number;
}

/**
 * Keeps the snapshots of actors with names in NATS JetStream, where every host of the cluster finds them.
 * A snapshot is one message there: the server's `max_payload`, 1 MiB unless it says otherwise, is its
 * limit.
 *
 * @throws {TypeError} or {@linkcode RangeError} for a bad option, naming it.
 * @example
 * ```ts ignore
 * const servers = "nats://127.0.0.1:4222";
 * await using host = await startHost({
 *   listen: { port: 7300 },
 *   directory: natsDirectory({ servers }),
 *   state: { store: natsStore({ servers }) },
 * });
 * ```
 */
export function natsStore(options: NatsStoreOptions): SnapshotStoreSpec {
  const { bucket = "dramatis", replicas = 1, timeoutMs = 5000 } = options;
  const urls = [options.servers].flat().map(serverUrl);
  if (urls.length === 0) throw new TypeError("natsStore: servers is empty, expected a URL");
  if (!/^[\w-]{1,64}$/.test(bucket)) {
    throw new TypeError(
      `natsStore: bucket is 1 to 64 letters, digits, - and _, got ${JSON.stringify(bucket)}`,
    );
  }
  if (!(Number.isInteger(replicas) && replicas >= 1 && replicas <= 5)) {
    throw new RangeError(`natsStore: replicas is a whole number from 1 to 5, got ${replicas}`);
  }
  if (!(Number.isFinite(timeoutMs) && timeoutMs > 0)) {
    throw new RangeError(`natsStore: timeoutMs is a number above 0, got ${timeoutMs}`);
  }
  const { username, password } = urls[0]!;
  const resolved = {
    servers: urls.map(({ host }) => host),
    bucket,
    replicas,
    timeoutMs,
    user: username === "" ? null : decodeURIComponent(username),
    password: password === "" ? null : decodeURIComponent(password),
  };
  return {
    kind: "nats",
    open: async () => {
      const { openNatsStore } = await import("./nats_store.ts");
      return await openNatsStore(resolved);
    },
  };
}

function serverUrl(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && url.protocol === "nats:" && url.hostname !== "") return url;
  // What is wrong with a URL can be said without the secret in it.
  const shown = JSON.stringify(typeof text === "string" ? text.replace(/\/\/.*@/, "//…@") : text);
  throw new TypeError(`natsStore: expected a server as nats://host:4222, got ${shown}`);
}
