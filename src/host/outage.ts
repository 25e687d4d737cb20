import { formatHostId } from "../core/address.ts";
import { MailboxFullError } from "../core/message_errors.ts";
import type { FrameKind } from "../core/protocol.ts";
import type { Session } from "../link/session_options.ts";
import type { Way } from "./router.ts";

/** What may wait for a link that is interrupted, in bytes: as much again as is kept to be sent anew. */
export const OUTAGE_BYTES: number = 128 * 2 ** 20;

/** The way over a session. Messages do not pile up without end while it is interrupted; answers are not refused. */
export function wayOver(session: Session): Way {
  return {
    send(frame) {
      if (session.isInterrupted) checkRoom(session, frame.kind);
      session.send(frame);
    },
    forward(frame) {
      if (session.isInterrupted) checkRoom(session, frame.kind);
      session.forward(frame);
    },
  };
}

function checkRoom(session: Session, kind: FrameKind): void {
  if (kind !== "call" && kind !== "tell" && kind !== "batch") return;
  if (session.bufferedBytes <= OUTAGE_BYTES) return;
  throw new MailboxFullError(
    `More than ${OUTAGE_BYTES} bytes wait for the link with host ${
      formatHostId(session.peer.id)
    } to come back`,
    OUTAGE_BYTES,
    "bytes",
  );
}
