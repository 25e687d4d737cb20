import type { Mark, MarksView } from "../actor/marks.ts";
import type { RunningCode } from "./report.ts";

/** The names of what the marks of a pool number. */
export class CodeNames {
  readonly #names = new Map<number, Omit<RunningCode, "uid">>();

  /** A type's hooks and methods have the numbers from `first` on. */
  add(type: string, first: number, names: readonly string[]): void {
    for (const [i, method] of names.entries()) this.#names.set(first + i, { type, method });
  }

  /**
   * What runs; if that is nothing known, what may go on after an `await`.
   *
   * @param uidOf The actor with this generation.
   */
  running(
    { running, open }: MarksView,
    uidOf: (generation: number) => string | null,
  ): RunningCode[] {
    const code = (mark: Mark): RunningCode[] => {
      const name = this.#names.get(mark.code);
      return name === undefined ? [] : [{ ...name, uid: uidOf(mark.generation) }];
    };
    return running !== null ? code(running) : open.flatMap(code);
  }
}
