import { type ActorAddress, formatActor } from "../core/address.ts";
import { type ActorExit, ActorStoppedError } from "../core/errors.ts";
import { Actor } from "./actor.ts";
import { type ActorType, formatType } from "./actor_type.ts";
import type { Agenda } from "./agenda.ts";
import { isThenable } from "./batch.ts";
import type { CellHost } from "./cell_host.ts";
import type { CellWatch } from "./cell_watch.ts";
import type { HookName } from "./hook.ts";
import type { Message, MessageTerms } from "./message.ts";
import type { Timer } from "./ref_method.ts";
import { dropStreams } from "./remote_stream.ts";
import type { CellKeeper } from "./state.ts";

/**
 * `starting`: `restore` and `postCreate` run; `parking`: it is idle, its state is saved and `preDestroy`
 * runs; `parked`: the next message makes it again; `stopping`: no new messages, then `preDestroy`;
 * `stopped`: gone.
 */
export type CellState = "starting" | "running" | "parking" | "parked" | "stopping" | "stopped";

/** The life of one actor: it starts, may be parked, is destroyed or killed, and ends once. */
export abstract class CellLife {
  readonly address: ActorAddress;
  readonly type: ActorType;
  readonly actor: Actor;
  /** Keeps its state, if it has one that can be kept. */
  keeper: CellKeeper | undefined;
  protected readonly host: CellHost;
  /** What it has to do. */
  protected abstract readonly agenda: Agenda;
  /** What it does. */
  protected abstract readonly watch: CellWatch;
  #state: CellState = "starting";
  #timers: Set<Timer> | undefined;
  #destroyed: Promise<void> | undefined;
  /** Why it has ended. */
  #ending: (() => Error) | undefined;
  /** Ends the wait of who starts or destroys the actor, for a kill. */
  #released: (() => void) | undefined;

  constructor(actor: Actor, type: ActorType, address: ActorAddress, host: CellHost) {
    this.actor = actor;
    this.type = type;
    this.address = address;
    this.host = host;
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
    return this.watch.isRunning || this.agenda.length > 0;
  }

  /** Runs a hook; under the lock, or while the actor starts or ends. */
  runHook(name: HookName, ...args: unknown[]): unknown {
    return this.agenda.runner.runHook(name, ...args);
  }

  /**
   * Runs `postCreate`, then lets messages in. If it throws, the cell is stopped and throws that.
   *
   * @param prepare What is to be done before, by hooks too.
   * @param terms The calls that wait for it.
   * @returns What resolves when it has; `undefined` if there was nothing to be done.
   */
  start(prepare?: () => Promise<void>, terms?: MessageTerms): Promise<void> | undefined {
    if (prepare !== undefined || this.#hasHook("postCreate")) return this.#start(prepare, terms);
    this.#begin();
    return undefined;
  }

  async #start(prepare?: () => Promise<void>, terms?: MessageTerms): Promise<void> {
    try {
      if (prepare !== undefined) await Promise.race([prepare(), this.#killedEarly()]);
      const hasHook = this.#hasHook("postCreate");
      const created = hasHook ? this.agenda.runner.runPostCreate(terms) : undefined;
      if (isThenable(created)) await Promise.race([created, this.#killedEarly()]);
    } catch (error) {
      this.#end("could not be started", "error", error as Error);
      throw error;
    }
    if (this.#state !== "starting") {
      throw this.#earlyEnding;
    }
    this.#begin();
  }

  #begin(): void {
    this.#state = "running";
    this.agenda.unlock();
  }

  /** Whether its class has a hook of its own. */
  #hasHook(name: HookName): boolean {
    return this.actor[name] !== Actor.prototype[name];
  }

  /** What its creator gets when it was killed, or has failed, before it has started. */
  get #earlyEnding(): Error {
    const { ending } = this;
    if (ending.cause !== undefined) return ending;
    return this.stoppedError("was killed while it started", "killed");
  }

  /** Rejects when the actor is killed before it has started: its `postCreate` may never come to its end. */
  #killedEarly(): Promise<never> {
    return new Promise((_, reject) => {
      this.#released = () => reject(this.#earlyEnding);
    });
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
    if (this.#timers === undefined) return;
    for (const timer of [...this.#timers]) timer.cancel();
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
    await this.lockAgain();
    try {
      await save();
      if (!this.isIdle) return null;
      this.#state = "parking";
      await this.#preDestroy();
      // It may have been killed.
      if ((this.#state as CellState) !== "parking") return null;
      const waiting = this.agenda.takeOut(() => true);
      this.#end("is parked");
      return waiting;
    } finally {
      if (!this.isStopped) this.agenda.unlock();
    }
  }

  /** What it throws is nobody's. */
  async #preDestroy(): Promise<void> {
    try {
      await this.runHook("preDestroy");
    } catch (error) {
      this.host.undelivered(this.address, "preDestroy", error as Error);
    }
  }

  /** Resolves once the actor has its lock, ahead of messages; the lock then has no holder yet. */
  protected lockAgain(): Promise<void> {
    if (this.#state === "stopped") return Promise.reject(this.stoppedError("was killed", "killed"));
    return this.agenda.lock.back();
  }

  /**
   * Waits for the running message, hands back the queued ones, runs `preDestroy`.
   *
   * @returns What resolves when it has; `undefined` if the actor has ended, as there was nothing to be done.
   */
  destroy(): Promise<void> | undefined {
    if (this.#state === "stopped") return this.#destroyed;
    const isNothingToDo = this.agenda.isFree && !this.isBusy && this.keeper === undefined &&
      !this.#hasHook("preDestroy");
    if (!isNothingToDo) return this.#destroyed ??= this.#destroy();
    this.#end("is stopped");
    return undefined;
  }

  async #destroy(): Promise<void> {
    this.#state = "stopping";
    this.agenda.refuseAll(() => this.stoppedError("is stopped"));
    this.#cancelTimers();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#released = resolve;
    this.agenda.addControl({ run: () => this.#stop().then(resolve, reject) });
    await promise;
  }

  async #stop(): Promise<void> {
    if (this.#state === "stopped") return;
    try {
      await this.keeper?.saveLast();
      await this.agenda.runner.runHook("preDestroy");
    } finally {
      this.#end("is stopped");
    }
  }

  /**
   * Ends the actor now. What its running methods still do has no effect on anyone.
   *
   * @param cause Why, if it has failed.
   */
  kill(cause?: Error): void {
    if (cause === undefined) this.#end("was killed", "killed");
    else this.#end(`has failed: ${cause.name}: ${cause.message}`, "error", cause);
    // A `preDestroy` that runs may never come to its end.
    this.#released?.();
  }

  #end(why: string, exit?: ActorExit, cause?: Error): void {
    if (this.#state === "stopped") return;
    this.#state = "stopped";
    const reason = () => this.stoppedError(why, exit, cause);
    this.#ending = reason;
    if (this.watch.isRunning) this.#endRunning(reason);
    this.agenda.refuseAll(reason);
    this.#cancelTimers();
    this.agenda.close(reason);
    this.keeper?.close();
    this.type.end?.(this.actor);
  }

  #endRunning(reason: () => Error): void {
    for (const message of [...this.watch.running.keys()]) {
      this.watch.gone(message);
      message.ended = true;
      message.fail(reason());
      message.cancel(reason());
      // What it has not begun to read nobody does any more.
      dropStreams(message.args);
    }
  }

  /** What the caller of a message gets in which the actor has ended itself. */
  get ending(): Error {
    return this.#ending?.() ?? this.stoppedError("is stopped");
  }

  /** What a caller gets whose message cannot run any more. */
  stoppedError(why: string, exit?: ActorExit, cause?: Error): ActorStoppedError {
    const options = cause === undefined ? {} : { cause };
    return new ActorStoppedError(`${this.where} ${why}`, exit, options);
  }
}
