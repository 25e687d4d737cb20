import type { ActorCounters } from "./cell_stats.ts";

/** Types whose counts are kept apart: a program may make up as many as it likes. */
const TYPES = 256;

/** What types past them are counted under. */
const OTHER = "other";

type Sums = { -readonly [K in keyof ActorCounters]: ActorCounters[K] };

/** What actors that have ended had counted, by the name of their type. */
export class EndedCounts {
  readonly #byType = new Map<string, Sums>();

  /** An actor has ended. */
  add(type: string, more: ActorCounters): void {
    const key = this.#byType.has(type) || this.#byType.size < TYPES ? type : OTHER;
    const sums = this.#byType.get(key);
    if (sums === undefined) this.#byType.set(key, { ...more });
    else add(sums, more);
  }

  /** All of it. */
  read(): Readonly<Record<string, ActorCounters>> {
    return Object.fromEntries([...this.#byType].map(([type, sums]) => [type, { ...sums }]));
  }
}

function add(sums: Sums, more: ActorCounters): void {
  sums.messages += more.messages;
  sums.calls += more.calls;
  sums.errors += more.errors;
  sums.longestQueue = Math.max(sums.longestQueue, more.longestQueue);
  sums.waitMs += more.waitMs;
  sums.runMs += more.runMs;
  sums.measured += more.measured;
}
