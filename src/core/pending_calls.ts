import type { PoolAddress } from "./address.ts";

/** Who waits for the answer to one call. */
export interface PendingCall {
  /** Where the call went, or who answers for it since. */
  to: PoolAddress;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** A power of two: the slot of a call is the low bits of its id. */
const SLOTS = 4096;

/**
 * The calls of one pool that wait for an answer from elsewhere. Each is settled exactly once: by its
 * answer, by its caller giving up, or by the death of what it waits on.
 *
 * The latest are in a ring, where a Map would make garbage for each; a call that still waits when its
 * slot is needed again moves into a Map.
 */
export class PendingCalls {
  readonly #recent: (PendingCall | undefined)[] = [];
  /** Whose the slots of the ring are; 0 is nobody's. */
  readonly #ids: number[] = [];
  readonly #old = new Map<number, PendingCall>();
  #lastId: number;
  #size = 0;

  /** @param firstId Calls are numbered from here on. */
  constructor(firstId: number = 0) {
    this.#lastId = firstId;
  }

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** Registers a call and gives it its id: 48 bits, so it is unique for the life of a pool. */
  add(call: PendingCall): number {
    const id = ++this.#lastId;
    const slot = id & (SLOTS - 1);
    const before = this.#recent[slot];
    if (before !== undefined) this.#old.set(this.#ids[slot]!, before);
    this.#recent[slot] = call;
    this.#ids[slot] = id;
    this.#size++;
    return id;
  }

  /** Whether a call waits still. */
  has(id: number): boolean {
    return this.#find(id) !== undefined;
  }

  /** Somebody else answers for a call from now on. */
  redirect(id: number, to: PoolAddress): void {
    const call = this.#find(id);
    if (call !== undefined) call.to = to;
  }

  /** Takes a call out, to be settled by the taker; `undefined` if it is settled already. */
  take(id: number): PendingCall | undefined {
    const call = this.#find(id);
    if (call !== undefined) this.#remove(id);
    return call;
  }

  /**
   * Takes out the call that an answer is for; nothing if the answer comes from another host than was
   * asked, unless that is our own, whose router answers where no way leads on.
   */
  takeAnswered(id: number, from: PoolAddress, self: PoolAddress): PendingCall | undefined {
    const call = this.#find(id);
    if (call === undefined) return undefined;
    if (from.host !== call.to.host && from.host !== self.host) return undefined;
    this.#remove(id);
    return call;
  }

  /** Rejects every call whose destination is gone. Returns how many there were. */
  rejectWhere(isGone: (to: PoolAddress) => boolean, error: () => Error): number {
    const recent = this.#ids.filter((_, slot) => this.#recent[slot] !== undefined);
    let count = 0;
    for (const id of [...this.#old.keys(), ...recent.sort((a, b) => a - b)]) {
      const call = this.#find(id);
      if (call === undefined || !isGone(call.to)) continue;
      this.#remove(id);
      call.reject(error());
      count++;
    }
    return count;
  }

  #find(id: number): PendingCall | undefined {
    const slot = id & (SLOTS - 1);
    return this.#ids[slot] === id ? this.#recent[slot] : this.#old.get(id);
  }

  #remove(id: number): void {
    this.#size--;
    const slot = id & (SLOTS - 1);
    if (this.#ids[slot] === id) this.#recent[slot] = undefined;
    else this.#old.delete(id);
  }
}
