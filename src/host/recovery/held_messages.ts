import { type Clock, MAX_TIMER_MS } from "../../core/clock.ts";
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

interface Held {
  /** When it has waited for too long. */
  readonly until: number;
  readonly bytes: number;
}

/** How many messages may wait for one place: as many as for ten actors. */
const MAX_MESSAGES = 10 * MAILBOX_DEFAULTS.messages;

/** Messages for a place that is not there, in the order in which they have come, each for so long. */
export class HeldMessages<T> {
  readonly #options: HeldMessagesOptions<T>;
  /** The first to have come, and so the first to be late, is the first here. */
  readonly #held = new Map<T, Held>();
  #bytes = 0;
  #timer: unknown;

  constructor(options: HeldMessagesOptions<T>) {
    this.#options = options;
  }

  /** How many wait. */
  get size(): number {
    return this.#held.size;
  }

  /**
   * Whether one more may wait.
   *
   * @param what What they wait for, for people.
   * @throws {MailboxFullError} if it may not.
   */
  check(what: string): void {
    const isFull = this.#held.size >= MAX_MESSAGES;
    if (!isFull && this.#bytes <= MAILBOX_DEFAULTS.bytes) return;
    const limit = isFull ? MAX_MESSAGES : MAILBOX_DEFAULTS.bytes;
    const bound = isFull ? "messages" : "bytes";
    throw new MailboxFullError(`More than ${limit} ${bound} wait for ${what}`, limit, bound);
  }

  /** One waits from now on. */
  add(message: T, bytes: number): void {
    const { clock, waitMs } = this.#options;
    this.#bytes += bytes;
    this.#held.set(message, { bytes, until: clock.now() + waitMs });
    this.#watch();
  }

  /** One waits no more: whoever sent it has given up. */
  remove(message: T): void {
    const held = this.#held.get(message);
    if (held === undefined) return;
    this.#held.delete(message);
    this.#bytes -= held.bytes;
    if (this.#held.size === 0) this.#unwatch();
  }

  /** Takes all out. */
  takeAll(): T[] {
    const held = [...this.#held.keys()];
    this.#held.clear();
    this.#bytes = 0;
    this.#unwatch();
    return held;
  }

  #watch(): void {
    const first = this.#held.values().next().value;
    if (first === undefined || this.#timer !== undefined) return;
    const { clock } = this.#options;
    const ms = Math.min(first.until - clock.now(), MAX_TIMER_MS);
    this.#timer = clock.setTimeout(() => this.#expire(), ms);
  }

  #unwatch(): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #expire(): void {
    const { clock, onLate } = this.#options;
    this.#timer = undefined;
    const now = clock.now();
    const late: T[] = [];
    for (const [message, { until, bytes }] of this.#held) {
      if (until > now) break;
      late.push(message);
      this.#held.delete(message);
      this.#bytes -= bytes;
    }
    this.#watch();
    for (const message of late) onLate(message);
  }
}
