import type { ActorCounters } from "./cell_stats.ts";

/** Types whose counts are kept apart: a program may make up as many as it likes. */
const TYPES = 256;

/** What types past them are counted under. */
const OTHER = "other";

/** What actors that have ended had counted, by the name of their type. */
export class EndedCounts {
  readonly #byType = new Map<string, ActorCounters>();

  /** An actor has ended. */
  add(type: string, more: ActorCounters): void {
    const key = this.#byType.has(type) || this.#byType.size < TYPES ? type : OTHER;
    const sum = this.#byType.get(key);
    this.#byType.set(key, sum === undefined ? more : add(sum, more));
  }

  /** All of it. */
  read(): Readonly<Record<string, ActorCounters>> {
    return Object.fromEntries(this.#byType);
  }
}

function add(a: ActorCounters, b: ActorCounters): ActorCounters {
  return {
    messages: a.messages + b.messages,
    calls: a.calls + b.calls,
    errors: a.errors + b.errors,
    longestQueue: Math.max(a.longestQueue, b.longestQueue),
    waitMs: a.waitMs + b.waitMs,
    runMs: a.runMs + b.runMs,
    measured: a.measured + b.measured,
  };
}
