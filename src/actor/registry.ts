import type { Cell } from "./cell.ts";

/** The cells of one pool, by uid. */
export class Registry {
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
    if (this.#cells.get(cell.address.uid) === cell) this.#cells.delete(cell.address.uid);
  }

  [Symbol.iterator](): MapIterator<Cell> {
    return this.#cells.values();
  }
}
