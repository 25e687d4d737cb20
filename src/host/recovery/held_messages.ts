import type { Clock } from "../../core/clock.ts";
import { MAILBOX_DEFAULTS } from "../../core/mailbox_options.ts";
import { MailboxFullError } from "../../core/message_errors.ts";

/** How messages wait. */
export interface HeldMessagesOptions<T> {
  readonly clock: Clock;
  /** How long each may wait, in milliseconds. */
  readonly waitMs: number;
  /** One has waited for so long. */
  onLate(message: T): void;
}

interface Held<T> {
  readonly message: T;
  readonly until: number;
  readonly bytes: number;
}

/** How many messages may wait for one place: as many as for ten actors. */
const MAX_MESSAGES = 10 * MAILBOX_DEFAULTS.messages;

/** Timers for longer end at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Messages for a place that is not there, in the order in which they have come, each for so long. */
export class HeldMessages<T> {
  readonly #options: HeldMessagesOptions<T>;
  #held: Held<T>[] = [];
  #bytes = 0;
  #timer: unknown;

  constructor(options: HeldMessagesOptions<T>) {
    this.#options = options;
  }

  /** How many wait. */
  get size(): number {
    return this.#held.length;
  }

  /**
   * Whether one more may wait.
   *
   * @param what What they wait for, for people.
   * @throws {MailboxFullError} if it may not.
   */
  check(what: string): void {
    const isFull = this.#held.length >= MAX_MESSAGES;
    if (!isFull && this.#bytes <= MAILBOX_DEFAULTS.bytes) return;
    const limit = isFull ? MAX_MESSAGES : MAILBOX_DEFAULTS.bytes;
    const bound = isFull ? "messages" : "bytes";
    throw new MailboxFullError(`More than ${limit} ${bound} wait for ${what}`, limit, bound);
  }

  /** One waits from now on. */
  add(message: T, bytes: number): void {
    const { clock, waitMs } = this.#options;
    this.#bytes += bytes;
    this.#held.push({ message, bytes, until: clock.now() + waitMs });
    this.#watch();
  }

  /** One waits no more: whoever sent it has given up. */
  remove(message: T): void {
    const at = this.#held.findIndex((one) => one.message === message);
    if (at < 0) return;
    this.#bytes -= this.#held[at]!.bytes;
    this.#held.splice(at, 1);
    if (this.#held.length === 0) this.#unwatch();
  }

  /** Takes all out. */
  takeAll(): T[] {
    const held = this.#held;
    this.#held = [];
    this.#bytes = 0;
    this.#unwatch();
    return held.map(({ message }) => message);
  }

  #watch(): void {
    const first = this.#held[0];
    if (first === undefined || this.#timer !== undefined) return;
    const { clock } = this.#options;
    const ms = Math.min(first.until - clock.now(), LONGEST_TIMER_MS);
    this.#timer = clock.setTimeout(() => this.#expire(), ms);
  }

  #unwatch(): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** All wait for the same time: the first is due first. */
  #expire(): void {
    const { clock, onLate } = this.#options;
    this.#timer = undefined;
    const now = clock.now();
    const first = this.#held.findIndex(({ until }) => until > now);
    const late = this.#held.splice(0, first < 0 ? this.#held.length : first);
    for (const { bytes } of late) this.#bytes -= bytes;
    this.#watch();
    for (const { message } of late) onLate(message);
  }
}
