import type { PoolAddress } from "../core/address.ts";
import { Fifo } from "../core/fifo.ts";
import type { Timer } from "../actor/ref_method.ts";

/** What a reader says to the side that produces. */
export interface StreamUpstream {
  readonly owner: PoolAddress;
  /** There is room for so many more items. */
  credit(count: number): void;
  /** The rest is not wanted. */
  drop(): void;
  /** The reader is done, for whatever reason. */
  ended(reader: StreamReader): void;
}

interface Waiting {
  resolve(result: IteratorResult<unknown>): void;
  reject(error: unknown): void;
}

/** The consuming side of a stream: grants the producer room for as many items as have been consumed. */
export class StreamReader implements AsyncIterator<unknown>, Timer {
  readonly #upstream: StreamUpstream;
  readonly #window: number;
  readonly #items = new Fifo<unknown>();
  readonly #waiting = new Fifo<Waiting>();
  #room: number;
  #end: { readonly failed: boolean; readonly error: unknown } | undefined;

  constructor(upstream: StreamUpstream, window: number) {
    if (!Number.isSafeInteger(window) || window < 1) {
      throw new RangeError(`A stream's window is a whole number from 1 up, got ${window}`);
    }
    this.#upstream = upstream;
    this.#window = window;
    this.#room = window;
  }

  /** The pool that the items come from. */
  get owner(): PoolAddress {
    return this.#upstream.owner;
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#items.length > 0) {
      return Promise.resolve({ done: false, value: this.#consume(this.#items.shift()) });
    }
    if (this.#end !== undefined) return this.#afterEnd(this.#end);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      // Asked for when it is first wanted, and then again when half of the window has been consumed. A
      // producer in this pool may answer at once.
      if (this.#room === this.#window) this.#grant();
    });
  }

  /** The consumer has left. */
  return(): Promise<IteratorResult<unknown>> {
    if (this.#end === undefined) {
      this.#upstream.drop();
      this.#finish(false, undefined);
    }
    this.#items.clear();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Items have come. */
  take(values: readonly unknown[]): void {
    for (const value of values) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#items.push(value);
      else waiting.resolve({ done: false, value: this.#consume(value) });
    }
  }

  /** There are no more. */
  end(failed: boolean, error: unknown): void {
    if (this.#end === undefined) this.#finish(failed, error);
  }

  /** The actor that reads has ended. */
  cancel(): void {
    void this.return();
  }

  [Symbol.dispose](): void {
    this.cancel();
  }

  #consume(value: unknown): unknown {
    this.#room++;
    if (this.#end === undefined && this.#room * 2 >= this.#window) this.#grant();
    return value;
  }

  #grant(): void {
    const count = this.#room;
    this.#room = 0;
    this.#upstream.credit(count);
  }

  #finish(failed: boolean, error: unknown): void {
    this.#end = { failed, error };
    this.#upstream.ended(this);
    for (const { resolve, reject } of this.#waiting.clear()) {
      if (failed) reject(error);
      else resolve({ done: true, value: undefined });
    }
  }

  #afterEnd({ failed, error }: { failed: boolean; error: unknown }): Promise<
    IteratorResult<unknown>
  > {
    // An error is thrown once, as a generator does.
    this.#end = { failed: false, error: undefined };
    return failed ? Promise.reject(error) : Promise.resolve({ done: true, value: undefined });
  }
}
