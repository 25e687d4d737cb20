import type { SnapshotSlot, SnapshotStore } from "./store.ts";
import { fenced } from "./store_errors.ts";

/** {@linkcode memoryStore}, opened. */
export class MemoryStore implements SnapshotStore {
  readonly scope = "host";
  readonly #slots = new Map<string, MemorySlot>();

  claim(key: string): Promise<SnapshotSlot> {
    const slot = new MemorySlot(key, this.#slots, this.#slots.get(key)?.last ?? null);
    this.#slots.set(key, slot);
    return Promise.resolve(slot);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#slots.clear();
    return Promise.resolve();
  }
}

class MemorySlot implements SnapshotSlot {
  readonly bytes: Uint8Array | null;
  /** What is kept now. */
  last: Uint8Array | null;
  readonly #key: string;
  readonly #slots: Map<string, MemorySlot>;

  constructor(key: string, slots: Map<string, MemorySlot>, bytes: Uint8Array | null) {
    this.#key = key;
    this.#slots = slots;
    this.bytes = this.last = bytes;
  }

  put(bytes: Uint8Array): Promise<void> {
    if (this.#slots.get(this.#key) !== this) return Promise.reject(fenced(this.#key));
    this.last = bytes.slice();
    return Promise.resolve();
  }

  delete(): Promise<void> {
    if (this.#slots.get(this.#key) === this) this.#slots.delete(this.#key);
    return Promise.resolve();
  }
}
