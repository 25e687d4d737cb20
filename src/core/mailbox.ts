import { Fifo } from "./fifo.ts";

/**
 * Where messages wait for their actor: bounded, first in first out, with a lane of its own for
 * control messages, which neither count against the bound nor wait behind user messages.
 */
export class Mailbox<Message extends object, Control extends object> {
  #messages = new Fifo<Message>();
  #control = new Fifo<Control>();
  /** How many user messages may wait. */
  readonly limit: number;

  /** @param limit How many user messages may wait. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** How many user messages wait. */
  get length(): number {
    return this.#messages.length;
  }

  /** Queues a user message; `false`, and nothing is queued, when the mailbox is full. */
  push(message: Message): boolean {
    if (this.#messages.length >= this.limit) return false;
    this.#messages.push(message);
    return true;
  }

  /** Queues a control message. */
  pushControl(message: Control): void {
    this.#control.push(message);
  }

  /** The next control message, if there is one. */
  takeControl(): Control | undefined {
    return this.#control.shift();
  }

  /** The user message that has waited longest, if there is one. */
  take(): Message | undefined {
    return this.#messages.shift();
  }

  /** Takes out every waiting message that matches, wherever it stands. */
  removeWhere(matches: (message: Message) => boolean): Message[] {
    const removed: Message[] = [];
    for (const message of this.#messages.clear()) {
      if (matches(message)) removed.push(message);
      else this.#messages.push(message);
    }
    return removed;
  }

  /** Takes every user message that waits. */
  clearMessages(): Message[] {
    return this.#messages.clear();
  }

  /** Takes every control message that waits. */
  clearControl(): Control[] {
    return this.#control.clear();
  }
}
