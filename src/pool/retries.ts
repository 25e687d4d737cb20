import type { Clock } from "../core/clock.ts";
import type { CallOptions, RetryOptions } from "../actor/message.ts";
import { isLoss } from "./loss.ts";

/** How often a call is sent again, unless it says. */
const TIMES = 3;

/** Milliseconds before it is sent again for the first time, unless it says. */
const BACKOFF_MS = 50;

/**
 * Completes what a caller says of an idempotent call.
 *
 * @throws {RangeError} that names the option.
 */
function retriesOf(idempotent: true | RetryOptions): Required<RetryOptions> {
  const { times = TIMES, backoffMs = BACKOFF_MS } = idempotent === true ? {} : idempotent;
  for (const [name, value] of Object.entries({ times, backoffMs })) {
    if (typeof value === "number" && value >= 0) continue;
    throw new RangeError(`idempotent.${name} is a number from 0 up, got ${value}`);
  }
  return { times, backoffMs };
}

/**
 * Makes a call again and again, as long as the pool or host that has to answer dies, all within its time.
 *
 * @param call Makes it once.
 */
export async function callAgain(
  options: CallOptions & { readonly idempotent: true | RetryOptions },
  clock: Clock,
  call: (options: CallOptions) => Promise<unknown>,
): Promise<unknown> {
  const { idempotent, timeoutMs = Infinity, ...once } = options;
  const { times, backoffMs } = retriesOf(idempotent);
  const until = clock.now() + timeoutMs;
  for (let tried = 0;; tried++) {
    const left = Math.max(0, until - clock.now());
    try {
      return await call({ ...once, timeoutMs: left });
    } catch (error) {
      if (tried >= times || !isLossOf(error) || clock.now() >= until) throw error;
      const delay = Math.min(backoffMs * 2 ** tried, until - clock.now());
      await pause(delay, clock, once.signal);
    }
  }
}

/** Whether nobody is left to answer: a loss that the method itself has suffered says which actor that was. */
function isLossOf(error: unknown): boolean {
  return isLoss(error) && error.actor === undefined;
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
