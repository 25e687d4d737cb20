/**
 * The other hosts: one session with each, opened when it is first needed.
 *
 * - `Openings` makes sessions of links: this host has dialled (`dialGateway`), was dialled, or goes by way of
 *   a third host (`RelayedLink`). `Admission` says who is let in; of two that open at once one stays.
 * - `PeerFrames` takes what a linked host says, and checks that it may (`strangers.ts`).
 * - `Routes` keeps the ways past the linked hosts, as those tell of them; `RouteNews` tells them of changes.
 * - `Mesh` links with a host when a message first needs it; until then that waits in an `Outbox`.
 * - `Relays` passes on what others say to each other by way of this host.
 * - `wayOver` is the way out over a session: it refuses what does not get through (`backlog.ts`).
 */
import { formatHostId, type HostId, isClient, MAIN_POOL } from "../../core/address.ts";
import type { Codec } from "../../core/codec.ts";
import { HostLostError, ProtocolError } from "../../core/host_errors.ts";
import type { Frame, HostDescription, RawFrame } from "../../core/protocol.ts";
import type { Link } from "../../link/link.ts";
import { LinkAcceptor, type LinkAccess } from "../../link/link_acceptor.ts";
import type { LinkSocket } from "../../link/link_socket.ts";
import type { Session } from "../../link/session_options.ts";
import { webSocketLink } from "../../link/websocket.ts";
import { wayOver } from "./backlog.ts";
import { dialGateway } from "./dial_gateway.ts";
import { Mesh } from "./mesh.ts";
import { NEIGHBOUR, type Opening, Openings } from "./openings.ts";
import { PeerFrames } from "./peer_frames.ts";
import type { LinkRefusal, PeersOptions } from "./peers_options.ts";
import type { RelayedLink } from "./relayed_link.ts";
import { Relays } from "./relays.ts";
import type { HostsNews } from "./route_news.ts";
import type { Peer } from "../router.ts";
import { Routes } from "./routes.ts";
import type { Role } from "./strangers.ts";

/** A session with a host. */
interface Linked {
  readonly session: Session;
  readonly isRelayed: boolean;
}

/** Heartbeats in which a host must be reached directly, before another way to it is taken. */
const DIAL_BEATS = 3;

/** The hosts that this one is linked with: one session with each, opened when it is first needed. */
export class Peers {
  /** The ways past the linked hosts. */
  readonly routes: Routes;
  readonly #options: PeersOptions;
  readonly #sessions = new Map<HostId, Linked>();
  readonly #acceptor: LinkAcceptor;
  readonly #openings: Openings;
  readonly #frames: PeerFrames;
  readonly #mesh: Mesh;
  readonly #relays: Relays;

  constructor(options: PeersOptions) {
    this.#options = options;
    const { router, codec } = options;
    this.#acceptor = new LinkAcceptor({
      ...options,
      onSocket: (socket, access) => {
        const link = webSocketLink(socket, codec);
        void this.#openings.accept({ link, role: "accept", heartbeatMs: null, access });
      },
      onRefused: (message, { from }) => this.#refused("handshake", message, from),
    });
    this.routes = this.#makeRoutes();
    this.#frames = new PeerFrames({ ...options, routes: this.routes });
    this.#mesh = this.#makeMesh();
    this.#openings = this.#makeOpenings();
    this.#relays = new Relays({
      self: router.self,
      next: (host) => {
        const next = this.routes.next(host);
        return next === undefined ? undefined : this.#sessions.get(next)?.session;
      },
      accept: (relayed) => void this.#openings.accept(this.#openingOf(relayed, "accept")),
    });
    router.reach = {
      wayTo: (host) => this.#mesh.way(host),
      // Those with a link by way of others are known twice.
      pools: () => this.routes.pools((host) => !this.#sessions.has(host)),
    };
  }

  #makeRoutes(): Routes {
    const { router, clock, onKnown, onHeld, onUnknown } = this.#options;
    return new Routes({
      self: router.self,
      clock,
      isSound: (host) => this.#sessions.get(host)?.session.isInterrupted === false,
      tell: (to, news) => this.#tell(to, news),
      onKnown: (host, isInterrupted) => onKnown?.(host, isInterrupted),
      onHeld: (host) => onHeld?.(host),
      onGone: (host, by) => this.#relays.gone(host, by),
      onUnknown: (host) => {
        this.#mesh.gone(host);
        onUnknown?.(host);
      },
    });
  }

  #makeMesh(): Mesh {
    const { router, clock, codec, heartbeatMs } = this.#options;
    return new Mesh({
      codec,
      clock,
      dialTimeoutMs: DIAL_BEATS * heartbeatMs,
      known: (host) => this.routes.of(host),
      isLinked: (host) => this.#sessions.has(host),
      dial: (address, to, timeoutMs) => this.#dial(address, { to, timeoutMs }),
      relay: (host) => this.#openings.ask(this.#openingOf(this.#relays.open(host), "dial")),
      refuse: (frame, error) => router.unsent(frame, error),
    });
  }

  #makeOpenings(): Openings {
    return new Openings({
      ...this.#options,
      self: this.#options.router.self,
      sessionWith: (host) => this.#sessions.get(host)?.session,
      tryDirect: (host) => this.#mesh.tryDirect(host),
      enter: (session, isRelayed) => this.#enter({ session, isRelayed }),
      onInterrupted: (session, isInterrupted) => this.#interrupted(session, isInterrupted),
      onFrame: (frame, session) => this.#receive(frame, session),
      onStopped: (session) => this.routes.stopped(session.peer.id),
      onClosed: (cause, session, from) => {
        if (cause instanceof ProtocolError) this.#refused("protocol", cause.message, from);
        if (this.#isCurrent(session)) this.#leave(session, cause);
      },
      onRefused: (message, from) => this.#refused("handshake", message, from),
    });
  }

  /** How frames of this host are written. */
  get codec(): Codec {
    return this.#options.codec;
  }

  /** The linked hosts, as they last described themselves. */
  get hosts(): HostDescription[] {
    const hosts = [...this.#sessions].filter(([id]) => !isClient(id));
    return hosts.map(([id, { session: { peer } }]) => {
      return { ...peer, pools: this.#options.router.peers.get(id)?.pools ?? peer.pools };
    });
  }

  /** How many clients are linked. */
  get clients(): number {
    return [...this.#sessions.keys()].filter(isClient).length;
  }

  /**
   * Links with the host behind a gateway.
   *
   * @param to Which it is to be, if that is known.
   * @throws {LinkRefusedError} if it does not let us in.
   * @throws {HostLostError} if it cannot be reached.
   */
  async dial(url: string, to?: HostId): Promise<HostDescription> {
    return (await this.#dial(url, to === undefined ? {} : { to })).peer;
  }

  /** Takes a socket that another host or a client has opened: for a link, or to go on with one. */
  take(socket: LinkSocket, access: LinkAccess): void {
    this.#acceptor.accept(socket, access);
  }

  /**
   * Links with the host that accepts the other end of a link.
   *
   * @throws {LinkRefusedError} if it does not let us in.
   * @throws {HostLostError} if it does not answer.
   */
  async greet(link: Link): Promise<HostDescription> {
    const { heartbeatMs } = this.#options;
    const opening = { link, role: "dial", heartbeatMs, access: NEIGHBOUR, to: null } as const;
    return (await this.#openings.ask(opening)).peer;
  }

  /** Takes a link that another host has opened. */
  accept(link: Link): Promise<void> {
    const { heartbeatMs } = this.#options;
    return this.#openings.accept({ link, role: "accept", heartbeatMs, access: NEIGHBOUR });
  }

  /** Says something to every linked host. */
  broadcast(frame: (to: Frame["to"]) => Frame): void {
    for (const [host, { session }] of this.#sessions) {
      session.send(frame({ host, pool: MAIN_POOL }));
    }
  }

  /** Says goodbye to all. */
  close(): void {
    this.routes.stop();
    this.#mesh.stop();
    this.#acceptor.close();
    this.#openings.stop();
    // Those that go by way of others first.
    const sessions = [...this.#sessions.values()];
    sessions.sort((a, b) => Number(b.isRelayed) - Number(a.isRelayed));
    for (const { session } of sessions) session.goodbye("it stops", "stopped");
  }

  async #dial(
    url: string,
    { to, timeoutMs }: { readonly to?: HostId; readonly timeoutMs?: number },
  ): Promise<Session> {
    const link = await dialGateway(url, this.#options, timeoutMs);
    const opening = { link, role: "dial", heartbeatMs: null, access: NEIGHBOUR } as const;
    return await this.#openings.ask(to === undefined ? opening : { ...opening, to });
  }

  #openingOf(relayed: RelayedLink, role: Role): Opening {
    const { heartbeatMs } = this.#options;
    return { link: relayed, role, heartbeatMs, access: NEIGHBOUR, to: relayed.host, relayed };
  }

  #refused(reason: LinkRefusal["reason"], message: string, from: string): void {
    this.#options.onRefused?.({ reason, message, from });
  }

  #isCurrent(session: Session): boolean {
    return this.#sessions.get(session.peer.id)?.session === session;
  }

  #interrupted(session: Session, isInterrupted: boolean): void {
    if (!this.#isCurrent(session)) return;
    const { id } = session.peer;
    this.#options.onInterrupted?.(id, isInterrupted);
    this.#relays.interrupted(session, isInterrupted);
    this.routes.interrupted(id);
  }

  #enter(linked: Linked): void {
    const { router, onLinked } = this.#options;
    const { session } = linked;
    const { id, pools } = session.peer;
    const before = this.#sessions.get(id)?.session;
    if (before !== undefined) {
      // Only a host that has given up the old session asks for a new one, or welcomes to it.
      this.#leave(before, new HostLostError("The two hosts have linked anew", "lost"));
      before.goodbye("the two hosts have linked anew");
    }
    this.#sessions.set(id, linked);
    const peer: Peer = { id, pools, toldAt: performance.now(), ...wayOver(session) };
    router.peers.set(id, peer);
    if (isClient(id)) return;
    this.#mesh.linked(id, peer);
    onLinked?.(session.peer);
    if (!linked.isRelayed) this.routes.linked(session.peer);
  }

  /** A session is over: whoever waits on its host is told. */
  #leave({ peer: { id } }: Session, cause: Error): void {
    const { session, isRelayed } = this.#sessions.get(id)!;
    this.#sessions.delete(id);
    this.#options.router.peers.delete(id);
    if (!isRelayed) {
      this.#relays.lost(session, cause);
      this.routes.unlinked(id);
    }
    this.#options.onLost(id, null, cause);
  }

  #receive(frame: RawFrame, session: Session): void {
    const { router } = this.#options;
    const { id } = session.peer;
    if (frame.from.host !== id || frame.to.host !== router.self) {
      // Nobody is behind a client.
      const isForged = isClient(id) && frame.from.host !== id;
      if (isForged || this.#sessions.get(id)?.isRelayed !== false) {
        throw new ProtocolError(`${formatHostId(id)} sent a frame in or for another host's name`);
      }
      return this.#relays.take(frame, session);
    }
    this.#frames.take(frame, id);
  }

  #tell(host: HostId, news: HostsNews): void {
    const from = { host: this.#options.router.self, pool: MAIN_POOL };
    const to = { host, pool: MAIN_POOL };
    this.#sessions.get(host)?.session.send({ kind: "hosts", id: 0, to, from, ...news });
  }
}
