import { MailboxFullError } from "../core/message_errors.ts";
import { type FrameKind, isMessage } from "../core/protocol.ts";
import type { Link } from "./link.ts";

/** What may wait for a link that takes less than is sent: as much as may wait for one actor at its end. */
export const BACKLOG_BYTES: number = 2 ** 30;

/**
 * A link whose messages do not pile up without end if its other side does not take them: they are refused. What
 * answers them is not.
 *
 * @param who Is at the other side, for people.
 */
export function boundedLink(link: Link, who: string): Link {
  const check = (kind: FrameKind) => {
    if (link.isBackedUp !== true || !isMessage(kind) || link.bufferedBytes <= BACKLOG_BYTES) return;
    throw new MailboxFullError(
      `More than ${BACKLOG_BYTES} bytes wait for ${who}, which takes less than it is sent`,
      BACKLOG_BYTES,
      "bytes",
    );
  };
  return {
    get bufferedBytes() {
      return link.bufferedBytes;
    },
    get isBackedUp() {
      return link.isBackedUp === true;
    },
    send(frame) {
      check(frame.kind);
      link.send(frame);
    },
    forward(frame) {
      check(frame.kind);
      link.forward(frame);
    },
    open: (handler) => link.open(handler),
    close: () => link.close(),
  };
}
