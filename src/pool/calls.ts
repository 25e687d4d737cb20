import { type ActorAddress, type ActorPlace, type PoolAddress, samePool } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Codec } from "../core/codec.ts";
import { Deadlines } from "../core/deadlines.ts";
import { MailboxFullError } from "../core/message_errors.ts";
import { sizeOfArgs } from "../core/message_size.ts";
import type { Cell } from "../actor/cell.ts";
import { type CallOptions, type Message, UNLIMITED } from "../actor/message.ts";
import type { Caller, Timer } from "../actor/ref_method.ts";
import type { ParkedCell, Registry } from "../actor/registry.ts";
import { type AsyncScopes, type LateAsyncScopes, Scopes } from "../actor/scopes.ts";
import { Frees } from "./frees.ts";
import type { Exchange } from "./exchange.ts";
import { hostServiceOf } from "./host_service.ts";
import { isGone, isLoss } from "./loss.ts";
import { LocalCall, LocalTell, PlainCall, type Waiter } from "./messages.ts";
import { checkCallOptions, OutgoingCall } from "./outgoing_call.ts";
import type { Redirects } from "./redirects.ts";
import { callAgain, retryOf } from "./retries.ts";
import { Balancers, type ReplicaCalls } from "./replicas.ts";
import { type TimedCalls, Timers } from "./timers.ts";

/** What the calls of a pool are made with. */
export interface CallsOptions {
  readonly address: PoolAddress;
  readonly codec: Codec;
  readonly cells: Registry;
  readonly exchange: Exchange;
  readonly redirects: Redirects;
  /** Milliseconds that a call has if it does not say; `Infinity` is no limit. */
  readonly callTimeoutMs: number;
  /** What time it is. */
  readonly clock: Clock;
  /** Knows whose code runs after an `await`; a client has none. */
  readonly asyncScopes?: AsyncScopes | LateAsyncScopes;
}

/** What calls know of the streams that they bring. */
export interface BroughtStreams {
  /** The number of the last one. */
  readonly lastId: number;
  /** Those past a number, up to another, end unless somebody reads them. */
  dropUnread(after: number, last: number, reason: Error): void;
}

const NO_STREAMS: BroughtStreams = Object.freeze({ lastId: 0, dropUnread: () => {} });

const NO_OPTIONS: CallOptions = Object.freeze({});

/** The calls that a pool makes: to its own cells directly, to those of others by its exchange. */
export class Calls implements Caller, ReplicaCalls, TimedCalls {
  readonly #options: CallsOptions;
  readonly #address: PoolAddress;
  readonly #cells: Registry;
  readonly #isUnlimited: boolean;
  readonly #exchange: Exchange;
  readonly #redirects: Redirects;
  readonly #balancers: Balancers;
  readonly #frees: Frees;
  readonly #timers: Timers;
  /** What has a time by which it must be done. */
  readonly deadlines: Deadlines;
  /** Whom the running code belongs to. */
  readonly scopes: Scopes;
  /** The streams that calls bring; set once the pool has any. */
  streams: BroughtStreams = NO_STREAMS;
  #lastId = 0;

  constructor(options: CallsOptions) {
    this.#options = options;
    this.#address = options.address;
    this.#cells = options.cells;
    this.#exchange = options.exchange;
    this.#redirects = options.redirects;
    this.#balancers = new Balancers(options.address, this);
    this.#isUnlimited = options.callTimeoutMs === Infinity;
    this.deadlines = new Deadlines(options.clock);
    this.scopes = new Scopes(options.asyncScopes);
    this.#frees = new Frees(this, this.scopes);
    this.#timers = new Timers(options.clock, this.scopes, ({ to, method, args }, error) => {
      this.#unheard(to, method, args, false, error);
    });
  }

  /** {@linkcode Caller.call} */
  call(
    to: ActorAddress,
    method: string,
    args: unknown[],
    options?: CallOptions,
    isBatch = false,
  ): Promise<unknown> {
    const scope = this.scopes.current;
    if (options !== undefined || scope !== null || !this.#isUnlimited) {
      if (options?.idempotent !== undefined || options?.retry !== undefined) {
        return this.#callAgain(to, method, args, isBatch, scope, options);
      }
      return this.#callWith(to, method, args, isBatch, scope, options ?? NO_OPTIONS);
    }
    const cell = this.#here(to);
    if (cell !== undefined) return this.#callHere(cell, method, args, isBatch);
    return new Promise((resolve, reject) => {
      this.#sendAway(to, method, args, isBatch, undefined, { resolve, reject });
    });
  }

  /** A call of an actor to itself, which does not wait while a hook runs. */
  callInside(
    cell: Cell,
    method: string,
    args: unknown[],
    options?: CallOptions,
    isBatch = false,
  ): Promise<unknown> {
    const { address } = cell;
    if (cell.state === "running") return this.call(address, method, args, options, isBatch);
    const { current } = this.scopes;
    return this.#callWith(address, method, args, isBatch, current, options ?? NO_OPTIONS, cell);
  }

  #callHere(
    cell: Cell | ParkedCell,
    method: string,
    args: unknown[],
    isBatch: boolean,
  ): Promise<unknown> {
    let message: PlainCall;
    try {
      const copy = this.#copy(args, isBatch);
      message = new PlainCall(this.#options, ++this.#lastId, method, copy, isBatch, undefined);
    } catch (error) {
      return Promise.reject(error);
    }
    cell.deliver(message);
    return message.answer;
  }

  /** A call that is sent again if whoever has to answer dies. */
  async #callAgain(
    to: ActorAddress,
    method: string,
    args: unknown[],
    isBatch: boolean,
    scope: Message | null,
    options: CallOptions,
  ): Promise<unknown> {
    const retry = retryOf(options);
    if (retry === null) return await this.#callWith(to, method, args, isBatch, scope, options);
    const { clock, callTimeoutMs } = this.#options;
    // As it is now, and to be sent several times.
    const kept = this.#copy(args, isBatch);
    return await callAgain({ timeoutMs: callTimeoutMs, ...options }, retry, clock, (once) => {
      return this.#callWith(to, method, this.#copy(kept, isBatch), isBatch, scope, once);
    });
  }

  /** A call that may end before it is answered. */
  #callWith(
    to: ActorAddress,
    method: string,
    args: unknown[],
    isBatch: boolean,
    scope: Message | null,
    options: CallOptions,
    inside?: Cell,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      checkCallOptions(options);
      options.signal?.throwIfAborted();
      const { timeoutMs = this.#options.callTimeoutMs } = options;
      const given = { ...options, timeoutMs };
      const call = new OutgoingCall(to, method, given, scope, this.deadlines, resolve, reject);
      try {
        const cell = inside ?? this.#here(to);
        if (cell === undefined) return this.#sendAway(to, method, args, isBatch, call, call);
        const copy = this.#copy(args, isBatch);
        const message = new LocalCall(this.#options, ++this.#lastId, method, copy, isBatch, call);
        call.cancel = (reason) => {
          // Parked and woken, or made again meanwhile, the actor has another one.
          const now = inside ?? this.#here(to) ?? cell;
          for (const one of new Set([cell, now])) {
            one.cancel((other) => other === message, this.#exchange.copyOf(reason));
          }
        };
        if (inside === undefined) cell.deliver(message);
        else cell.deliverInside(message);
      } catch (error) {
        call.reject(error);
      }
    });
  }

  #sendAway(
    to: ActorAddress,
    method: string,
    args: unknown[],
    isBatch: boolean,
    call: OutgoingCall | undefined,
    { resolve, reject }: Waiter,
  ): void {
    const { uid } = to;
    const exchange = this.#exchange;
    const destination = this.#redirects.towards(to);
    if (destination === undefined) {
      if (this.#waitAway(to, to, method, args, isBatch, call, { resolve, reject })) return;
      return reject(this.#redirects.notFound(to));
    }
    if (samePool(destination, this.#address)) {
      // Its host was lost, and it has been made again here.
      return void this.call({ ...to, ...destination }, method, args, undefined, isBatch)
        .then(resolve, reject);
    }
    const waiting = { to: destination, resolve, reject };
    const id = exchange.expect(waiting);
    const streams = this.streams.lastId;
    if (call !== undefined) call.cancel = (reason) => exchange.cancel(destination, uid, id, reason);
    try {
      exchange.send(id, destination, uid, method, args, isBatch ? "batch" : "call", call?.terms);
    } catch (error) {
      exchange.forget(id);
      const waiter = { resolve, reject };
      if (isLoss(error) && this.#waitAway(to, destination, method, args, isBatch, call, waiter)) {
        return;
      }
      throw error;
    }
    if (this.streams.lastId > streams) waiting.reject = this.#unread(streams, reject);
  }

  /** With whoever has got them is gone who could have read the streams that a call has brought. */
  #unread(after: number, reject: Waiter["reject"]): Waiter["reject"] {
    const last = this.streams.lastId;
    return (error) => {
      if (isLoss(error)) this.streams.dropUnread(after, last, error);
      reject(error);
    };
  }

  /**
   * A call of an actor that is nowhere now waits, if that is made again.
   *
   * @param last Where it was last.
   * @returns Whether it waits.
   */
  #waitAway(
    to: ActorAddress,
    last: PoolAddress,
    method: string,
    args: unknown[],
    isBatch: boolean,
    call: OutgoingCall | undefined,
    waiter: Waiter,
  ): boolean {
    const again = (kept: unknown[]) => {
      try {
        this.#sendAway(to, method, kept, isBatch, call, waiter);
      } catch (error) {
        waiter.reject(error);
      }
    };
    const place = { host: last.host, uid: to.uid };
    const end = this.#hold(place, args, isBatch, again, (error) => waiter.reject(error));
    if (call !== undefined && end !== undefined) call.cancel = end;
    return end !== undefined;
  }

  /** Keeps a message. @returns Ends the wait; `undefined` if it does not wait. */
  #hold(
    place: ActorPlace,
    args: unknown[],
    isBatch: boolean,
    again: (args: unknown[]) => void,
    fail: (error: Error) => void,
  ): (() => void) | undefined {
    let kept = args;
    const bytes = sizeOfArgs(args, isBatch);
    const end = this.#redirects.hold(place, { bytes, resume: () => again(kept), fail });
    if (end === undefined) return undefined;
    try {
      // As it is now.
      kept = this.#copy(args, isBatch);
    } catch (error) {
      end();
      throw error;
    }
    return end;
  }

  /** {@linkcode Caller.tell} */
  tell(to: ActorAddress, method: string, args: unknown[], isBatch = false): void {
    const cell = this.#here(to);
    if (cell !== undefined) {
      const copy = this.#copy(args, isBatch);
      const id = ++this.#lastId;
      return cell.deliver(
        new LocalTell(this.#options, id, to, method, copy, isBatch, this.#onLost),
      );
    }
    const destination = this.#redirects.towards(to);
    if (destination === undefined) {
      if (this.#tellLater(to, to, method, args, isBatch)) return;
      return this.#unheard(to, method, args, isBatch, this.#redirects.notFound(to));
    }
    if (samePool(destination, this.#address)) {
      return this.tell({ ...to, ...destination }, method, args, isBatch);
    }
    try {
      this.#exchange.send(0, destination, to.uid, method, args, isBatch ? "batch" : "tell");
    } catch (error) {
      if (!isLoss(error) && !(error instanceof MailboxFullError)) throw error;
      if (isLoss(error) && this.#tellLater(to, destination, method, args, isBatch)) return;
      this.#unheard(to, method, args, isBatch, error);
    }
  }

  /** A message for an actor that is nowhere now waits, if that is made again. @returns Whether it does. */
  #tellLater(
    to: ActorAddress,
    last: PoolAddress,
    method: string,
    args: unknown[],
    isBatch: boolean,
  ): boolean {
    const again = (kept: unknown[]) => this.tell(to, method, kept, isBatch);
    const fail = (error: Error) => this.#unheard(to, method, args, isBatch, error);
    try {
      const place = { host: last.host, uid: to.uid };
      return this.#hold(place, args, isBatch, again, fail) !== undefined;
    } catch (error) {
      if (!(error instanceof MailboxFullError)) throw error;
      fail(error);
      return true;
    }
  }

  /**
   * {@linkcode Caller.later}
   *
   * @param by Makes the calls.
   */
  later(
    to: ActorAddress,
    method: string,
    args: unknown[],
    ms: number,
    again: boolean,
    by: TimedCalls = this,
  ): Timer {
    return this.#timers.start({ to, method, args: this.#copy(args, false), ms, again }, by);
  }

  /** {@linkcode ReplicaCalls.now} */
  now(): number {
    return this.#options.clock.now();
  }

  /** {@linkcode ReplicaCalls.whereNow} */
  whereNow({ host, uid }: ActorPlace): Promise<ActorAddress> {
    const ask = () => this.call(hostServiceOf(host), "resolve", [uid], UNLIMITED);
    return this.scopes.outside(ask) as Promise<ActorAddress>;
  }

  /** {@linkcode TimedCalls.isGone} */
  isGone(error: unknown): boolean {
    return isGone(error);
  }

  /** {@linkcode Caller.balanced} */
  balanced(to: ActorAddress): Caller {
    return this.#balancers.of(to);
  }

  /** {@linkcode Caller.free} */
  free(owner: ActorAddress, id: number): void {
    this.#frees.add(owner, id);
  }

  /** Pools or hosts are gone: what waits for them fails, and their replicas get no more calls. */
  lost(isGone: (to: PoolAddress) => boolean, error: Error): void {
    this.#balancers.lost(isGone);
    this.#exchange.lost(isGone, error);
  }

  /** One for all tells: to make one for each is a tenth of what a tell costs. */
  readonly #onLost = ({ to, method, args, isBatch }: LocalTell, error: Error): void => {
    this.#unheard(to, method, args, isBatch, error);
  };

  /** A message of this pool that nobody waits for has failed. */
  #unheard(
    to: ActorAddress,
    method: string,
    args: unknown[],
    isBatch: boolean,
    error: Error,
  ): void {
    const bytes = sizeOfArgs(args, isBatch);
    this.#exchange.undelivered(to, method, error, this.#address, { args, bytes });
  }

  #here(to: ActorAddress): Cell | ParkedCell | undefined {
    return samePool(to, this.#address) ? this.#cells.reach(to.uid) : undefined;
  }

  #copy(args: unknown[], isBatch: boolean): unknown[] {
    return this.#options.codec.copy(args, isBatch ? "items" : "args");
  }
}
