import { samePool } from "./address.ts";
import { Fifo } from "./fifo.ts";
import type { MailboxBounds } from "./protocol.ts";
import { type MailboxBound, Senders, type Sent } from "./senders.ts";

/** What a mailbox must know of a message. */
export interface Waiting extends Sent {
  /** The highest is taken first. */
  readonly priority: number;
}

/** What did not fit. */
export interface Overflow<Message> {
  /** Which bound was reached. */
  readonly bound: MailboxBound;
  /** What that is: messages or bytes. */
  readonly limit: number;
  /** What is lost: the message that came, and nothing else, or those that made room for it. */
  readonly lost: readonly Message[];
}

/** The waiting messages of one priority. */
interface Lane<Message> {
  readonly priority: number;
  readonly waiting: Fifo<Message>;
}

/**
 * Where messages wait for their actor: the highest priority first, equals first in, first out; with a
 * lane of its own for control messages, which neither count nor wait behind user messages.
 *
 * It is bounded by messages and by bytes. What comes past either bound displaces what the policy says:
 *
 * - `reject`: it is refused, unless another sender has a flood in the box: if the sender of whom most
 *   waits has more than double what would wait of the sender of this one with it (messages or bytes,
 *   as the bound is), the newest of the flood's lowest priority goes instead. Senders are counted from
 *   when a box is full until it is empty: one that never fills up pays nothing for it.
 * - `dropOldest`, `dropNewest`: of the lowest priority that waits, the one that has waited longest, or
 *   came last, goes, and so on until there is room. If all that could make room has a higher priority
 *   than the one that comes, that one is refused.
 *
 * Nothing is displaced in vain, and what stays keeps its order. What is larger than the bound of bytes
 * alone is refused.
 */
export class Mailbox<Message extends Waiting, Control extends object> {
  /** What may wait. */
  readonly bounds: MailboxBounds;
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  readonly #usual = new Fifo<Message>();
  /** Highest priority first: the usual one of 0, always, and those others in which something waits. */
  #madeLanes: Lane<Message>[] | undefined;
  #control: Fifo<Control> | undefined;
  /** How many wait in those others. */
  #unusual = 0;
  #bytes = 0;
  /** Whose the waiting messages are; `null` while nobody needs to know. */
  #senders: Senders | null = null;

  constructor(bounds: MailboxBounds) {
    this.bounds = bounds;
    this.#maxMessages = bounds.messages;
    this.#maxBytes = bounds.bytes;
  }

  /** How many user messages wait. */
  get length(): number {
    return this.#usual.length + this.#unusual;
  }

  /** How many bytes they have. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Queues a user message; says what is lost if there was no room, be it the message itself. */
  push(message: Message): Overflow<Message> | null {
    if (!this.#fits(message)) return this.#overflow(message);
    this.#add(message);
    return null;
  }

  /** Queues a control message. */
  pushControl(message: Control): void {
    (this.#control ??= new Fifo()).push(message);
  }

  /** The next control message, if there is one. */
  takeControl(): Control | undefined {
    return this.#control?.shift();
  }

  /** Of the highest priority, the user message that has waited longest, if there is one. */
  take(): Message | undefined {
    const message = this.#unusual === 0 ? this.#usual.shift() : this.#takeHighest();
    if (message === undefined) return undefined;
    this.#bytes -= message.bytes;
    if (this.#senders !== null) this.#forget(message);
    return message;
  }

  /** What {@linkcode Mailbox.take} would take. */
  peek(): Message | undefined {
    if (this.#unusual === 0) return this.#usual.length === 0 ? undefined : this.#usual.at(0);
    return this.#lanes.find(({ waiting }) => waiting.length > 0)?.waiting.at(0);
  }

  /** The first that matches, in the order in which they will be taken. */
  find(matches: (message: Message) => boolean): Message | undefined {
    for (const { waiting } of this.#lanes) {
      for (let i = 0; i < waiting.length; i++) {
        const message = waiting.at(i)!;
        if (matches(message)) return message;
      }
    }
    return undefined;
  }

  /** Takes out every waiting message that matches, wherever it stands. */
  removeWhere(matches: (message: Message) => boolean): Message[] {
    if (this.length === 0) return [];
    const removed = this.#lanes.flatMap(({ waiting }) => waiting.removeWhere(matches));
    this.#tidy(removed);
    return removed;
  }

  /** Takes every user message that waits, in the order in which they would have run. */
  clearMessages(): Message[] {
    if (this.length === 0) return [];
    const all = this.#lanes.flatMap(({ waiting }) => waiting.clear());
    this.#tidy(all);
    return all;
  }

  /** Whether nothing waits, no control message either. */
  get isEmpty(): boolean {
    return this.length === 0 && (this.#control === undefined || this.#control.length === 0);
  }

  /** Takes every control message that waits. */
  clearControl(): Control[] {
    return this.#control?.clear() ?? [];
  }

  /** Made once they are asked for: most mailboxes have the usual one alone. */
  get #lanes(): Lane<Message>[] {
    return this.#madeLanes ??= [{ priority: 0, waiting: this.#usual }];
  }

  #fits({ bytes }: Message): boolean {
    return this.#usual.length + this.#unusual < this.#maxMessages &&
      this.#bytes + bytes <= this.#maxBytes;
  }

  #add(message: Message): void {
    const { priority } = message;
    this.#bytes += message.bytes;
    if (this.#senders !== null) this.#senders.add(message);
    if (priority === 0) return this.#usual.push(message);
    this.#unusual++;
    this.#lane(priority).push(message);
  }

  #forget(message: Message): void {
    if (this.length === 0) this.#senders = null;
    else this.#senders?.remove(message);
  }

  /** After these have been taken out of their lanes. */
  #tidy(removed: readonly Message[]): void {
    this.#closeLanes();
    for (const message of removed) {
      this.#bytes -= message.bytes;
      this.#forget(message);
    }
  }

  #lane(priority: number): Fifo<Message> {
    const lanes = this.#lanes;
    const index = lanes.findIndex((lane) => lane.priority <= priority);
    if (lanes[index]?.priority === priority) return lanes[index].waiting;
    const waiting = new Fifo<Message>();
    lanes.splice(index < 0 ? lanes.length : index, 0, { priority, waiting });
    return waiting;
  }

  #takeHighest(): Message | undefined {
    for (const [i, { waiting }] of this.#lanes.entries()) {
      const message = waiting.shift();
      if (message === undefined) continue;
      if (waiting !== this.#usual) {
        this.#unusual--;
        if (waiting.length === 0) this.#lanes.splice(i, 1);
      }
      return message;
    }
    return undefined;
  }

  /** A lane in which nothing waits goes, but for the usual one. */
  #closeLanes(): void {
    if (this.#madeLanes === undefined || this.#lanes.length === 1) return;
    this.#unusual = -this.#usual.length;
    for (let i = this.#lanes.length - 1; i >= 0; i--) {
      const { waiting } = this.#lanes[i]!;
      this.#unusual += waiting.length;
      if (waiting.length === 0 && waiting !== this.#usual) this.#lanes.splice(i, 1);
    }
  }

  #overflow(message: Message): Overflow<Message> {
    const isBytes = this.#bytes + message.bytes > this.#maxBytes;
    const bound = isBytes ? "bytes" : "messages";
    const limit = isBytes ? this.#maxBytes : this.#maxMessages;
    const lost = message.bytes > this.#maxBytes ? [] : this.#makeRoom(message, bound);
    if (lost.length === 0) return { bound, limit, lost: [message] };
    this.#tidy(lost);
    this.#add(message);
    return { bound, limit, lost };
  }

  /** Takes what goes for this message out of its lane: nothing if the message is refused. */
  #makeRoom(message: Message, bound: MailboxBound): Message[] {
    const { overflow } = this.bounds;
    switch (overflow) {
      case "reject":
        return this.#displace(message, bound);
      case "dropOldest":
        return this.#drop(message, (waiting) => waiting.shift(), (_length, i) => i);
      case "dropNewest":
        return this.#drop(message, (waiting) => waiting.pop(), (length, i) => length - 1 - i);
      default:
        return overflow satisfies never;
    }
  }

  /** Takes from the sender that has too much; what makes it too much is enough to make room. */
  #displace(message: Message, bound: MailboxBound): Message[] {
    this.#senders ??= this.#count();
    const heavy = this.#senders.heavierThan(message, bound);
    if (heavy === null) return [];
    const isHeavy = ({ from }: Message) => samePool(from, heavy);
    const lost: Message[] = [];
    let excess = this.#bytes + message.bytes - this.#maxBytes;
    do {
      const one = this.#fromLowest((waiting) => waiting.removeLast(isHeavy))!;
      excess -= one.bytes;
      lost.push(one);
    } while (excess > 0);
    return lost;
  }

  /** Takes from the lowest priority up; `take` takes the one at `place`. */
  #drop(
    message: Message,
    take: (waiting: Fifo<Message>) => Message | undefined,
    place: (length: number, i: number) => number,
  ): Message[] {
    const lost: Message[] = [];
    for (let i = this.#countToDrop(message, place); i > 0; i--) lost.push(this.#fromLowest(take)!);
    return lost;
  }

  /** How many must go, from the lowest priority up; 0 if all that may go would not do. */
  #countToDrop(
    { bytes, priority }: Message,
    place: (length: number, i: number) => number,
  ): number {
    let count = 0;
    let excess = this.#bytes + bytes - this.#maxBytes;
    for (let k = this.#lanes.length - 1; k >= 0; k--) {
      const { waiting, priority: own } = this.#lanes[k]!;
      if (own > priority) break;
      for (let i = 0; i < waiting.length; i++) {
        count++;
        excess -= waiting.at(place(waiting.length, i))!.bytes;
        if (excess <= 0) return count;
      }
    }
    return 0;
  }

  #fromLowest(take: (waiting: Fifo<Message>) => Message | undefined): Message | undefined {
    for (let k = this.#lanes.length - 1; k >= 0; k--) {
      const message = take(this.#lanes[k]!.waiting);
      if (message !== undefined) return message;
    }
    return undefined;
  }

  #count(): Senders {
    const senders = new Senders();
    for (const { waiting } of this.#lanes) {
      for (let i = 0; i < waiting.length; i++) senders.add(waiting.at(i)!);
    }
    return senders;
  }
}
