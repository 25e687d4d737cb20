import type { HostId } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import type { Codec } from "../../core/codec.ts";
import type { HostDescription } from "../../core/protocol.ts";
import type { HostRouter } from "../router.ts";
import type { LinkTls } from "./strangers.ts";

/** What the links to other hosts need from this one. */
export interface PeersOptions {
  readonly router: HostRouter;
  readonly codec: Codec;
  readonly token: string | null;
  /** Links that others may have opened, those that are interrupted too. */
  readonly maxSessions?: number;
  readonly heartbeatMs: number;
  /** Milliseconds until a lost link is given up. */
  readonly graceMs: number;
  /** Whom to trust behind `wss:` addresses, and what to show them. */
  readonly tls: LinkTls;
  /** What heartbeats go by. */
  readonly clock: Clock;
  /** This host, as it is now. */
  describe(): HostDescription;
  /** Another host has been linked. */
  onLinked?(host: HostDescription): void;
  /** The link with a host is lost, and may come back; or is back. */
  onInterrupted?(host: HostId, isInterrupted: boolean): void;
  /**
   * A host that is not linked can be when it is needed, or has changed.
   *
   * @param isInterrupted A link on the way is lost, and may come back.
   */
  onKnown?(host: HostDescription, isInterrupted: boolean): void;
  /** A host is not to be reached; whether it can be by way of another is known in a moment. */
  onHeld?(host: HostId): void;
  /** A host that is not linked cannot be any more. */
  onUnknown?(host: HostId): void;
  /** A linked host or client sends a message, which is taken next. */
  onMessage?(): void;
  /** A linked host has told of its pools. */
  onPools?(host: HostId): void;
  /** A pool of another host, or with `pool: null` all of it, is gone. */
  onLost(host: HostId, pool: number | null, reason: Error): void;
  /** Somebody who had a socket was not let in, or was cut off. */
  onRefused?(refusal: LinkRefusal): void;
}

/** Why somebody is not linked, or not any more. */
export interface LinkRefusal {
  /** He could not open a session, or has said in it what nobody may say. */
  readonly reason: "handshake" | "protocol";
  /** What he did, for people. */
  readonly message: string;
  /** Where he came from. */
  readonly from: string;
}
