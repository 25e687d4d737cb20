import { type ActorAddress, type PoolAddress, samePool } from "../core/address.ts";
import { KernelArgumentError } from "../core/gpu_errors.ts";
import { ProtocolError } from "../core/host_errors.ts";
import { MOVED } from "../core/transfer.ts";
import type { CodecExtension } from "../core/values.ts";
import type { Caller } from "./ref_method.ts";
import { dropStream, dropStreams, RemoteStream } from "./remote_stream.ts";

/** The numbers of a DeviceRef; `bytes` are structs or atomics, as they lie in memory. */
export type DeviceRefType = "f32" | "f16" | "i32" | "u32" | "bytes";

/** The array that reading a DeviceRef gives. */
export type DeviceArray =
  | Float32Array<ArrayBuffer>
  | Float16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/**
 * What becomes of a ref. `held`: what its holders do. `moved`: the kernel that gets it uses its memory
 * up. `made` by a method for its caller, and `answered` to it: nobody else knows of it, so that it is
 * disposed of if the caller has given up. `disposed`: it is of no use, wherever it goes.
 */
export type DeviceRefState = "held" | "moved" | "made" | "answered" | "disposed";

/** Which data on which device: what travels. */
export interface DeviceRefData {
  /** The actor that made it and keeps it. */
  readonly owner: ActorAddress;
  /** Its number in the owner's pool. No other ever has it. */
  readonly id: number;
  /** What the numbers are. */
  readonly dtype: DeviceRefType;
  /** Numbers, in the units of `dtype`. */
  readonly length: number;
  /** What becomes of it. @default "held" */
  readonly state?: DeviceRefState;
}

/** How deep an answer is looked into: what a kernel answers, in the list of a batch. */
const ANSWER_DEPTH = 3;

/**
 * Nobody has a use for what a method has returned: its streams end, and refs that were made for its
 * caller are disposed of.
 *
 * @param state `made`: it is where it was made. `answered`: it has come from there.
 */
export function dropResult(value: unknown, state: "made" | "answered"): void {
  if (typeof value !== "object" || value === null) return;
  // Where it was made it has no other: what is inside becomes a stream when it is sent.
  if (state === "made") dropStream(value);
  else dropStreams(value);
  dropRefs(value, state, 0);
}

function dropRefs(value: unknown, state: DeviceRefState, depth: number): void {
  if (value instanceof DeviceRef) {
    if (value.state === state) value.dispose();
  } else if (depth < ANSWER_DEPTH && (Array.isArray(value) || isPlain(value))) {
    for (const part of Object.values(value)) dropRefs(part, state, depth + 1);
  }
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}

/** Bytes of one number. */
const NUMBER_BYTES: Readonly<Record<DeviceRefType, number>> = {
  f32: 4,
  f16: 2,
  i32: 4,
  u32: 4,
  bytes: 1,
};

/** The uid of the actor that keeps what is brought to the device of a pool. */
export function deviceServiceUid({ pool }: PoolAddress): string {
  return `dramatis:device/${pool}`;
}

/** Bytes of a piece: enough that what a piece costs is nothing beside them. */
export const PIECE_BYTES: number = 16 * 1024 * 1024;

/** Pieces under way: one is read from the device while another is used. */
const PIECES = 2;

/**
 * An array that stays on the device that computed it: plain data that travels in messages. A kernel in
 * the same pool takes it without a copy; one elsewhere fetches it by itself. Its content never changes.
 *
 * The memory is counted by its owner, and one ref is one count, however many copies of the ref there
 * are. It is freed by the first `dispose()` of any of them, when it is moved into a kernel by
 * `transfer(ref)`, when the actor that keeps it ends, and when the actor ends whose call made it, or its
 * pool or host is lost, wherever it was passed on to. Who needs it for longer takes a count of its own:
 * `slice()`. Used after that, it is an error.
 *
 * What is disposed of in one turn of the event loop is told to its owner in one message, at the end of the
 * turn. The ref itself, and where it is passed to, know at once: to use it then is an error in any case. A
 * copy that had come with another message may still find the data in that turn.
 *
 * @example
 * ```ts
 * import { device, startHost, transfer, workerPool } from "@dramatis/dramatis";
 * import { kernel } from "@dramatis/dramatis/gpu";
 *
 * export const increment = kernel<{ y: Float32Array }>(import.meta, "increment", {
 *   wgsl: `
 *     @group(0) @binding(0) var<storage, read_write> y: array<f32>;
 *     @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3u) {
 *       if (g.x < arrayLength(&y)) { y[g.x] += 1; }
 *     }`,
 *   cpu: ({ y }) => y.forEach((value, i) => y[i] = value + 1),
 * });
 *
 * if (import.meta.main) {
 *   await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 *   const place = device({ prefer: "gpu", fallback: "cpu" });
 *   const actor = await host.createActor(increment, [], { place });
 *   let { y } = await actor.run({ y: new Float32Array(4) });
 *   for (let i = 0; i < 9; i++) ({ y } = await actor.run({ y: transfer(y) })); // in place
 *   using tail = await y.slice(3);
 *   y.dispose();
 *   console.log(await tail.read()); // Float32Array [ 10 ]
 * }
 * ```
 */
export class DeviceRef<T extends DeviceArray = DeviceArray> implements Disposable {
  /** The actor that made it and keeps it. */
  readonly owner: ActorAddress;
  /** Its number in the owner's pool. */
  readonly id: number;
  /** What the numbers are. */
  readonly dtype: DeviceRefType;
  /** Numbers, in the units of `dtype`. */
  readonly length: number;
  #state: DeviceRefState;
  readonly #caller: Caller;

  /** Made by kernels and by messages that bring one. */
  constructor(data: DeviceRefData, caller: Caller) {
    this.owner = data.owner;
    this.id = data.id;
    this.dtype = data.dtype;
    this.length = data.length;
    this.#state = data.state ?? "held";
    this.#caller = caller;
  }

  /** What becomes of it. */
  get state(): DeviceRefState {
    return this.#state;
  }

  /** Numbers along each axis. */
  get shape(): readonly number[] {
    return [this.length];
  }

  /** Bytes of the data. */
  get byteLength(): number {
    return this.length * NUMBER_BYTES[this.dtype];
  }

  /** Whether it lives in that pool. */
  isIn(pool: PoolAddress): boolean {
    return samePool(this.owner, pool);
  }

  /**
   * Copies the data, or its numbers from `start` to before `end`, to this pool's memory. The ref stays
   * valid.
   *
   * @throws {RangeError} if they are not within the data, or do not start at a multiple of 4 bytes.
   * @throws {GpuDeviceLostError} if the device was lost.
   * @throws {KernelArgumentError} if it was disposed of or moved.
   * @throws {ActorNotFoundError} if the actor that made it is gone.
   */
  async read(start = 0, end: number = this.length): Promise<T> {
    this.#check("read", start, end);
    return await this.#ask("device:read", start, end) as T;
  }

  /**
   * Reads the data piece by piece: for what is too large to be held twice. The ref stays valid, and
   * once the first piece has come, disposing of it does not end the others.
   *
   * @param bytes Of a piece, a multiple of 4; the last may be shorter.
   * @throws {RangeError} if `bytes` is none.
   * @throws As {@linkcode read} does.
   */
  async *pieces(bytes: number = PIECE_BYTES): AsyncGenerator<T, void> {
    const stream = await this.#ask("device:pieces", bytes);
    if (!(stream instanceof RemoteStream)) throw new ProtocolError("device:pieces is no stream");
    stream.reading = { window: PIECES };
    yield* stream as AsyncIterable<T>;
  }

  /**
   * A ref to the numbers from `start` to before `end`, or to all of them. It is a view on the same
   * memory, which costs nothing, but holds it as a whole until it is disposed of itself.
   *
   * @throws As {@linkcode read} does.
   */
  async slice(start = 0, end: number = this.length): Promise<DeviceRef<T>> {
    this.#check("slice", start, end);
    return await this.#ask("device:slice", start, end) as DeviceRef<T>;
  }

  /**
   * Copies the data to the device of another gpu pool, of this host or of another one: pieces of it are
   * read, on their way and written at the same time. The ref stays valid; the new one is kept by its pool.
   *
   * @param pool As `host.poolOf(actor)` and `host.pools()` describe it.
   * @throws {ActorNotFoundError} if that is no gpu pool.
   * @throws {GpuOutOfMemoryError} if its device has no memory for it.
   * @throws As {@linkcode read} does.
   */
  async to(pool: PoolAddress): Promise<DeviceRef<T>> {
    this.#checkState();
    const { host, pool: number } = pool;
    const service = { host, pool: number, uid: deviceServiceUid(pool), generation: 1 };
    return await this.#caller.call(service, "bring", [this]) as DeviceRef<T>;
  }

  /** Gives its count back. What is gone already, or with its actor, needs no freeing. */
  dispose(): void {
    if (this.#state === "disposed") return;
    this.#state = "disposed";
    this.#caller.free(this.owner, this.id);
  }

  /** The same as {@linkcode dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** What `transfer(ref)` gives. */
  get [MOVED](): DeviceRef<T> {
    return this.as("moved");
  }

  /** The same in another state; what is disposed of stays so. */
  as(state: DeviceRefState): DeviceRef<T> {
    if (this.#state === "disposed") return this;
    const { owner, id, dtype, length } = this;
    return new DeviceRef<T>({ owner, id, dtype, length, state }, this.#caller);
  }

  async #ask(method: string, ...args: unknown[]): Promise<unknown> {
    this.#checkState();
    return await this.#caller.call(this.owner, method, [this.id, ...args]);
  }

  #checkState(): void {
    if (this.#state !== "disposed") return;
    throw new KernelArgumentError(`DeviceRef ${this.id} was disposed of`);
  }

  #check(what: string, start: number, end: number): void {
    const isWhole = Number.isSafeInteger(start) && Number.isSafeInteger(end);
    const isInside = isWhole && start >= 0 && end >= start && end <= this.length;
    const isAligned = start * NUMBER_BYTES[this.dtype] % 4 === 0;
    if (isInside && isAligned) return;
    const why = isInside ? ": the start must be a multiple of 4 bytes" : "";
    const data = `a DeviceRef of ${this.length} ${this.dtype}`;
    throw new RangeError(`cannot ${what} ${start} to ${end} of ${data}${why}`);
  }
}

const TYPES: ReadonlySet<unknown> = new Set(Object.keys(NUMBER_BYTES));

/** In which state a ref arrives. */
const ARRIVES = {
  held: "held",
  moved: "moved",
  made: "answered",
  answered: "held",
  disposed: "disposed",
} as const satisfies Record<DeviceRefState, DeviceRefState>;

const STATES: ReadonlySet<unknown> = new Set(Object.values(ARRIVES));

/** How DeviceRefs travel: never their data. */
export function deviceRefExtension(caller: () => Caller): CodecExtension<DeviceRef> {
  return {
    tag: "device",
    match: (value): value is DeviceRef => value instanceof DeviceRef,
    toWire({ owner, id, dtype, length, state }) {
      const { host, pool, uid, generation } = owner;
      const data = [host, pool, uid, generation, id, dtype, length];
      const arrives = ARRIVES[state];
      return arrives === "held" ? data : [...data, arrives];
    },
    fromWire(data) {
      if (!Array.isArray(data) || data.length < 7 || data.length > 8) {
        throw new TypeError("a DeviceRef has 7 or 8 fields");
      }
      const [host, pool, uid, generation, id, dtype, length, state = "held"] = data;
      const numbers = [host, pool, generation, id, length];
      const isRight = numbers.every(Number.isSafeInteger) && typeof uid === "string" &&
        TYPES.has(dtype) && STATES.has(state);
      if (!isRight) {
        throw new TypeError(
          "a DeviceRef is [host, pool, uid, generation, id, dtype, length, state?]",
        );
      }
      const owner = { host, pool, uid, generation };
      return new DeviceRef({ owner, id, dtype, length, state }, caller());
    },
    copy(ref) {
      const arrives = ARRIVES[ref.state];
      return arrives === ref.state ? ref : ref.as(arrives);
    },
  };
}
