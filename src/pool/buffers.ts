import { type ActorAddress, type PoolAddress, samePool } from "../core/address.ts";
import { BufferNotFoundError } from "../core/message_errors.ts";
import { isSharedMemory } from "../core/shared_memory.ts";
import { type Actor, StatelessActor } from "../actor/actor.ts";
import { type ActorType, callableMethods } from "../actor/actor_type.ts";
import {
  type BufferHost,
  type BufferName,
  BufferRef,
  type BufferTarget,
  type ByteWriter,
  formatBuffer,
} from "../actor/buffer_ref.ts";
import { UNLIMITED } from "../actor/message.ts";
import type { Caller } from "../actor/ref_method.ts";
import { RemoteStream } from "../actor/remote_stream.ts";
import type { Scopes } from "../actor/scopes.ts";
import { type BufferSlot, FileSlot, MemorySlot } from "./buffer_slots.ts";
import { RESERVED_PREFIX } from "./host_service.ts";

/** Bytes of a copy that travel in one piece: enough that what a piece costs is nothing beside them. */
export const CHUNK_BYTES: number = 2 ** 20;

/**
 * Pieces of one copy that are on their way or wait to be put in place: half of them travel while the others
 * are put there. More were not faster, but kept other messages waiting.
 */
export const CHUNKS = 4;

/** What the buffers of a pool need from it. */
export interface BufferPool extends Pick<Caller, "call"> {
  readonly address: PoolAddress;
  readonly scopes: Scopes;
  adopt(actor: Actor, type: ActorType, uid: string): Promise<void>;
}

/** Where copies to the buffers of a pool are sent. No two pools of a host have the same uid: a message is never for another's. */
export function bufferServiceOf({ host, pool }: PoolAddress): ActorAddress {
  return { host, pool, uid: `${RESERVED_PREFIX}buffers/${pool}`, generation: 1 };
}

interface Entry {
  readonly slot: BufferSlot;
  /** It is freed without its actor. */
  readonly left: () => void;
}

/** The buffers of a pool that refs lead to. */
export class Buffers implements BufferHost {
  readonly #pool: BufferPool;
  readonly #entries = new Map<number, Entry>();
  #isServed = false;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  /**
   * A ref to memory or a file of this pool, which is kept until the ref is disposed of or the actor that asks ends.
   *
   * @throws {TypeError} if it is neither, or if the memory was moved away.
   */
  ref(target: BufferTarget): BufferRef {
    const id = newId();
    const slot = slotOf(target, formatBuffer({ owner: this.#pool.address, id }));
    const owner = this.#pool.scopes.cell;
    const timer = {
      // While its actor is being stopped, it may still be needed.
      cancel: () => void (owner?.isStopped && this.#free(id)),
      [Symbol.dispose]() {},
    };
    this.#entries.set(id, { slot, left: () => owner?.disown(timer) });
    owner?.own(timer);
    this.#serve();
    return new BufferRef({ owner: this.#pool.address, id, byteLength: slot.byteLength }, this);
  }

  /** {@linkcode BufferHost.free} */
  free({ owner, id }: BufferName): void {
    if (samePool(owner, this.#pool.address)) return this.#free(id);
    // What is gone already needs no freeing.
    this.#pool.call(bufferServiceOf(owner), "free", [id], UNLIMITED).catch(() => {});
  }

  /** Puts the bytes of one copy in place. */
  async write(id: number, offset: number, source: unknown, signal: AbortSignal): Promise<void> {
    const put = (at: number, bytes: unknown) => {
      // Looked up again and again: the ref may end, or the copy be given up, at any time.
      const slot = this.#slot(id);
      signal.throwIfAborted();
      if (!(bytes instanceof Uint8Array)) throw new TypeError("A copy brings bytes, nothing else");
      return slot.put(at, bytes);
    };
    const slot = this.#slot(id);
    if (!(source instanceof RemoteStream)) return await slot.turn(() => put(offset, source));
    source.reading = { window: CHUNKS };
    const chunks = source[Symbol.asyncIterator]();
    try {
      // Before its turn: a stream that nobody reads is dropped after a while.
      const first = chunks.next();
      first.catch(() => {});
      await slot.turn(async () => {
        let at = offset;
        for (let step = await first; !step.done; step = await chunks.next()) {
          await put(at, step.value);
          at += step.value.length;
        }
      });
    } finally {
      await chunks.return?.();
    }
  }

  /** The same for bytes of this very pool: they are put in place at once. */
  put(id: number, offset: number, bytes: Uint8Array): void | Promise<void> {
    return this.#slot(id).put(offset, bytes);
  }

  #slot(id: number): BufferSlot {
    const entry = this.#entries.get(id);
    if (entry !== undefined) return entry.slot;
    throw bufferNotFound({ owner: this.#pool.address, id });
  }

  #free(id: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    entry.left();
  }

  /** A pool that has no buffers has no actor for them. */
  #serve(): void {
    if (this.#isServed) return;
    this.#isServed = true;
    const { uid } = bufferServiceOf(this.#pool.address);
    void this.#pool.adopt(new BufferActor(this), BUFFER_ACTOR_TYPE, uid);
  }
}

/** Nobody can guess it, and no other buffer ever has it. */
function newId(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high! >>> 11) * 2 ** 32 + low!;
}

/** What a copy gets whose target has ended. */
export function bufferNotFound(ref: BufferName): BufferNotFoundError {
  return new BufferNotFoundError(
    `There is no ${formatBuffer(ref)} any more: its ref was disposed of, or its actor has ended`,
  );
}

/**
 * The bytes of memory; `undefined` if a value is none.
 *
 * @param what The value's name, for people.
 * @throws {TypeError} if they were moved away.
 */
export function bytesOf(value: unknown, what: string): Uint8Array | undefined {
  const isView = ArrayBuffer.isView(value);
  const buffer = isView ? value.buffer : value;
  if (!(buffer instanceof ArrayBuffer || isSharedMemory(buffer))) return undefined;
  if (buffer instanceof ArrayBuffer && buffer.detached) {
    throw new TypeError(`The memory of ${what} was moved away`);
  }
  return isView
    ? new Uint8Array(buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(buffer);
}

function slotOf(target: BufferTarget, name: string): BufferSlot {
  const bytes = bytesOf(target, "the target");
  if (bytes !== undefined) return new MemorySlot(name, bytes);
  if (typeof (target as Partial<ByteWriter> | null)?.write === "function") {
    return new FileSlot(target as ByteWriter);
  }
  throw new TypeError(
    `bufferRef takes an ArrayBuffer, a view or a file with write(bytes), got ${
      Object.prototype.toString.call(target)
    }`,
  );
}

/** The buffers of a pool as an actor: how other pools reach them. */
class BufferActor extends StatelessActor {
  readonly #buffers: Buffers;

  constructor(buffers: Buffers) {
    super();
    this.#buffers = buffers;
  }

  async write(id: number, offset: number, source: unknown): Promise<void> {
    await this.#buffers.write(id, offset, source, this.context.signal);
  }

  free(id: number): void {
    this.#buffers.free({ owner: this.context.address, id });
  }
}

/** Not made by name: each pool makes its only one. */
const BUFFER_ACTOR_TYPE: ActorType = {
  name: { module: "dramatis:", export: "BufferActor", name: "BufferActor", version: "" },
  home: "cpu",
  // How long a copy takes is up to its source.
  slowCallMs: Infinity,
  methods: callableMethods(BufferActor as never),
  create: () => {
    throw new TypeError("A pool has one BufferActor");
  },
};
