import { Fifo } from "../core/fifo.ts";
import type { Message } from "./message.ts";

/** Whoever waits for the lock. */
interface Waiter {
  grant(): void;
  refuse(error: Error): void;
}

/**
 * The lock of an actor: held by a message, by a hook, or by nobody. Messages wait for it in the
 * mailbox; here wait those that have begun: who gave it up and wants it back, and steps of streams.
 */
export class Lock {
  /** An actor begins with its `postCreate`. */
  isHeld = true;
  /** The message that holds it; `null` while a hook does, or nobody. */
  holder: Message | null = null;
  /** Messages that only read, and hold it together. */
  #readers: Set<Message> | undefined;
  readonly #agenda: { schedule(): void };
  /** Made once somebody waits: most actors never have one. */
  #returning: Fifo<Waiter> | undefined;
  #steps: Fifo<Waiter> | undefined;
  /** Steps and messages take turns: whose was the last. */
  #hasStepped = false;

  /** @param agenda Is told when somebody begins to wait. */
  constructor(agenda: { schedule(): void }) {
    this.#agenda = agenda;
  }

  /** Whether it is held by messages that only read. */
  get isShared(): boolean {
    return this.#readers !== undefined && this.#readers.size > 0;
  }

  /** The messages that hold it. */
  get holders(): readonly Message[] {
    return this.holder === null ? [...this.#readers ?? []] : [this.holder];
  }

  /** Whether a message holds it, perhaps with others. */
  holds(message: Message): boolean {
    return this.holder === message || this.#readers?.has(message) === true;
  }

  /** Whether one that has begun waits for it. */
  get isWanted(): boolean {
    return isWaitedIn(this.#returning) || isWaitedIn(this.#steps);
  }

  /** Gives the lock to a message. */
  take(message: Message): void {
    this.isHeld = true;
    this.holder = message;
  }

  /** Gives the lock to a message that only reads, beside others that do. */
  share(message: Message): void {
    this.isHeld = true;
    (this.#readers ??= new Set()).add(message);
  }

  /** Takes the lock from whoever holds it; from one that shares it, its share. */
  release(reader?: Message): void {
    this.holder = null;
    if (reader !== undefined) this.#readers?.delete(reader);
    this.isHeld = this.isShared;
  }

  /** Resolves once a message that gave the lock up has it again; the lock then has no holder yet. */
  back(): Promise<void> {
    return this.#wait(this.#returning ??= new Fifo());
  }

  /** Resolves once it is the turn of a step of a stream. */
  turn(): Promise<void> {
    return this.#wait(this.#steps ??= new Fifo());
  }

  /** Grants the lock, which must be free, to the first that wants it back; `false` if nobody does. */
  grantBack(): boolean {
    return isWaitedIn(this.#returning) && this.#grant(this.#returning);
  }

  /** Grants the lock, which must be free, to a step if it is its turn. */
  grantTurn(areMessagesWaiting: boolean): boolean {
    const isPassed = this.#hasStepped && areMessagesWaiting;
    return this.#hasStepped = !isPassed && isWaitedIn(this.#steps) && this.#grant(this.#steps);
  }

  /** There is no lock any more: whoever waits is told so. */
  close(reason: () => Error): void {
    if (!this.isWanted) return;
    const waiting = [...this.#returning?.clear() ?? [], ...this.#steps?.clear() ?? []];
    for (const { refuse } of waiting) refuse(reason());
  }

  #wait(waiting: Fifo<Waiter>): Promise<void> {
    return new Promise((grant, refuse) => {
      waiting.push({ grant, refuse });
      this.#agenda.schedule();
    });
  }

  #grant(waiting: Fifo<Waiter>): true {
    this.isHeld = true;
    waiting.shift()!.grant();
    return true;
  }
}

function isWaitedIn(waiting: Fifo<Waiter> | undefined): waiting is Fifo<Waiter> {
  return waiting !== undefined && waiting.length > 0;
}
