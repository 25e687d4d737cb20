import type { Clock } from "../core/clock.ts";
import { ActorStoppedError } from "../core/errors.ts";
import type { CallOptions, RetryOptions } from "../actor/message.ts";
import { isLoss } from "./loss.ts";

/** {@linkcode RetryOptions}, decided. */
export type Retry = Readonly<Required<RetryOptions>>;

/** How often a call is sent again, unless it says. */
const TIMES = 3;

/** Milliseconds before it is sent again for the first time, unless it says. */
const BACKOFF_MS = 50;

/**
 * How often a call may be sent again; `null` if it may not.
 *
 * @throws {TypeError} if it says so of a call that may not run twice.
 * @throws {RangeError} that names the option.
 */
export function retryOf({ idempotent = false, retry }: CallOptions): Retry | null {
  if (idempotent === false) {
    if (retry === undefined) return null;
    throw new TypeError("retry is for calls that may run twice: say idempotent: true as well");
  }
  if (retry !== undefined) return checked("retry", retry);
  return checked("idempotent", idempotent === true ? {} : idempotent);
}

function checked(option: string, { times = TIMES, backoffMs = BACKOFF_MS }: RetryOptions): Retry {
  for (const [name, value] of Object.entries({ times, backoffMs })) {
    if (typeof value === "number" && value >= 0) continue;
    throw new RangeError(`${option}.${name} is a number from 0 up, got ${value}`);
  }
  return { times, backoffMs };
}

/**
 * Makes a call again and again, as long as the pool or host that has to answer dies, all within its time.
 *
 * @param call Makes it once.
 */
export async function callAgain(
  options: CallOptions,
  { times, backoffMs }: Retry,
  clock: Clock,
  call: (options: CallOptions) => Promise<unknown>,
): Promise<unknown> {
  const { idempotent: _, retry: _retry, timeoutMs = Infinity, ...once } = options;
  const until = clock.now() + timeoutMs;
  for (let tried = 0;; tried++) {
    const left = Math.max(0, until - clock.now());
    try {
      return await call({ ...once, timeoutMs: left });
    } catch (error) {
      if (tried >= times || !isForAnother(error) || clock.now() >= until) throw error;
      const delay = Math.min(backoffMs * 2 ** tried, until - clock.now());
      await pause(delay, clock, once.signal);
    }
  }
}

/**
 * Whether nobody is left to answer, or the actor has ended before it came to this call; a loss that the
 * method itself has suffered says which actor that was.
 */
function isForAnother(error: unknown): boolean {
  const isOver = isLoss(error) || error instanceof ActorStoppedError;
  return isOver && error.actor === undefined;
}

/** Waits; a signal ends it with its reason. */
function pause(ms: number, clock: Clock, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = () => {
      clock.clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = clock.setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, ms);
    signal?.addEventListener("abort", aborted, { once: true });
    if (signal?.aborted) aborted();
  });
}
