import { type ActorAddress, formatActor } from "../core/address.ts";
import { ActorStoppedError } from "../core/errors.ts";
import type { CellOptions } from "../core/protocol.ts";
import { Actor, bindContext } from "./actor.ts";
import { type ActorType, formatType } from "./actor_type.ts";
import { Agenda } from "./agenda.ts";
import { isThenable } from "./batch.ts";
import { CellContext } from "./cell_context.ts";
import type { CellHost } from "./cell_host.ts";
import type { ActorCounters } from "./cell_stats.ts";
import type { HookName } from "./hook.ts";
import { CellWatch, type Stay } from "./cell_watch.ts";
import { deadlockOf } from "./deadlock.ts";
import type { Message, MessageCell } from "./message.ts";
import type { CellKeeper } from "./state.ts";
import type { Timer } from "./ref_method.ts";
import type { ActorRef } from "./ref.ts";
import type { StreamScope } from "./stream_scope.ts";
import { StreamSteps } from "./stream_steps.ts";
import type { ChildDown } from "./supervision.ts";

/**
 * `starting`: `restore` and `postCreate` run; `parking`: it is idle, its state is saved and `preDestroy`
 * runs; `parked`: the next message makes it again; `stopping`: no new messages, then `preDestroy`;
 * `stopped`: gone.
 */
export type CellState = "starting" | "running" | "parking" | "parked" | "stopping" | "stopped";

/** Runs one actor: its mailbox and lock, which are in its {@linkcode Agenda}, and its life. */
export class Cell implements MessageCell {
  readonly address: ActorAddress;
  readonly type: ActorType;
  readonly actor: Actor;
  /** Keeps its state, if it has one that can be kept. */
  keeper: CellKeeper | undefined;
  readonly #host: CellHost;
  readonly #watch: CellWatch;
  readonly #agenda: Agenda;
  #state: CellState = "starting";
  #steps: StreamSteps | undefined;
  #timers: Set<Timer> | undefined;
  #destroyed: Promise<void> | undefined;
  /** Why it has ended. */
  #ending: (() => Error) | undefined;
  /** Ends the wait of who starts or destroys the actor, for a kill. */
  #released: (() => void) | undefined;

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
    this.#watch = new CellWatch(host.activity, type, address);
    this.#agenda = new Agenda(this, options, host, this.#watch);
    bindContext(actor, new CellContext(this, host));
  }

  /** The actor for people: its type, uid and pool. */
  get where(): string {
    return `${formatType(this.type.name)} ${formatActor(this.address)}`;
  }

  get state(): CellState {
    return this.#state;
  }

  /** {@linkcode MessageCell.isStopped} */
  get isStopped(): boolean {
    return this.#state === "stopped";
  }

  /** Whether there is anything to look at. */
  get isBusy(): boolean {
    return this.#watch.isRunning || this.queued > 0;
  }

  /** Messages that wait. */
  get queued(): number {
    return this.#agenda.length;
  }

  /** Messages that have begun and not ended. */
  get running(): ReadonlyMap<Message, Stay> {
    return this.#watch.running;
  }

  /** The messages that hold the lock: several if they only read, none while a hook does, or nobody. */
  get holders(): readonly Message[] {
    return this.#agenda.lock.holders;
  }

  /** The message whose code runs now, if it is one of this cell. */
  get current(): Message | null {
    const message = this.#host.scopes.current;
    return message?.cell === this ? message : null;
  }

  /** What it has done so far. */
  get counters(): ActorCounters {
    return this.#watch.stats.read();
  }

  /**
   * Runs `postCreate`, then lets messages in. If it throws, the cell is stopped and throws that.
   *
   * @param prepare What is to be done before, by hooks too.
   */
  async start(prepare?: () => Promise<void>): Promise<void> {
    try {
      if (prepare !== undefined) await Promise.race([prepare(), this.#killedEarly()]);
      const created = this.#agenda.runner.runHook("postCreate");
      if (isThenable(created)) await Promise.race([created, this.#killedEarly()]);
    } catch (error) {
      this.#end("could not be started", error as Error);
      throw error;
    }
    if (this.#state !== "starting") throw this.stoppedError("was killed while it started");
    this.#state = "running";
    this.#agenda.unlock();
  }

  /** Rejects when the actor is killed before it has started: its `postCreate` may never come to its end. */
  #killedEarly(): Promise<never> {
    return new Promise((_, reject) => {
      this.#released = () => reject(this.stoppedError("was killed while it started"));
    });
  }

  /** Takes a message, to be run in a later turn. It is always answered. */
  deliver(message: Message): void {
    const method = this.type.methods.get(message.method);
    if (method === undefined) return message.fail(this.#noSuchMethod(message.method));
    if (this.#state === "stopping" || this.#state === "stopped") {
      return message.fail(this.stoppedError("is stopped"));
    }
    message.target = method;
    let skipsQueue = method.concurrent;
    if (message.terms !== undefined && !method.concurrent) {
      const { lock } = this.#agenda;
      const deadlock = deadlockOf(message, lock.holders, this.address);
      // One that reads and waits for another: behind a writer, they would wait for each other.
      skipsQueue = deadlock !== null && method.readOnly && lock.isShared;
      if (deadlock !== null && !skipsQueue) return message.fail(deadlock);
    }
    this.#agenda.add(message, method, skipsQueue);
  }

  /** Takes a message that the actor sends to itself: while a hook runs, it does not wait. */
  deliverInside(message: Message): void {
    const method = this.type.methods.get(message.method);
    const hooked = this.#state === "starting" || this.#state === "stopping" ||
      this.#state === "parking";
    if (method === undefined || !hooked) return this.deliver(message);
    message.target = method;
    this.#agenda.runner.begin(message, method, false);
  }

  /** The first that matches of those that wait, those for the lock before others. */
  findWaiting(matches: (message: Message) => boolean): Message | undefined {
    return this.#agenda.find(matches);
  }

  /** Takes out what waits and matches, and fails it. */
  refuse(matches: (message: Message) => boolean, error: Error): void {
    for (const message of this.#agenda.takeOut(matches)) message.fail(error);
  }

  /** Callers have given up: messages that wait are dropped, those that run see their signal abort. */
  cancel(matches: (message: Message) => boolean, reason: unknown): void {
    for (const message of [...this.running.keys()].filter(matches)) {
      // Listeners run at once, and are not part of what runs here.
      this.#host.scopes.outside(() => message.cancel(reason));
    }
    this.#agenda.takeOut(matches);
  }

  /** See `Actor.unlocked`. */
  async unlocked<T>(promise: PromiseLike<T>): Promise<T> {
    const { lock } = this.#agenda;
    const message = this.current ?? lock.holder;
    if (message === null || !lock.holds(message)) return await promise;
    this.#agenda.unlock(message);
    try {
      return await promise;
    } finally {
      await this.#lockAgain();
      // A message that went on without this wait has ended, and cannot give the lock back.
      if (!this.running.has(message)) this.#agenda.unlock();
      else lock.holder = message;
    }
  }

  #lockAgain(): Promise<void> {
    if (this.#state === "stopped") return Promise.reject(this.stoppedError("was killed"));
    return this.#agenda.lock.back();
  }

  /** Runs a hook; under the lock, or while the actor starts or ends. */
  runHook(name: HookName, ...args: unknown[]): unknown {
    return this.#agenda.runner.runHook(name, ...args);
  }

  /**
   * Runs code that no message is in the middle of: ahead of those that wait, as soon as the lock is free.
   *
   * @param isOwn The actor's own code asks: it is run at once if that has the lock.
   */
  async between<T>(code: () => T | Promise<T>, isOwn: boolean): Promise<T> {
    if (isOwn && this.#hasLock) return await code();
    await this.#lockAgain();
    try {
      return await code();
    } finally {
      this.#agenda.unlock();
    }
  }

  /** Whether the actor's running code has the lock: a message, or a hook. */
  get #hasLock(): boolean {
    if (this.#state !== "running") return true;
    const { lock } = this.#agenda;
    const message = this.current ?? lock.holder;
    return message !== null && lock.holds(message);
  }

  /** Whether nothing runs, waits, is kept or will come by itself: no message, stream, timer, watch or DeviceRef. */
  get isIdle(): boolean {
    if (this.#state !== "running" || this.isBusy) return false;
    return this.type.mayRest?.(this.actor) !== false && !(this.#timers && this.#timers.size > 0);
  }

  /**
   * Ends the actor for now, if nothing has come once its state is saved.
   *
   * @param save Saves its state.
   * @returns What has come while `preDestroy` ran, to be delivered again; `null` if it has not ended so.
   */
  async park(save: () => Promise<void>): Promise<Message[] | null> {
    await this.#lockAgain();
    try {
      await save();
      if (!this.isIdle) return null;
      this.#state = "parking";
      await this.#preDestroy();
      // It may have been killed.
      if ((this.#state as CellState) !== "parking") return null;
      const waiting = this.#agenda.takeOut(() => true);
      this.#end("is parked");
      return waiting;
    } finally {
      if (!this.isStopped) this.#agenda.unlock();
    }
  }

  /** What it throws is nobody's. */
  async #preDestroy(): Promise<void> {
    try {
      await this.runHook("preDestroy");
    } catch (error) {
      this.#host.undelivered(this.address, "preDestroy", error as Error);
    }
  }

  /** Takes a step of a stream: under the lock, in turn with messages, unless its method needs none. */
  step(step: () => unknown, scope: StreamScope): unknown {
    return this.#streamSteps.step(step, scope);
  }

  /** Ends a stream: under the lock too, ahead of messages, as long as there is a lock. */
  leave(finish: () => unknown, scope: StreamScope): Promise<void> {
    return this.#streamSteps.leave(finish, scope);
  }

  get #streamSteps(): StreamSteps {
    return this.#steps ??= new StreamSteps(this, this.#agenda, this.#watch, this.#host.scopes);
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

  #cancelTimers(): void {
    for (const timer of [...this.#timers ?? []]) timer.cancel();
  }

  /**
   * Waits for the running message, hands back the queued ones, runs `preDestroy`.
   */
  destroy(): Promise<void> {
    return this.#destroyed ??= this.#destroy();
  }

  async #destroy(): Promise<void> {
    if (this.#state === "stopped") return;
    this.#state = "stopping";
    this.#agenda.refuseAll(() => this.stoppedError("is stopped"));
    this.#cancelTimers();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#released = resolve;
    this.#agenda.addControl({
      run: () => this.#stop().then(resolve, reject),
    });
    await promise;
  }

  async #stop(): Promise<void> {
    if (this.#state === "stopped") return;
    try {
      await this.keeper?.saveLast();
      await this.#agenda.runner.runHook("preDestroy");
    } finally {
      this.#end("is stopped");
    }
  }

  /** A child has ended: the actor is told ahead of messages. Throws what it does; then it is to fail. */
  async childDown(child: ActorRef<Actor>, down: ChildDown): Promise<void> {
    if (this.actor.childDown === Actor.prototype.childDown) {
      return await this.actor.childDown(child, down);
    }
    await this.between(() => this.runHook("childDown", child, down), false);
  }

  /**
   * Ends the actor now. What its running methods still do has no effect on anyone.
   *
   * @param cause Why, if it has failed.
   */
  kill(cause?: Error): void {
    if (cause === undefined) this.#end("was killed");
    else this.#end(`has failed: ${cause.name}: ${cause.message}`, cause);
    // A `preDestroy` that runs may never come to its end.
    this.#released?.();
  }

  #end(why: string, cause?: Error): void {
    if (this.#state === "stopped") return;
    this.#state = "stopped";
    const reason = () => this.stoppedError(why, cause);
    this.#ending = reason;
    for (const message of [...this.running.keys()]) {
      this.#watch.gone(message);
      message.ended = true;
      message.fail(reason());
      message.cancel(reason());
    }
    this.#agenda.refuseAll(reason);
    this.#cancelTimers();
    this.#agenda.close(reason);
    this.keeper?.close();
    this.type.end?.(this.actor);
  }

  /** What the caller of a message gets in which the actor has ended itself. */
  get ending(): Error {
    return this.#ending?.() ?? this.stoppedError("is stopped");
  }

  /** What a caller gets whose message cannot run any more. */
  stoppedError(why: string, cause?: Error): ActorStoppedError {
    return new ActorStoppedError(`${this.where} ${why}`, cause === undefined ? {} : { cause });
  }

  #noSuchMethod(name: string): TypeError {
    const names = [...this.type.methods.keys()].join(", ");
    return new TypeError(`${this.where} has no method ${JSON.stringify(name)}; it has: ${names}`);
  }
}
