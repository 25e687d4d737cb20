import { formatHostId, type HostId, isClient, MAIN_POOL } from "../core/address.ts";
import type { Codec } from "../core/codec.ts";
import { HostLostError, LinkRefusedError, ProtocolError } from "../core/host_errors.ts";
import type { Frame, HostDescription, RawFrame } from "../core/protocol.ts";
import type { Link } from "../link/link.ts";
import { LinkAcceptor, type LinkAccess } from "../link/link_acceptor.ts";
import type { LinkSocket } from "../link/link_socket.ts";
import { openSession } from "../link/session.ts";
import type { Session } from "../link/session_options.ts";
import { webSocketLink } from "../link/websocket.ts";
import { Admission, LINKED } from "./admission.ts";
import { dialGateway } from "./dial_gateway.ts";
import { Mesh } from "./mesh.ts";
import { wayOver } from "./outage.ts";
import type { LinkRefusal, PeersOptions } from "./peers_options.ts";
import type { RelayedLink } from "./relayed_link.ts";
import { Relays } from "./relays.ts";
import type { Peer } from "./router.ts";
import { type HostsNews, Routes } from "./routes.ts";
import { ownPools, refusalOf, type Role } from "./strangers.ts";

/** What is known of whoever opens a link. */
type StrangerAccess = Pick<LinkAccess, "role" | "from">;

/** Whom we have dialled, or who is linked inside this process. */
const NEIGHBOUR: StrangerAccess = { role: "host", from: "a link of this host's own" };

/** A link whose sides are to introduce themselves. */
interface Opening {
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

/** A session with a host. */
interface Linked {
  readonly session: Session;
  readonly isRelayed: boolean;
}

/** Heartbeats that the other end of a relayed link may miss past the grace time of the links on the way. */
const RELAYED_BEATS = 3;

/** Heartbeats in which a host must be reached directly, before another way to it is taken. */
const DIAL_BEATS = 3;

/** The hosts that this one is linked with: one session with each, opened when it is first needed. */
export class Peers {
  /** The ways past the linked hosts. */
  readonly routes: Routes;
  readonly #options: PeersOptions;
  readonly #sessions = new Map<HostId, Linked>();
  /** Links whose other side has not introduced itself yet. */
  readonly #handshakes = new Set<AbortController>();
  readonly #acceptor: LinkAcceptor;
  readonly #admission: Admission;
  readonly #mesh: Mesh;
  readonly #relays: Relays;

  constructor(options: PeersOptions) {
    this.#options = options;
    const { router, clock, codec, heartbeatMs } = options;
    this.#acceptor = new LinkAcceptor({
      ...options,
      onSocket: (socket, access) =>
        void this.#accept({
          link: webSocketLink(socket, codec),
          role: "accept",
          heartbeatMs: null,
          access,
        }),
      onRefused: (message, { from }) => this.#refused("handshake", message, from),
    });
    const isLinked = (host: HostId) => this.#sessions.get(host)?.session.isInterrupted === false;
    this.routes = new Routes({
      self: router.self,
      clock,
      isSound: isLinked,
      tell: (to, news) => this.#tell(to, news),
      onKnown: (host) => options.onKnown?.(host),
      onHeld: (host) => options.onHeld?.(host),
      onGone: (host, by) => this.#relays.gone(host, by),
      onUnknown: (host) => {
        this.#mesh.gone(host);
        options.onUnknown?.(host);
      },
    });
    this.#mesh = new Mesh({
      codec,
      clock,
      dialTimeoutMs: DIAL_BEATS * heartbeatMs,
      known: (host) => this.routes.of(host),
      isLinked: (host) => this.#sessions.has(host),
      dial: (address, to, timeoutMs) => this.#dial(address, { to, timeoutMs }),
      relay: (host) => this.#relay(host),
      refuse: (frame, error) => router.main!.refuse(frame, error),
    });
    this.#admission = new Admission({
      self: router.self,
      isLinked,
      tryDirect: (host) => this.#mesh.tryDirect(host),
    });
    this.#relays = new Relays({
      self: router.self,
      next: (host) => {
        const next = this.routes.next(host);
        return next === undefined ? undefined : this.#sessions.get(next)?.session;
      },
      accept: (relayed) => void this.#accept({ ...this.#openingOf(relayed, "accept") }),
    });
    router.reach = (host) => this.#mesh.way(host);
    // Those with a link by way of others are known twice.
    router.reachable = () => this.routes.pools((host) => !this.#sessions.has(host));
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

  /**
   * Links with the host behind a gateway.
   *
   * @throws {LinkRefusedError} if it does not let us in.
   * @throws {HostLostError} if it cannot be reached.
   */
  async dial(url: string): Promise<HostDescription> {
    return (await this.#dial(url, {})).peer;
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
    return (await this.#open({ link, role: "dial", heartbeatMs, access: NEIGHBOUR, to: null }))
      .peer;
  }

  /** Takes a link that another host has opened. */
  accept(link: Link): Promise<void> {
    const { heartbeatMs } = this.#options;
    return this.#accept({ link, role: "accept", heartbeatMs, access: NEIGHBOUR });
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
    for (const handshake of this.#handshakes) handshake.abort(new Error("the host stops"));
    // Those that go by way of others first.
    const sessions = [...this.#sessions.values()];
    sessions.sort((a, b) => Number(b.isRelayed) - Number(a.isRelayed));
    for (const { session } of sessions) session.goodbye("it stops");
  }

  async #dial(
    url: string,
    { to, timeoutMs }: { readonly to?: HostId; readonly timeoutMs?: number },
  ): Promise<Session> {
    const link = await dialGateway(url, this.#options, timeoutMs);
    const opening = { link, role: "dial", heartbeatMs: null, access: NEIGHBOUR } as const;
    return await this.#open(to === undefined ? opening : { ...opening, to });
  }

  /** Links with a host by way of another. */
  async #relay(host: HostId): Promise<Session> {
    return await this.#open(this.#openingOf(this.#relays.open(host), "dial"));
  }

  #openingOf(relayed: RelayedLink, role: Role): Opening {
    const { heartbeatMs } = this.#options;
    return { link: relayed, role, heartbeatMs, access: NEIGHBOUR, to: relayed.host, relayed };
  }

  async #accept(opening: Opening): Promise<void> {
    try {
      await this.#open(opening);
    } catch (error) {
      // He has been told why. Who has just gone, or has asked at the same time as this host, was not refused.
      if (error instanceof HostLostError || !(error instanceof Error)) return;
      if (error.message.endsWith(LINKED)) return;
      this.#refused("handshake", error.message, opening.access.from);
    }
  }

  #refused(reason: LinkRefusal["reason"], message: string, from: string): void {
    this.#options.onRefused?.({ reason, message, from });
  }

  async #open(opening: Opening): Promise<Session> {
    const { link, role, heartbeatMs, access, to, relayed } = opening;
    const { codec, clock, graceMs, onInterrupted } = this.#options;
    const handshake = new AbortController();
    const asked = role === "dial"
      ? this.#admission.ask(to ?? undefined, relayed !== undefined)
      : () => {};
    let welcomed: HostId | undefined;
    let refusedBy: HostId | undefined;
    this.#handshakes.add(handshake);
    try {
      const session = await openSession(link, codec, {
        self: this.#options.describe(),
        role,
        heartbeatMs,
        ...(relayed === undefined
          ? {}
          : { missedBeats: RELAYED_BEATS + Math.ceil(graceMs / heartbeatMs!) }),
        clock,
        signal: handshake.signal,
        admit: async (peer) => {
          const refusal = await this.#admit(peer, opening);
          if (refusal === undefined) welcomed = peer.id;
          return refusal;
        },
        onRefused: (by) => refusedBy = by,
        onInterrupted: (isInterrupted, session) => {
          const { id } = session.peer;
          if (this.#sessions.get(id)?.session !== session) return;
          onInterrupted?.(id, isInterrupted);
          this.#relays.interrupted(session, isInterrupted);
          if (!isInterrupted) this.routes.sound(id);
        },
        onFrame: (frame, session) => this.#receive(frame, session),
        onClosed: (cause, session) => {
          if (cause instanceof ProtocolError) this.#refused("protocol", cause.message, access.from);
          if (this.#sessions.get(session.peer.id)?.session === session) this.#leave(session, cause);
        },
      });
      if (role === "dial") this.#check(session, opening);
      this.#enter({ session, isRelayed: relayed !== undefined });
      return session;
    } catch (error) {
      const other = refusedBy === undefined ? undefined : this.#sessions.get(refusedBy);
      // It was there, or both have asked each other and the other's has won.
      if (other !== undefined && to !== null) return other.session;
      throw error;
    } finally {
      this.#handshakes.delete(handshake);
      if (welcomed !== undefined) this.#admission.entered(welcomed);
      asked();
    }
  }

  async #admit(peer: HostDescription, { access, relayed }: Opening): Promise<string | undefined> {
    const { id } = peer;
    if (relayed !== undefined && id !== relayed.host) return "it says another host's hello";
    const refusal = refusalOf(peer, "accept", access.role);
    if (refusal !== undefined) return refusal;
    // Nobody proves to be the client that was here before: until that is given up, none takes its place.
    if (isClient(id)) return this.#sessions.has(id) ? "this client is here" : undefined;
    return await this.#admission.admit({ peer, isRelayed: relayed !== undefined });
  }

  #check(session: Session, { access, to }: Opening): void {
    const { id } = session.peer;
    const refusal = typeof to === "number" && to !== id
      ? `expected host ${formatHostId(to)} there`
      : refusalOf(session.peer, "dial", access.role);
    if (refusal === undefined) return;
    session.goodbye(refusal);
    throw new LinkRefusedError(`Not linked with host ${formatHostId(id)}: ${refusal}`);
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
    switch (frame.kind) {
      case "pools":
      case "down":
      case "hosts":
        if (isClient(id)) throw new ProtocolError("A client has no pools to speak of");
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
    if (frame.kind === "hosts") return this.routes.told(raw.from.host, frame);
    if (frame.kind === "pools" && peer !== undefined) {
      peer.pools = ownPools(frame.pools, peer.id);
      peer.toldAt = performance.now();
      this.#options.onPools?.(peer.id);
      this.routes.described(peer.id, peer.pools);
    }
    if (frame.kind !== "down") return;
    if (frame.host !== raw.from.host || frame.pool === null) {
      throw new ProtocolError("A host can only report its own pools as gone");
    }
    if (!(frame.error instanceof Error)) throw new ProtocolError("A pool ends with an error");
    this.#options.onLost(frame.host, frame.pool, frame.error);
  }

  #tell(host: HostId, news: HostsNews): void {
    const from = { host: this.#options.router.self, pool: MAIN_POOL };
    const to = { host, pool: MAIN_POOL };
    this.#sessions.get(host)?.session.send({ kind: "hosts", id: 0, to, from, ...news });
  }
}
