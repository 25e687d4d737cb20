import {
  type ActorAddress,
  formatActor,
  formatPool,
  MAIN_POOL,
  type PoolAddress,
  samePool,
} from "../core/address.ts";
import type { Codec } from "../core/codec.ts";
import {
  ActorExistsError,
  ActorNotFoundError,
  ActorStartError,
  CallTimeoutError,
  DramatisError,
} from "../core/errors.ts";
import { PendingCalls } from "../core/pending_calls.ts";
import {
  type CallFrame,
  type CancelFrame,
  type CreateFrame,
  type DestroyFrame,
  LIMITS,
  type RawFrame,
  type TellFrame,
} from "../core/protocol.ts";
import type { Actor } from "../actor/actor.ts";
import { type ActorType, formatType, type Resources } from "../actor/actor_type.ts";
import { Cell, type CellHost } from "../actor/cell.ts";
import type { ActorSystem } from "../actor/context.ts";
import type { DeadLetter } from "../actor/dead_letter.ts";
import { failureOf } from "../actor/failure.ts";
import type { CallOptions, Message } from "../actor/message.ts";
import type { Caller } from "../actor/ref.ts";
import { Registry } from "../actor/registry.ts";
import { Turns } from "../actor/turns.ts";
import { RESERVED_PREFIX } from "./host_service.ts";
import { LocalMessage, RemoteMessage } from "./messages.ts";
import { Relays } from "./relays.ts";
import type { Router } from "./router.ts";
import { TypeLoader } from "./type_loader.ts";

/** What a pool in this isolate is made of. */
export interface LocalPoolOptions {
  readonly address: PoolAddress;
  readonly codec: Codec;
  readonly router: Router;
  readonly resources: Resources;
  /** The verbs of the host, as the actors of this pool see them. */
  readonly system: (pool: LocalPool) => ActorSystem<unknown>;
  readonly onDeadLetter: (letter: DeadLetter) => void;
}

/** What an actor is made of. */
export type CreateRequest = Pick<
  CreateFrame,
  "uid" | "generation" | "type" | "args" | "options"
>;

/** What one pool asks another to do. */
export type PoolRequest = Omit<CreateFrame, "id" | "from"> | Omit<DestroyFrame, "id" | "from">;

/** The longest that a timer can wait, 25 days; a call that has longer is not timed. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The pool of this isolate: its cells, the calls that they wait for, and what frames mean to them. */
export class LocalPool implements Caller, CellHost {
  readonly address: PoolAddress;
  readonly codec: Codec;
  readonly system: ActorSystem<unknown>;
  readonly turns: Turns = new Turns();
  readonly types: TypeLoader = new TypeLoader();
  readonly router: Router;
  readonly #resources: Resources;
  readonly #cells = new Registry();
  readonly #pending = new PendingCalls();
  readonly #relays = new Relays();
  readonly #onDeadLetter: (letter: DeadLetter) => void;
  #lastId = 0;

  constructor(options: LocalPoolOptions) {
    this.address = options.address;
    this.codec = options.codec;
    this.router = options.router;
    this.#resources = options.resources;
    this.#onDeadLetter = options.onDeadLetter;
    this.system = options.system(this);
  }

  /** How many actors live here. */
  get size(): number {
    return this.#cells.size;
  }

  /** {@linkcode Caller.call} */
  call(
    to: ActorAddress,
    method: string,
    args: unknown[],
    options?: CallOptions,
  ): Promise<unknown> {
    const cell = samePool(to, this.address) ? this.#cells.get(to.uid) : undefined;
    return options === undefined
      ? new Promise((resolve, reject) => {
        if (cell !== undefined) cell.deliver(this.#localCall(method, args, resolve, reject));
        else this.#remoteCall(to, method, args, resolve, reject);
      })
      : this.#callWith(options, cell, to, method, args);
  }

  /** {@linkcode Caller.tell} */
  tell(to: ActorAddress, method: string, args: unknown[]): void {
    const cell = samePool(to, this.address) ? this.#cells.get(to.uid) : undefined;
    if (cell !== undefined) {
      const copy = this.codec.copy(args, "args");
      cell.deliver(
        new LocalMessage(this, 0, method, copy, ignore, (error) => {
          this.undelivered(to, method, error as Error);
        }),
      );
      return;
    }
    const destination = this.#towards(to);
    if (destination === undefined) return this.undelivered(to, method, this.#notFound(to));
    try {
      this.router.send({
        kind: "tell",
        id: 0,
        to: destination,
        from: this.address,
        uid: to.uid,
        method,
        args,
      });
    } catch (error) {
      if (!isLoss(error)) throw error;
      this.undelivered(to, method, error);
    }
  }

  /** Takes a frame that is addressed to this pool. */
  receive(raw: RawFrame): void {
    try {
      this.#receive(raw);
    } catch (error) {
      if (raw.kind === "reply") this.#pending.take(raw.id)?.reject(error);
      else this.refuse(raw, error as Error);
    }
  }

  /** Tells the sender of a frame that it failed, if the sender waits. */
  refuse(raw: RawFrame, error: Error): void {
    if (raw.kind === "call" || raw.kind === "create" || raw.kind === "destroy") {
      this.answerWithFailure(raw.from, raw.id, error);
    } else if (raw.kind === "tell") {
      const { uid, method } = this.codec.decode(raw) as { uid: string; method: string };
      const to = { ...raw.to, uid, generation: 0 };
      this.#onDeadLetter({ to, method, from: raw.from, reason: error });
    }
  }

  /** Makes an actor here and runs its `postCreate`. */
  async create(request: CreateRequest): Promise<void> {
    const { uid, generation, type } = request;
    const address = { ...this.address, uid, generation };
    try {
      await this.#create(request, address);
    } catch (error) {
      throw this.failure(error, `${formatType(type)} ${formatActor(address)}`, "create");
    }
  }

  async #create(request: CreateRequest, address: ActorAddress): Promise<void> {
    const { uid, type: name } = request;
    if (this.#cells.get(uid) !== undefined) {
      throw new ActorExistsError(`${formatActor(address)} exists already`, uid);
    }
    const type = this.types.known(name) ?? await this.types.load(name);
    const actor = await this.#instantiate(type, request);
    const cell = new Cell(actor, type, address, request.options, this);
    this.#cells.add(cell);
    try {
      await cell.start();
    } catch (cause) {
      this.#cells.remove(cell);
      throw startError(cell.where, "postCreate", cause);
    }
  }

  /** Lets an actor that exists live here: for the runtime's own. */
  async adopt(actor: Actor, type: ActorType, uid: string): Promise<void> {
    const address = { ...this.address, uid, generation: 1 };
    const cell = new Cell(actor, type, address, { mailboxLimit: Infinity }, this);
    this.#cells.add(cell);
    await cell.start();
  }

  /** Ends an actor of this pool. */
  async destroy(uid: string, kill: boolean): Promise<void> {
    const cell = this.#cells.get(uid);
    if (cell === undefined) throw this.#notFound({ ...this.address, uid, generation: 0 });
    if (kill) {
      this.#cells.remove(cell);
      cell.kill();
      return;
    }
    try {
      await cell.destroy();
    } catch (thrown) {
      throw this.failure(thrown, cell.where, "preDestroy");
    } finally {
      this.#cells.remove(cell);
    }
  }

  /**
   * Ends every actor in order, the runtime's own last: hooks may call them. What a `preDestroy` throws
   * becomes a dead letter.
   */
  async stop(): Promise<void> {
    const cells = [...this.#cells];
    const isOurs = ({ address }: Cell) => address.uid.startsWith(RESERVED_PREFIX);
    await this.#stopCells(cells.filter((cell) => !isOurs(cell)));
    await this.#stopCells(cells.filter(isOurs));
  }

  async #stopCells(cells: readonly Cell[]): Promise<void> {
    await Promise.all(cells.map(async (cell) => {
      try {
        await this.destroy(cell.address.uid, false);
      } catch (error) {
        this.undelivered(cell.address, "preDestroy", error as Error);
      }
    }));
  }

  /** Asks a pool of this host to make or end an actor. */
  request(frame: PoolRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = resolve as (value: unknown) => void;
      const id = this.#pending.add({ to: frame.to, resolve: settle, reject });
      try {
        this.router.send({ ...frame, id, from: this.address });
      } catch (error) {
        this.#pending.take(id);
        reject(error);
      }
    });
  }

  /** Rejects every call that waits for something that is gone. */
  lost(isGone: (to: PoolAddress) => boolean, error: Error): void {
    // Each caller gets a copy of its own: they may add to it.
    this.#pending.rejectWhere(isGone, () => this.codec.copy(error, "error"));
  }

  /** {@linkcode CellHost.callerInside} */
  callerInside(cell: Cell): Caller {
    return {
      call: (_to, method, args, options) => {
        if (options !== undefined) return this.#callWith(options, cell, cell.address, method, args);
        return new Promise((resolve, reject) =>
          cell.deliverInside(this.#localCall(method, args, resolve, reject))
        );
      },
      tell: (to, method, args) => this.tell(to, method, args),
    };
  }

  /** {@linkcode CellHost.failure} */
  failure(thrown: unknown, where: string, method: string): Error {
    return failureOf(thrown, this.#copyOf(thrown), where, method);
  }

  /** {@linkcode CellHost.undelivered} */
  undelivered(
    to: ActorAddress,
    method: string,
    reason: Error,
    from: PoolAddress = this.address,
  ): void {
    this.#onDeadLetter({ to, method, from, reason });
  }

  /** Sends an answer; a receiver that is gone does not want it. */
  answer(to: PoolAddress, id: number, value: unknown): void {
    if (samePool(to, this.address)) return this.#pending.take(id)?.resolve(value);
    try {
      this.router.send({ kind: "reply", id, to, from: this.address, value });
    } catch (error) {
      if (!isLoss(error)) throw error;
    }
  }

  /** Sends a failure; a receiver that is gone does not want it. */
  answerWithFailure(to: PoolAddress, id: number, error: Error): void {
    if (samePool(to, this.address)) return this.#pending.take(id)?.reject(error);
    try {
      this.router.send({ kind: "failure", id, to, from: this.address, error });
    } catch (lost) {
      if (!isLoss(lost)) throw lost;
    }
  }

  /** A copy of whatever was thrown; of what cannot travel, an error that says so. */
  #copyOf(thrown: unknown): unknown {
    try {
      return this.codec.copy(thrown, "error");
    } catch (error) {
      return new Error(`a ${typeof thrown} that cannot travel`, { cause: error });
    }
  }

  #localCall(
    method: string,
    args: unknown[],
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ): LocalMessage {
    return new LocalMessage(
      this,
      ++this.#lastId,
      method,
      this.codec.copy(args, "args"),
      resolve,
      reject,
    );
  }

  #remoteCall(
    to: ActorAddress,
    method: string,
    args: readonly unknown[],
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ): number {
    const destination = this.#towards(to);
    if (destination === undefined) {
      reject(this.#notFound(to));
      return 0;
    }
    const id = this.#pending.add({ to: destination, resolve, reject });
    try {
      this.router.send({
        kind: "call",
        id,
        to: destination,
        from: this.address,
        uid: to.uid,
        method,
        args,
      });
    } catch (error) {
      this.#pending.take(id);
      reject(error);
    }
    return id;
  }

  /** A call whose caller may give up. */
  #callWith(
    { timeoutMs, signal }: CallOptions,
    cell: Cell | undefined,
    to: ActorAddress,
    method: string,
    args: unknown[],
  ): Promise<unknown> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (timeoutMs !== undefined && !(timeoutMs >= 0)) {
      const expected = "timeoutMs is a number of milliseconds from 0 up";
      return Promise.reject(new RangeError(`${expected}, got ${timeoutMs}`));
    }
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const settled = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      };
      const done = (value: unknown) => (settled(), resolve(value));
      const fail = (error: unknown) => (settled(), reject(error));
      const giveUp = (reason: unknown) => {
        cancel(reason);
        fail(reason);
      };
      const onAbort = () => giveUp(signal!.reason);
      let cancel: (reason: unknown) => void = ignore;
      // Before the message goes, because it may fail at once and then clears both away.
      signal?.addEventListener("abort", onAbort);
      if (timeoutMs !== undefined && timeoutMs <= MAX_TIMER_MS) {
        timer = setTimeout(() => giveUp(timeout(to, method, timeoutMs)), timeoutMs);
      }
      try {
        if (cell !== undefined) {
          const message = this.#localCall(method, args, done, fail);
          cancel = (reason) => cell.cancel((other) => other === message, this.#copyOf(reason));
          cell.deliver(message);
        } else {
          const id = this.#remoteCall(to, method, args, done, fail);
          cancel = (reason) => this.#cancelRemote(to, id, reason);
        }
      } catch (error) {
        fail(error);
      }
    });
  }

  #cancelRemote(to: ActorAddress, id: number, reason: unknown): void {
    if (this.#pending.take(id) === undefined) return;
    const destination = this.#towards(to);
    if (destination === undefined) return;
    const frame = { id, to: destination, from: this.address, uid: to.uid };
    try {
      this.router.send({ kind: "cancel", ...frame, reason: this.#copyOf(reason) });
    } catch (error) {
      if (!isLoss(error)) throw error;
    }
  }

  /**
   * The pool to send a message to. An actor that was here and is not may live elsewhere on this host by
   * now, which its main pool knows; `undefined` if this is the main pool and it knows of none.
   */
  #towards(to: ActorAddress): PoolAddress | undefined {
    if (!samePool(to, this.address)) return to;
    if (this.address.pool !== MAIN_POOL) return { host: to.host, pool: MAIN_POOL };
    return this.locate(to.uid);
  }

  /** Where an actor of this host lives that is not here; the host of the main pool sets it. */
  locate: (uid: string) => PoolAddress | undefined = () => undefined;

  #receive(raw: RawFrame): void {
    const frame = this.codec.decode(raw);
    switch (frame.kind) {
      case "reply":
        this.#pending.takeAnswered(frame.id, frame.from, this.address)?.resolve(frame.value);
        return;
      case "failure":
        this.#pending.takeAnswered(frame.id, frame.from, this.address)?.reject(frame.error);
        return;
      case "call":
      case "tell": {
        const cell = this.#cells.get(frame.uid);
        if (cell !== undefined) cell.deliver(new RemoteMessage(this, frame));
        else this.#redirect(raw, frame);
        return;
      }
      case "cancel": {
        const { id, from, reason } = frame;
        const matches = (message: Message) => message.id === id && samePool(message.from, from);
        const cell = this.#cells.get(frame.uid);
        if (cell !== undefined) cell.cancel(matches, reason);
        else this.#redirectCancel(raw, frame);
        return;
      }
      case "create":
        this.#answerLater(raw, this.create(frame));
        return;
      case "destroy":
        this.#answerLater(raw, this.destroy(frame.uid, frame.kill));
        return;
      default:
        throw new TypeError(`${formatPool(this.address)} takes no ${frame.kind} frames`);
    }
  }

  #answerLater(raw: RawFrame, result: Promise<void>): void {
    result.then(
      () => this.answer(raw.from, raw.id, undefined),
      (error) => this.answerWithFailure(raw.from, raw.id, error),
    );
  }

  /** The actor is not here: pass the message on to where it is. */
  #redirect(raw: RawFrame, frame: CallFrame | TellFrame): void {
    const to = { ...this.address, uid: frame.uid, generation: 0 };
    const isCircle = samePool(raw.from, this.address) && this.#relays.has(raw.id);
    const destination = isCircle || raw.hops >= LIMITS.hops ? undefined : this.#towards(to);
    if (destination === undefined) this.refuse(raw, this.#notFound(to));
    else if (frame.kind === "tell" || this.address.pool !== MAIN_POOL) {
      this.router.forward({ ...raw, to: destination });
    } else this.#relay(frame, { ...to, ...destination });
  }

  /** See {@linkcode Relays}. */
  #relay({ from, id, method, args }: CallFrame, to: ActorAddress): void {
    const relayed = this.#remoteCall(to, method, args, (value) => {
      this.#relays.take(from, id);
      this.answer(from, id, value);
    }, (error) => {
      this.#relays.take(from, id);
      this.answerWithFailure(from, id, error as Error);
    });
    if (this.#pending.has(relayed)) this.#relays.add(from, id, relayed);
  }

  #redirectCancel(raw: RawFrame, { from, id, uid, reason }: CancelFrame): void {
    const to = { ...this.address, uid, generation: 0 };
    const destination = raw.hops < LIMITS.hops ? this.#towards(to) : undefined;
    if (destination === undefined) return;
    if (this.address.pool !== MAIN_POOL) return this.router.forward({ ...raw, to: destination });
    const relayed = this.#relays.take(from, id);
    if (relayed !== undefined) this.#cancelRemote({ ...to, ...destination }, relayed, reason);
  }

  async #instantiate(type: ActorType, { args, uid }: CreateRequest): Promise<Actor> {
    try {
      return await type.create(args as unknown[], this.#resources);
    } catch (cause) {
      throw startError(`${formatType(type.name)} ${uid}`, "construct", cause);
    }
  }

  #notFound({ uid, host }: ActorAddress): ActorNotFoundError {
    const where = formatPool({ host, pool: this.address.pool });
    return new ActorNotFoundError(`There is no actor ${JSON.stringify(uid)} (asked ${where})`);
  }
}

function startError(
  what: string,
  phase: "construct" | "postCreate",
  cause: unknown,
): ActorStartError {
  if (cause instanceof ActorStartError) return cause;
  const message = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return new ActorStartError(`${what} could not be started: ${phase} threw ${message}`, phase, {
    cause,
  });
}

function timeout(to: ActorAddress, method: string, timeoutMs: number): CallTimeoutError {
  return new CallTimeoutError(
    `${method} of ${formatActor(to)} did not answer in ${timeoutMs} ms`,
    timeoutMs,
  );
}

/** Whether an error says that the destination is gone, rather than that the frame is wrong. */
function isLoss(error: unknown): error is DramatisError {
  return error instanceof DramatisError &&
    (error.name === "PoolLostError" || error.name === "HostLostError");
}

function ignore(): void {}
