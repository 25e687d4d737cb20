import type { AsyncLocalStorage } from "node:async_hooks";
import type { Message, MessageCell } from "./message.ts";

/** What we use of AsyncLocalStorage: it takes whose code runs along through awaits. */
export type AsyncScopes = Pick<AsyncLocalStorage<Message | undefined>, "getStore" | "run">;

/** How they are got where the module they are of is not loaded from the start: it takes a tenth of a worker's start. */
export interface LateAsyncScopes {
  /** Loads them: before the first actor whose code goes on after an await. */
  load(): Promise<AsyncScopes>;
  /** The same at once, for code that nobody could tell before. Takes longer. */
  loadNow(): AsyncScopes;
}

/** A client has no actors whose code could be asked about. */
const NOTHING_STORED: AsyncScopes = {
  getStore: () => undefined,
  run: <R, A extends unknown[]>(_message: unknown, code: (...args: A) => R, ...args: A): R =>
    code(...args),
};

/**
 * Which message the running code belongs to: the scope of the calls it makes. For a plain function that
 * is a variable, set while it runs; an async function takes its scope along through AsyncLocalStorage,
 * which costs half a microsecond, so a plain one that returns a promise has none in its continuations. To enter it
 * there late, once a plain one calls others, costs as much as the call.
 */
export class Scopes {
  #storage: AsyncScopes;
  /** How the storage is got; `null` once it is there. */
  #late: LateAsyncScopes | null;
  #running: Message | undefined;
  #owner: MessageCell | undefined;
  /** Until an async method has run there is nothing to look up. */
  #isStored = false;

  /**
   * @param storage Given, not imported here: a module that imports it cannot be loaded in a browser.
   */
  constructor(storage: AsyncScopes | LateAsyncScopes = NOTHING_STORED) {
    const isLate = "load" in storage;
    this.#late = isLate ? storage : null;
    this.#storage = isLate ? NOTHING_STORED : storage;
  }

  /** Whether async code can run without a wait. */
  get isReady(): boolean {
    return this.#late === null;
  }

  /** Gets ready for async code. */
  async prepare(): Promise<void> {
    const storage = await this.#late?.load();
    if (storage !== undefined) this.#use(storage);
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
    if (this.#late !== null) this.#use(this.#late.loadNow());
    this.#isStored = true;
    return this.#storage.run(message, code);
  }

  /** The first that comes is kept: code may run in it already. */
  #use(storage: AsyncScopes): void {
    if (this.#late === null) return;
    this.#late = null;
    this.#storage = storage;
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
