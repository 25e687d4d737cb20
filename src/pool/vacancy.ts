import { type ActorAddress, formatActor } from "../core/address.ts";
import { type Clock, MAX_TIMER_MS } from "../core/clock.ts";
import { ActorStoppedError } from "../core/errors.ts";
import { MAILBOX_DEFAULTS } from "../core/mailbox_options.ts";
import type { CellState } from "../actor/cell_life.ts";
import { mailboxFull } from "../actor/mailbox_full.ts";
import type { Message } from "../actor/message.ts";
import type { ParkedCell } from "../actor/registry.ts";

interface Held {
  readonly message: Message;
  readonly since: number;
}

/** Stands for an actor that has failed and may be made again where it was: its messages wait, each for so long. */
export class Vacancy implements ParkedCell {
  readonly actor = null;
  readonly address: ActorAddress;
  readonly #clock: Clock;
  #held: Held[] = [];
  #bytes = 0;
  /** Its host says so soon. */
  #waitMs = Infinity;
  #reason: Error;
  #timer: unknown;

  /** @param reason Why the actor has failed. */
  constructor(address: ActorAddress, reason: Error, clock: Clock) {
    this.address = address;
    this.#reason = reason;
    this.#clock = clock;
  }

  /** The actor for people. */
  get where(): string {
    return formatActor(this.address);
  }

  /** As a cell has it. */
  get state(): CellState {
    return "starting";
  }

  /** Messages that wait. */
  get queued(): number {
    return this.#held.length;
  }

  /** How long a message waits from now on. */
  limit(waitMs: number, reason: Error): void {
    this.#waitMs = waitMs;
    this.#reason = reason;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#expire();
  }

  /** Takes a message. */
  deliver(message: Message): void {
    const { messages, bytes } = MAILBOX_DEFAULTS;
    const bound = this.#held.length >= messages ? "messages" : "bytes";
    if (bound === "messages" || this.#bytes + message.bytes > bytes) {
      const limit = bound === "messages" ? messages : bytes;
      const overflow = { bound, limit, lost: [message] } as const;
      return message.fail(mailboxFull(this.where, message, message, overflow));
    }
    this.#bytes += message.bytes;
    this.#held.push({ message, since: this.#clock.now() });
    this.#watch();
  }

  /** There is no actor that could send it to itself. */
  deliverInside(message: Message): void {
    this.deliver(message);
  }

  /** Callers have given up. */
  cancel(matches: (message: Message) => boolean): void {
    for (const { message } of this.#held) if (matches(message)) message.discard();
    this.#keep(this.#held.filter(({ message }) => !matches(message)));
  }

  /** Takes out what waits, in the order in which it has come. */
  takeAll(): Message[] {
    const held = this.#held;
    this.#keep([]);
    return held.map(({ message }) => message);
  }

  /** The actor is not made again: what waits is told why. */
  end(): void {
    for (const message of this.takeAll()) message.fail(this.#stopped("has failed"));
  }

  #keep(held: Held[]): void {
    this.#held = held;
    this.#bytes = held.reduce((sum, { message }) => sum + message.bytes, 0);
    if (held.length > 0) return;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #watch(): void {
    const first = this.#held[0];
    if (first === undefined || this.#timer !== undefined || !isFinite(this.#waitMs)) return;
    const ms = Math.min(first.since + this.#waitMs - this.#clock.now(), MAX_TIMER_MS);
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.#expire();
    }, ms);
  }

  /** All wait for the same time: the first is due first. */
  #expire(): void {
    const due = this.#clock.now() - this.#waitMs;
    const late = this.#held.filter(({ since }) => since <= due);
    this.#keep(this.#held.slice(late.length));
    for (const { message } of late) {
      message.fail(this.#stopped(`was not made again in ${this.#waitMs} ms: it has failed`));
    }
    this.#watch();
  }

  #stopped(what: string): ActorStoppedError {
    const { name, message } = this.#reason;
    const text = `${this.where} ${what}: ${name}: ${message}`;
    return new ActorStoppedError(text, "error", { cause: this.#reason });
  }
}
