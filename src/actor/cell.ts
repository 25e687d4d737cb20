import type { ActorAddress } from "../core/address.ts";
import type { CellOptions } from "../core/protocol.ts";
import { Actor, bindContext } from "./actor.ts";
import type { ActorType } from "./actor_type.ts";
import { Agenda } from "./agenda.ts";
import { CellContext } from "./cell_context.ts";
import type { CellHost } from "./cell_host.ts";
import { CellLife } from "./cell_life.ts";
import type { ActorCounters } from "./cell_stats.ts";
import { CellWatch, type Stay } from "./cell_watch.ts";
import { comebackOf } from "./deadlock.ts";
import type { Message, MessageCell } from "./message.ts";
import type { ActorRef } from "./ref.ts";
import type { StreamScope } from "./stream_scope.ts";
import { StreamSteps } from "./stream_steps.ts";
import type { ChildDown } from "./supervision.ts";

/** Runs one actor: takes what comes for it to its {@linkcode Agenda}, which has the mailbox and the lock. */
export class Cell extends CellLife implements MessageCell {
  protected override readonly agenda: Agenda;
  protected override readonly watch: CellWatch;
  #steps: StreamSteps | undefined;

  constructor(
    actor: Actor,
    type: ActorType,
    address: ActorAddress,
    options: CellOptions,
    host: CellHost,
  ) {
    super(actor, type, address, host);
    this.watch = new CellWatch(host.activity, type, address);
    this.agenda = new Agenda(this, options, host, this.watch);
    bindContext(actor, new CellContext(this, host));
  }

  /** Messages that wait. */
  get queued(): number {
    return this.agenda.length;
  }

  /** Messages that have begun and not ended. */
  get running(): ReadonlyMap<Message, Stay> {
    return this.watch.running;
  }

  /** The messages that hold the lock: several if they only read, none while a hook does, or nobody. */
  get holders(): readonly Message[] {
    return this.agenda.lock.holders;
  }

  /** The message whose code runs now, if it is one of this cell. */
  get current(): Message | null {
    const message = this.host.scopes.current;
    return message?.cell === this ? message : null;
  }

  /** What it has done so far. */
  get counters(): ActorCounters {
    return this.watch.stats.read();
  }

  /** Takes a message, to be run in a later turn. It is always answered. */
  deliver(message: Message): void {
    const method = this.type.methods.get(message.method);
    if (method === undefined) return message.fail(noSuchMethod(this, message.method));
    if (this.state === "stopping" || this.state === "stopped") {
      return message.fail(this.stoppedError("is stopped"));
    }
    message.target = method;
    let skipsQueue = method.concurrent;
    if (message.terms !== undefined && !method.concurrent) {
      const comeback = comebackOf(message, this);
      // One that reads and waits for another: behind a writer, they would wait for each other.
      skipsQueue = comeback !== null && method.readOnly && this.agenda.lock.isShared;
      if (comeback !== null && !skipsQueue) this.host.cameBack(comeback);
    }
    this.agenda.add(message, method, skipsQueue);
  }

  /** Takes a message that the actor sends to itself: while a hook runs, it does not wait. */
  deliverInside(message: Message): void {
    const method = this.type.methods.get(message.method);
    const hooked = this.state === "starting" || this.state === "stopping" ||
      this.state === "parking";
    if (method === undefined || !hooked) return this.deliver(message);
    message.target = method;
    this.agenda.runner.begin(message, method, false);
  }

  /** The first that matches of those that wait, those for the lock before others. */
  findWaiting(matches: (message: Message) => boolean): Message | undefined {
    return this.agenda.find(matches);
  }

  /** Takes out what waits: it goes elsewhere. */
  takeAll(): Message[] {
    return this.agenda.takeOut(() => true);
  }

  /** Takes out what waits and matches, and fails it. */
  refuse(matches: (message: Message) => boolean, error: Error): void {
    for (const message of this.agenda.takeOut(matches)) message.fail(error);
  }

  /** Callers have given up: messages that wait are dropped, those that run see their signal abort. */
  cancel(matches: (message: Message) => boolean, reason: unknown): void {
    for (const message of [...this.running.keys()].filter(matches)) {
      // Listeners run at once, and are not part of what runs here.
      this.host.scopes.outside(() => message.cancel(reason));
    }
    for (const message of this.agenda.takeOut(matches)) message.discard();
  }

  /** See `Actor.unlocked`. */
  async unlocked<T>(promise: PromiseLike<T>): Promise<T> {
    const { lock } = this.agenda;
    const message = this.current ?? lock.holder;
    // While it starts there is nobody to let in.
    const hasLock = this.state !== "starting" && message !== null && lock.holds(message);
    if (!hasLock) return await promise;
    this.agenda.unlock(message);
    try {
      return await promise;
    } finally {
      await this.lockAgain();
      // A message that went on without this wait has ended, and cannot give the lock back.
      if (!this.running.has(message)) this.agenda.unlock();
      else lock.holder = message;
    }
  }

  /**
   * Runs code that no message is in the middle of: ahead of those that wait, as soon as the lock is free.
   *
   * @param isOwn The actor's own code asks: it is run at once if that has the lock.
   */
  async between<T>(code: () => T | Promise<T>, isOwn: boolean): Promise<T> {
    const { lock } = this.agenda;
    const message = this.current ?? lock.holder;
    // While the actor starts or ends, a hook of it has the lock.
    const hasLock = this.state !== "running" || (message !== null && lock.holds(message));
    if (isOwn && hasLock) return await code();
    await this.lockAgain();
    try {
      return await code();
    } finally {
      this.agenda.unlock();
    }
  }

  /** Takes a step of a stream: under the lock, in turn with messages, unless its method needs none. */
  step(step: () => unknown, scope: StreamScope): unknown {
    return Cell.#stepsOf(this).step(step, scope);
  }

  /** Ends a stream: under the lock too, ahead of messages, as long as there is a lock. */
  leave(finish: () => unknown, scope: StreamScope): Promise<void> {
    return Cell.#stepsOf(this).leave(finish, scope);
  }

  /** Static, as a private method of its own would cost every cell a field. */
  static #stepsOf(cell: Cell): StreamSteps {
    return cell.#steps ??= new StreamSteps(cell, cell.agenda, cell.watch, cell.host.scopes);
  }

  /** A child has ended: the actor is told ahead of messages. Throws what it does; then it is to fail. */
  async childDown(child: ActorRef<Actor>, down: ChildDown): Promise<void> {
    if (this.actor.childDown === Actor.prototype.childDown) {
      return await this.actor.childDown(child, down);
    }
    await this.between(() => this.runHook("childDown", child, down), false);
  }
}

function noSuchMethod({ type, where }: Cell, name: string): TypeError {
  const names = [...type.methods.keys()].join(", ");
  return new TypeError(`${where} has no method ${JSON.stringify(name)}; it has: ${names}`);
}
