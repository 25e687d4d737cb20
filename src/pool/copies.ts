import type { PoolAddress } from "../core/address.ts";
import { ActorNotFoundError } from "../core/errors.ts";
import { NotSerializableError } from "../core/message_errors.ts";
import { isSharedMemory } from "../core/shared_memory.ts";
import { transfer } from "../core/transfer.ts";
import { BufferRef, type CopyOptions, type CopySource, formatBuffer } from "../actor/buffer_ref.ts";
import type { CallOptions } from "../actor/message.ts";
import type { Caller } from "../actor/ref_method.ts";
import type { StreamHost } from "../actor/remote_stream.ts";
import {
  bufferNotFound,
  type Buffers,
  bufferServiceOf,
  bytesOf,
  CHUNK_BYTES,
  CHUNKS,
} from "./buffers.ts";

/** Bytes that one `copyTo` of many buffers has on their way at a time; a larger one goes alone. */
const FLIGHT_BYTES = 4 * CHUNKS * CHUNK_BYTES;

/** What copies need of the pool that makes them. */
export interface CopyPool extends Pick<Caller, "call"> {
  readonly address: PoolAddress;
  readonly buffers: Buffers;
  readonly streams: StreamHost;
}

/** One source and where it goes. */
interface Copy {
  readonly source: Memory | ReadableStream<Uint8Array>;
  readonly target: BufferRef;
  readonly offset: number;
  readonly call: CallOptions;
}

/** Memory as it was when its copy was asked for: it may be moved away before all of it has gone. */
class Memory {
  readonly length: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.length = bytes.length;
    this.#bytes = bytes;
  }

  /** Whether other pools of the same host may see the memory itself. */
  get isShared(): boolean {
    return isSharedMemory(this.#bytes.buffer);
  }

  /** @throws {TypeError} if it was moved away, or has shrunk. */
  part(start: number, end: number): Uint8Array {
    if (this.#bytes.length === this.length) return this.#bytes.subarray(start, end);
    throw new TypeError("The memory of the source was moved away while it was copied");
  }
}

/** See `ActorSystem.copyTo`. */
export async function copyTo(
  pool: CopyPool,
  sources: CopySource | readonly CopySource[],
  targets: BufferRef | readonly BufferRef[],
  options: CopyOptions = {},
): Promise<void> {
  const { signal } = options;
  signal?.throwIfAborted();
  if (!Array.isArray(sources) && !Array.isArray(targets)) {
    return await run(pool, check(sources, targets, options, ""));
  }
  const copies = pairs(sources, targets).map(([source, target], i) =>
    check(source, target, options, `s[${i}]`)
  );
  const failures = await runAll(pool, copies);
  if (failures.size === 0) return;
  signal?.throwIfAborted();
  throw aggregate(copies, failures);
}

function pairs(sources: unknown, targets: unknown): [unknown, unknown][] {
  if (!Array.isArray(sources) || !Array.isArray(targets) || sources.length !== targets.length) {
    const [from, to] = [sources, targets].map((one) => Array.isArray(one) ? one.length : "no list");
    throw new TypeError(`copyTo takes as many targets as sources, got ${from} and ${to}`);
  }
  return sources.map((source, i) => [source, targets[i]]);
}

/** What can be known before anything is sent. */
function check(source: unknown, target: unknown, options: CopyOptions, which: string): Copy {
  const { offset = 0, signal, timeoutMs } = options;
  if (!(target instanceof BufferRef)) {
    throw new TypeError(`target${which} of copyTo is no BufferRef but ${nameOf(target)}`);
  }
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new RangeError(`offset is a whole number of bytes from 0 up, got ${offset}`);
  }
  if (offset > 0 && target.byteLength === Infinity) {
    throw new RangeError(`target${which} is a file, which has no offsets but its end`);
  }
  const call = {
    ...(signal === undefined ? {} : { signal }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
  if (source instanceof ReadableStream) {
    if (source.locked) throw new TypeError(`source${which} is a stream that somebody else reads`);
    return { source, target, offset, call };
  }
  const bytes = bytesOf(source, `source${which}`);
  if (bytes === undefined) {
    throw new TypeError(
      `source${which} of copyTo is no ArrayBuffer, view or ReadableStream but ${nameOf(source)}`,
    );
  }
  if (offset + bytes.length > target.byteLength) {
    throw new RangeError(
      `Cannot copy ${bytes.length} bytes of source${which} to ${offset} of ${
        formatBuffer(target)
      }, which has ${target.byteLength} bytes`,
    );
  }
  return { source: new Memory(bytes), target, offset, call };
}

/** Runs many, so many bytes of them at a time; returns what has failed. */
async function runAll(pool: CopyPool, copies: readonly Copy[]): Promise<Map<Copy, unknown>> {
  const failures = new Map<Copy, unknown>();
  const running = new Set<Promise<void>>();
  let flying = 0;
  for (const copy of copies) {
    const bytes = flightOf(copy);
    while (running.size > 0 && flying + bytes > FLIGHT_BYTES) await Promise.race(running);
    flying += bytes;
    const done: Promise<void> = run(pool, copy)
      .catch((error) => void failures.set(copy, error))
      .finally(() => {
        flying -= bytes;
        running.delete(done);
      });
    running.add(done);
  }
  await Promise.all(running);
  return failures;
}

function flightOf({ source }: Copy): number {
  const most = CHUNKS * CHUNK_BYTES;
  return source instanceof Memory ? Math.min(source.length, most) : most;
}

async function run(pool: CopyPool, copy: Copy): Promise<void> {
  const { source, target, offset } = copy;
  if (!(source instanceof Memory)) return await runStream(pool, copy, source);
  const { length } = source;
  if (target.byteLength !== Infinity && target.isIn(pool.address)) {
    return pool.buffers.put(target.id, offset, source.part(0, length));
  }
  if (!source.isShared) return await sendMemory(pool, copy, source, false);
  if (target.owner.host !== pool.address.host) return await sendMemory(pool, copy, source, true);
  // Shared memory goes as it is as far as it can, and is copied once, by its receiver.
  try {
    await sendMemory(pool, copy, source, false);
  } catch (error) {
    if (!(error instanceof NotSerializableError)) throw error;
    // The pool is in another process, and its first part did not get there.
    await sendMemory(pool, copy, source, true);
  }
}

async function sendMemory(
  pool: CopyPool,
  copy: Copy,
  source: Memory,
  mustCopy: boolean,
): Promise<void> {
  const { length } = source;
  const take = (start: number, end: number) => {
    const part = source.part(start, end);
    return mustCopy ? part.slice() : part;
  };
  if (length <= CHUNK_BYTES) return await send(pool, copy, take(0, length));
  await sendChunks(pool, copy, chunksOf(length, take));
}

/** Copies what a stream gives, until its end; if that fails, the stream is told. */
async function runStream(
  pool: CopyPool,
  copy: Copy,
  source: ReadableStream<Uint8Array>,
): Promise<void> {
  const reader = source.getReader();
  let fault: { readonly error: unknown } | undefined;
  const chunks = gather(reader, (error) => fault = { error });
  try {
    await sendChunks(pool, copy, chunks);
  } catch (error) {
    // Ends a read that waits, too. What the stream has to say of its end is nobody's.
    reader.cancel(error).catch(() => {});
    // What was wrong with the source has been there and back.
    throw fault === undefined ? error : fault.error;
  }
}

async function sendChunks(
  pool: CopyPool,
  copy: Copy,
  chunks: AsyncGenerator<Uint8Array>,
): Promise<void> {
  const stream = pool.streams.offer(chunks);
  try {
    await send(pool, copy, stream);
  } catch (error) {
    // Perhaps nobody has begun to read it.
    stream.drop();
    throw error;
  }
}

async function send(pool: CopyPool, { target, offset, call }: Copy, data: unknown): Promise<void> {
  try {
    await pool.call(bufferServiceOf(target.owner), "write", [target.id, offset, data], call);
  } catch (error) {
    // A pool that was started again knows of none.
    throw error instanceof ActorNotFoundError ? bufferNotFound(target) : error;
  }
}

async function* chunksOf(
  length: number,
  take: (start: number, end: number) => Uint8Array,
): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < length; start += CHUNK_BYTES) {
    yield take(start, Math.min(length, start + CHUNK_BYTES));
  }
}

/** What a stream gives in pieces of any size, in pieces of one size. */
async function* gather(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  failed: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  let chunk = new Uint8Array(CHUNK_BYTES);
  let filled = 0;
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      const piece: unknown = step.value;
      if (!(piece instanceof Uint8Array)) {
        throw new TypeError(`The source gave no Uint8Array but ${nameOf(piece)}`);
      }
      for (let at = 0; at < piece.length;) {
        const some = piece.subarray(at, at + CHUNK_BYTES - filled);
        chunk.set(some, filled);
        at += some.length;
        filled += some.length;
        if (filled < CHUNK_BYTES) continue;
        yield transfer(chunk);
        chunk = new Uint8Array(CHUNK_BYTES);
        filled = 0;
      }
    }
  } catch (error) {
    failed(error);
    throw error;
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}

function nameOf(value: unknown): string {
  return typeof value === "object" ? Object.prototype.toString.call(value) : `a ${typeof value}`;
}

function aggregate(
  copies: readonly Copy[],
  failures: ReadonlyMap<Copy, unknown>,
): AggregateError {
  const failed = copies.flatMap((copy, i) => failures.has(copy) ? [i] : []);
  const lines = failed.map((i) => {
    const { target } = copies[i]!;
    const error = failures.get(copies[i]!);
    return `\n  targets[${i}], ${formatBuffer(target)}: ${error}`;
  });
  const message = `${failed.length} of ${copies.length} copies failed:${lines.join("")}`;
  return new AggregateError(failed.map((i) => failures.get(copies[i]!)), message);
}
