import type { UidEntry } from "./uid_table.ts";

/** Who waits for the end of which actor of a host. */
export class Watchers {
  readonly #waiting = new Map<UidEntry, Set<(reason: Error) => void>>();

  /** Whether anybody waits for its end. */
  has(entry: UidEntry): boolean {
    return this.#waiting.has(entry);
  }

  /** Resolves, once, with why the actor has ended; rejects if whoever waits gives up first. */
  add(entry: UidEntry, signal: AbortSignal): Promise<Error> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(entry) ?? new Set();
      const left = () => {
        waiting.delete(told);
        if (waiting.size === 0 && this.#waiting.get(entry) === waiting) this.#waiting.delete(entry);
        reject(signal.reason);
      };
      const told = (reason: Error) => {
        signal.removeEventListener("abort", left);
        resolve(reason);
      };
      signal.addEventListener("abort", left, { once: true });
      this.#waiting.set(entry, waiting.add(told));
    });
  }

  /** The host stops: all its actors end. */
  stop(reason: Error): void {
    for (const entry of [...this.#waiting.keys()]) this.ended(entry, reason);
  }

  /** The actor has ended. */
  ended(entry: UidEntry, reason: Error): void {
    const waiting = this.#waiting.get(entry);
    if (waiting === undefined) return;
    this.#waiting.delete(entry);
    for (const told of waiting) told(reason);
  }
}
