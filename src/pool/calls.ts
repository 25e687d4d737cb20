import {
  type ActorAddress,
  formatPool,
  MAIN_POOL,
  type PoolAddress,
  samePool,
} from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Codec } from "../core/codec.ts";
import { Deadlines } from "../core/deadlines.ts";
import { ActorNotFoundError } from "../core/errors.ts";
import { sizeOfArgs } from "../core/message_size.ts";
import { PendingCalls } from "../core/pending_calls.ts";
import {
  type BatchFrame,
  type CallFrame,
  type CallTerms,
  type CancelFrame,
  type CreateFrame,
  type DestroyFrame,
  type FailureFrame,
  LIMITS,
  type RawFrame,
  type ReplyFrame,
  type TellFrame,
} from "../core/protocol.ts";
import type { Cell } from "../actor/cell.ts";
import type { DeadLetter } from "../actor/dead_letter.ts";
import type { CallOptions, Message } from "../actor/message.ts";
import type { Caller, Timer } from "../actor/ref_method.ts";
import type { Registry } from "../actor/registry.ts";
import { dropStream } from "../actor/remote_stream.ts";
import { Scopes } from "../actor/scopes.ts";
import { DelayedTell } from "./delayed_tell.ts";
import { LocalCall, LocalTell, PlainCall, type Waiter } from "./messages.ts";
import { isGone, isLoss } from "./loss.ts";
import { checkCallOptions, OutgoingCall } from "./outgoing_call.ts";
import { Relays } from "./relays.ts";
import { Balancers, type TimedCalls } from "./replicas.ts";
import type { Router } from "./router.ts";

/** What one pool asks another to do. */
export type PoolRequest = Omit<CreateFrame, "id" | "from"> | Omit<DestroyFrame, "id" | "from">;

/** A message that runs a method. */
export type MessageFrame = CallFrame | TellFrame | BatchFrame;

/** What the calls of a pool are made with. */
export interface CallsOptions {
  readonly address: PoolAddress;
  readonly codec: Codec;
  readonly router: Router;
  readonly cells: Registry;
  /** Milliseconds that a call has if it does not say; `Infinity` is no limit. */
  readonly callTimeoutMs: number;
  /** What time it is. */
  readonly clock: Clock;
  readonly onDeadLetter: (letter: DeadLetter) => void;
}

/** The calls that a pool makes, what waits for their answers, and the answers that it gives. */
export class Calls implements Caller {
  readonly #options: CallsOptions;
  readonly #address: PoolAddress;
  readonly #cells: Registry;
  readonly #isUnlimited: boolean;
  readonly #pending = new PendingCalls();
  readonly #relays = new Relays();
  readonly #balancers: Balancers;
  /** What has a time by which it must be done. */
  readonly deadlines: Deadlines;
  /** Whom the running code belongs to. */
  readonly scopes: Scopes = new Scopes();
  /** Where an actor of this host lives that is not here; the host of the main pool sets it. */
  locate: (uid: string) => PoolAddress | undefined = () => undefined;
  #lastId = 0;

  constructor(options: CallsOptions) {
    this.#options = options;
    this.#address = options.address;
    this.#cells = options.cells;
    this.#balancers = new Balancers(options.address, this);
    this.#isUnlimited = options.callTimeoutMs === Infinity;
    this.deadlines = new Deadlines(options.clock);
  }

  /** How values travel. */
  get codec(): Codec {
    return this.#options.codec;
  }

  /** What time it is. */
  get clock(): Clock {
    return this.#options.clock;
  }

  /** How many calls wait for an answer from elsewhere. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** How many of them are passed on for others. */
  get relayed(): number {
    return this.#relays.size;
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

  /** {@linkcode Caller.tell} */
  tell(to: ActorAddress, method: string, args: unknown[], isBatch = false): void {
    const cell = this.#here(to);
    if (cell !== undefined) {
      const copy = this.#copy(args, isBatch);
      const reject = (error: unknown) => this.#unheard(to, method, copy, isBatch, error as Error);
      cell.deliver(
        new LocalTell(this.#options, ++this.#lastId, method, copy, isBatch, reject),
      );
      return;
    }
    const destination = this.towards(to);
    if (destination === undefined) {
      return this.#unheard(to, method, args, isBatch, this.notFound(to));
    }
    try {
      this.#post(0, destination, to.uid, method, args, isBatch ? "batch" : "tell");
    } catch (error) {
      if (!isLoss(error)) throw error;
      this.#unheard(to, method, args, isBatch, error);
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
    const copy = this.#options.codec.copy(args, "args");
    const owner = this.scopes.cell;
    const timer = this.scopes.outside(() =>
      new DelayedTell({
        ms,
        again,
        clock: this.clock,
        send: () => this.#sendLater(by, to, method, copy),
        ended: (timer) => owner?.disown(timer),
      })
    );
    owner?.own(timer);
    return timer;
  }

  /** {@linkcode Caller.balanced} */
  balanced(to: ActorAddress): Caller {
    return this.#balancers.of(to);
  }

  /** {@linkcode TimedCalls.isGone} */
  isGone(error: unknown): boolean {
    return isGone(error);
  }

  /** Asks a pool of this host to make or end an actor. */
  request(frame: PoolRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = resolve as (value: unknown) => void;
      const id = this.#pending.add({ to: frame.to, resolve: settle, reject });
      try {
        this.#options.router.send({ ...frame, id, from: this.#address });
      } catch (error) {
        this.#pending.take(id);
        reject(error);
      }
    });
  }

  /** An answer has come. */
  settle(frame: ReplyFrame | FailureFrame): void {
    const call = this.#pending.takeAnswered(frame.id, frame.from, this.#address);
    if (frame.kind === "failure") call?.reject(frame.error);
    else if (call === undefined) dropStream(frame.value);
    else call.resolve(frame.value);
  }

  /** An answer has come that cannot be read. */
  settleUnreadable({ id, from }: RawFrame, error: unknown): void {
    this.#pending.takeAnswered(id, from, this.#address)?.reject(error);
  }

  /** Rejects every call that waits for something that is gone. */
  lost(isGone: (to: PoolAddress) => boolean, error: Error): void {
    this.#balancers.lost(isGone);
    // Each caller gets a copy of its own: they may add to it.
    this.#pending.rejectWhere(isGone, () => this.#options.codec.copy(error, "error"));
  }

  /** Sends an answer; a receiver that is gone does not want it. */
  answer(to: PoolAddress, id: number, value: unknown): void {
    if (samePool(to, this.#address)) return this.#pending.take(id)?.resolve(value);
    try {
      this.#options.router.send({ kind: "reply", id, to, from: this.#address, value });
    } catch (error) {
      if (!isLoss(error)) throw error;
    }
  }

  /** Sends a failure; a receiver that is gone does not want it. */
  answerWithFailure(to: PoolAddress, id: number, error: Error): void {
    if (samePool(to, this.#address)) return this.#pending.take(id)?.reject(error);
    try {
      this.#options.router.send({ kind: "failure", id, to, from: this.#address, error });
    } catch (lost) {
      if (!isLoss(lost)) throw lost;
    }
  }

  /** A message that nobody waits for has failed. */
  undelivered(
    to: ActorAddress,
    method: string,
    reason: Error,
    from: PoolAddress = this.#address,
    sent?: Pick<Message, "args" | "bytes">,
  ): void {
    const args = sent !== undefined && sent.bytes <= LETTER_BYTES ? sent.args : null;
    this.#options.onDeadLetter({ to, method, from, args, reason });
  }

  /** A message has come for an actor that is not here: it is passed on to where it is. */
  redirect(raw: RawFrame, frame: MessageFrame, refuse: (error: Error) => void): void {
    const to = { ...this.#address, uid: frame.uid, generation: 0 };
    const isCircle = samePool(raw.from, this.#address) && this.#relays.has(raw.id);
    const destination = isCircle || raw.hops >= LIMITS.hops ? undefined : this.towards(to);
    const isAwaited = frame.kind !== "tell" && frame.id !== 0;
    if (destination === undefined) refuse(this.notFound(to));
    else if (!isAwaited || this.#address.pool !== MAIN_POOL) {
      this.#options.router.forward({ ...raw, to: destination });
    } else this.#relay(frame, destination);
  }

  /** A cancel has come for an actor that is not here. */
  redirectCancel(raw: RawFrame, { from, id, uid, reason }: CancelFrame): void {
    const to = { ...this.#address, uid, generation: 0 };
    const destination = raw.hops < LIMITS.hops ? this.towards(to) : undefined;
    if (destination === undefined) return;
    if (this.#address.pool !== MAIN_POOL) {
      return this.#options.router.forward({ ...raw, to: destination });
    }
    const relayed = this.#relays.take(from, id);
    if (relayed !== undefined) this.#cancelRemote(destination, uid, relayed, reason);
  }

  /**
   * The pool to send a message to. An actor that was here and is not may live elsewhere on this host by
   * now, which its main pool knows; `undefined` if this is the main pool and it knows of none.
   */
  towards(to: ActorAddress): PoolAddress | undefined {
    if (!samePool(to, this.#address)) return to;
    if (this.#address.pool !== MAIN_POOL) return { host: to.host, pool: MAIN_POOL };
    return this.locate(to.uid);
  }

  /** What a caller gets whose actor is nowhere. */
  notFound({ uid, host }: ActorAddress): ActorNotFoundError {
    const where = formatPool({ host, pool: this.#address.pool });
    return new ActorNotFoundError(`There is no actor ${JSON.stringify(uid)} (asked ${where})`);
  }

  /** A copy of whatever was thrown; of what cannot travel, an error that says so. */
  copyOf(thrown: unknown): unknown {
    try {
      return this.#options.codec.copy(thrown, "error");
    } catch (error) {
      return new Error(`a ${typeof thrown} that cannot travel`, { cause: error });
    }
  }

  /** A message of this pool that nobody waits for has failed. */
  #unheard(
    to: ActorAddress,
    method: string,
    args: unknown[],
    isBatch: boolean,
    error: Error,
  ): void {
    const bytes = sizeOfArgs(args, isBatch);
    this.undelivered(to, method, error, this.#address, { args, bytes });
  }

  async #sendLater(
    by: TimedCalls,
    to: ActorAddress,
    method: string,
    args: unknown[],
  ): Promise<boolean> {
    try {
      await by.call(to, method, args, UNLIMITED);
      return true;
    } catch (error) {
      this.#unheard(to, method, args, false, error as Error);
      return !by.isGone(error);
    }
  }

  #callHere(cell: Cell, method: string, args: unknown[], isBatch: boolean): Promise<unknown> {
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

  #copy(args: unknown[], isBatch: boolean): unknown[] {
    return this.#options.codec.copy(args, isBatch ? "items" : "args");
  }

  #here(to: ActorAddress): Cell | undefined {
    return samePool(to, this.#address) ? this.#cells.get(to.uid) : undefined;
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
        call.cancel = (reason) => cell.cancel((other) => other === message, this.copyOf(reason));
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
    const destination = this.towards(to);
    if (destination === undefined) return reject(this.notFound(to));
    const id = this.#pending.add({ to: destination, resolve, reject });
    if (call !== undefined) {
      call.cancel = (reason) => this.#cancelRemote(destination, to.uid, id, reason);
    }
    try {
      this.#post(id, destination, to.uid, method, args, isBatch ? "batch" : "call", call?.terms);
    } catch (error) {
      this.#pending.take(id);
      throw error;
    }
  }

  #post(
    id: number,
    to: PoolAddress,
    uid: string,
    method: string,
    args: readonly unknown[],
    kind: MessageFrame["kind"],
    terms?: CallTerms,
  ): void {
    const from = this.#address;
    const { router } = this.#options;
    if (kind === "batch") router.send({ kind, id, to, from, uid, method, items: args, terms });
    else router.send({ kind, id, to, from, uid, method, args, terms });
  }

  /** See {@linkcode Relays}. */
  #relay(frame: MessageFrame, to: PoolAddress): void {
    const { kind, from, id, uid, method, terms } = frame;
    const args = kind === "batch" ? frame.items : frame.args;
    const relayed = this.#pending.add({
      to,
      resolve: (value) => {
        this.#relays.ended(from, id, relayed);
        this.answer(from, id, value);
      },
      reject: (error) => {
        this.#relays.ended(from, id, relayed);
        this.answerWithFailure(from, id, error as Error);
      },
    });
    this.#relays.add(from, id, relayed);
    try {
      this.#post(relayed, to, uid, method, args, kind, terms);
    } catch (error) {
      this.#pending.take(relayed)?.reject(error);
    }
  }

  #cancelRemote(to: PoolAddress, uid: string, id: number, reason: unknown): void {
    if (this.#pending.take(id) === undefined) return;
    try {
      const frame = { id, to, from: this.#address, uid, reason: this.copyOf(reason) };
      this.#options.router.send({ kind: "cancel", ...frame });
    } catch (error) {
      if (!isLoss(error)) throw error;
    }
  }
}

/** Bytes of the arguments that a dead letter keeps: enough to see what it was, too few to hold memory. */
const LETTER_BYTES = 16 * 1024;

const NO_OPTIONS: CallOptions = Object.freeze({});

/** A timer waits for what it has started, however long that takes. */
const UNLIMITED: CallOptions = Object.freeze({ timeoutMs: Infinity });
