import { formatHostId, type HostId, MAIN_POOL } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Codec } from "../core/codec.ts";
import { LinkRefusedError, ProtocolError } from "../core/errors.ts";
import type { Frame, HostDescription, PoolDescription, RawFrame } from "../core/protocol.ts";
import type { Link } from "../link/link.ts";
import { LinkAcceptor } from "../link/link_acceptor.ts";
import type { LinkSocket } from "../link/link_socket.ts";
import { openSession, type Session } from "../link/session.ts";
import { webSocketLink } from "../link/websocket.ts";
import type { HostRouter, Peer } from "./router.ts";

/** What the links to other hosts need from this one. */
export interface PeersOptions {
  readonly router: HostRouter;
  readonly codec: Codec;
  readonly token: string | null;
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
  /** A pool of another host, or with `pool: null` all of it, is gone. */
  onLost(host: HostId, pool: number | null, reason: Error): void;
}

/** Certificates (PEM) for links over TLS. */
export interface LinkTls {
  /** Of the authority that signs the other hosts' certificates, where it is not a public one. */
  readonly ca?: string;
  /** This host's own. */
  readonly cert?: string;
  /** Its key. */
  readonly key?: string;
}

/** Who opened a session: we did, or the other host. */
type Role = "dial" | "accept";

/** The hosts that this one is linked with. */
export class Peers {
  readonly #options: PeersOptions;
  /**
   * The sessions with each host. There are two if both have dialled each other, perhaps at the same
   * time: neither side could then tell which one the other drops, and with it what was sent there. So
   * both stay, each side sends on its first, and with one of them the other ends too.
   */
  readonly #sessions = new Map<HostId, Map<Role, Session>>();
  /** Links whose other side has not introduced itself yet. */
  readonly #handshakes = new Set<AbortController>();
  readonly #acceptor: LinkAcceptor;

  constructor(options: PeersOptions) {
    this.#options = options;
    this.#acceptor = new LinkAcceptor({
      ...options,
      onSocket: (socket) => void this.#accept(webSocketLink(socket, this.codec), null),
    });
  }

  /** How frames of this host are written. */
  get codec(): Codec {
    return this.#options.codec;
  }

  /** The linked hosts, as they last described themselves. */
  get hosts(): HostDescription[] {
    return [...this.#sessions.values()].map((sessions) => {
      const { peer } = firstOf(sessions);
      return { ...peer, pools: this.#options.router.peers.get(peer.id)?.pools ?? peer.pools };
    });
  }

  /**
   * Links with the host behind a gateway.
   *
   * @throws {LinkRefusedError} if it does not let us in.
   * @throws {HostLostError} if it cannot be reached.
   */
  async dial(url: string): Promise<HostDescription> {
    const { token, tls, codec } = this.#options;
    const { dialHost } = await import("../link/dial.ts");
    const options = token === null ? tls : { ...tls, token };
    const link = await dialHost(linkUrl(url, tls), options, this.#options, codec);
    return (await this.#open(link, "dial", null)).peer;
  }

  /** Takes a socket that another host has opened: for a link, or to go on with one. */
  take(socket: LinkSocket): void {
    this.#acceptor.accept(socket);
  }

  /**
   * Links with the host that accepts the other end of a link.
   *
   * @throws {LinkRefusedError} if it does not let us in.
   * @throws {HostLostError} if it does not answer.
   */
  async greet(link: Link): Promise<HostDescription> {
    return (await this.#open(link, "dial", this.#options.heartbeatMs)).peer;
  }

  /** Takes a link that another host has opened. */
  accept(link: Link): Promise<void> {
    return this.#accept(link, this.#options.heartbeatMs);
  }

  async #accept(link: Link, heartbeatMs: number | null): Promise<void> {
    try {
      await this.#open(link, "accept", heartbeatMs);
    } catch {
      // Whoever knocked and did not introduce himself has been told why.
    }
  }

  /** Says something to every linked host. */
  broadcast(frame: (to: Frame["to"]) => Frame): void {
    for (const [host, sessions] of this.#sessions) {
      firstOf(sessions).send(frame({ host, pool: MAIN_POOL }));
    }
  }

  /** Says goodbye to all. */
  close(): void {
    this.#acceptor.close();
    for (const handshake of this.#handshakes) handshake.abort(new Error("the host stops"));
    for (const sessions of [...this.#sessions.values()]) {
      for (const session of sessions.values()) session.goodbye("it stops");
    }
  }

  /** @param heartbeatMs `null` if the link looks itself whether the other side lives. */
  async #open(link: Link, role: Role, heartbeatMs: number | null): Promise<Session> {
    const { router, codec, clock } = this.#options;
    const self = this.#options.describe();
    const handshake = new AbortController();
    this.#handshakes.add(handshake);
    try {
      const session = await openSession(link, codec, {
        self,
        role,
        heartbeatMs,
        clock,
        signal: handshake.signal,
        onFrame: (frame, session) => this.#receive(frame, session),
        onClosed: (cause, session) => this.#closed(session, cause),
      });
      const { id, pools } = session.peer;
      if (role === "accept") this.#replace(id);
      const sessions = this.#sessions.get(id) ?? new Map<Role, Session>();
      const refusal = id === self.id
        ? "a host cannot link with itself"
        : sessions.has(role)
        ? "they are linked already"
        : pools.some((pool) => pool.host !== id)
        ? "it describes another host's pools"
        : undefined;
      if (refusal !== undefined) {
        session.goodbye(refusal);
        throw new LinkRefusedError(`Not linked with host ${formatHostId(id)}: ${refusal}`);
      }
      this.#sessions.set(id, sessions.set(role, session));
      if (sessions.size === 1) {
        router.peers.set(id, {
          id,
          pools,
          send: (frame) => session.send(frame),
          forward: (frame) => session.forward(frame),
        });
        this.#options.onLinked?.(session.peer);
      }
      return session;
    } finally {
      this.#handshakes.delete(handshake);
    }
  }

  /** A host that links anew has given up what was there before, where that is interrupted. */
  #replace(host: HostId): void {
    for (const session of this.#sessions.get(host)?.values() ?? []) {
      if (session.isInterrupted) session.goodbye("the other host has linked anew");
    }
  }

  #receive(frame: RawFrame, session: Session): void {
    const { router } = this.#options;
    const { id } = session.peer;
    if (frame.from.host !== id) {
      throw new ProtocolError(`Host ${formatHostId(id)} sent a frame in another host's name`);
    }
    // A third host would take it for ours, and end the link with us for it.
    if (frame.to.host !== router.self) {
      throw new ProtocolError(`Host ${formatHostId(id)} sent a frame for another host`);
    }
    switch (frame.kind) {
      case "pools":
      case "down":
        return this.#update(frame, router.peers.get(id));
      case "call":
      case "tell":
      case "batch":
      case "cancel":
      case "reply":
      case "failure":
      case "items":
      case "end":
      case "credit":
      case "drop":
        return router.forward(frame);
      default:
        throw new ProtocolError(`Host ${formatHostId(id)} may not send ${frame.kind} frames`);
    }
  }

  #update(raw: RawFrame, peer: Peer | undefined): void {
    const frame = this.#options.codec.decode(raw);
    if (frame.kind === "pools" && peer !== undefined) peer.pools = ownPools(frame.pools, peer.id);
    if (frame.kind !== "down") return;
    if (frame.host !== raw.from.host || frame.pool === null) {
      throw new ProtocolError("A host can only report its own pools as gone");
    }
    if (!(frame.error instanceof Error)) throw new ProtocolError("A pool ends with an error");
    this.#options.onLost(frame.host, frame.pool, frame.error);
  }

  #closed(session: Session, cause: Error): void {
    const { id } = session.peer;
    const sessions = [...this.#sessions.get(id)?.values() ?? []];
    if (!sessions.includes(session)) return;
    this.#sessions.delete(id);
    this.#options.router.peers.delete(id);
    // What came or went by the other one may belong to what is lost with this one.
    for (const other of sessions) other.goodbye("another link between the two hosts has ended");
    this.#options.onLost(id, null, cause);
  }
}

/** The session to send on: the one that was there first. */
function firstOf(sessions: ReadonlyMap<Role, Session>): Session {
  return sessions.values().next().value!;
}

function ownPools(pools: readonly PoolDescription[], host: HostId): readonly PoolDescription[] {
  if (pools.every((pool) => pool.host === host)) return pools;
  throw new ProtocolError("A host can only describe its own pools");
}

/** A gateway's address as people write it, as the URL of its link: a host with certificates takes it for one with. */
function linkUrl(text: string, { ca, cert }: LinkTls): URL {
  const scheme = ca === undefined && cert === undefined ? "ws" : "wss";
  const url = URL.parse(/^\w+:\/\//.test(text) ? text : `${scheme}://${text}`);
  if (url === null || (url.protocol !== "ws:" && url.protocol !== "wss:")) {
    throw new TypeError(
      `Cannot join ${JSON.stringify(text)}: expected ws://host:port or wss://host:port`,
    );
  }
  if (url.pathname === "/") url.pathname = "/link";
  return url;
}
