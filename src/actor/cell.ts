import { type ActorAddress, formatActor } from "../core/address.ts";
import { ActorStoppedError } from "../core/errors.ts";
import { Mailbox, type Overflow } from "../core/mailbox.ts";
import type { CellOptions } from "../core/protocol.ts";
import type { Activity } from "./activity.ts";
import { Actor, bindContext } from "./actor.ts";
import { type ActorMethod, type ActorType, formatType } from "./actor_type.ts";
import { type BatchOutcome, isThenable, runBatch } from "./batch.ts";
import { CellContext } from "./cell_context.ts";
import type { ActorCounters, CellStats } from "./cell_stats.ts";
import { CellWatch, type Stay } from "./cell_watch.ts";
import type { ActorSystem } from "./context.ts";
import { deadlockOf } from "./deadlock.ts";
import { Hook, type HookName } from "./hook.ts";
import { Lock } from "./lock.ts";
import { mailboxFull } from "./mailbox_full.ts";
import type { Message, MessageCell } from "./message.ts";
import type { Caller, Timer } from "./ref_method.ts";
import { isStreamed, type StreamedResult } from "./remote_stream.ts";
import type { Scopes } from "./scopes.ts";
import { StreamScope } from "./stream_scope.ts";
import type { Turn, Turns } from "./turns.ts";

/** What a cell needs from its pool. */
export interface CellHost extends Caller {
  readonly turns: Turns;
  readonly scopes: Scopes;
  /** What its cells write down. */
  readonly activity: Activity;
  readonly system: ActorSystem<unknown>;
  /** Makes a stream of what a method has returned. */
  stream(result: StreamedResult, cell: Cell, scope: StreamScope): unknown;
  /** A caller whose messages reach the cell also while its hooks run. */
  callerInside(cell: Cell): Caller;
  /** What the caller of a failed method gets. */
  failure(thrown: unknown, where: string, method: string): Error;
  /** Something failed in a hook or method that nobody waits for. */
  undelivered(to: ActorAddress, method: string, reason: Error): void;
}

/** `starting`: `postCreate` runs; `stopping`: no new messages, then `preDestroy`; `stopped`: gone. */
export type CellState = "starting" | "running" | "stopping" | "stopped";

/** What is done under the lock ahead of user messages. */
interface Control {
  run(): Promise<void>;
}

/** Messages run in one turn before other cells get theirs. */
const TURN_MESSAGES = 128;

/** Runs one actor: its mailbox, its lock and its life. */
export class Cell implements Turn, MessageCell {
  readonly address: ActorAddress;
  readonly type: ActorType;
  readonly actor: Actor;
  readonly #host: CellHost;
  readonly #scopes: Scopes;
  readonly #mailbox: Mailbox<Message, Control>;
  readonly #context: CellContext;
  #state: CellState = "starting";
  readonly #lock = new Lock(() => this.#schedule());
  #scheduled = false;
  /**
   * Concurrent messages that have not begun: they must not wait behind those that want the lock. This
   * and what else most actors never need is made when it is needed: an actor is to be small.
   */
  #arrived: Mailbox<Message, Control> | undefined;
  /** How many of them may begin now, each until it, or the stream that it gives, is over. */
  #free: number;
  /** Messages that have begun and not ended. */
  #running: Map<Message, Stay> | undefined;
  readonly #watch: CellWatch;
  readonly #stats: CellStats;
  #timers: Set<Timer> | undefined;
  /** Numbers the messages and hooks that have begun. */
  #serial = 0;
  /** How many of them were hooks. */
  #hooks = 0;
  #destroyed: Promise<void> | undefined;
  /** Ends the wait of who starts or destroys the actor, for a kill. */
  #released: () => void = () => {};

  constructor(
    actor: Actor,
    type: ActorType,
    address: ActorAddress,
    options: CellOptions,
    host: CellHost,
  ) {
    this.actor = actor;
    this.type = type;
    this.address = address;
    this.#host = host;
    this.#scopes = host.scopes;
    this.#mailbox = new Mailbox(options.mailbox);
    this.#free = options.concurrency ?? Infinity;
    this.#watch = new CellWatch(host.activity, type, address);
    this.#stats = this.#watch.stats;
    this.#context = new CellContext(this, host);
    bindContext(actor, this.#context);
  }

  /** The actor for people: its type, uid and pool. */
  get where(): string {
    return `${formatType(this.type.name)} ${formatActor(this.address)}`;
  }

  /** {@linkcode MessageCell.isStopped} */
  get isStopped(): boolean {
    return this.#state === "stopped";
  }

  get state(): CellState {
    return this.#state;
  }

  /** Messages that wait. */
  get queued(): number {
    return this.#mailbox.length + (this.#arrived?.length ?? 0);
  }

  /** What it has done so far. */
  get counters(): ActorCounters {
    return this.#watch.stats.read(this.#serial - this.#hooks);
  }

  /** Whether there is anything to look at. */
  get isBusy(): boolean {
    return this.#isRunning || this.queued > 0;
  }

  /** Messages that have begun and not ended. */
  get running(): ReadonlyMap<Message, Stay> {
    return this.#running ?? new Map();
  }

  get #isRunning(): boolean {
    return this.#running !== undefined && this.#running.size > 0;
  }

  /** The messages that hold the lock: several if they only read, none while a hook does, or nobody. */
  get holders(): readonly Message[] {
    return this.#lock.holders;
  }

  /** The first that matches of those that wait, those for the lock before others. */
  findWaiting(matches: (message: Message) => boolean): Message | undefined {
    return this.#mailbox.find(matches) ?? this.#arrived?.find(matches);
  }

  /** Takes out what waits and matches, and fails it. */
  refuse(matches: (message: Message) => boolean, error: Error): void {
    for (const message of this.#takeOut(matches)) message.fail(error);
  }

  #takeOut(matches: (message: Message) => boolean): Message[] {
    const mailbox = this.#mailbox.removeWhere(matches);
    const taken = [...mailbox, ...this.#arrived?.removeWhere(matches) ?? []];
    this.#stats.lost(taken);
    return taken;
  }

  /** Runs `postCreate`, then lets messages in. If it throws, the cell is stopped and throws that. */
  async start(): Promise<void> {
    try {
      const created = this.#runHook("postCreate");
      if (isThenable(created)) await Promise.race([created, this.#killedEarly()]);
    } catch (error) {
      this.#end("could not be started");
      throw error;
    }
    if (this.#state !== "starting") throw this.#stoppedError("was killed while it started");
    this.#state = "running";
    this.#unlock();
  }

  /** Runs a hook in a scope of its own. */
  #runHook(name: HookName): void | Promise<void> {
    if (this.actor[name] === Actor.prototype[name]) return;
    const hook = new Hook(name, this, ++this.#serial);
    this.#hooks++;
    const outer = this.#watch.enterHook(name);
    try {
      return this.#scopes.runAsync(hook, () => this.actor[name]()) as void | Promise<void>;
    } finally {
      this.#watch.leave(outer);
    }
  }

  /** Rejects when the actor is killed before it has started: its `postCreate` may never come to its end. */
  #killedEarly(): Promise<never> {
    return new Promise((_, reject) => {
      this.#released = () => reject(this.#stoppedError("was killed while it started"));
    });
  }

  /** Takes a message, to be run in a later turn. It is always answered. */
  deliver(message: Message): void {
    const method = this.type.methods.get(message.method);
    if (method === undefined) return message.fail(this.#noSuchMethod(message.method));
    if (this.#state === "stopping" || this.#state === "stopped") {
      return message.fail(this.#stoppedError("is stopped"));
    }
    message.target = method;
    let skipsQueue = method.concurrent;
    if (message.terms !== undefined && !method.concurrent) {
      const deadlock = deadlockOf(message, this.#lock.holders, this.address);
      // One that reads and waits for another: behind a writer, they would wait for each other.
      skipsQueue = deadlock !== null && method.readOnly && this.#lock.isShared;
      if (deadlock !== null && !skipsQueue) return message.fail(deadlock);
    }
    const { measuring, mask } = this.#stats;
    if ((this.#serial & mask) === 0 && measuring === null) this.#stats.arrived(message);
    if (message.isPrompt && this.#isFree(method) && this.#host.turns.enter()) {
      try {
        return this.#begin(message, method, !method.concurrent);
      } finally {
        this.#host.turns.leave();
      }
    }
    if (skipsQueue) this.#queue(message, this.#arrived ??= new Mailbox(this.#mailbox.bounds));
    else this.#queue(message, this.#mailbox);
  }

  #queue(message: Message, mailbox: Mailbox<Message, Control>): void {
    this.#watch.wait(message);
    const overflow = mailbox.push(message);
    this.#schedule();
    if (overflow !== null) this.#failLost(message, overflow);
  }

  /** Whether a message can begin now. */
  #isFree(method: ActorMethod): boolean {
    if (this.#state !== "running") return false;
    if (method.concurrent) return !this.#arrived?.length && this.#free > 0;
    return !this.#lock.isHeld && !this.#lock.isWanted && this.#mailbox.length === 0;
  }

  /** Takes a message that the actor sends to itself: while a hook runs, it does not wait. */
  deliverInside(message: Message): void {
    const method = this.type.methods.get(message.method);
    const hooked = this.#state === "starting" || this.#state === "stopping";
    if (method === undefined || !hooked) return this.deliver(message);
    message.target = method;
    this.#begin(message, method, false);
  }

  /** Callers have given up: messages that wait are dropped, those that run see their signal abort. */
  cancel(matches: (message: Message) => boolean, reason: unknown): void {
    for (const message of [...this.running.keys()].filter(matches)) {
      // Listeners run at once, and are not part of what runs here.
      this.#scopes.outside(() => message.cancel(reason));
    }
    this.#takeOut(matches);
  }

  /** Waits for the running message, hands back the queued ones, runs `preDestroy`. */
  destroy(): Promise<void> {
    return this.#destroyed ??= this.#destroy();
  }

  /** Ends the actor now. What its running methods still do has no effect on anyone. */
  kill(): void {
    this.#end("was killed");
    // A `preDestroy` that runs may never come to its end.
    this.#released();
  }

  /** {@linkcode Turn.run} */
  run(): number {
    this.#scheduled = false;
    let count = 0;
    const { queued } = this;
    if (queued > this.#stats.longestQueue) this.#stats.longestQueue = queued;
    if (this.#state === "starting" || this.#state === "stopped") return count;
    if (this.#arrived !== undefined) count += this.#beginArrived(this.#arrived);
    const lock = this.#lock;
    while (!lock.isHeld) {
      if (this.#runControl()) continue;
      if (count >= TURN_MESSAGES) {
        this.#schedule();
        break;
      }
      if (lock.grantTurn(this.#mailbox.length > 0)) {
        count++;
        break;
      }
      const message = this.#mailbox.take();
      if (message === undefined) break;
      count++;
      this.#beginIfWanted(message, true);
    }
    return count + this.#readAlong();
  }

  #beginArrived(arrived: Mailbox<Message, Control>): number {
    let count = 0;
    for (let message; this.#free > 0 && (message = arrived.take()); count++) {
      const needsLock = !message.target!.concurrent;
      // The one that it was to read beside has ended meanwhile.
      if (needsLock && !this.#lock.isShared) this.#queue(message, this.#mailbox);
      else this.#beginIfWanted(message, needsLock);
    }
    return count;
  }

  /** Messages that only read begin beside those that do, until one that does not is the next. */
  #readAlong(): number {
    let count = 0;
    const lock = this.#lock;
    while (lock.isShared && !lock.isWanted && this.#mailbox.peek()?.target?.readOnly) {
      if (count++ >= TURN_MESSAGES) {
        this.#schedule();
        break;
      }
      this.#beginIfWanted(this.#mailbox.take()!, true);
    }
    return count;
  }

  /** The message whose code runs now, if it is one of this cell. */
  get current(): Message | null {
    const message = this.#scopes.current;
    return message?.cell === this ? message : null;
  }

  /** Cancels a timer when the actor ends. */
  own(timer: Timer): void {
    if (this.#state === "stopped") timer.cancel();
    else (this.#timers ??= new Set()).add(timer);
  }

  /** A timer has ended by itself. */
  disown(timer: Timer): void {
    this.#timers?.delete(timer);
  }

  /** See `Actor.unlocked`. */
  async unlocked<T>(promise: PromiseLike<T>): Promise<T> {
    const lock = this.#lock;
    const message = this.current ?? lock.holder;
    if (message === null || !lock.holds(message)) return await promise;
    this.#unlock(message);
    try {
      return await promise;
    } finally {
      await this.#lockAgain();
      // A message that went on without this wait has ended, and cannot give the lock back.
      if (!this.#running?.has(message)) this.#unlock();
      else lock.holder = message;
    }
  }

  /** Takes a step of a stream: under the lock, in turn with messages, unless its method needs none. */
  step(step: () => unknown, scope: StreamScope): unknown {
    if (scope.target!.concurrent) return this.#enter(step, scope, false);
    const isFree = this.#state === "running" && !this.#lock.isHeld && !this.#lock.isWanted &&
      this.#mailbox.length === 0;
    return isFree ? this.#enter(step, scope, true) : this.#stepLater(step, scope);
  }

  /** Ends a stream: under the lock too, ahead of messages, as long as there is a lock. */
  async leave(finish: () => unknown, scope: StreamScope): Promise<void> {
    const isLocked = !scope.target!.concurrent && this.#state !== "stopped";
    // A kill while it waits leaves nothing to lock.
    const gotLock = isLocked && await this.#lockAgain().then(() => true, () => false);
    await this.#enter(finish, scope, gotLock);
  }

  async #stepLater(step: () => unknown, scope: StreamScope): Promise<unknown> {
    if (this.#state === "stopped") throw this.#stoppedError("is stopped");
    await this.#lock.turn();
    return await this.#enter(step, scope, true);
  }

  /** Runs code of a stream in its scope. */
  #enter(code: () => unknown, scope: StreamScope, locked: boolean): unknown {
    if (locked) this.#lock.take(scope);
    const method = scope.target!;
    const outer = this.#scopes.enter(scope);
    const outerMark = this.#watch.enter(method);
    let result: unknown;
    try {
      result = code();
    } finally {
      this.#watch.leave(outerMark);
      this.#scopes.leave(outer);
      if (!isThenable(result) && this.#lock.holder === scope) this.#unlock();
    }
    if (!isThenable(result)) return result;
    this.#goesOn(scope, method);
    return result.then((value) => {
      this.#left(scope);
      return value;
    }, (error) => {
      this.#left(scope);
      throw error;
    });
  }

  /** Code of a stream that has waited has come to its end. */
  #left(scope: StreamScope): void {
    this.#gone(scope);
    if (this.#lock.holder === scope) this.#unlock();
    else if (this.#state === "stopping") this.#schedule();
  }

  /** Code of a message waits. */
  #goesOn(message: Message, method: ActorMethod): void {
    (this.#running ??= new Map()).set(message, this.#watch.stay(method));
  }

  /** Takes a message out of those that run; `false` if a kill has done so already. */
  #gone(message: Message): boolean {
    const stay = this.#running?.get(message);
    if (stay === undefined) return false;
    this.#running!.delete(message);
    this.#watch.stayed(stay);
    return true;
  }

  #beginIfWanted(message: Message, locked: boolean): void {
    if (message.isExpired) this.#stats.lost([message]);
    else this.#begin(message, message.target!, locked);
  }

  #begin(message: Message, method: ActorMethod, locked: boolean): void {
    message.cell = this;
    message.serial = ++this.#serial;
    if (!locked) this.#free--;
    else if (method.readOnly) this.#lock.share(message);
    else this.#lock.take(message);
    const watch = this.#watch;
    const stats = this.#stats;
    const isMeasured = message === stats.measuring;
    if (isMeasured) stats.begun();
    const outerMark = watch.enter(method);
    const scopes = this.#scopes;
    const outer = scopes.enter(message);
    let result: unknown;
    try {
      result = method.isAsync
        ? scopes.runAsync(message, () => this.#invoke(message, method))
        : this.#invoke(message, method);
    } catch (error) {
      scopes.leave(outer);
      watch.leave(outerMark);
      if (isMeasured) stats.ended();
      message.ended = true;
      if (locked) this.#lock.release(message);
      else this.#freeOne();
      this.#fail(message, error);
      return;
    }
    scopes.leave(outer);
    watch.leave(outerMark);
    if (!isThenable(result)) {
      if (isMeasured) stats.ended();
      message.ended = true;
      if (locked) this.#lock.release(message);
      else this.#freeOne();
      this.#reply(message, result);
      return;
    }
    this.#goesOn(message, method);
    result.then(
      (value) => {
        if (this.#finish(message, locked)) this.#reply(message, value);
      },
      (error) => {
        if (this.#finish(message, locked)) this.#fail(message, error);
      },
    );
  }

  #invoke(message: Message, method: ActorMethod): unknown {
    const { args, isBatch } = message;
    if (!isBatch) return method.run.apply(this.actor, args);
    this.#stats.batched += args.length - 1;
    return runBatch(this, method, args as unknown[][], (thrown) => {
      return this.#host.failure(thrown, this.where, message.method);
    });
  }

  /** A message that has begun ends; `false` if a kill has answered it already. */
  #finish(message: Message, locked: boolean): boolean {
    message.ended = true;
    if (!this.#gone(message)) return false;
    if (message === this.#stats.measuring) this.#stats.ended();
    if (!locked) this.#freeOne();
    // It may have given the lock up, and another may have it by now.
    if (locked && this.#lock.holds(message)) this.#unlock(message);
    else if (this.#state === "stopping") this.#schedule();
    return true;
  }

  #reply(message: Message, value: unknown): void {
    if (message.isBatch) this.#stats.errors += (value as BatchOutcome).failures.length;
    try {
      message.reply(isStreamed(value) ? this.#stream(value, message) : value);
    } catch (error) {
      this.#fail(message, error);
    }
  }

  /** What has begun and gives a stream goes on for as long as that does. */
  #stream(result: StreamedResult, message: Message): unknown {
    const isConcurrent = message.target!.concurrent;
    if (isConcurrent) this.#free--;
    const scope = new StreamScope(message, () => {
      if (isConcurrent) this.#freeOne();
    });
    try {
      return this.#host.stream(result, this, scope);
    } catch (error) {
      scope.close();
      throw error;
    }
  }

  /** A message that runs without the lock is over: another may begin. */
  #freeOne(): void {
    if (this.#free++ === 0) this.#schedule();
  }

  #fail(message: Message, error: unknown): void {
    this.#stats.errors += message.isBatch ? message.args.length : 1;
    message.fail(this.#host.failure(error, this.where, message.method));
  }

  #unlock(reader?: Message): void {
    this.#lock.release(reader);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#host.turns.schedule(this);
  }

  /** Runs what has precedence over messages; `false` if there is nothing. */
  #runControl(): boolean {
    if (this.#lock.grantBack()) return true;
    // A message that has given up its lock for a while must come to its end first.
    if (this.#isRunning) return false;
    const control = this.#mailbox.takeControl();
    if (control === undefined) return false;
    this.#lock.isHeld = true;
    control.run().finally(() => this.#unlock());
    return true;
  }

  #lockAgain(): Promise<void> {
    if (this.#state === "stopped") return Promise.reject(this.#stoppedError("was killed"));
    return this.#lock.back();
  }

  async #destroy(): Promise<void> {
    if (this.#state === "stopped") return;
    this.#state = "stopping";
    this.#handBack("is stopped");
    for (const timer of [...this.#timers ?? []]) timer.cancel();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#released = resolve;
    this.#mailbox.pushControl({
      run: () => this.#stop().then(resolve, reject),
    });
    this.#schedule();
    await promise;
  }

  async #stop(): Promise<void> {
    if (this.#state === "stopped") return;
    try {
      await this.#runHook("preDestroy");
    } finally {
      this.#end("is stopped");
    }
  }

  /** Refuses every message that waits. */
  #handBack(why: string): void {
    const waiting = [...this.#arrived?.clearMessages() ?? [], ...this.#mailbox.clearMessages()];
    this.#stats.lost(waiting);
    for (const message of waiting) message.fail(this.#stoppedError(why));
  }

  #end(why: string): void {
    if (this.#state === "stopped") return;
    this.#state = "stopped";
    for (const message of [...this.running.keys()]) {
      this.#gone(message);
      message.ended = true;
      message.fail(this.#stoppedError(why));
      message.cancel(this.#stoppedError(why));
    }
    this.#handBack(why);
    for (const timer of [...this.#timers ?? []]) timer.cancel();
    this.#lock.close(() => this.#stoppedError(why));
    for (const control of this.#mailbox.clearControl()) void control.run();
    this.type.end?.(this.actor);
  }

  #stoppedError(why: string): ActorStoppedError {
    return new ActorStoppedError(`${this.where} ${why}`);
  }

  /** Tells the callers of what a full mailbox has lost. */
  #failLost(arrived: Message, overflow: Overflow<Message>): void {
    this.#stats.lost(overflow.lost);
    for (const lost of overflow.lost) {
      lost.fail(mailboxFull(this.where, lost, arrived, overflow));
    }
  }

  #noSuchMethod(name: string): TypeError {
    const names = [...this.type.methods.keys()].join(", ");
    return new TypeError(`${this.where} has no method ${JSON.stringify(name)}; it has: ${names}`);
  }
}
