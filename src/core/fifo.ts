/** Slots to begin with: a power of two, as the index is masked. */
const FIRST_CAPACITY = 16;

/** A queue, first in first out, in a ring that grows: no call moves what waits, or frees and takes memory. */
export class Fifo<T> {
  #slots: (T | undefined)[] = new Array(FIRST_CAPACITY).fill(undefined);
  #head = 0;
  #length = 0;

  /** How many wait. */
  get length(): number {
    return this.#length;
  }

  /** Adds one at the end. */
  push(item: T): void {
    if (this.#length === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#length++) & (this.#slots.length - 1)] = item;
  }

  /** Takes the one that has waited longest. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#length--;
    return item;
  }

  /** Takes all, oldest first. */
  clear(): T[] {
    const items: T[] = [];
    while (this.#length > 0) items.push(this.shift() as T);
    this.#slots = new Array(FIRST_CAPACITY).fill(undefined);
    this.#head = 0;
    return items;
  }

  #grow(): void {
    const { length } = this.#slots;
    const tail = this.#slots.slice(0, this.#head);
    this.#slots = [...this.#slots.slice(this.#head), ...tail];
    for (let i = 0; i < length; i++) this.#slots.push(undefined);
    this.#head = 0;
  }
}
