import { isRuntimeType } from "./actor_type.ts";
import type { Cell } from "./cell.ts";
import { EndedCounts } from "./ended_counts.ts";

/** The cells of one pool, by uid. */
export class Registry {
  /** What was counted by those that were here, but for the runtime's own. */
  readonly ended: EndedCounts = new EndedCounts();
  readonly #cells = new Map<string, Cell>();

  /** How many there are. */
  get size(): number {
    return this.#cells.size;
  }

  get(uid: string): Cell | undefined {
    return this.#cells.get(uid);
  }

  add(cell: Cell): void {
    this.#cells.set(cell.address.uid, cell);
  }

  /** Removes this very cell; another of the same uid stays. */
  remove(cell: Cell): void {
    if (this.#cells.get(cell.address.uid) !== cell) return;
    this.#cells.delete(cell.address.uid);
    if (!isRuntimeType(cell.type)) this.ended.add(cell.type.name.name, cell.counters);
  }

  [Symbol.iterator](): MapIterator<Cell> {
    return this.#cells.values();
  }
}
