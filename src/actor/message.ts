import type { ActorAddress, PoolAddress } from "../core/address.ts";
import type { CallChain } from "../core/call_chain.ts";
import type { Timer } from "./ref_method.ts";

/**
 * A message as a cell sees it: what to run and whom to tell. While it runs it is also the scope of the
 * calls that are made from it: they inherit its chain and its time, and end when it is cancelled.
 */
export abstract class Message {
  /** The pool that sent it, and its number there: what a cancel names it by. */
  abstract readonly from: PoolAddress;
  abstract readonly id: number;
  /** The arguments of each call of a batch; `null` if it is one call, with `args`. */
  readonly items: unknown[][] | null = null;
  /** What it takes up while it waits, about. */
  readonly bytes: number = 0;
  /** Of waiting messages the highest runs first. */
  readonly priority: number = 0;
  /** When nobody waits for it any more, on the clock of `performance.now()`. */
  readonly expiresAt: number = Infinity;
  /** Who waits for its answer; `null` if that is no actor. */
  readonly chain: CallChain | null = null;
  /** The cell that runs it, once it has begun, and its own number of it. */
  cell: MessageCell | null = null;
  serial = 0;
  /** The chain of the calls it makes; made when the first is. */
  ownChain: CallChain | null = null;
  /** It has ended: what is left of its code is nobody's. */
  ended = false;
  /** Made when its signal is asked for. */
  #abort: AbortController | undefined;
  #children: Set<Child> | undefined;

  /** Arguments belong to the cell. */
  constructor(readonly method: string, readonly args: unknown[]) {}

  /** The method has returned. At most one of `reply` and `fail` is called, once. */
  abstract reply(value: unknown): void;
  /** The method has thrown, or the message cannot run. */
  abstract fail(error: Error): void;

  /** Aborts when the message is cancelled while it runs. */
  get signal(): AbortSignal {
    return (this.#abort ??= new AbortController()).signal;
  }

  /** A call is made from it, to be given up when it is cancelled. */
  adopt(child: Child): void {
    (this.#children ??= new Set()).add(child);
  }

  /** A call made from it has been settled. */
  release(child: Child): void {
    this.#children?.delete(child);
  }

  /** Its caller has given up, or its actor is killed: its signal aborts and the calls it made are given up. */
  cancel(reason: unknown): void {
    this.#abort?.abort(reason);
    const children = this.#children;
    this.#children = undefined;
    for (const child of children ?? []) child.giveUp(reason);
  }
}

/** What a message knows of the cell that runs it. */
export interface MessageCell {
  readonly address: ActorAddress;
  /** Something that ends with the actor. */
  own(timer: Timer): void;
  /** It has ended by itself. */
  disown(timer: Timer): void;
}

/** A call that was made from a message. */
export interface Child {
  giveUp(reason: unknown): void;
}

/** What a message's sender may say about it. */
export interface CallOptions {
  /**
   * Milliseconds after which the caller stops waiting and gets a `CallTimeoutError`. Calls made from
   * a call have what is left of its time at most.
   * @default the host's callTimeoutMs, which is no limit unless set
   */
  timeoutMs?: number;
  /** Aborting it makes the call reject at once with the signal's reason, and cancels it. */
  signal?: AbortSignal;
  /**
   * Of the messages that wait for the actor the highest runs first; equals in the order they came.
   * @default 0
   */
  priority?: number;
}
