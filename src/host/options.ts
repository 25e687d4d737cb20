import { formatActor } from "../core/address.ts";
import type { DeadLetter } from "../actor/dead_letter.ts";
import { type DebugOptions, type ResolvedDebug, resolveDebug } from "../debug/options.ts";
import type { PoolSpec, PoolStarter } from "../pool/pool.ts";
import { workerPool } from "../pool/worker.ts";

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
   * The interval of heartbeats between hosts; three missed ones end the link.
   * @default 1000
   */
  heartbeatMs?: number;
  /**
   * How long `stop()` waits for running messages and `preDestroy` before it ends pools by force.
   * @default 5000
   */
  stopTimeoutMs?: number;
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
}

/** Every option, decided. */
export interface ResolvedHostOptions {
  readonly pools: readonly PoolStarter[];
  readonly listen: Required<ListenOptions> | null;
  readonly join: readonly string[];
  readonly token: string | null;
  readonly modules: readonly string[];
  readonly callTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly stopTimeoutMs: number;
  readonly onDeadLetter: (letter: DeadLetter) => void;
  readonly debug: ResolvedDebug | null;
}

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
    listen: listen === undefined
      ? null
      : { port: listen.port ?? DEFAULT_PORT, hostname: listen.hostname ?? "127.0.0.1" },
    join: options.join ?? [],
    token,
    modules: options.modules ?? [],
    callTimeoutMs: options.callTimeoutMs ?? Infinity,
    heartbeatMs: options.heartbeatMs ?? 1000,
    stopTimeoutMs: options.stopTimeoutMs ?? 5000,
    onDeadLetter: options.onDeadLetter ?? printDeadLetter,
    debug: resolveDebug(options.debug),
  };
  if (resolved.callTimeoutMs !== Infinity) checkDuration("callTimeoutMs", resolved.callTimeoutMs);
  checkDuration("heartbeatMs", resolved.heartbeatMs);
  checkDuration("stopTimeoutMs", resolved.stopTimeoutMs);
  if (token === "") throw new TypeError("token is empty: leave it out, or give a secret");
  if (resolved.listen !== null) checkListen(resolved.listen, token);
  return resolved;
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

function checkListen({ hostname, port }: Required<ListenOptions>, token: string | null): void {
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

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || hostname === "[::1]" ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname);
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
