import type { HostId } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Frame, GoodbyeCode, HostDescription, RawFrame } from "../core/protocol.ts";

/** Why whoever has said hello is not let in. */
export interface SessionRefusal {
  readonly code: "refused" | "linked";
  /** For people. */
  readonly reason: string;
}

/** How a session runs and who is told. */
export interface SessionOptions {
  /** What the other side learns about this one. */
  readonly self: HostDescription;
  /** The side that dials says hello; the one that accepts answers with a welcome. */
  readonly role: "dial" | "accept";
  /** Milliseconds between signs of life; `null` where the link looks after that. @default {1000} */
  readonly heartbeatMs?: number | null;
  /** So many silent heartbeats in a row mean that the other host is lost. @default {3} */
  readonly missedBeats?: number;
  /** Milliseconds until the other side must have introduced itself. @default {5000} */
  readonly handshakeTimeoutMs?: number;
  /** Gives up the handshake; later it has no effect. */
  readonly signal?: AbortSignal;
  /** What time it is. @default {SYSTEM_CLOCK} */
  readonly clock?: Clock;
  /**
   * The accepting side is asked whether whoever has said hello is let in, before he is welcomed: he goes
   * on only then. By default everybody is.
   *
   * @returns Why not, if not.
   */
  admit?(peer: HostDescription): Promise<SessionRefusal | undefined>;
  /** The dialling side was not let in by this host. The handshake fails next. */
  onRefused?(by: HostId, code: GoodbyeCode): void;
  /** The link is lost, and may come back; or is back. */
  onInterrupted?(isInterrupted: boolean, session: Session): void;
  /** A frame that is not the session's own business. What it throws ends the session. */
  onFrame(frame: RawFrame, session: Session): void;
  /** The other host has said goodbye, because it stops. The session ends next. */
  onStopped?(session: Session): void;
  /** The session has ended, once, for whatever cause. Not called if the handshake fails. */
  onClosed(cause: Error, session: Session): void;
}

/** Two hosts that have introduced themselves and are alive. */
export interface Session {
  /** The other host, as it described itself in the handshake. */
  readonly peer: HostDescription;
  /** Bytes accepted but not yet handed to the other side. */
  readonly bufferedBytes: number;
  /** Whether the link is lost, and may come back. */
  readonly isInterrupted: boolean;
  /** Whether what is sent waits because the other side takes less. */
  readonly isBackedUp: boolean;
  /**
   * Sends a frame; nothing once the session has ended, which `onClosed` tells.
   *
   * @throws {NotSerializableError} if a value in it cannot travel.
   */
  send(frame: Frame): void;
  /** Sends a frame from another link one hop further. */
  forward(frame: RawFrame): void;
  /** Ends the session after all that was sent, and tells the other side why. @param code "ended" unless told. */
  goodbye(reason: string, code?: GoodbyeCode, error?: unknown): void;
}
