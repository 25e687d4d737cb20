import { newSharedMemory } from "../core/shared_memory.ts";

/** Methods under way that marks can name; of more, the rest have no name there. */
const OPEN = 16;

/** Code numbers of a pool: a mark is an actor's generation times this, and a code. */
const CODES = 2 ** 16;

/** Methods that a type may have for its marks to be right. */
const MOST_METHODS = 2 ** 10;

/** The first place after that of what runs now. */
const FIRST_OPEN = 1;
const PLACES = FIRST_OPEN + OPEN;

/** Some code of an actor. */
export interface Mark {
  /** Which method or hook, by its number in the pool. */
  readonly code: number;
  /** Which actor, by its generation. */
  readonly generation: number;
}

/** What {@linkcode Marks.read} sees. */
export interface MarksView {
  /** What the thread runs; `null` if it runs no message, but perhaps the rest of one after an `await`. */
  readonly running: Mark | null;
  /** What has begun and waits, or goes on after having waited. */
  readonly open: readonly Mark[];
}

/**
 * What the thread of a pool runs now, in memory that its host can read while the thread is busy. The
 * thread writes it for every message: so a mark is one number, and a plain store.
 */
export class Marks {
  readonly memory: SharedArrayBuffer;
  readonly #marks: Float64Array<SharedArrayBuffer>;

  /** @param memory That of another thread, to be read. */
  constructor(memory: SharedArrayBuffer = newSharedMemory(8 * PLACES)) {
    this.memory = memory;
    this.#marks = new Float64Array(memory);
  }

  /** A mark that says nothing, whatever is added to it. */
  static readonly NOTHING: number = -Infinity;

  /** The mark of an actor's code; those of its next codes follow. */
  static of({ code, generation }: Mark): number {
    return code < CODES - MOST_METHODS ? generation * CODES + code : Marks.NOTHING;
  }

  /** From now on this runs; answers what ran before. */
  enter(mark: number): number {
    const outer = this.#marks[0]!;
    this.#marks[0] = mark;
    return outer;
  }

  /** It runs no more, but what ran before; it may have begun to wait. */
  leave(outer: number): void {
    this.#marks[0] = outer;
  }

  /** Notes that something waits, and may go on; answers where, for {@linkcode close}. */
  open(mark: number): number {
    const marks = this.#marks;
    let place = mark > 0 ? FIRST_OPEN : PLACES;
    while (place < PLACES && marks[place] !== 0) place++;
    if (place < PLACES) marks[place] = mark;
    return place;
  }

  /** It has ended. */
  close(place: number): void {
    if (place < PLACES) this.#marks[place] = 0;
  }

  /** Reads them, from any thread. */
  read(): MarksView {
    const [running, ...open] = [...this.#marks].map(markOf);
    return { running: running ?? null, open: open.filter((mark) => mark !== null) };
  }
}

function markOf(mark: number): Mark | null {
  return mark <= 0 ? null : { code: mark % CODES, generation: Math.floor(mark / CODES) };
}
