import type { ActorAddress, PoolAddress } from "../core/address.ts";
import { type CallChain, extendChain } from "../core/call_chain.ts";
import type { Clock } from "../core/clock.ts";
import type { ActorMethod } from "./actor_type.ts";
import type { Timer } from "./ref_method.ts";
import { dropStreams } from "./remote_stream.ts";

/**
 * Of the runtime's own calls: a host's default is for those of its users. They end with what they wait for;
 * an actor whose creation was given up would be nobody's.
 */
export const UNLIMITED: CallOptions = Object.freeze({ timeoutMs: Infinity });

/** What a message says beside what to run; most say nothing. */
export interface MessageTerms {
  /** Of waiting messages the highest runs first. */
  readonly priority: number;
  /** When nobody waits for it any more. */
  readonly expiresAt: number;
  /** What that is measured by. */
  readonly clock: Clock;
  /** Who waits for its answer; `null` if that is no actor. */
  readonly chain: CallChain | null;
}

/** What is needed of a message only once its code asks for it, or makes calls. */
interface Scope {
  abort?: AbortController;
  chain?: CallChain;
  readonly children: Set<Child>;
}

/**
 * A message as a cell sees it: what to run and whom to tell. While it runs it is also the scope of the
 * calls that are made from it: they inherit its chain and its time, and end when it is cancelled.
 */
export abstract class Message {
  /** The pool that sent it, and its number there: what a cancel names it by. */
  abstract readonly from: PoolAddress;
  abstract readonly id: number;
  /** What runs it; set when it is delivered. */
  target: ActorMethod | undefined = undefined;
  /** The cell that runs it, once it has begun, and its own number of it. */
  cell: MessageCell | null = null;
  serial = 0;
  /** When it came, by `Activity.time`. */
  since = 0;
  /** It has ended, or will not begin: what is left of its code is nobody's. */
  ended = false;
  #scope: Scope | undefined = undefined;

  /**
   * @param args They belong to the cell; of a batch they are the argument lists.
   * @param isBatch Whether it is many calls.
   * @param bytes About how much memory it holds while it waits.
   */
  constructor(
    readonly method: string,
    readonly args: unknown[],
    readonly isBatch: boolean,
    readonly terms: MessageTerms | undefined,
    readonly bytes: number = 0,
  ) {}

  /** The method has returned. At most one of `reply` and `fail` is called, once. */
  abstract reply(value: unknown): void;

  /** The method has thrown, or the message cannot run. */
  fail(error: Error): void {
    this.discard();
    this.tellFailure(error);
  }

  /** Tells whoever waits for the answer that there is none. */
  protected abstract tellFailure(error: Error): void;

  /** It does not run, if it has not begun: nobody reads the streams that it brings. */
  discard(): void {
    if (this.cell !== null) return;
    this.ended = true;
    dropStreams(this.args);
  }

  /** Of waiting messages the highest runs first. */
  get priority(): number {
    const { terms } = this;
    return terms === undefined ? 0 : terms.priority;
  }

  /** Whether somebody waits for its answer. */
  get isAwaited(): boolean {
    return true;
  }

  /** Whether it may run in the stack of its sender. */
  get isPrompt(): boolean {
    return false;
  }

  /** Nobody waits for it any more. The clock is read for messages with a deadline alone. */
  get isExpired(): boolean {
    const { terms } = this;
    return terms !== undefined && terms.expiresAt !== Infinity &&
      terms.expiresAt <= terms.clock.now();
  }

  /** The calls made from it that wait for their answers. */
  get calls(): readonly Callee[] {
    const children = this.#scope?.children;
    if (children === undefined || children.size === 0) return [];
    return [...children].filter(({ to }) => to !== undefined) as Callee[];
  }

  /** How many calls made from it, and streams that it reads, it may wait for. */
  get open(): number {
    let count = 0;
    for (const { isAwaited } of this.#scope?.children ?? []) if (isAwaited !== false) count++;
    return count;
  }

  /** Aborts when the message is cancelled while it runs. */
  get signal(): AbortSignal {
    return (this.#own.abort ??= new AbortController()).signal;
  }

  /** The chain of the calls that are made from it. */
  get ownChain(): CallChain | null {
    const { method, serial, cell, terms } = this;
    const chain = terms?.chain ?? null;
    if (cell === null) return chain;
    return this.#own.chain ??= extendChain(chain, { ...cell.address, method, serial });
  }

  /** A call is made from it, to be given up when it is cancelled. */
  adopt(child: Child): void {
    this.#own.children.add(child);
  }

  /** A call made from it has been settled. */
  release(child: Child): void {
    this.#scope?.children.delete(child);
  }

  /** Its caller has given up, or its actor is killed: its signal aborts and the calls it made are given up. */
  cancel(reason: unknown): void {
    const scope = this.#scope;
    if (scope === undefined) return;
    scope.abort?.abort(reason);
    for (const child of [...scope.children]) child.giveUp(reason);
  }

  get #own(): Scope {
    return this.#scope ??= { children: new Set() };
  }
}

/** What a message knows of the cell that runs it. */
export interface MessageCell {
  readonly address: ActorAddress;
  /** The actor has ended. */
  readonly isStopped: boolean;
  /** Something that ends with the actor. */
  own(timer: Timer): void;
  /** It has ended by itself. */
  disown(timer: Timer): void;
}

/** Whom a call is made to. */
export interface Callee {
  readonly to: ActorAddress;
  readonly method: string;
}

/** A call that was made from a message, or a stream that it reads. */
export interface Child extends Partial<Callee> {
  /** Whether something of it is waited for, if that is known. */
  readonly isAwaited?: boolean;
  giveUp(reason: unknown): void;
}

/** What a message's sender may say about it. */
export interface CallOptions {
  /**
   * Milliseconds after which the caller stops waiting and gets a `CallTimeoutError`. Calls made from
   * a call have what is left of its time at most. Of a method that streams: until the stream is
   * there; how long it is read is up to the reader.
   * @default the host's callTimeoutMs, which is no limit unless set
   */
  timeoutMs?: number;
  /**
   * Aborting it makes the call reject at once with the signal's reason, and cancels it. Of a method
   * that streams: the stream ends so too, as long as it is read.
   */
  signal?: AbortSignal;
  /**
   * Of the messages that wait for the actor the highest runs first; equals in the order they came.
   * @default 0
   */
  priority?: number;
  /**
   * Of a stream: items that may be on their way or wait to be consumed, from 1 to 1,048,576.
   * @default 64
   */
  window?: number;
  /**
   * Says that it does no harm if the call runs twice: when the pool or host dies that has to answer, the call
   * is sent again, within its time; also if it was handed back because its actor was ended, which may be made
   * again on another host. How often, `retry` says, or this. Not for calls that bring a stream, which can be
   * read once.
   * @default false, a call is sent once
   */
  idempotent?: boolean | RetryOptions;
  /**
   * How often an idempotent call is sent again.
   * @default 3 times
   */
  retry?: RetryOptions;
}

/** How often an idempotent call is sent again. */
export interface RetryOptions {
  /**
   * At most.
   * @default 3
   */
  times?: number;
  /**
   * Milliseconds before it is sent again, each time twice as long. While its pool is recovered a call waits
   * in any case.
   * @default 50
   */
  backoffMs?: number;
}
