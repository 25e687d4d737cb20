/**
 * What a worker does without Node's modules, which Deno loads when they are first needed: measured in a worker of
 * one line, which starts in 20 ms, AsyncLocalStorage takes 5 ms more, and the first `setTimeout` 8.
 */
import { type Clock, SYSTEM_CLOCK } from "../core/clock.ts";
import type { AsyncScopes, LateAsyncScopes } from "../actor/scopes.ts";

/** What a runtime with Node's `process` gives at once of its modules. */
interface Builtins {
  getBuiltinModule(name: string): typeof import("node:async_hooks");
}

/** AsyncLocalStorage, loaded before the first actor that needs it. At once, by way of `process`, it takes 20 ms. */
export const LATE_SCOPES: LateAsyncScopes = {
  async load(): Promise<AsyncScopes> {
    const { AsyncLocalStorage } = await import("node:async_hooks");
    return new AsyncLocalStorage();
  },
  loadNow(): AsyncScopes {
    const { process } = globalThis as unknown as { process: Builtins };
    const { AsyncLocalStorage } = process.getBuiltinModule("node:async_hooks");
    return new AsyncLocalStorage();
  },
};

/**
 * The real time, for what rings a few times a second: `setTimeout` is one of Node's. A timer that is cleared ends
 * unheard when its time is over.
 */
export const QUIET_CLOCK: Clock = {
  ...SYSTEM_CLOCK,
  setTimeout(callback: () => void, ms: number): unknown {
    const timer = new AbortController();
    const time = AbortSignal.timeout(ms);
    time.addEventListener("abort", callback, { once: true, signal: timer.signal });
    return timer;
  },
  clearTimeout(timer: unknown): void {
    (timer as AbortController | undefined)?.abort();
  },
};
