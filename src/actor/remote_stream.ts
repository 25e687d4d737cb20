import type { PoolAddress } from "../core/address.ts";
import type { CodecExtension } from "../core/values.ts";

/** How a stream is read. */
export interface StreamReading {
  /**
   * Items that may be on their way or wait to be consumed.
   * @default 64
   */
  readonly window?: number | undefined;
  /** Aborting it ends the stream with the signal's reason, and the producer's `finally` runs. */
  readonly signal?: AbortSignal | undefined;
}

/** What a stream needs from the pool it is in. */
export interface StreamHost {
  /** Makes a stream of this pool's own of something that gives values. */
  offer(source: AsyncIterable<unknown>): RemoteStream<unknown>;
  /** An iterator of a stream; nothing is asked for before its first `next()`. */
  read(stream: RemoteStream<unknown>, reading: StreamReading): AsyncIterator<unknown>;
}

/**
 * Values that come one after the other from another actor, as fast as they are consumed. To leave the
 * loop early runs the producer's `finally`. It can be read once, by one consumer.
 */
export class RemoteStream<T> implements AsyncIterable<T> {
  /** The pool that the values come from, and the stream's number there. */
  readonly owner: PoolAddress;
  readonly id: number;
  /** What the options of the call that gave it say; a stream that is sent on leaves them behind. */
  reading: StreamReading = {};
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
   * @throws {TypeError} if it is read already.
   */
  [Symbol.asyncIterator](): AsyncIterator<T> {
    if (this.#isRead) {
      throw new TypeError("A stream can be read once, and this one is read already");
    }
    this.#isRead = true;
    return this.#host.read(this, this.reading) as AsyncIterator<T>;
  }

  /** Nobody will read it. */
  drop(): void {
    if (!this.#isRead) void this[Symbol.asyncIterator]().return?.();
  }
}

/** Whoever asked for a value has no use for it any more: if it is a stream, its producer is told. */
export function dropStream(value: unknown): void {
  if (value instanceof RemoteStream) value.drop();
}

/** The same of every stream in a value that has arrived. */
export function dropStreams(value: unknown): void {
  const seen = new Set<object>();
  const left: object[] = [];
  const add = (part: unknown) => {
    if (typeof part !== "object" || part === null || seen.has(part)) return;
    seen.add(part);
    left.push(part);
  };
  add(value);
  for (let one = left.pop(); one !== undefined; one = left.pop()) {
    if (one instanceof RemoteStream) one.drop();
    else for (const part of partsOf(one)) add(part);
  }
}

function partsOf(value: object): Iterable<unknown> {
  if (value instanceof Map) return [...value.keys(), ...value.values()];
  if (value instanceof Set || Array.isArray(value)) return value;
  return Object.getPrototypeOf(value) === Object.prototype ? Object.values(value) : [];
}

/** What a method returns to stream: a generator, or anything that is iterated asynchronously. */
export type StreamedResult = AsyncIterable<unknown> | Generator<unknown>;

/** What a call of a method that streams gives: to await, or to iterate at once. */
export type StreamResult<T> = Promise<AsyncIterable<T>> & AsyncIterable<T>;

/** What is known of the results of one method, from those that have come. */
export class StreamHabit {
  #streams: boolean | undefined;

  /**
   * Lets the promise of a stream be iterated as if it were the stream. That makes a promise slow to await,
   * so it ends with the first result that is none: methods that stream only at times are awaited, as
   * their type says too.
   */
  apply<T>(promise: Promise<T>, reading?: StreamReading): Promise<T> {
    if (this.#streams === false) return promise;
    const isPlain = this.#streams === true && reading?.window === undefined &&
      reading?.signal === undefined;
    const result = isPlain ? promise : promise.then((value) => this.#learn(value, reading));
    return Object.assign(result, { [Symbol.asyncIterator]: () => new LateIterator(result) });
  }

  #learn<T>(value: T, reading: StreamReading | undefined): T {
    this.#streams = value instanceof RemoteStream;
    if (value instanceof RemoteStream && reading !== undefined) value.reading = reading;
    return value;
  }
}

const DONE: IteratorResult<unknown> = Object.freeze({ done: true, value: undefined });

/** The iterator of a stream that has not come yet. */
class LateIterator implements AsyncIterator<unknown> {
  readonly #coming: Promise<AsyncIterator<unknown>>;
  /** Once it has come. */
  #iterator: AsyncIterator<unknown> | undefined;
  #left = false;

  constructor(promise: Promise<unknown>) {
    this.#coming = promise.then(iteratorOf);
    // Whoever waits for an item hears of a failure.
    this.#coming.then((iterator) => this.#iterator = iterator, () => {});
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#iterator !== undefined) return this.#iterator.next();
    if (this.#left) return Promise.resolve(DONE);
    return this.#coming.then((iterator) => iterator.next());
  }

  /** Does not wait for a stream that has not come: it is dropped when it does. */
  return(): Promise<IteratorResult<unknown>> {
    this.#left = true;
    this.#coming.then((iterator) => iterator.return?.(), () => {});
    return Promise.resolve(DONE);
  }
}

function iteratorOf(result: unknown): AsyncIterator<unknown> {
  if (result instanceof RemoteStream) return result[Symbol.asyncIterator]();
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

/** Whether a method has returned something to be iterated step by step. */
export function isStreamed(value: unknown): value is StreamedResult {
  if (typeof value !== "object" || value === null || value instanceof RemoteStream) return false;
  return Symbol.asyncIterator in value ||
    Object.prototype.toString.call(value) === "[object Generator]";
}
