/** What a worker does without Node's modules: the first of them takes as long to load as twenty of its own. */
import { type Clock, SYSTEM_CLOCK } from "../core/clock.ts";
import type { AsyncScopes, LateAsyncScopes } from "../actor/scopes.ts";

/** What a runtime with Node's `process` gives at once of its modules. */
interface Builtins {
  getBuiltinModule(name: string): typeof import("node:async_hooks");
}

/** AsyncLocalStorage, loaded before the first actor that needs it. */
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

/** The real time for what rings a few times a second: `setTimeout` is one of Node's. */
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
