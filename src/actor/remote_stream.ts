import type { PoolAddress } from "../core/address.ts";
import type { CodecExtension } from "../core/values.ts";

/** What a stream needs from the pool it is in. */
export interface StreamHost {
  /** Makes a stream of this pool's own of something that gives values. */
  offer(source: AsyncIterable<unknown>): RemoteStream<unknown>;
  /** Starts to read a stream, with room for so many items at first. */
  read(stream: RemoteStream<unknown>, window: number): AsyncIterator<unknown>;
}

/** Items that are on their way or wait to be consumed, at most, unless the consumer says otherwise. */
export const DEFAULT_WINDOW = 64;

/**
 * Values that come one after the other from another actor, as fast as they are consumed. To leave the
 * loop early runs the producer's `finally`. It can be read once, by one consumer.
 */
export class RemoteStream<T> implements AsyncIterable<T> {
  /** The pool that the values come from, and the stream's number there. */
  readonly owner: PoolAddress;
  readonly id: number;
  readonly #host: StreamHost;
  #isRead = false;

  /** Made by the pool that it is in. */
  constructor(owner: PoolAddress, id: number, host: StreamHost) {
    this.owner = owner;
    this.id = id;
    this.#host = host;
  }

  /**
   * Starts to read.
   *
   * @param window Items that may be on their way or wait to be consumed.
   * @throws {TypeError} if it is read already.
   */
  [Symbol.asyncIterator](window: number = DEFAULT_WINDOW): AsyncIterator<T> {
    if (this.#isRead) {
      throw new TypeError("A stream can be read once, and this one is read already");
    }
    this.#isRead = true;
    return this.#host.read(this, window) as AsyncIterator<T>;
  }
}

/** What a call of a method that streams gives: to await, or to iterate at once. */
export type StreamResult<T> = Promise<AsyncIterable<T>> & AsyncIterable<T>;

/** Lets the promise of a stream be iterated as if it were the stream. */
export function streamable<T>(promise: Promise<T>, window?: number): Promise<T> {
  return Object.assign(promise, {
    [Symbol.asyncIterator]: () => new LateIterator(promise, window),
  });
}

/** The iterator of a stream that has not come yet. */
class LateIterator implements AsyncIterator<unknown> {
  readonly #iterator: Promise<AsyncIterator<unknown>>;

  constructor(promise: Promise<unknown>, window: number | undefined) {
    this.#iterator = promise.then((result) => iteratorOf(result, window));
    // Whoever waits for an item hears of it.
    this.#iterator.catch(() => {});
  }

  async next(): Promise<IteratorResult<unknown>> {
    return await (await this.#iterator).next();
  }

  async return(): Promise<IteratorResult<unknown>> {
    const iterator = await this.#iterator;
    return await iterator.return?.() ?? { done: true, value: undefined };
  }
}

function iteratorOf(result: unknown, window: number | undefined): AsyncIterator<unknown> {
  if (result instanceof RemoteStream) return result[Symbol.asyncIterator](window);
  throw new TypeError(`The method returned a ${typeof result}, which is no stream: await the call`);
}

/** How streams travel: as their owner's address and number. What can be iterated becomes one. */
export function streamExtension(
  host: () => StreamHost,
): CodecExtension<AsyncIterable<unknown>> {
  const own = (value: AsyncIterable<unknown>) =>
    value instanceof RemoteStream ? value : host().offer(value);
  return {
    tag: "stream",
    match: (value): value is AsyncIterable<unknown> =>
      typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === "function",
    toWire(value) {
      const { owner, id } = own(value);
      return [owner.host, owner.pool, id];
    },
    fromWire(data) {
      if (!Array.isArray(data) || data.length !== 3 || !data.every(Number.isSafeInteger)) {
        throw new TypeError("a stream is [host, pool, id]");
      }
      return new RemoteStream({ host: data[0], pool: data[1] }, data[2], host());
    },
    copy: own,
  };
}
