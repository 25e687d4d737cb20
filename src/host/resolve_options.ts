import { checkDuration } from "../core/clock.ts";
import { type DeadLetter, printDeadLetter } from "../actor/dead_letter.ts";
import { type ResolvedDebug, resolveDebug } from "../debug/options.ts";
import type { PoolSpec, PoolStarter } from "../pool/pool.ts";
import { workerPool } from "../pool/worker.ts";
import type { SnapshotStoreSpec } from "../state/store.ts";
import { memoryStore } from "../state/stores.ts";
import type { DirectorySpec, DirectoryStarter } from "./directory/directory.ts";
import { memoryDirectory } from "./directory/memory_directory.ts";
import type { HostOptions, StateOptions } from "./options.ts";
import { type ResolvedRecovery, resolveRecovery } from "./recovery/recovery_options.ts";
import { type ResolvedListen, resolveListen } from "./resolve_listen.ts";
import type { LinkTls } from "./cluster/strangers.ts";

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

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {TypeError} or {@linkcode RangeError} that names the option.
 */
export function resolveOptions(options: HostOptions): ResolvedHostOptions {
  const { listen, token = null } = options;
  const directory = directoryOf(options.directory ?? memoryDirectory());
  const resolved: ResolvedHostOptions = {
    pools: (options.pools ?? [workerPool()]).map(starterOf),
    listen: listen === undefined ? null : resolveListen(listen, token, options.ca),
    join: options.join ?? [],
    directory,
    token,
    modules: options.modules ?? [],
    callTimeoutMs: options.callTimeoutMs ?? Infinity,
    heartbeatMs: options.heartbeatMs ?? 1000,
    graceMs: options.graceMs ?? GRACE_BEATS * (options.heartbeatMs ?? 1000),
    tls: tlsOf(options),
    stopTimeoutMs: options.stopTimeoutMs ?? 5000,
    recovery: resolveRecovery(options.autoRecover, options.recovery, directory.leaseMs),
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
