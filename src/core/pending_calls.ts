import type { PoolAddress } from "./address.ts";

/** Who waits for the answer to one call. */
export interface PendingCall {
  /** Where the call went. */
  readonly to: PoolAddress;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * The calls of one pool that wait for an answer from elsewhere. Each is settled exactly once: by its
 * answer, by its caller giving up, or by the death of what it waits on.
 */
export class PendingCalls {
  readonly #calls = new Map<number, PendingCall>();
  #lastId = 0;

  /** How many wait. */
  get size(): number {
    return this.#calls.size;
  }

  /** Registers a call and gives it its id: 48 bits, so it is unique for the life of a pool. */
  add(call: PendingCall): number {
    const id = ++this.#lastId;
    this.#calls.set(id, call);
    return id;
  }

  /** Whether a call waits still. */
  has(id: number): boolean {
    return this.#calls.has(id);
  }

  /** Takes a call out, to be settled by the taker; `undefined` if it is settled already. */
  take(id: number): PendingCall | undefined {
    const call = this.#calls.get(id);
    if (call !== undefined) this.#calls.delete(id);
    return call;
  }

  /**
   * Takes out the call that an answer is for; nothing if the answer comes from another host than was
   * asked, unless that is our own, whose router answers where no way leads on.
   */
  takeAnswered(id: number, from: PoolAddress, self: PoolAddress): PendingCall | undefined {
    const call = this.#calls.get(id);
    if (call === undefined) return undefined;
    if (from.host !== call.to.host && from.host !== self.host) return undefined;
    this.#calls.delete(id);
    return call;
  }

  /** Rejects every call whose destination is gone. Returns how many there were. */
  rejectWhere(isGone: (to: PoolAddress) => boolean, error: () => Error): number {
    let count = 0;
    for (const [id, call] of this.#calls) {
      if (!isGone(call.to)) continue;
      this.#calls.delete(id);
      call.reject(error());
      count++;
    }
    return count;
  }
}
