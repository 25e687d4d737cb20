import type { AsyncLocalStorage } from "node:async_hooks";
import type { Message, MessageCell } from "./message.ts";

/** What we use of AsyncLocalStorage: it takes whose code runs along through awaits. */
export type AsyncScopes = Pick<AsyncLocalStorage<Message | undefined>, "getStore" | "run">;

/** A client has no actors whose code could be asked about. */
const NOTHING_STORED: AsyncScopes = {
  getStore: () => undefined,
  run: <R, A extends unknown[]>(_message: unknown, code: (...args: A) => R, ...args: A): R =>
    code(...args),
};

/**
 * Which message the running code belongs to: the scope of the calls it makes. For a plain function that
 * is a variable, set while it runs; an async function takes its scope along through AsyncLocalStorage,
 * which costs half a microsecond, so a plain one that returns a promise has none in its continuations.
 */
export class Scopes {
  readonly #storage: AsyncScopes;
  #running: Message | undefined;
  #owner: MessageCell | undefined;
  /** Until an async method has run there is nothing to look up. */
  #isStored = false;

  /**
   * @param storage Given, not imported here: a module that imports it cannot be loaded in a browser. And to
   * get it by `process` takes a worker as long as to start.
   */
  constructor(storage: AsyncScopes = NOTHING_STORED) {
    this.#storage = storage;
  }

  /** The message whose code runs now; `null` in code that belongs to none, or whose message has ended. */
  get current(): Message | null {
    const running = this.#running;
    if (running !== undefined) return running;
    if (!this.#isStored) return null;
    const message = this.#storage.getStore();
    return message === undefined || message.ended ? null : message;
  }

  /** The cell whose code runs now, also after the end of the message that started it. */
  get cell(): MessageCell | null {
    return this.#owner ?? (this.#running ?? this.#storage.getStore())?.cell ?? null;
  }

  /** Runs code that is of a cell, whether it runs in a message of it or not. */
  inCell<T>(cell: MessageCell, code: () => T): T {
    const outer = this.#owner;
    this.#owner = cell;
    try {
      return code();
    } finally {
      this.#owner = outer;
    }
  }

  /** From now on the running code belongs to a message; returns whom it belonged to, for {@linkcode leave}. */
  enter(message: Message): Message | undefined {
    const outer = this.#running;
    this.#running = message;
    return outer;
  }

  /** The running code belongs to whom it belonged to before. */
  leave(outer: Message | undefined): void {
    this.#running = outer;
  }

  /** Runs code whose continuations belong to a message too. */
  runAsync(message: Message, code: () => unknown): unknown {
    this.#isStored = true;
    return this.#storage.run(message, code);
  }

  /** Runs code with no scope: what it starts is no part of the message. */
  outside<T>(code: () => T): T {
    const outer = this.#running;
    this.#running = undefined;
    try {
      // Not `exit`: in Deno 2.9.6 what the code starts comes back into the scope.
      return this.#isStored ? this.#storage.run(undefined, code) : code();
    } finally {
      this.#running = outer;
    }
  }
}
