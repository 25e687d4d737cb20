import { formatPool, type PoolAddress, samePool } from "../core/address.ts";
import type { Codec } from "../core/codec.ts";
import type { Deadline, Deadlines } from "../core/deadlines.ts";
import { ActorStoppedError } from "../core/errors.ts";
import { PoolLostError } from "../core/host_errors.ts";
import type { CreditFrame, DropFrame, EndFrame, ItemsFrame, RawFrame } from "../core/protocol.ts";
import type { Cell } from "../actor/cell.ts";
import type { MessageCell } from "../actor/message.ts";
import type { Timer } from "../actor/ref_method.ts";
import {
  RemoteStream,
  type StreamedResult,
  type StreamHost,
  type StreamReading,
} from "../actor/remote_stream.ts";
import type { Scopes } from "../actor/scopes.ts";
import type { StreamScope } from "../actor/stream_scope.ts";
import type { BroughtStreams } from "./calls.ts";
import { Pace } from "./pace.ts";
import type { Router } from "./router.ts";
import { StreamReader } from "./stream_reader.ts";
import {
  type StreamIterator,
  type StreamOrigin,
  type StreamSink,
  StreamSource,
} from "./stream_source.ts";

/** Items that are on their way or wait to be consumed, at most, unless the consumer says otherwise. */
const DEFAULT_WINDOW = 64;

/** Milliseconds in which somebody must begin to read a stream: its ref may have been lost with whoever had it. */
const UNREAD_MS = 60_000;

/** What streams are made with. */
export interface StreamsOptions {
  readonly address: PoolAddress;
  readonly codec: Codec;
  readonly router: Router;
  readonly deadlines: Deadlines;
  readonly scopes: Scopes;
  /** {@linkcode PoolStart.firstId} @default 0 */
  readonly firstId?: number;
  /** Milliseconds. @default {@linkcode UNREAD_MS} */
  readonly unreadMs?: number;
  failure(thrown: unknown, where: string, method: string): Error;
}

/** A stream that is produced here. */
interface Produced {
  readonly source: StreamSource;
  /** Until somebody reads it. */
  readonly lease: Deadline;
}

/** The streams that a pool produces and those that it reads. */
export class Streams implements StreamHost, BroughtStreams {
  readonly #options: StreamsOptions;
  readonly #produced = new Map<number, Produced>();
  readonly #readers = new Map<string, StreamReader>();
  readonly #pace = new Pace();
  /** What can be iterated once is one stream, however often it is sent. */
  readonly #offered = new WeakMap<AsyncIterable<unknown>, RemoteStream<unknown>>();
  #lastId: number;

  constructor(options: StreamsOptions) {
    this.#options = options;
    this.#lastId = options.firstId ?? 0;
  }

  /** {@linkcode BroughtStreams.lastId} */
  get lastId(): number {
    return this.#lastId;
  }

  /** {@linkcode BroughtStreams.dropUnread} */
  dropUnread(after: number, last: number, reason: Error): void {
    for (let id = after + 1; id <= last; id++) {
      const source = this.#produced.get(id)?.source;
      if (source !== undefined && source.consumer === undefined) source.drop(reason);
    }
  }

  /** How many are under way, on either side. */
  get size(): number {
    return this.#produced.size + this.#readers.size;
  }

  /** {@linkcode StreamHost.offer} */
  offer(source: AsyncIterable<unknown>): RemoteStream<unknown> {
    const offered = this.#offered.get(source);
    if (offered !== undefined) return offered;
    const iterator = source[Symbol.asyncIterator]();
    const cell = this.#options.scopes.cell;
    const stream = this.#open(iterator, {
      run: (steps) => this.#options.scopes.outside(steps),
      step: (next) => next(),
      abort: () => {},
      leave: (finish) => this.#options.scopes.outside(finish),
      failure: (thrown) => this.#options.failure(thrown, "a stream", "next"),
      breath: () => this.#pace.breath(),
      ended: (ended) => {
        cell?.disown(owned);
        this.#close(ended);
      },
    });
    const { source: opened } = this.#produced.get(stream.id)!;
    const owned = whenStopped(cell, (reason) => opened.cancel(reason));
    cell?.own(owned);
    if ((iterator as unknown) === source || source instanceof ReadableStream) {
      this.#offered.set(source, stream);
    }
    return stream;
  }

  /** Makes a stream of what a method has returned; its steps take turns with messages. */
  offerResult(result: StreamedResult, cell: Cell, scope: StreamScope): RemoteStream<unknown> {
    const { scopes } = this.#options;
    const isAsync = Symbol.asyncIterator in result;
    const within = <T>(code: () => T): T =>
      isAsync ? scopes.runAsync(scope, code) as T : scopes.outside(code);
    const iterator = isAsync ? result[Symbol.asyncIterator]() : result;
    const stream = this.#open(iterator, {
      run: within,
      step: (next) => cell.step(next, scope),
      abort: (reason) => scopes.outside(() => scope.cancel(reason)),
      leave: (finish) => within(() => cell.leave(finish, scope)),
      failure: (thrown) => this.#options.failure(thrown, cell.where, scope.method),
      breath: () => this.#pace.breath(),
      ended: (source) => {
        scope.close();
        cell.disown(owned);
        this.#close(source);
      },
    });
    const { source } = this.#produced.get(stream.id)!;
    const stopped = () => new ActorStoppedError(`${cell.where} is stopped, and its stream with it`);
    const owned = { cancel: () => source.cancel(stopped()), [Symbol.dispose]: () => {} };
    cell.own(owned);
    return stream;
  }

  /** {@linkcode StreamHost.read} */
  read(
    { owner, id }: RemoteStream<unknown>,
    { window = DEFAULT_WINDOW, signal }: StreamReading,
  ): AsyncIterator<unknown> {
    const key = keyOf(owner, id);
    const { address, scopes } = this.#options;
    const isHere = samePool(owner, address);
    const { current, cell } = scopes;
    const aborted = () => reader.giveUp(signal!.reason);
    const reader = new StreamReader({
      owner,
      begin: () => {
        if (this.#readers.has(key)) return reader.end(true, readTwice(address));
        this.#readers.set(key, reader);
        current?.adopt(reader);
        cell?.own(owned);
        signal?.addEventListener("abort", aborted);
        if (signal?.aborted) aborted();
      },
      credit: (count) => {
        if (isHere) this.#grant(id, count, address);
        else this.#send({ kind: "credit", id, to: owner, from: address, count });
      },
      drop: () => {
        if (isHere) this.#dropFrom(id, address);
        else this.#send({ kind: "drop", id, to: owner, from: address });
      },
      ended: () => {
        if (this.#readers.get(key) === reader) this.#readers.delete(key);
        current?.release(reader);
        cell?.disown(owned);
        signal?.removeEventListener("abort", aborted);
      },
    }, window);
    const owned = whenStopped(cell, (reason) => reader.giveUp(reason));
    return reader;
  }

  /** A frame about a stream has come. */
  receive(frame: CreditFrame | DropFrame | ItemsFrame | EndFrame): void {
    switch (frame.kind) {
      case "credit":
        return this.#grant(frame.id, frame.count, frame.from);
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

  /** A frame about a stream cannot be read or delivered: whoever waits for what it says is told. */
  refuse({ kind, id, to, from }: RawFrame, error: Error): void {
    const isUp = kind === "credit";
    const [producer, consumer] = isUp ? [to, from] : [from, to];
    this.#send({ kind: "end", id, to: consumer, from: producer, failed: true, error });
    if (!isUp) this.#send({ kind: "drop", id, to: producer, from: consumer });
  }

  /** Something is gone: what is read from there fails, what was read there is dropped. */
  lost(isGone: (pool: PoolAddress) => boolean, error: Error): void {
    for (const reader of [...this.#readers.values()]) {
      if (isGone(reader.owner)) reader.end(true, this.#options.codec.copy(error, "error"));
    }
    for (const { source } of [...this.#produced.values()]) {
      if (source.consumer !== undefined && isGone(source.consumer)) source.drop(error);
    }
  }

  /** The pool ends: nothing is produced or read any more. */
  stop(): void {
    const where = formatPool(this.#options.address);
    const error = new PoolLostError(`${where} is stopped, and its streams with it`, "stopped");
    for (const { source } of [...this.#produced.values()]) source.drop(error);
    for (const reader of [...this.#readers.values()]) reader.giveUp(error);
  }

  #open(iterator: StreamIterator, origin: StreamOrigin): RemoteStream<unknown> {
    const id = ++this.#lastId;
    const { address, deadlines, unreadMs = UNREAD_MS } = this.#options;
    const source = new StreamSource(id, iterator, origin);
    const lease = {
      expiresAt: deadlines.clock.now() + unreadMs,
      expired: () => source.drop(new Error(`Nobody read the stream in ${unreadMs} ms`)),
    };
    this.#produced.set(id, { source, lease });
    deadlines.add(lease);
    return new RemoteStream(address, id, this);
  }

  #close({ id }: StreamSource): void {
    const entry = this.#produced.get(id);
    if (entry === undefined) return;
    this.#produced.delete(id);
    this.#options.deadlines.remove(entry.lease);
  }

  #grant(id: number, count: number, from: PoolAddress): void {
    const entry = this.#produced.get(id);
    if (entry === undefined) {
      const error = new TypeError(`Stream ${id} is over, or nobody read it in time`);
      return this.#sinkOf(id, from).end(true, error);
    }
    const { source, lease } = entry;
    const { consumer } = source;
    if (consumer === undefined) {
      this.#options.deadlines.remove(lease);
      source.grant(this.#sinkOf(id, from), count);
    } else if (samePool(consumer, from)) source.grantMore(count);
    else this.#sinkOf(id, from).end(true, readTwice(consumer));
  }

  /** Only its consumer may drop it; before there is one, whoever got it. */
  #dropFrom(id: number, from: PoolAddress): void {
    const source = this.#produced.get(id)?.source;
    if (source === undefined) return;
    if (source.consumer !== undefined && !samePool(source.consumer, from)) return;
    source.drop(new DOMException("The consumer of the stream has left", "AbortError"));
  }

  #sinkOf(id: number, to: PoolAddress): StreamSink {
    const { address: from, codec, router } = this.#options;
    if (!samePool(to, from)) {
      return {
        consumer: to,
        items: (values) => router.send({ kind: "items", id, to, from, values }),
        end: (failed, error) => this.#send({ kind: "end", id, to, from, failed, error }),
      };
    }
    const key = keyOf(from, id);
    return {
      consumer: to,
      items: (values) => this.#readers.get(key)?.take(codec.copy(values, "items")),
      end: (failed, error) => this.#readers.get(key)?.end(failed, error),
    };
  }

  /** The other side may be gone; whoever waits for it is told by that. */
  #send(frame: CreditFrame | DropFrame | EndFrame): void {
    if (samePool(frame.to, this.#options.address)) return this.receive(frame);
    try {
      this.#options.router.send(frame);
    } catch (error) {
      if (frame.kind !== "credit") return;
      this.#readers.get(keyOf(frame.to, frame.id))?.end(true, error);
    }
  }
}

/** What ends with an actor, but not before: a message that runs while it is being stopped still needs it. */
function whenStopped(cell: MessageCell | null, end: (reason: Error) => void): Timer {
  return {
    cancel() {
      if (cell?.isStopped) {
        end(new ActorStoppedError("The actor has stopped, and its streams with it"));
      }
    },
    [Symbol.dispose]() {},
  };
}

function readTwice(reader: PoolAddress): TypeError {
  return new TypeError(`A stream can be read once, and ${formatPool(reader)} reads it`);
}

function keyOf({ host, pool }: PoolAddress, id: number): string {
  return `${host}/${pool}/${id}`;
}
