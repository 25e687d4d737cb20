import type { PoolAddress } from "../core/address.ts";
import { LIMITS } from "../core/protocol.ts";

/** Where the items of a stream go. */
export interface StreamSink {
  readonly consumer: PoolAddress;
  /** @throws {NotSerializableError} if one of them cannot travel; none has gone then. */
  items(values: unknown[]): void;
  end(failed: boolean, error: unknown): void;
}

/** What a stream comes from. */
export interface StreamOrigin {
  /** Starts to take steps: for a run of them, because to set the async context costs as much as a step. */
  run(steps: () => void): void;
  /** Takes one step, under the lock of the actor whose stream it is. */
  step(next: () => unknown): unknown;
  /** The stream is to end early, perhaps in the middle of a step. */
  abort(reason: unknown): void;
  /** Runs the generator's `finally`, under the same lock if the actor still has one. */
  leave(finish: () => unknown): unknown;
  /** What the consumer gets when the generator throws. */
  failure(thrown: unknown): Error;
  /** To be awaited if the event loop has waited for long. */
  breath(): Promise<void> | undefined;
  /** Nobody is told anything of the stream any more. */
  ended(source: StreamSource): void;
}

/** What gives the values. */
export type StreamIterator = AsyncIterator<unknown> | Iterator<unknown>;

/** How a stream ended. */
interface End {
  readonly failed: boolean;
  readonly error: unknown;
}

const DONE: IteratorResult<unknown> = Object.freeze({ done: true, value: undefined });

/** Items that go in one frame at most: the first should not wait for many. */
const FRAME_ITEMS = 64;

/** Steps between two looks at the event loop. */
const BREATH_STEPS = 256;

/** The producing side of a stream: takes a step of the generator for each item that the consumer has room for. */
export class StreamSource {
  readonly id: number;
  readonly #iterator: StreamIterator;
  readonly #origin: StreamOrigin;
  #sink: StreamSink | undefined;
  #credit = 0;
  #isPumping = false;
  #steps = 0;
  /** No more steps are taken. */
  #over = false;
  /** What the consumer is to be told, once there is one. */
  #end: End | undefined;
  /** The generator is to be ended once it has taken the step that it is taking. */
  #leaving = false;
  #items: unknown[] = [];
  #flush: ReturnType<typeof setImmediate> | undefined;

  constructor(id: number, iterator: StreamIterator, origin: StreamOrigin) {
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
    if (this.#end !== undefined) return this.#tellEnd();
    this.grantMore(count);
  }

  /** The same of whoever is the consumer already. */
  grantMore(count: number): void {
    // A consumer that lies does not get more than one that may say so.
    this.#credit = Math.min(this.#credit + count, LIMITS.streamWindow);
    if (!this.#isPumping && !this.#over) this.#origin.run(this.#start);
  }

  /** The consumer does not want the rest: the generator's `finally` runs. */
  drop(reason: unknown): void {
    this.#items = [];
    this.#unarm();
    const isTold = this.#over && this.#end === undefined;
    this.#end = undefined;
    if (!isTold) this.#origin.ended(this);
    if (!this.#over) this.#leave(reason);
  }

  /** The actor ends, and the stream with it: the consumer gets what has been produced, then the reason. */
  cancel(reason: Error): void {
    if (this.#over) return;
    this.#finish({ failed: true, error: reason });
    this.#leave(reason);
  }

  readonly #start = (): void => void this.#pump();

  async #pump(): Promise<void> {
    this.#isPumping = true;
    // A step that has waited for its turn may come too late.
    const next = () => this.#over ? DONE : this.#iterator.next();
    do {
      while (this.#credit > 0 && !this.#over) {
        try {
          if (++this.#steps % BREATH_STEPS === 0) await this.#origin.breath();
          let step = this.#origin.step(next);
          if (isThenable(step)) {
            // Who waits for something must not keep what has been produced already.
            if (this.#items.length > 0) this.#flush ??= setImmediate(this.#sendWaiting);
            step = await step;
          }
          const { done, value } = step as IteratorResult<unknown>;
          if (this.#over) break;
          if (done) this.#finish({ failed: false, error: undefined });
          else this.#push(value);
        } catch (error) {
          this.#finish({ failed: true, error: this.#origin.failure(error) });
        }
      }
      this.#sendWaiting();
      // A consumer in this pool may have made room meanwhile.
    } while (this.#credit > 0 && !this.#over);
    this.#isPumping = false;
    if (this.#leaving) void this.#close();
  }

  #push(value: unknown): void {
    this.#credit--;
    if (this.#items.push(value) >= FRAME_ITEMS) this.#sendWaiting();
  }

  readonly #sendWaiting = (): void => {
    const refused = this.#send();
    if (refused === undefined) return;
    this.#finish(refused);
    this.#leave(refused.error);
  };

  /** Sends what waits; returns how the stream ends if not all of it can travel. */
  #send(): End | undefined {
    this.#unarm();
    const items = this.#items;
    if (items.length === 0) return undefined;
    this.#items = [];
    try {
      this.#sink!.items(items);
      return undefined;
    } catch (error) {
      return items.length > 1 ? this.#sendSingly(items) : { failed: true, error };
    }
  }

  /** One of them cannot travel: those before it do. */
  #sendSingly(items: readonly unknown[]): End | undefined {
    try {
      for (const item of items) this.#sink!.items([item]);
      return undefined;
    } catch (error) {
      return { failed: true, error };
    }
  }

  /** There is no more. */
  #finish(end: End): void {
    if (this.#over) return;
    this.#over = true;
    this.#end = end;
    if (this.#sink !== undefined) this.#tellEnd();
  }

  #tellEnd(): void {
    const end = this.#end!;
    this.#end = undefined;
    const refused = this.#send();
    const { failed, error } = refused ?? end;
    this.#sink!.end(failed, error);
    this.#origin.ended(this);
    // It has come to its end, but for a generator that only seems so.
    if (refused !== undefined) this.#leave(error);
  }

  /** Ends the generator: not while it takes a step, which may need the lock that its end would hold. */
  #leave(reason: unknown): void {
    this.#over = true;
    this.#origin.abort(reason);
    if (this.#isPumping) this.#leaving = true;
    else void this.#close();
  }

  async #close(): Promise<void> {
    this.#leaving = false;
    try {
      await this.#origin.leave(() => this.#iterator.return?.());
    } catch {
      // What its `finally` throws is nobody's: the consumer has left.
    }
  }

  #unarm(): void {
    if (this.#flush === undefined) return;
    clearImmediate(this.#flush);
    this.#flush = undefined;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>>).then === "function";
}
