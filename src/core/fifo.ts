/** A queue, first in first out, in a ring that grows: no call moves what waits, or frees and takes memory. */
export class Fifo<T> {
  #slots: (T | undefined)[] = [];
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

  /** Takes the one that came last. */
  pop(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.at(--this.#length);
    this.#put(this.#length, undefined);
    return item;
  }

  /** The one at a place, 0 being the one that has waited longest. */
  at(index: number): T | undefined {
    return this.#slots[(this.#head + index) & (this.#slots.length - 1)];
  }

  /** Takes the newest that matches. It costs as many steps as there are newer ones. */
  removeLast(matches: (item: T) => boolean): T | undefined {
    let index = this.#length - 1;
    while (index >= 0 && !matches(this.at(index) as T)) index--;
    if (index < 0) return undefined;
    const item = this.at(index);
    for (; index < this.#length - 1; index++) this.#put(index, this.at(index + 1));
    this.#put(index, undefined);
    this.#length--;
    return item;
  }

  /** Takes every one that matches, oldest first; the others keep their order. */
  removeWhere(matches: (item: T) => boolean): T[] {
    const removed: T[] = [];
    let kept = 0;
    for (let index = 0; index < this.#length; index++) {
      const item = this.at(index) as T;
      if (matches(item)) removed.push(item);
      else this.#put(kept++, item);
    }
    for (let index = kept; index < this.#length; index++) this.#put(index, undefined);
    this.#length = kept;
    return removed;
  }

  /** Takes all, oldest first. */
  clear(): T[] {
    const items: T[] = [];
    while (this.#length > 0) items.push(this.shift() as T);
    this.#slots = [];
    this.#head = 0;
    return items;
  }

  #put(index: number, item: T | undefined): void {
    this.#slots[(this.#head + index) & (this.#slots.length - 1)] = item;
  }

  /** To twice as many slots: a power of two, as the index is masked. In most, little ever waits. */
  #grow(): void {
    const slots = this.#slots;
    const isFirst = slots.length === 0;
    this.#slots = isFirst
      ? [undefined, undefined, undefined, undefined]
      : [...slots.slice(this.#head), ...slots.slice(0, this.#head), ...slots.map(() => undefined)];
    this.#head = 0;
  }
}
