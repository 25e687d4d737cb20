import type { PoolAddress } from "../core/address.ts";
import type { Timer } from "../actor/ref_method.ts";

/** Where the items of a stream go. */
export interface StreamSink {
  readonly consumer: PoolAddress;
  /** @throws {NotSerializableError} if one of them cannot travel. */
  items(values: unknown[]): void;
  end(failed: boolean, error: unknown): void;
}

/** What a stream comes from. */
export interface StreamOrigin {
  /** Takes one step, under the lock of the actor whose stream it is. */
  step(next: () => unknown): unknown;
  /** What the consumer gets when the generator throws. */
  failure(thrown: unknown): Error;
  /** The stream is over, for whatever reason. */
  ended(source: StreamSource): void;
}

/** Items that go in one frame at most: the first should not wait for many. */
const FRAME_ITEMS = 64;

/** The producing side of a stream: takes a step of the generator for each item that the consumer has room for. */
export class StreamSource implements Timer {
  readonly id: number;
  readonly #iterator: AsyncIterator<unknown> | Iterator<unknown>;
  readonly #origin: StreamOrigin;
  #sink: StreamSink | undefined;
  #credit = 0;
  #isPumping = false;
  #over = false;
  #items: unknown[] = [];
  #flush: ReturnType<typeof setImmediate> | undefined;

  constructor(
    id: number,
    iterator: AsyncIterator<unknown> | Iterator<unknown>,
    origin: StreamOrigin,
  ) {
    this.id = id;
    this.#iterator = iterator;
    this.#origin = origin;
  }

  /** Who reads it; `undefined` until somebody does. */
  get consumer(): PoolAddress | undefined {
    return this.#sink?.consumer;
  }

  /** The consumer has room for so many more items; the first who has becomes the consumer. */
  grant(sink: StreamSink, count: number): void {
    this.#sink ??= sink;
    this.#credit += count;
    if (!this.#isPumping) void this.#pump();
  }

  /** The consumer does not want the rest: the generator's `finally` runs. */
  drop(): void {
    void this.#close();
  }

  /** The actor ends, and the stream with it. */
  cancel(reason?: Error): void {
    if (this.#over) return;
    if (reason !== undefined) this.#finish(true, reason);
    void this.#close();
  }

  [Symbol.dispose](): void {
    this.cancel();
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    const next = () => this.#iterator.next();
    while (this.#credit > 0 && !this.#over) {
      try {
        const step = this.#origin.step(next);
        const { done, value } = (step instanceof Promise ? await step : step) as IteratorResult<
          unknown
        >;
        if (this.#over) break;
        if (done) this.#finish(false, undefined);
        else this.#push(value);
      } catch (error) {
        this.#finish(true, this.#origin.failure(error));
      }
    }
    this.#isPumping = false;
    this.#send();
  }

  #push(value: unknown): void {
    this.#credit--;
    this.#items.push(value);
    if (this.#items.length >= FRAME_ITEMS) this.#send();
    // A generator that waits for something must not keep what it has given already.
    else this.#flush ??= setImmediate(() => this.#send());
  }

  #send(): void {
    clearImmediate(this.#flush);
    this.#flush = undefined;
    if (this.#items.length === 0) return;
    const items = this.#items;
    this.#items = [];
    try {
      this.#sink?.items(items);
    } catch (error) {
      this.#finish(true, error);
      void this.#close();
    }
  }

  /** Tells the consumer that there is no more. */
  #finish(failed: boolean, error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#send();
    this.#sink?.end(failed, error);
    this.#origin.ended(this);
  }

  /** Ends the generator. */
  async #close(): Promise<void> {
    const wasOver = this.#over;
    this.#over = true;
    this.#items = [];
    clearImmediate(this.#flush);
    if (!wasOver) this.#origin.ended(this);
    try {
      // Not under the lock: it may end while its actor does, and a running step ends it first anyway.
      await this.#iterator.return?.();
    } catch {
      // What its `finally` throws is nobody's: the consumer has left.
    }
  }
}
