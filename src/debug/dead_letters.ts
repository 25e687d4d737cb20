import type { DeadLetter } from "../actor/dead_letter.ts";
import type { DeadLetterCount } from "./inspection.ts";

/** Dead letters that are kept. */
const KEPT = 16;

/** Reasons that are counted apart; an actor can make up as many names of errors as it likes. */
const REASONS = 64;

/** Counts the dead letters of a host. */
export class DeadLetters {
  readonly #byReason = new Map<string, number>();
  #last: DeadLetter[] = [];
  #total = 0;

  /** One more. */
  add(letter: DeadLetter): void {
    this.#total++;
    const { name } = letter.reason;
    const reason = this.#byReason.has(name) || this.#byReason.size < REASONS ? name : "other";
    this.#byReason.set(reason, (this.#byReason.get(reason) ?? 0) + 1);
    this.#last = [...this.#last.slice(1 - KEPT), letter];
  }

  /** All of it, for people. */
  read(): DeadLetterCount {
    const byReason = Object.fromEntries(this.#byReason);
    return { total: this.#total, byReason, last: this.#last };
  }
}
