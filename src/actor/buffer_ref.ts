import { formatPool, type PoolAddress, samePool } from "../core/address.ts";
import type { CodecExtension } from "../core/values.ts";
import type { CallOptions } from "./message.ts";

/**
 * What takes bytes one after another, such as a `Deno.FsFile`. Not a `WritableStream`: that of a file
 * resolves before the bytes are in it, and hides that they never will be.
 */
export interface ByteWriter {
  /** Resolves when so many of the bytes are in place: from the first on, and at least one. */
  write(bytes: Uint8Array): Promise<number>;
}

/** What a {@linkcode BufferRef} is made of: memory, or a file. */
export type BufferTarget = ArrayBufferLike | ArrayBufferView | ByteWriter;

/** Where `copyTo` takes bytes from: memory, or a stream that gives bytes, such as a file's. */
export type CopySource = ArrayBufferLike | ArrayBufferView | ReadableStream<Uint8Array>;

/** What `copyTo` may be told. */
export interface CopyOptions extends Pick<CallOptions, "signal" | "timeoutMs"> {
  /**
   * The byte of the target at which to begin; of several targets, of each. A file has only its end.
   * @default 0
   */
  offset?: number;
}

/** Which buffer it is. */
export interface BufferName {
  /** The pool whose memory it is. */
  readonly owner: PoolAddress;
  /** Its number there: random, so that it is nobody else's after a restart. */
  readonly id: number;
}

/** What a BufferRef says. */
export interface BufferRefData extends BufferName {
  /** How many bytes it has room for; `Infinity` of a file. */
  readonly byteLength: number;
}

/** What a ref needs from the pool it is in. */
export interface BufferHost {
  /** Nothing may be written there any more. */
  free(ref: BufferName): void;
}

/**
 * A place for bytes in one pool, which every pool of every host can write to by `copyTo`. Plain data
 * that travels in messages. What it is made of is kept until `dispose()`, or until the actor that made it ends.
 *
 * @example
 * ```ts
 * import { Actor, actor, type BufferRef, startHost } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * export class Painter extends Actor {
 *   async paint(target: BufferRef, row: number): Promise<void> {
 *     await this.context.copyTo(new Uint8Array(4).fill(row), target, { offset: row * 4 });
 *   }
 * }
 *
 * await using host = await startHost({ pools: [] });
 * const painter = await host.createActor(Painter, []);
 * const image = new Uint8Array(8);
 * using target = host.bufferRef(image);
 * await painter.paint(target, 1);
 * console.log(image); // 0, 0, 0, 0, 1, 1, 1, 1
 * ```
 */
export class BufferRef implements BufferRefData, Disposable {
  /** The pool whose memory it is. */
  readonly owner: PoolAddress;
  /** Its number there. */
  readonly id: number;
  /** How many bytes it has room for; `Infinity` of a file. */
  readonly byteLength: number;
  readonly #host: BufferHost;

  /** Made by `bufferRef`, and by messages that bring one. */
  constructor(data: BufferRefData, host: BufferHost) {
    this.owner = data.owner;
    this.id = data.id;
    this.byteLength = data.byteLength;
    this.#host = host;
  }

  /** Whether it is in that pool. */
  isIn(pool: PoolAddress): boolean {
    return samePool(this.owner, pool);
  }

  /**
   * Ends it, for every holder: copies to it reject with `BufferNotFoundError`, and the runtime no
   * longer keeps the memory or file, which stay their owner's.
   */
  dispose(): void {
    this.#host.free(this);
  }

  /** The same as {@linkcode dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** A buffer for people: `buffer 1f0c9a in pool 2 of host 00f3a91b22c4`. */
export function formatBuffer({ owner, id }: BufferName): string {
  return `buffer ${id.toString(16)} in ${formatPool(owner)}`;
}

/** How BufferRefs travel: never their bytes. */
export function bufferRefExtension(host: () => BufferHost): CodecExtension<BufferRef> {
  return {
    tag: "buffer",
    match: (value): value is BufferRef => value instanceof BufferRef,
    toWire({ owner, id, byteLength }) {
      return [owner.host, owner.pool, id, byteLength === Infinity ? null : byteLength];
    },
    fromWire(data) {
      if (!Array.isArray(data) || data.length !== 4) {
        throw new TypeError("a BufferRef has 4 fields");
      }
      const [atHost, pool, id, length] = data;
      const byteLength = length === null ? Infinity : length;
      const isLength = byteLength === Infinity ||
        (Number.isSafeInteger(byteLength) && byteLength >= 0);
      if (![atHost, pool, id].every(Number.isSafeInteger) || !isLength) {
        throw new TypeError("a BufferRef is [host, pool, id, bytes or nil]");
      }
      return new BufferRef({ owner: { host: atHost, pool }, id, byteLength }, host());
    },
  };
}
