import type { DeadLetter } from "../actor/dead_letter.ts";
import type { DebugOptions } from "../debug/options.ts";
import type { PoolSpec } from "../pool/pool.ts";
import type { SnapshotStoreSpec } from "../state/store.ts";
import type { DirectorySpec } from "./directory/directory.ts";
import type { GatewayLimits } from "./gateway/limits.ts";
import type { GatewayRefusal } from "./gateway/refusals.ts";
import type { AutoRecover, RecoveryOptions } from "./recovery/recovery_options.ts";

/** The port that hosts listen on unless told otherwise. */
export const DEFAULT_PORT = 7300;

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
