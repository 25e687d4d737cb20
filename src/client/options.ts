import { type DeadLetter, printDeadLetter } from "../actor/dead_letter.ts";
import { checkDuration } from "../core/clock.ts";

/** What `connect` takes. Durations are in milliseconds. */
export interface ConnectOptions {
  /** A secret of the host: its token for clients, or its own. */
  token?: string;
  /**
   * How long a call may take that does not say so itself.
   * @default Infinity, no limit
   */
  callTimeoutMs?: number;
  /**
   * The interval of heartbeats, as the host has it; after three missed ones the link is taken to be lost.
   * @default 1000
   */
  heartbeatMs?: number;
  /**
   * How long a link that is lost may take to come back; what is sent meanwhile waits. Past it calls reject
   * with `HostLostError`, and the client links anew as soon as it can.
   * @default 10 heartbeats
   */
  graceMs?: number;
  /** Gives up the first attempt; later it has no effect. */
  signal?: AbortSignal;
  /**
   * Hears of every message that nobody waits for and that failed or found nobody.
   * @default a line on standard error
   */
  onDeadLetter?: (letter: DeadLetter) => void;
}

/** {@linkcode ConnectOptions}, decided. */
export interface ResolvedConnect {
  readonly token: string | null;
  readonly callTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly graceMs: number;
  readonly signal: AbortSignal | undefined;
  readonly onDeadLetter: (letter: DeadLetter) => void;
}

/** Heartbeats that a lost link has to come back in. */
const GRACE_BEATS = 10;

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {TypeError} or {@linkcode RangeError} that names the option.
 */
export function resolveConnect(options: ConnectOptions): ResolvedConnect {
  const { token = null, heartbeatMs = 1000, callTimeoutMs = Infinity } = options;
  const { graceMs = GRACE_BEATS * heartbeatMs } = options;
  if (token === "") throw new TypeError("token is empty: leave it out, or give a secret");
  if (callTimeoutMs !== Infinity) checkDuration("callTimeoutMs", callTimeoutMs);
  checkDuration("heartbeatMs", heartbeatMs);
  if (graceMs !== 0) checkDuration("graceMs", graceMs);
  const { signal, onDeadLetter = printDeadLetter } = options;
  return { token, callTimeoutMs, heartbeatMs, graceMs, signal, onDeadLetter };
}

/**
 * The URL of a host's link.
 *
 * @throws {TypeError} if it is none, or has a secret in it.
 */
export function linkUrl(text: string): URL {
  const url = URL.parse(/^\w+:\/\//.test(text) ? text : `ws://${text}`);
  if (url === null || (url.protocol !== "ws:" && url.protocol !== "wss:")) {
    throw new TypeError(
      `Cannot connect to ${JSON.stringify(text)}: expected ws://host:port or wss://host:port`,
    );
  }
  if (url.username !== "" || url.password !== "" || url.search !== "") {
    throw new TypeError("A secret does not belong into a URL: give it as the option token");
  }
  if (url.pathname === "/") url.pathname = "/link";
  return url;
}
