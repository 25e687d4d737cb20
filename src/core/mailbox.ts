/**
 * Where messages wait for their actor: bounded, first in first out, with a lane of its own for
 * control messages, which neither count against the bound nor wait behind user messages.
 */
export class Mailbox<Message extends object, Control extends object> {
  #messages: (Message | undefined)[] = [];
  #head = 0;
  #control: Control[] = [];
  readonly #limit: number;

  /** @param limit How many user messages may wait. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many user messages may wait. */
  get limit(): number {
    return this.#limit;
  }

  /** How many user messages wait. */
  get length(): number {
    return this.#messages.length - this.#head;
  }

  /** Queues a user message; `false`, and nothing is queued, when the mailbox is full. */
  push(message: Message): boolean {
    if (this.length >= this.#limit) return false;
    this.#messages.push(message);
    return true;
  }

  /** Queues a control message. */
  pushControl(message: Control): void {
    this.#control.push(message);
  }

  /** The next control message, if there is one. */
  takeControl(): Control | undefined {
    return this.#control.length === 0 ? undefined : this.#control.shift();
  }

  /** The user message that has waited longest, if there is one. */
  take(): Message | undefined {
    if (this.#head === this.#messages.length) return undefined;
    const message = this.#messages[this.#head];
    this.#messages[this.#head++] = undefined;
    if (this.#head === this.#messages.length) {
      this.#messages.length = 0;
      this.#head = 0;
    } else if (this.#head === 1024) {
      // Cut the used part off now and then: shift() on every take would move the whole array.
      this.#messages.splice(0, 1024);
      this.#head = 0;
    }
    return message;
  }

  /** Takes out every waiting message that matches, wherever it stands. */
  removeWhere(matches: (message: Message) => boolean): Message[] {
    const waiting = this.clearMessages();
    const removed = waiting.filter(matches);
    this.#messages = removed.length === 0 ? waiting : waiting.filter((one) => !matches(one));
    return removed;
  }

  /** Takes every user message that waits. */
  clearMessages(): Message[] {
    const messages = this.#messages.slice(this.#head) as Message[];
    this.#messages = [];
    this.#head = 0;
    return messages;
  }

  /** Takes every control message that waits. */
  clearControl(): Control[] {
    return this.#control.splice(0);
  }
}
