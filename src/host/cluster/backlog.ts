import { formatHostId } from "../../core/address.ts";
import { MailboxFullError } from "../../core/message_errors.ts";
import { type FrameKind, isMessage } from "../../core/protocol.ts";
import { BACKLOG_BYTES } from "../../link/bounded.ts";
import type { Session } from "../../link/session_options.ts";
import type { Way } from "../router.ts";

/** What may wait for a link that is interrupted, in bytes: as much again as is kept to be sent anew. */
export const OUTAGE_BYTES: number = 128 * 2 ** 20;

/** Answers are not refused: who asks for more and more of them and takes none is cut off past so many bytes. */
const UNREAD_BYTES = 2 * BACKLOG_BYTES;

/** The way over a session. What is not taken at its other end does not pile up without end. */
export function wayOver(session: Session): Way {
  return {
    send(frame) {
      if (session.isInterrupted || session.isBackedUp) checkRoom(session, frame.kind);
      session.send(frame);
    },
    forward(frame) {
      if (session.isInterrupted || session.isBackedUp) checkRoom(session, frame.kind);
      session.forward(frame);
    },
  };
}

function checkRoom(session: Session, kind: FrameKind): void {
  const { bufferedBytes, isInterrupted } = session;
  const limit = isInterrupted ? OUTAGE_BYTES : BACKLOG_BYTES;
  if (bufferedBytes <= limit) return;
  const peer = formatHostId(session.peer.id);
  if (isMessage(kind)) {
    throw new MailboxFullError(
      isInterrupted
        ? `More than ${limit} bytes wait for the link with host ${peer} to come back`
        : `More than ${limit} bytes wait for host ${peer}, which takes less than it is sent`,
      limit,
      "bytes",
    );
  }
  if (bufferedBytes <= UNREAD_BYTES) return;
  session.goodbye(`more than ${UNREAD_BYTES} bytes wait for host ${peer} to take them`);
}
