import { AsyncLocalStorage } from "node:async_hooks";
import { type CallChain, extendChain } from "../core/call_chain.ts";
import type { Actor } from "./actor.ts";
import type { ActorMethod } from "./actor_type.ts";
import type { Message } from "./message.ts";

/**
 * Which message the running code belongs to: the scope of the calls it makes. For a plain function that
 * is a variable, set while it runs; an async function takes its scope along through AsyncLocalStorage,
 * which costs half a microsecond, so a plain one that returns a promise has none in its continuations.
 */
export class Scopes {
  readonly #storage = new AsyncLocalStorage<Message>();
  #running: Message | undefined;

  /** The message whose code runs now; `null` in code that belongs to none, or whose message has ended. */
  get current(): Message | null {
    const message = this.#running ?? this.#storage.getStore();
    return message === undefined || message.ended ? null : message;
  }

  /** Runs a method for a message. */
  run(message: Message, method: ActorMethod, actor: Actor, args: unknown[]): unknown {
    const outer = this.#running;
    this.#running = message;
    try {
      return method.isAsync
        ? this.#storage.run(message, call, method, actor, args)
        : method.run.apply(actor, args);
    } finally {
      this.#running = outer;
    }
  }

  /** Runs code with no scope: what it starts outlives the message. */
  outside<T>(code: () => T): T {
    const outer = this.#running;
    this.#running = undefined;
    try {
      return this.#storage.exit(code);
    } finally {
      this.#running = outer;
    }
  }
}

function call(method: ActorMethod, actor: Actor, args: unknown[]): unknown {
  return method.run.apply(actor, args);
}

/** The chain of a call that is made from a message now. */
export function chainOf(message: Message): CallChain | null {
  const { method, serial, cell } = message;
  if (cell === null) return message.chain;
  return message.ownChain ??= extendChain(message.chain, { ...cell.address, method, serial });
}
