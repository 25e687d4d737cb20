import { formatPool, type PoolAddress, samePool } from "../core/address.ts";
import type { Codec } from "../core/codec.ts";
import type { Deadline, Deadlines } from "../core/deadlines.ts";
import { ActorStoppedError } from "../core/errors.ts";
import type { CreditFrame, DropFrame, EndFrame, ItemsFrame } from "../core/protocol.ts";
import type { Cell } from "../actor/cell.ts";
import { RemoteStream, type StreamHost } from "../actor/remote_stream.ts";
import type { Scopes } from "../actor/scopes.ts";
import type { Router } from "./router.ts";
import { StreamReader } from "./stream_reader.ts";
import { type StreamOrigin, type StreamSink, StreamSource } from "./stream_source.ts";

/** Milliseconds in which somebody must begin to read a stream: its ref may have been lost with whoever had it. */
const UNREAD_MS = 60_000;

/** What streams are made with. */
export interface StreamsOptions {
  readonly address: PoolAddress;
  readonly codec: Codec;
  readonly router: Router;
  readonly deadlines: Deadlines;
  readonly scopes: Scopes;
  failure(thrown: unknown, where: string, method: string): Error;
}

/** The streams that a pool produces and those that it reads. */
export class Streams implements StreamHost {
  readonly #options: StreamsOptions;
  readonly #sources = new Map<number, { source: StreamSource; lease: Deadline }>();
  readonly #readers = new Map<string, StreamReader>();
  #lastId = 0;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  /** How many are under way, on either side. */
  get size(): number {
    return this.#sources.size + this.#readers.size;
  }

  /** {@linkcode StreamHost.offer} */
  offer(source: AsyncIterable<unknown>): RemoteStream<unknown> {
    return this.#open(source[Symbol.asyncIterator](), {
      step: (next) => next(),
      failure: (thrown) => this.#options.failure(thrown, "a stream", "next"),
      ended: (ended) => this.#close(ended),
    });
  }

  /** Makes a stream of the generator that a method has returned; its steps take turns with messages. */
  offerResult(
    generator: AsyncIterator<unknown> | Iterator<unknown>,
    cell: Cell,
    method: string,
    isConcurrent: boolean,
  ): RemoteStream<unknown> {
    const stream = this.#open(generator, {
      step: (next) => isConcurrent ? next() : cell.exclusive(next),
      failure: (thrown) => this.#options.failure(thrown, cell.where, method),
      ended: (source) => {
        cell.disown(owned);
        this.#close(source);
      },
    });
    const { source } = this.#sources.get(stream.id)!;
    const stopped = () => new ActorStoppedError(`${cell.where} is stopped, and its stream with it`);
    const owned = { cancel: () => source.cancel(stopped()), [Symbol.dispose]: () => {} };
    cell.own(owned);
    return stream;
  }

  /** {@linkcode StreamHost.read} */
  read({ owner, id }: RemoteStream<unknown>, window: number): AsyncIterator<unknown> {
    const key = keyOf(owner, id);
    const isHere = samePool(owner, this.#options.address);
    const cell = this.#options.scopes.current?.cell;
    const reader = new StreamReader({
      owner,
      credit: (count) => {
        if (isHere) this.#grant(id, count, this.#localSink(reader));
        else this.#send({ kind: "credit", id, to: owner, from: this.#options.address, count });
      },
      drop: () => {
        if (isHere) this.#sources.get(id)?.source.drop();
        else this.#send({ kind: "drop", id, to: owner, from: this.#options.address });
      },
      ended: (reader) => {
        this.#readers.delete(key);
        cell?.disown(reader);
      },
    }, window);
    this.#readers.set(key, reader);
    cell?.own(reader);
    return reader;
  }

  /** A frame about a stream has come. */
  receive(frame: CreditFrame | DropFrame | ItemsFrame | EndFrame): void {
    switch (frame.kind) {
      case "credit":
        return this.#grant(frame.id, frame.count, this.#remoteSink(frame.id, frame.from));
      case "drop":
        return this.#dropFrom(frame.id, frame.from);
      case "items":
        return this.#readers.get(keyOf(frame.from, frame.id))?.take(frame.values);
      case "end":
        return this.#readers.get(keyOf(frame.from, frame.id))?.end(frame.failed, frame.error);
      default:
        frame satisfies never;
    }
  }

  /** Something is gone: what is read from there fails, what was read there is dropped. */
  lost(isGone: (pool: PoolAddress) => boolean, error: Error): void {
    for (const reader of [...this.#readers.values()]) {
      if (isGone(reader.owner)) reader.end(true, this.#options.codec.copy(error, "error"));
    }
    for (const { source } of [...this.#sources.values()]) {
      if (source.consumer !== undefined && isGone(source.consumer)) source.drop();
    }
  }

  /** The pool ends: nothing is produced or read any more. */
  stop(): void {
    for (const { source } of [...this.#sources.values()]) source.drop();
    for (const reader of [...this.#readers.values()]) reader.cancel();
  }

  #open(
    iterator: AsyncIterator<unknown> | Iterator<unknown>,
    origin: StreamOrigin,
  ): RemoteStream<unknown> {
    const id = ++this.#lastId;
    const source = new StreamSource(id, iterator, origin);
    const lease = { expiresAt: performance.now() + UNREAD_MS, expired: () => source.drop() };
    this.#sources.set(id, { source, lease });
    this.#options.deadlines.add(lease);
    return new RemoteStream(this.#options.address, id, this);
  }

  #close({ id }: StreamSource): void {
    const entry = this.#sources.get(id);
    if (entry === undefined) return;
    this.#sources.delete(id);
    this.#options.deadlines.remove(entry.lease);
  }

  #grant(id: number, count: number, sink: StreamSink): void {
    const entry = this.#sources.get(id);
    if (entry === undefined) {
      return sink.end(true, new TypeError(`Stream ${id} is over, or nobody read it in time`));
    }
    const { source, lease } = entry;
    if (source.consumer !== undefined && !samePool(source.consumer, sink.consumer)) {
      const reader = formatPool(source.consumer);
      return sink.end(true, new TypeError(`A stream can be read once, and ${reader} reads it`));
    }
    this.#options.deadlines.remove(lease);
    source.grant(sink, count);
  }

  /** Only its consumer may drop it; before there is one, whoever got it. */
  #dropFrom(id: number, from: PoolAddress): void {
    const source = this.#sources.get(id)?.source;
    if (source === undefined) return;
    if (source.consumer === undefined || samePool(source.consumer, from)) source.drop();
  }

  #localSink(reader: StreamReader): StreamSink {
    const { address, codec } = this.#options;
    return {
      consumer: address,
      items: (values) => reader.take(codec.copy(values, "items")),
      end: (failed, error) => reader.end(failed, error),
    };
  }

  #remoteSink(id: number, to: PoolAddress): StreamSink {
    const from = this.#options.address;
    return {
      consumer: to,
      items: (values) => this.#options.router.send({ kind: "items", id, to, from, values }),
      end: (failed, error) => this.#send({ kind: "end", id, to, from, failed, error }),
    };
  }

  /** The other side may be gone; whoever waits for it is told by that. */
  #send(frame: CreditFrame | DropFrame | EndFrame): void {
    try {
      this.#options.router.send(frame);
    } catch (error) {
      if (frame.kind !== "credit") return;
      this.#readers.get(keyOf(frame.to, frame.id))?.end(true, error);
    }
  }
}

function keyOf({ host, pool }: PoolAddress, id: number): string {
  return `${host}/${pool}/${id}`;
}
