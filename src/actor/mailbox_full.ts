import { MailboxFullError } from "../core/message_errors.ts";
import type { Overflow } from "../core/mailbox.ts";
import type { Message } from "./message.ts";

/** What the caller of a message gets that was lost as `arrived` came to the mailbox of the actor `where`. */
export function mailboxFull(
  where: string,
  lost: Message,
  arrived: Message,
  { limit, bound }: Overflow<Message>,
): MailboxFullError {
  const dropped = lost !== arrived;
  return new MailboxFullError(text(where, lost, dropped, limit, bound), limit, bound, dropped);
}

function text(
  where: string,
  { bytes }: Message,
  dropped: boolean,
  limit: number,
  bound: "messages" | "bytes",
): string {
  const advice = `Send fewer, or raise mailbox.${bound}`;
  if (dropped) {
    return `The mailbox of ${where} was full (${limit} ${bound}), and this message, which waited in ` +
      `it, was dropped for another. ${advice}`;
  }
  if (bound === "messages") {
    return `The mailbox of ${where} is full: ${limit} messages wait. ${advice}`;
  }
  if (bytes > limit) {
    return `A message of ${bytes} bytes is larger than all that may wait for ${where}: ${limit} ` +
      `bytes. Send less, or raise mailbox.bytes`;
  }
  return `The mailbox of ${where} is full: with this message of ${bytes} bytes, more than ${limit} ` +
    `bytes would wait. ${advice}`;
}
