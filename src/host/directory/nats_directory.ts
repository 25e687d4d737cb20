import type { DirectorySpec, DirectoryStarter } from "./directory.ts";

/** How to reach a directory in NATS. Durations are in milliseconds. */
export interface NatsDirectoryOptions {
  /** One or more servers of the NATS cluster, with JetStream on: `nats://user:password@host:4222`. */
  readonly servers: string | readonly string[];
  /**
   * What the names of its two buckets begin with: clusters with different ones know nothing of each other.
   * @default "dramatis"
   */
  readonly bucket?: string;
  /**
   * After how long a host that is not heard of is down. It renews its lease every third of that, and one
   * that cannot ends its own named actors when three quarters are over. All hosts say the same.
   * @default 6000
   */
  readonly ttlMs?: number;
  /**
   * How many servers keep a copy; the others of the cluster can then fail. Used when the buckets are made.
   * @default 1
   */
  readonly replicas?: number;
  /**
   * Where other hosts reach this one: `host:port`, or `wss://host:port` if it speaks TLS and they have
   * neither `ca` nor certificates of their own to tell them so.
   * @default where it listens; hosts that do not know it cannot dial it, if that is every interface
   */
  readonly advertise?: string;
}

/** The same, decided. */
export interface ResolvedNatsOptions {
  readonly servers: readonly string[];
  readonly bucket: string;
  readonly ttlMs: number;
  readonly replicas: number;
  readonly advertise: string | null;
  readonly user: string | null;
  readonly password: string | null;
}

/** There must be time to renew a lease, and to end actors after that has failed. */
const MIN_TTL_MS = 1000;

/** What JetStream allows. */
const MAX_REPLICAS = 5;

/**
 * Keeps names and live hosts in NATS JetStream. Hosts find each other there and link by themselves, at once:
 * the death of one that is linked is seen within three heartbeats, before its lease has expired. A name has one live holder, also if the network is split: a host that cannot reach NATS ends its named
 * actors before others can take their names. A host whose link is lost is unreachable, and down when its
 * lease has expired.
 *
 * This holds while clocks run at about the same speed, and a host is not frozen as a whole for longer than
 * a quarter of `ttlMs`: a thread that wakes up after that may run for a moment beside its successor.
 * It takes no message of another host then, and what it saves is refused.
 *
 * @throws {TypeError} or {@linkcode RangeError} for a bad option, naming it.
 * @example
 * ```ts ignore
 * await using host = await startHost({
 *   listen: { port: 7300 },
 *   directory: natsDirectory({ servers: "nats://127.0.0.1:4222" }),
 * });
 * ```
 */
export function natsDirectory(options: NatsDirectoryOptions): DirectorySpec {
  const resolved = resolve(options);
  const starter: DirectoryStarter = {
    kind: "nats",
    leaseMs: resolved.ttlMs,
    async open(site) {
      // Its packages are loaded by hosts that use it alone.
      const { openNats } = await import("./nats.ts");
      return await openNats(resolved, site);
    },
  };
  return starter;
}

function resolve(options: NatsDirectoryOptions): ResolvedNatsOptions {
  const { bucket = "dramatis", ttlMs = 6000, replicas = 1, advertise = null } = options;
  const urls = [options.servers].flat().map(serverUrl);
  if (urls.length === 0) throw new TypeError("natsDirectory: servers is empty, expected a URL");
  if (!/^[\w-]{1,64}$/.test(bucket)) {
    throw new TypeError(
      `natsDirectory: bucket is 1 to 64 letters, digits, - and _, got ${JSON.stringify(bucket)}`,
    );
  }
  if (!(Number.isFinite(ttlMs) && ttlMs >= MIN_TTL_MS)) {
    throw new RangeError(`natsDirectory: ttlMs is a number from ${MIN_TTL_MS} up, got ${ttlMs}`);
  }
  if (!(Number.isInteger(replicas) && replicas >= 1 && replicas <= MAX_REPLICAS)) {
    throw new RangeError(
      `natsDirectory: replicas is a whole number from 1 to ${MAX_REPLICAS}, got ${replicas}`,
    );
  }
  const { username, password } = urls[0]!;
  return {
    servers: urls.map(({ host }) => host),
    bucket,
    ttlMs,
    replicas,
    advertise,
    user: username === "" ? null : decodeURIComponent(username),
    password: password === "" ? null : decodeURIComponent(password),
  };
}

function serverUrl(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && url.protocol === "nats:" && url.hostname !== "") return url;
  throw new TypeError(`natsDirectory: expected a server as nats://host:4222, got ${safe(text)}`);
}

/** What is wrong with a URL can be said without the secret in it. */
function safe(text: unknown): string {
  return JSON.stringify(typeof text === "string" ? text.replace(/\/\/.*@/, "//…@") : text);
}
