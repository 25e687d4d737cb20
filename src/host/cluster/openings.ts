import { formatHostId, type HostId, isClient } from "../../core/address.ts";
import { HostLostError, LinkRefusedError } from "../../core/host_errors.ts";
import type { GoodbyeCode, HostDescription, RawFrame } from "../../core/protocol.ts";
import type { Link, LinkHandler } from "../../link/link.ts";
import type { LinkAccess } from "../../link/link_acceptor.ts";
import { openSession } from "../../link/session.ts";
import { CrossedDialError } from "../../link/session_end.ts";
import type { Session, SessionRefusal } from "../../link/session_options.ts";
import { Admission } from "./admission.ts";
import type { PeersOptions } from "./peers_options.ts";
import type { RelayedLink } from "./relayed_link.ts";
import { refusalOf, type Role } from "./strangers.ts";

/** What is known of whoever opens a link. */
export type StrangerAccess = Pick<LinkAccess, "role" | "from">;

/** Whom we have dialled, or who is linked inside this process. */
export const NEIGHBOUR: StrangerAccess = Object.freeze({
  role: "host",
  from: "a link of this host's own",
});

/** A link whose sides are to introduce themselves. */
export interface Opening {
  readonly link: Link;
  readonly role: Role;
  /** `null` if the link looks itself whether the other side lives. */
  readonly heartbeatMs: number | null;
  /** How the other side was let in. */
  readonly access: StrangerAccess;
  /** Whom it leads to, if that is known; `null` for a link that is to be another than there is. */
  readonly to?: HostId | null;
  /** The same link, if it goes by way of another host. */
  readonly relayed?: RelayedLink;
}

/** What openings go by, and whom they tell. */
export interface OpeningsOptions extends
  Pick<
    PeersOptions,
    "codec" | "clock" | "heartbeatMs" | "graceMs" | "describe"
  > {
  readonly self: HostId;
  /** The session with a host, if there is one. */
  sessionWith(host: HostId): Session | undefined;
  /** Tries to link with a host directly, if that has not been tried; does not reject. */
  tryDirect(host: HostDescription): Promise<void>;
  /** Both sides have introduced themselves. Its frames come next. */
  enter(session: Session, isRelayed: boolean): void;
  onInterrupted(session: Session, isInterrupted: boolean): void;
  onFrame(frame: RawFrame, session: Session): void;
  onStopped(session: Session): void;
  onClosed(cause: Error, session: Session, from: string): void;
  /** Somebody was not let in. */
  onRefused(message: string, from: string): void;
}

/** Nobody listens to a link that is not needed. */
const UNUSED: LinkHandler = Object.freeze({ frame() {}, closed() {} });

/** Heartbeats that the other end of a relayed link may miss past the grace time of the links on the way. */
const RELAYED_BEATS = 3;

/** Opens the sessions of a host with others: one with each, whoever asks for it, and whoever asks first. */
export class Openings {
  readonly #options: OpeningsOptions;
  readonly #admission: Admission;
  /** Links whose other side has not introduced itself yet. */
  readonly #handshakes = new Set<AbortController>();

  constructor(options: OpeningsOptions) {
    this.#options = options;
    this.#admission = new Admission({
      self: options.self,
      isLinked: (host) => options.sessionWith(host)?.isInterrupted === false,
      tryDirect: (host) => options.tryDirect(host),
    });
  }

  /** Gives up those that are under way. */
  stop(): void {
    for (const handshake of this.#handshakes) handshake.abort(new Error("the host stops"));
  }

  /** Takes a link that another host or a client has opened. */
  async accept(opening: Opening): Promise<void> {
    let refusal: SessionRefusal | undefined;
    try {
      await this.#open(opening, async (peer) => refusal = await this.#admit(peer, opening));
    } catch (error) {
      // He has been told why. Who has just gone, or has asked at the same time as this host, was not refused.
      if (error instanceof HostLostError || !(error instanceof Error)) return;
      if (refusal?.code !== "linked") this.#options.onRefused(error.message, opening.access.from);
    }
  }

  /**
   * Asks for a session; if there is one by then, that is the answer.
   *
   * @throws {LinkRefusedError} if the other host does not let us in.
   * @throws {HostLostError} if it does not answer.
   */
  async ask(opening: Opening): Promise<Session> {
    const { to, relayed, link } = opening;
    const linked = typeof to === "number" ? this.#options.sessionWith(to) : undefined;
    if (linked?.isInterrupted === false) {
      // It has come while this one was dialled. A hello now could get there before its welcome.
      link.open(UNUSED);
      link.close();
      return linked;
    }
    const answered = this.#admission.ask(to ?? undefined, relayed !== undefined);
    let refused: { readonly by: HostId; readonly code: GoodbyeCode } | undefined;
    try {
      return await this.#open(opening, undefined, (by, code) => refused = { by, code });
    } catch (error) {
      if (refused?.code !== "linked" || to === null) throw error;
      // It was there, or both have asked each other and the other's has won, which comes next.
      const other = this.#options.sessionWith(refused.by);
      if (other !== undefined) return other;
      throw new CrossedDialError((error as Error).message, { cause: error });
    } finally {
      answered();
    }
  }

  async #open(
    opening: Opening,
    admit?: (peer: HostDescription) => Promise<SessionRefusal | undefined>,
    onRefused?: (by: HostId, code: GoodbyeCode) => void,
  ): Promise<Session> {
    const { link, role, heartbeatMs, access, relayed } = opening;
    const options = this.#options;
    const { codec, clock } = options;
    const handshake = new AbortController();
    let welcomed: HostId | undefined;
    this.#handshakes.add(handshake);
    try {
      const session = await openSession(link, codec, {
        self: options.describe(),
        role,
        heartbeatMs,
        ...(relayed === undefined ? {} : { missedBeats: this.#relayedBeats }),
        clock,
        signal: handshake.signal,
        ...(admit === undefined ? {} : {
          admit: async (peer: HostDescription) => {
            const refusal = await admit(peer);
            if (refusal === undefined) welcomed = peer.id;
            return refusal;
          },
        }),
        ...(onRefused === undefined ? {} : { onRefused }),
        onInterrupted: (is, session) => options.onInterrupted(session, is),
        onFrame: (frame, session) => options.onFrame(frame, session),
        onStopped: (session) => options.onStopped(session),
        onClosed: (cause, session) => options.onClosed(cause, session, access.from),
      });
      if (role === "dial") check(session, opening);
      options.enter(session, relayed !== undefined);
      return session;
    } finally {
      this.#handshakes.delete(handshake);
      if (welcomed !== undefined) this.#admission.entered(welcomed);
    }
  }

  get #relayedBeats(): number {
    const { graceMs, heartbeatMs } = this.#options;
    return RELAYED_BEATS + Math.ceil(graceMs / heartbeatMs);
  }

  async #admit(
    peer: HostDescription,
    { access, relayed }: Opening,
  ): Promise<SessionRefusal | undefined> {
    const { id } = peer;
    if (relayed !== undefined && id !== relayed.host) {
      return refused("it says another host's hello");
    }
    const refusal = refusalOf(peer, "accept", access.role);
    if (refusal !== undefined) return refused(refusal);
    if (!isClient(id)) {
      return await this.#admission.admit({ peer, isRelayed: relayed !== undefined });
    }
    // Nobody proves to be the client that was here before: until that is given up, none takes its place.
    return this.#options.sessionWith(id) === undefined ? undefined : refused("this client is here");
  }
}

function refused(reason: string): SessionRefusal {
  return { code: "refused", reason };
}

/** Whether whoever has welcomed us is whom we have dialled. */
function check(session: Session, { access, to }: Opening): void {
  const { id } = session.peer;
  const refusal = typeof to === "number" && to !== id
    ? `expected host ${formatHostId(to)} there`
    : refusalOf(session.peer, "dial", access.role);
  if (refusal === undefined) return;
  session.goodbye(refusal);
  throw new LinkRefusedError(`Not linked with host ${formatHostId(id)}: ${refusal}`);
}
