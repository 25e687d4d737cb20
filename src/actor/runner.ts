import { Actor } from "./actor.ts";
import type { ActorMethod } from "./actor_type.ts";
import type { Agenda } from "./agenda.ts";
import { type BatchOutcome, isThenable, runBatch } from "./batch.ts";
import type { Cell } from "./cell.ts";
import type { CellHost } from "./cell_host.ts";
import type { CellStats } from "./cell_stats.ts";
import type { CellWatch } from "./cell_watch.ts";
import { Hook, type HookName } from "./hook.ts";
import type { Lock } from "./lock.ts";
import type { Message, MessageTerms } from "./message.ts";
import { isStreamed, type StreamedResult } from "./remote_stream.ts";
import type { Scopes } from "./scopes.ts";
import { StreamScope } from "./stream_scope.ts";

/** Runs the code of one actor: its messages, each from its beginning to its answer, and its hooks. */
export class Runner {
  readonly #cell: Cell;
  readonly #agenda: Agenda;
  readonly #host: CellHost;
  readonly #scopes: Scopes;
  readonly #lock: Lock;
  readonly #watch: CellWatch;
  readonly #stats: CellStats;
  /** How many concurrent messages may begin now, each until it, or the stream that it gives, is over. */
  #room: number;

  constructor(cell: Cell, agenda: Agenda, host: CellHost, watch: CellWatch, room: number) {
    this.#cell = cell;
    this.#agenda = agenda;
    this.#host = host;
    this.#scopes = host.scopes;
    this.#lock = agenda.lock;
    this.#watch = watch;
    this.#stats = watch.stats;
    this.#room = room;
  }

  /** Whether a concurrent message may begin. */
  get hasRoom(): boolean {
    return this.#room > 0;
  }

  /** Runs a hook in a scope of its own; one that the class does not have gives nothing. */
  runHook(name: HookName, ...args: unknown[]): unknown {
    if (this.#cell.actor[name] === Actor.prototype[name]) return;
    return this.#runHook(new Hook(name, this.#cell, ++this.#stats.serial), name, args);
  }

  /** Runs `postCreate`, which has the lock. @param terms The calls that wait for it. */
  runPostCreate(terms: MessageTerms | undefined): unknown {
    const hook = new Hook("postCreate", this.#cell, ++this.#stats.serial, terms);
    this.#lock.take(hook);
    return this.#runHook(hook, "postCreate", []);
  }

  #runHook(hook: Hook, name: HookName, args: unknown[]): unknown {
    const { actor } = this.#cell;
    const scopes = this.#scopes;
    this.#stats.hooks++;
    const outerMark = this.#watch.enterHook(name);
    const outer = scopes.enter(hook);
    try {
      const run = actor[name] as (...args: unknown[]) => unknown;
      return scopes.runAsync(hook, () => run.apply(actor, args));
    } finally {
      scopes.leave(outer);
      this.#watch.leave(outerMark);
    }
  }

  /** Runs a message: `locked` if it takes the lock, or a share of it. */
  begin(message: Message, method: ActorMethod, locked: boolean): void {
    const stats = this.#stats;
    message.cell = this.#cell;
    message.serial = ++stats.serial;
    if (!locked) this.#room--;
    else if (method.readOnly) this.#lock.share(message);
    else this.#lock.take(message);
    if (message === stats.measuring) stats.begun();
    const watch = this.#watch;
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
      this.#endAtOnce(message, locked);
      this.#fail(message, error);
      return;
    }
    scopes.leave(outer);
    watch.leave(outerMark);
    if (!isThenable(result)) {
      this.#endAtOnce(message, locked);
      this.#reply(message, result);
      return;
    }
    if (this.#cell.isStopped) return this.#endStopped(message, result);
    watch.goesOn(message, method);
    result.then(
      (value) => {
        if (this.#end(message, locked)) this.#reply(message, value);
      },
      (error) => {
        if (this.#end(message, locked)) this.#fail(message, error);
      },
    );
  }

  /** The actor has ended in the midst of a message: its caller does not wait for the rest. */
  #endStopped(message: Message, rest: PromiseLike<unknown>): void {
    rest.then(undefined, () => {});
    message.ended = true;
    message.fail(this.#cell.ending);
  }

  #invoke(message: Message, method: ActorMethod): unknown {
    const { args, isBatch } = message;
    if (!isBatch) return method.run.apply(this.#cell.actor, args);
    this.#stats.batched += args.length - 1;
    return runBatch(this.#cell, method, args as unknown[][], (thrown) => {
      return this.#host.failure(thrown, this.#cell.where, message.method);
    });
  }

  /** A message ends in the turn in which it began, which goes on with the next: nothing to schedule. */
  #endAtOnce(message: Message, locked: boolean): void {
    if (message === this.#stats.measuring) this.#stats.ended();
    message.ended = true;
    if (locked) this.#lock.release(message);
    else this.#freeOne();
    this.#cell.keeper?.ended();
  }

  /** A message that has waited ends; `false` if a kill has answered it already. */
  #end(message: Message, locked: boolean): boolean {
    message.ended = true;
    if (!this.#watch.gone(message)) return false;
    if (message === this.#stats.measuring) this.#stats.ended();
    if (!locked) this.#freeOne();
    // It may have given the lock up, and another may have it by now.
    if (locked && this.#lock.holds(message)) this.#agenda.unlock(message);
    else if (this.#cell.state === "stopping") this.#agenda.schedule();
    this.#cell.keeper?.ended();
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

  #fail(message: Message, error: unknown): void {
    this.#stats.errors += message.isBatch ? message.args.length : 1;
    message.fail(this.#host.failure(error, this.#cell.where, message.method));
  }

  /** What has begun and gives a stream goes on for as long as that does. */
  #stream(result: StreamedResult, message: Message): unknown {
    const isConcurrent = message.target!.concurrent;
    if (isConcurrent) this.#room--;
    const scope = new StreamScope(message, () => {
      if (isConcurrent) this.#freeOne();
    });
    try {
      return this.#host.stream(result, this.#cell, scope);
    } catch (error) {
      scope.close();
      throw error;
    }
  }

  /** A message that runs without the lock is over: another may begin. */
  #freeOne(): void {
    if (this.#room++ === 0) this.#agenda.schedule();
  }
}
