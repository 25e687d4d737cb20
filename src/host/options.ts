import { formatActor } from "../core/address.ts";
import type { DeadLetter } from "../actor/dead_letter.ts";
import { type DebugOptions, type ResolvedDebug, resolveDebug } from "../debug/options.ts";
import type { PoolSpec, PoolStarter } from "../pool/pool.ts";
import { workerPool } from "../pool/worker.ts";
import type { GatewayTls } from "./gateway/tls_front.ts";
import { type GatewayLimits, resolveLimits } from "./gateway/limits.ts";
import { type GatewayRefusal, printRefusal } from "./gateway/refusals.ts";
import type { LinkTls } from "./strangers.ts";
import { isLoopback } from "./gateway/source.ts";
import type { SnapshotStoreSpec } from "../state/store.ts";
import { memoryStore } from "../state/stores.ts";
import type { DirectorySpec, DirectoryStarter } from "./directory/directory.ts";
import { memoryDirectory } from "./directory/memory_directory.ts";
import {
  type AutoRecover,
  type RecoveryOptions,
  type ResolvedRecovery,
  resolveRecovery,
} from "./recovery_options.ts";

/** What {@linkcode startHost} takes. Durations are in milliseconds. */
export interface HostOptions {
  /**
   * The pools to start beside the main one.
   * @default [workerPool()], one per CPU core
   */
  pools?: readonly PoolSpec[];
  /**
   * Where to listen for other hosts; without it the host does not listen.
   * @default undefined
   */
  listen?: ListenOptions;
  /** Gateways of hosts to link with, for example `ws://10.0.0.2:7300`. */
  join?: readonly string[];
  /**
   * Where the names and the live hosts of the cluster are kept: the same for all its hosts.
   * @default memoryDirectory()
   */
  directory?: DirectorySpec;
  /** The secret that hosts show each other. Needed to listen beyond loopback. */
  token?: string;
  /** URLs of modules whose actors other hosts may create here, by type name. */
  modules?: readonly string[];
  /**
   * How long a call may take that does not say so itself.
   * @default Infinity, no limit
   */
  callTimeoutMs?: number;
  /**
   * The interval of heartbeats between hosts; after three missed ones the link is taken to be lost.
   * @default 1000
   */
  heartbeatMs?: number;
  /**
   * How long a link to another host that is lost may take to come back; what is sent meanwhile waits.
   * Past it calls reject with `HostLostError`. 0 waits for none. A process that has ended, so that nobody
   * listens there any more, is known within three heartbeats.
   * @default 10 heartbeats
   */
  graceMs?: number;
  /** The certificate (PEM) of the authority that signs those of other hosts, for `wss:` addresses. */
  ca?: string;
  /**
   * How long `stop()` waits for running messages and `preDestroy` before it ends pools by force.
   * @default 5000
   */
  stopTimeoutMs?: number;
  /**
   * What becomes of a pool that dies: it is started again at the same address and its actors are made
   * again (`"actor"`), it is started again without actors (`"pool"`), or it is gone (`false`).
   * @default "actor"
   */
  autoRecover?: AutoRecover;
  /**
   * How often and how fast that is, how long messages wait meanwhile, and who hears of it.
   * @default {}
   */
  recovery?: RecoveryOptions;
  /**
   * Where the states of actors are kept whose classes have `snapshot`.
   * @default {}, in the memory of the host
   */
  state?: StateOptions;
  /**
   * Hears of every message that nobody waits for and that failed or found nobody.
   * @default a line on standard error
   */
  onDeadLetter?: (letter: DeadLetter) => void;
  /**
   * What to look out for: slow calls, blocked pools, deadlocks. `false` looks out for nothing and
   * measures no times.
   * @default {}
   */
  debug?: DebugOptions | false;
}

/** How a host keeps the states of actors. */
export interface StateOptions {
  /**
   * Where: it decides what a state outlives.
   * @default memoryStore(): pools, not the host
   */
  store?: SnapshotStoreSpec;
  /**
   * How many bytes a snapshot may have, as it would be in a message.
   * @default 16 MiB
   */
  maxBytes?: number;
}

/** Where a host's gateway listens. */
export interface ListenOptions {
  /**
   * 0 takes a free one.
   * @default 7300
   */
  port?: number;
  /**
   * The interface's address. Beyond loopback a token is needed.
   * @default "127.0.0.1"
   */
  hostname?: string;
  /**
   * The address that other hosts reach it at, `host:port`, where that is not the one that it listens on.
   * @default the address that it listens on
   */
  advertise?: string;
  /**
   * The gateway's certificate (PEM), with those between it and the authority. With it and the key it
   * speaks TLS: `wss:` and `https:` only.
   */
  cert?: string;
  /** The certificate's key (PEM). */
  key?: string;
  /**
   * Whether only those may come in that show a certificate signed by the `ca` of the options, or by this
   * host's own certificate where there is none.
   * @default false
   */
  clientCertificates?: boolean;
  /**
   * A second secret, for programs that call actors and make those of registered types, but are no part of
   * the cluster: `connect` takes it. Over HTTP it is as good as the host's own.
   */
  clientToken?: string;
  /** Another one, for people and monitors who may look but not change anything. Not for hosts. */
  readToken?: string;
  /**
   * The origins whose web pages may link as clients, for example `https://app.example.org`. Other pages
   * are refused, whatever token they have.
   * @default []
   */
  allowOrigins?: readonly string[];
  /**
   * How much is taken at once.
   * @default {}
   */
  limits?: GatewayLimits;
  /**
   * Hears of requests that were refused for where they come from, their token, or their number or size.
   * @default a line on standard error
   */
  onRefusal?: (refusal: GatewayRefusal) => void;
}

/** {@linkcode ListenOptions}, decided. */
export interface ResolvedListen {
  readonly port: number;
  readonly hostname: string;
  readonly advertise: string | null;
  readonly tls: GatewayTls | null;
  readonly clientToken: string | null;
  readonly readToken: string | null;
  readonly allowOrigins: readonly string[];
  readonly limits: Readonly<Required<GatewayLimits>>;
  readonly onRefusal: (refusal: GatewayRefusal) => void;
}

/** Every option, decided. */
export interface ResolvedHostOptions {
  readonly pools: readonly PoolStarter[];
  readonly listen: ResolvedListen | null;
  readonly join: readonly string[];
  readonly directory: DirectoryStarter;
  readonly token: string | null;
  readonly modules: readonly string[];
  readonly callTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly graceMs: number;
  readonly tls: LinkTls;
  readonly stopTimeoutMs: number;
  readonly recovery: ResolvedRecovery;
  readonly state: Readonly<Required<StateOptions>>;
  readonly onDeadLetter: (letter: DeadLetter) => void;
  readonly debug: ResolvedDebug | null;
}

/** Heartbeats that a lost link has to come back in: most breaks of a network are over by then. */
const GRACE_BEATS = 10;

/** Bytes of a snapshot: it goes through the host's main pool as one message. */
const MAX_SNAPSHOT_BYTES = 16 * 2 ** 20;

/** The port that hosts listen on unless told otherwise. */
export const DEFAULT_PORT = 7300;

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {TypeError} or {@linkcode RangeError} that names the option.
 */
export function resolveOptions(options: HostOptions): ResolvedHostOptions {
  const { listen, token = null } = options;
  const resolved: ResolvedHostOptions = {
    pools: (options.pools ?? [workerPool()]).map(starterOf),
    listen: listen === undefined ? null : resolveListen(listen, token, options.ca),
    join: options.join ?? [],
    directory: directoryOf(options.directory ?? memoryDirectory()),
    token,
    modules: options.modules ?? [],
    callTimeoutMs: options.callTimeoutMs ?? Infinity,
    heartbeatMs: options.heartbeatMs ?? 1000,
    graceMs: options.graceMs ?? GRACE_BEATS * (options.heartbeatMs ?? 1000),
    tls: tlsOf(options),
    stopTimeoutMs: options.stopTimeoutMs ?? 5000,
    recovery: resolveRecovery(options.autoRecover, options.recovery),
    state: resolveState(options.state),
    onDeadLetter: options.onDeadLetter ?? printDeadLetter,
    debug: resolveDebug(options.debug),
  };
  if (resolved.callTimeoutMs !== Infinity) checkDuration("callTimeoutMs", resolved.callTimeoutMs);
  checkDuration("heartbeatMs", resolved.heartbeatMs);
  if (resolved.graceMs !== 0) checkDuration("graceMs", resolved.graceMs);
  checkDuration("stopTimeoutMs", resolved.stopTimeoutMs);
  if (token === "") throw new TypeError("token is empty: leave it out, or give a secret");
  return resolved;
}

function resolveState(options: StateOptions = {}): Readonly<Required<StateOptions>> {
  const { store = memoryStore(), maxBytes = MAX_SNAPSHOT_BYTES } = options;
  if (typeof (store as Partial<SnapshotStoreSpec>)?.open !== "function") {
    throw new TypeError(
      `state.store is memoryStore(), sqliteStore() or natsStore(), got ${JSON.stringify(store)}`,
    );
  }
  if (!(Number.isSafeInteger(maxBytes) && maxBytes > 0)) {
    throw new RangeError(`state.maxBytes is a whole number from 1 up, got ${maxBytes}`);
  }
  return { store, maxBytes };
}

/** What links over TLS go by: a host that has a certificate shows it also where it dials. */
function tlsOf({ ca, listen: { cert, key } = {} }: HostOptions): LinkTls {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
}

function gatewayTlsOf(
  { cert, key, clientCertificates = false }: ListenOptions,
  ca: string | undefined,
): GatewayTls | null {
  if (cert === undefined && key === undefined && !clientCertificates) return null;
  if (cert === undefined || key === undefined) {
    throw new TypeError("TLS takes both listen.cert and listen.key");
  }
  return { cert, key, clientCa: clientCertificates ? ca ?? cert : null };
}

function resolveListen(
  options: ListenOptions,
  token: string | null,
  ca: string | undefined,
): ResolvedListen {
  const { port = DEFAULT_PORT, hostname = "127.0.0.1" } = options;
  const { clientToken = null, readToken = null, allowOrigins = [] } = options;
  const { onRefusal = printRefusal } = options;
  checkListen(hostname, port, token);
  checkSecret("clientToken", clientToken, [token]);
  checkSecret("readToken", readToken, [token, clientToken]);
  checkOrigins(allowOrigins);
  const tls = gatewayTlsOf(options, ca);
  const { advertise = null } = options;
  if (advertise !== null && !/^[^\s/]+:\d+$/.test(advertise)) {
    throw new TypeError(`listen.advertise is host:port, got ${JSON.stringify(advertise)}`);
  }
  return {
    port,
    hostname,
    advertise,
    tls,
    clientToken,
    readToken,
    allowOrigins,
    limits: resolveLimits(options.limits),
    onRefusal,
  };
}

/**
 * What starts the pools of a spec.
 *
 * @throws {TypeError} if it was not made by `workerPool()`, `processPool()` or `gpuPool()`.
 */
export function starterOf(spec: PoolSpec): PoolStarter {
  if (typeof (spec as Partial<PoolStarter>)?.start === "function") return spec as PoolStarter;
  throw new TypeError(
    `Expected workerPool(), processPool() or gpuPool(), got ${JSON.stringify(spec)}`,
  );
}

function directoryOf(spec: DirectorySpec): DirectoryStarter {
  if (typeof (spec as Partial<DirectoryStarter>)?.open === "function") {
    return spec as DirectoryStarter;
  }
  throw new TypeError(
    `directory is memoryDirectory() or natsDirectory(), got ${JSON.stringify(spec)}`,
  );
}

function checkListen(hostname: string, port: number, token: string | null): void {
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(`listen.port is a whole number from 0 to 65535, got ${port}`);
  }
  if (token === null && !isLoopback(hostname)) {
    throw new TypeError(
      `Cannot listen on ${hostname} without a token: anyone there could run code here. ` +
        `Give a token, or listen on 127.0.0.1`,
    );
  }
}

/** @param others The host's own token, then further ones. */
function checkSecret(
  name: string,
  secret: string | null,
  others: readonly (string | null)[],
): void {
  if (secret === null) return;
  if (secret !== "" && others[0] !== null && !others.includes(secret)) return;
  throw new TypeError(
    `listen.${name} is a secret beside the host's own token, and another one than the others`,
  );
}

function checkOrigins(origins: readonly string[]): void {
  const wrong = origins.find((origin) => URL.parse(origin)?.origin !== origin);
  if (wrong === undefined) return;
  throw new TypeError(
    `listen.allowOrigins has origins such as "https://app.example.org", got ${
      JSON.stringify(wrong)
    }`,
  );
}

function checkDuration(name: string, value: number): void {
  if (!Number.isFinite(value) || value <= 0) {
    throw new RangeError(`${name} is a positive number of milliseconds, got ${value}`);
  }
}

function printDeadLetter({ to, method, reason }: DeadLetter): void {
  const target = method === "" ? "" : `${formatActor(to)}.${method}: `;
  // deno-lint-ignore no-console
  console.error(`dramatis: dead letter: ${target}${reason.name}: ${reason.message}`);
}
