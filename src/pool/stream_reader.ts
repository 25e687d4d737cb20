import type { PoolAddress } from "../core/address.ts";
import { Fifo } from "../core/fifo.ts";
import type { Child } from "../actor/message.ts";

/** What a reader says to the side that produces. */
export interface StreamUpstream {
  readonly owner: PoolAddress;
  /** The first item is asked for; may end the reader. */
  begin(): void;
  /** There is room for so many more items. */
  credit(count: number): void;
  /** The rest is not wanted. */
  drop(): void;
  /** The reader is done, for whatever reason. */
  ended(): void;
}

interface Waiting {
  resolve(result: IteratorResult<unknown>): void;
  reject(error: unknown): void;
}

/** The consuming side of a stream: grants the producer room for as many items as have been consumed. */
export class StreamReader implements AsyncIterator<unknown>, Child {
  readonly #upstream: StreamUpstream;
  readonly #window: number;
  /** Room that is granted at once: so much is produced while what came before is consumed. */
  readonly #portion: number;
  readonly #items = new Fifo<unknown>();
  readonly #waiting = new Fifo<Waiting>();
  #begun = false;
  /** Room that the producer does not know of yet. */
  #room = 0;
  #end: { readonly failed: boolean; readonly error: unknown } | undefined;

  /** @param window Items that may be on their way or wait to be consumed; a whole number from 1 up. */
  constructor(upstream: StreamUpstream, window: number) {
    this.#upstream = upstream;
    this.#window = window;
    this.#portion = Math.ceil(window / 2);
  }

  /** The pool that the items come from. */
  get owner(): PoolAddress {
    return this.#upstream.owner;
  }

  /** {@linkcode Child.isAwaited} */
  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#items.length > 0) {
      return Promise.resolve({ done: false, value: this.#consume(this.#items.shift()) });
    }
    if (this.#end !== undefined) return this.#afterEnd(this.#end);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (!this.#begun) this.#begin();
    });
  }

  /** The consumer has left. */
  return(): Promise<IteratorResult<unknown>> {
    this.#items.clear();
    if (this.#end === undefined) {
      this.#upstream.drop();
      this.#finish(false, undefined);
    }
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Items have come. */
  take(values: readonly unknown[]): void {
    if (this.#end !== undefined) return;
    for (let i = 0; i < values.length; i++) this.#items.push(values[i]);
    // All are there before the first is given out: a producer in this pool sends more as soon as there is room.
    while (this.#items.length > 0) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) return;
      waiting.resolve({ done: false, value: this.#consume(this.#items.shift()) });
    }
  }

  /** There are no more. */
  end(failed: boolean, error: unknown): void {
    if (this.#end === undefined) this.#finish(failed, error);
  }

  /** Whoever reads has no use for it any more: what has come is not given out. */
  giveUp(reason: unknown): void {
    if (this.#end !== undefined) return;
    this.#items.clear();
    this.#upstream.drop();
    this.#finish(true, reason);
  }

  #begin(): void {
    this.#begun = true;
    this.#upstream.begin();
    // A producer in this pool may answer at once.
    if (this.#end === undefined) this.#upstream.credit(this.#window);
  }

  #consume(value: unknown): unknown {
    if (++this.#room < this.#portion || this.#end !== undefined) return value;
    const count = this.#room;
    this.#room = 0;
    this.#upstream.credit(count);
    return value;
  }

  #finish(failed: boolean, error: unknown): void {
    this.#end = { failed, error };
    this.#upstream.ended();
    const [first, ...others] = this.#waiting.clear();
    if (first === undefined) return;
    // Who has asked for several items gets the error once, as from a generator.
    this.#afterEnd(this.#end).then(first.resolve, first.reject);
    for (const { resolve } of others) resolve({ done: true, value: undefined });
  }

  #afterEnd({ failed, error }: { failed: boolean; error: unknown }): Promise<
    IteratorResult<unknown>
  > {
    this.#end = { failed: false, error: undefined };
    return failed ? Promise.reject(error) : Promise.resolve({ done: true, value: undefined });
  }
}
