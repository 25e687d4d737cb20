/** What an actor's mailbox may hold and what happens past that, as users say it and as cells have it. */
import { LIMITS, MAILBOX_OVERFLOWS, type MailboxBounds, type MailboxOverflow } from "./protocol.ts";

/** How much may wait for an actor, and what is lost when more comes. */
export interface MailboxOptions {
  /**
   * How many messages may wait; a batch is one.
   * @default 10_000
   */
  readonly messages?: number;
  /**
   * How many bytes the waiting messages may have, all together. One that is larger by itself is
   * always refused.
   * @default 1.0625 GiB: the largest message that another host may send
   */
  readonly bytes?: number;
  /**
   * Who gets a `MailboxFullError` when there is no room: `reject`, the sender of the message that
   * comes; `dropOldest`, the one that has waited longest; `dropNewest`, the one that came last.
   * @default "reject"
   */
  readonly overflow?: MailboxOverflow;
}

/** What holds for what is not said. */
export const MAILBOX_DEFAULTS: Readonly<Required<MailboxOptions>> = Object.freeze({
  /** A second of work at 100 us a message: who waits longer is better told so. */
  messages: 10_000,
  /**
   * The largest frame of another host: no link carries what a mailbox refuses unless it is told to.
   * A lower bound would make `transfer` of a large buffer fail by default.
   */
  bytes: LIMITS.payloadBytes + LIMITS.frameBytes,
  overflow: "reject",
});

/**
 * Completes what a user says.
 *
 * @throws {TypeError} if it is no such object.
 * @throws {RangeError} if a bound or the policy is none; it names the option and what it got.
 */
export function resolveMailbox(options: MailboxOptions = {}): MailboxBounds {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(`mailbox is an object, got ${JSON.stringify(options)}`);
  }
  const unknown = Object.keys(options).find((key) => !Object.hasOwn(MAILBOX_DEFAULTS, key));
  if (unknown !== undefined) {
    const known = Object.keys(MAILBOX_DEFAULTS).join(", ");
    throw new TypeError(`mailbox has no option ${JSON.stringify(unknown)}; it has: ${known}`);
  }
  const {
    messages = MAILBOX_DEFAULTS.messages,
    bytes = MAILBOX_DEFAULTS.bytes,
    overflow = MAILBOX_DEFAULTS.overflow,
  } = options;
  checkBound("messages", messages);
  checkBound("bytes", bytes);
  if (!MAILBOX_OVERFLOWS.includes(overflow)) {
    const policies = MAILBOX_OVERFLOWS.join(", ");
    throw new RangeError(`mailbox.overflow is one of ${policies}, got ${JSON.stringify(overflow)}`);
  }
  return { messages, bytes, overflow };
}

function checkBound(name: string, value: unknown): void {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return;
  const got = typeof value === "string" ? JSON.stringify(value) : String(value);
  throw new RangeError(`mailbox.${name} is a whole number from 1 up, got ${got}`);
}
