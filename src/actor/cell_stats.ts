import type { Clock } from "../core/clock.ts";
import type { Message } from "./message.ts";

/** Messages of an actor whose times are all measured: what is called seldom is known exactly. */
const ALL_OF_FIRST = 16;

/** After those it is one in so many, a power of two: to read the clock three times costs as much as a small message. */
const ONE_IN = 256;

/** What an actor has done so far. */
export interface ActorCounters {
  /** Messages that have begun: calls, tells and batches, each as one. */
  readonly messages: number;
  /** Times that a method was called: of a batch, each of its calls. */
  readonly calls: number;
  /** Calls that have failed. */
  readonly errors: number;
  /** The most messages that were seen waiting. */
  readonly longestQueue: number;
  /** Milliseconds that all messages have waited before they began: estimated from those measured. */
  readonly waitMs: number;
  /** Milliseconds from their beginning to their end, all together: estimated likewise. */
  readonly runMs: number;
  /** Messages that were measured: the first 16, then at most one in 256; none with `debug: false`. */
  readonly measured: number;
}

/** Of an actor that has done nothing yet. */
export const NO_COUNTS: ActorCounters = Object.freeze({
  messages: 0,
  calls: 0,
  errors: 0,
  longestQueue: 0,
  waitMs: 0,
  runMs: 0,
  measured: 0,
});

/** Counts what a cell does. It is on the way of every message, so its cell looks into it. */
export class CellStats {
  /** Numbers the messages and hooks that have begun. */
  serial = 0;
  /** How many of them were hooks. */
  hooks = 0;
  /** Times that a method was called by a batch, past the first of each. */
  batched = 0;
  errors = 0;
  longestQueue = 0;
  /**
   * The message that is being measured: one at a time, so which is next does not depend on how long it
   * takes. `undefined` if none is to be, ever.
   */
  measuring: Message | null | undefined;
  /** The next message is measured if the number of the last one has none of these bits. */
  #mask = 0;
  readonly #clock: Clock;
  #measured = 0;
  #waitMs = 0;
  #runMs = 0;
  #arrivedAt = 0;
  #begunAt = 0;

  /** @param isOn Whether to measure at all. */
  constructor(clock: Clock, isOn: boolean) {
    this.#clock = clock;
    this.measuring = isOn ? null : undefined;
  }

  /** A message has come; perhaps it is one to be measured. */
  arrived(message: Message): void {
    if ((this.serial & this.#mask) !== 0 || this.measuring !== null) return;
    this.measuring = message;
    this.#arrivedAt = this.#clock.now();
  }

  /** The one that is measured begins. */
  begun(): void {
    this.#begunAt = this.#clock.now();
  }

  /** It has ended. */
  ended(): void {
    this.#waitMs += this.#begunAt - this.#arrivedAt;
    this.#runMs += this.#clock.now() - this.#begunAt;
    this.measuring = null;
    if (++this.#measured === ALL_OF_FIRST) this.#mask = ONE_IN - 1;
  }

  /** Messages will not run. */
  lost(messages: readonly Message[]): void {
    const { measuring } = this;
    if (measuring && messages.includes(measuring)) this.measuring = null;
  }

  /** All of it, for people. */
  read(): ActorCounters {
    const { batched, errors, longestQueue } = this;
    const messages = this.serial - this.hooks;
    const measured = this.#measured;
    const each = measured === 0 ? 0 : messages / measured;
    const calls = messages + batched;
    const waitMs = this.#waitMs * each;
    return { messages, calls, errors, longestQueue, waitMs, runMs: this.#runMs * each, measured };
  }
}
