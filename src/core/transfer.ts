/** Marks on values: what is moved and what is passed by reference instead of being copied. */

/** A buffer, or a view on one, that is moved. Made by {@linkcode transfer}; seen by the codec only. */
export class Transferred {
  constructor(readonly value: ArrayBuffer | ArrayBufferView<ArrayBuffer>) {}
}

/** The key of what an object that is no memory, but can be moved all the same, is as a moved one. */
export const MOVED: unique symbol = Symbol.for("dramatis.moved") as never;

/** A value that is passed by reference in the same pool. Made by {@linkcode share}; seen by the codec only. */
export class Shared {
  constructor(readonly value: unknown) {}
}

/** What a value is, for a message. */
function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return `a ${typeof value}`;
  return Object.prototype.toString.call(value).slice(8, -1);
}

/**
 * Marks an ArrayBuffer, a typed array or a DataView to be moved: the receiver gets its memory, and
 * the sender's buffer is detached once the message has been encoded. Within a process nothing is
 * copied; between hosts the bytes are sent and the sender's buffer is detached all the same.
 *
 * A view moves its whole buffer and keeps its offset. A buffer that cannot be detached (the memory
 * of a WebAssembly module) is copied. The mark may stand anywhere inside the arguments or result.
 *
 * A DeviceRef is moved to the kernel that gets it, which may then write its memory in place of a copy.
 *
 * @throws {TypeError} if the value has no ArrayBuffer that could be moved.
 *
 * @example
 * ```ts
 * import { Actor, actor, startHost, transfer } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * export class Sink extends Actor {
 *   take(bytes: Uint8Array): number {
 *     return bytes.byteLength;
 *   }
 * }
 *
 * await using host = await startHost({ pools: [] });
 * const sink = await host.createActor(Sink, []);
 * const bytes = new Uint8Array(1 << 20);
 * await sink.take(transfer(bytes));
 * console.log(bytes.byteLength); // 0: its memory is the sink's
 * ```
 */
export function transfer<T>(value: T): T {
  if (typeof value === "object" && value !== null && MOVED in value) return value[MOVED] as T;
  const buffer = ArrayBuffer.isView(value) ? value.buffer : value;
  if (!(buffer instanceof ArrayBuffer)) {
    const what = ArrayBuffer.isView(value)
      ? `a ${nameOf(value)} on a ${nameOf(buffer)}`
      : nameOf(value);
    throw new TypeError(
      `Cannot transfer ${what}: only an ArrayBuffer, or a typed array or DataView on one, can be moved`,
    );
  }
  return new Transferred(value as ArrayBuffer) as T;
}

/**
 * Marks a value to be passed by reference to an actor in the same pool: both then hold the same
 * object. On its way to any other pool it is copied as if it had no mark. A SharedArrayBuffer is
 * shared with every pool of the same host, with or without it.
 *
 * @example
 * ```ts
 * import { Actor, actor, share, startHost } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * export class Settings extends Actor {
 *   readonly #values = new Map<string, number>([["speed", 3]]);
 *   all(): Map<string, number> {
 *     return share(this.#values);
 *   }
 * }
 *
 * await using host = await startHost({ pools: [] });
 * const settings = await host.createActor(Settings, []);
 * console.log(await settings.all() === await settings.all()); // true
 * ```
 */
export function share<T>(value: T): T {
  return new Shared(value) as T;
}
