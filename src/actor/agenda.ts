import { Mailbox, type Overflow } from "../core/mailbox.ts";
import type { CellOptions } from "../core/protocol.ts";
import type { ActorMethod } from "./actor_type.ts";
import type { Cell } from "./cell.ts";
import type { CellHost } from "./cell_host.ts";
import type { CellStats } from "./cell_stats.ts";
import type { CellWatch } from "./cell_watch.ts";
import { Lock } from "./lock.ts";
import { mailboxFull } from "./mailbox_full.ts";
import type { Message } from "./message.ts";
import { Runner } from "./runner.ts";
import type { Turn, Turns } from "./turns.ts";

/** What is done under the lock ahead of user messages. */
export interface Control {
  run(): Promise<void>;
}

/** Messages run in one turn before other cells get theirs. */
const TURN_MESSAGES = 128;

/** What one actor has to do, and in which order: what waits in its mailbox begins when it may. */
export class Agenda implements Turn {
  readonly lock: Lock = new Lock(this);
  readonly runner: Runner;
  readonly #cell: Cell;
  readonly #turns: Turns;
  readonly #watch: CellWatch;
  readonly #stats: CellStats;
  /** What wants the lock. */
  readonly #mailbox: Mailbox<Message, Control>;
  /**
   * Concurrent messages that have not begun: they must not wait behind those that want the lock. This
   * and what else most actors never need is made when it is needed: an actor is to be small.
   */
  #concurrent: Mailbox<Message, Control> | undefined;
  #isScheduled = false;

  constructor(cell: Cell, options: CellOptions, host: CellHost, watch: CellWatch) {
    this.#cell = cell;
    this.#turns = host.turns;
    this.#watch = watch;
    this.#stats = watch.stats;
    this.#mailbox = new Mailbox(options.mailbox);
    this.runner = new Runner(cell, this, host, watch, options.concurrency ?? Infinity);
  }

  /** Messages that wait. */
  get length(): number {
    return this.#mailbox.length + (this.#concurrent?.length ?? 0);
  }

  /** Whether what wants the lock can have it now. */
  get isFree(): boolean {
    return this.#cell.state === "running" && !this.lock.isHeld && !this.lock.isWanted &&
      this.#mailbox.length === 0;
  }

  /**
   * Begins a message, or lets it wait.
   *
   * @param skipsQueue Whether it may begin beside whatever holds the lock.
   */
  add(message: Message, method: ActorMethod, skipsQueue: boolean): void {
    this.#stats.arrived(message);
    if (message.isPrompt && this.#canBegin(method) && this.#turns.enter()) {
      try {
        return this.runner.begin(message, method, !method.concurrent);
      } finally {
        this.#turns.leave();
      }
    }
    if (skipsQueue) this.#queue(message, this.#concurrent ??= new Mailbox(this.#mailbox.bounds));
    else this.#queue(message, this.#mailbox);
  }

  /** Adds what comes before all messages. */
  addControl(control: Control): void {
    this.#mailbox.pushControl(control);
    this.schedule();
  }

  /** The first that matches of those that wait, those for the lock before others. */
  find(matches: (message: Message) => boolean): Message | undefined {
    return this.#mailbox.find(matches) ?? this.#concurrent?.find(matches);
  }

  /** Takes out every message that waits and matches. */
  takeOut(matches: (message: Message) => boolean): Message[] {
    const mailbox = this.#mailbox.removeWhere(matches);
    const taken = [...mailbox, ...this.#concurrent?.removeWhere(matches) ?? []];
    this.#stats.lost(taken);
    return taken;
  }

  /** Refuses every message that waits. */
  refuseAll(reason: () => Error): void {
    if (this.length === 0) return;
    const waiting = [...this.#concurrent?.clearMessages() ?? [], ...this.#mailbox.clearMessages()];
    this.#stats.lost(waiting);
    for (const message of waiting) message.fail(reason());
  }

  /** The actor has ended: there is no lock any more, and nothing that comes before messages waits. */
  close(reason: () => Error): void {
    this.lock.close(reason);
    if (this.#mailbox.isEmpty) return;
    for (const control of this.#mailbox.clearControl()) void control.run();
  }

  /** Whoever has the lock gives it back; one that shares it, its share. */
  unlock(reader?: Message): void {
    this.lock.release(reader);
    if (this.#isWaitedFor) this.schedule();
  }

  get #isWaitedFor(): boolean {
    return !this.#mailbox.isEmpty || this.lock.isWanted || !(this.#concurrent?.isEmpty ?? true);
  }

  /** Something may begin. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#turns.schedule(this);
  }

  /** {@linkcode Turn.run} */
  run(): number {
    this.#isScheduled = false;
    let count = 0;
    const { length } = this;
    if (length > this.#stats.longestQueue) this.#stats.longestQueue = length;
    const { state } = this.#cell;
    if (state === "starting" || state === "parking" || state === "stopped") return count;
    if (this.#concurrent !== undefined) count += this.#beginConcurrent(this.#concurrent);
    const { lock } = this;
    while (!lock.isHeld) {
      if (this.#runControl()) continue;
      if (count >= TURN_MESSAGES) {
        this.schedule();
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

  #queue(message: Message, mailbox: Mailbox<Message, Control>): void {
    this.#watch.wait(message);
    const overflow = mailbox.push(message);
    this.schedule();
    if (overflow !== null) this.#failLost(message, overflow);
  }

  /** Tells the callers of what a full mailbox has lost. */
  #failLost(arrived: Message, overflow: Overflow<Message>): void {
    this.#stats.lost(overflow.lost);
    for (const lost of overflow.lost) {
      lost.fail(mailboxFull(this.#cell.where, lost, arrived, overflow));
    }
  }

  #canBegin(method: ActorMethod): boolean {
    if (!method.concurrent) return this.isFree;
    return this.#cell.state === "running" && !this.#concurrent?.length && this.runner.hasRoom;
  }

  #beginConcurrent(concurrent: Mailbox<Message, Control>): number {
    let count = 0;
    for (let message; this.runner.hasRoom && (message = concurrent.take()); count++) {
      const needsLock = !message.target!.concurrent;
      // The one that it was to read beside has ended meanwhile.
      if (needsLock && !this.lock.isShared) this.#queue(message, this.#mailbox);
      else this.#beginIfWanted(message, needsLock);
    }
    return count;
  }

  /** Messages that only read begin beside those that do, until one that does not is the next. */
  #readAlong(): number {
    let count = 0;
    const { lock } = this;
    while (lock.isShared && !lock.isWanted && this.#mailbox.peek()?.target?.readOnly) {
      if (count++ >= TURN_MESSAGES) {
        this.schedule();
        break;
      }
      this.#beginIfWanted(this.#mailbox.take()!, true);
    }
    return count;
  }

  #beginIfWanted(message: Message, locked: boolean): void {
    if (!message.isExpired) return this.runner.begin(message, message.target!, locked);
    this.#stats.lost([message]);
    message.discard();
  }

  /** Runs what has precedence over messages; `false` if there is nothing. */
  #runControl(): boolean {
    if (this.lock.grantBack()) return true;
    // A message that has given up its lock for a while must come to its end first.
    if (this.#watch.isRunning) return false;
    const control = this.#mailbox.takeControl();
    if (control === undefined) return false;
    this.lock.isHeld = true;
    control.run().finally(() => this.unlock());
    return true;
  }
}
