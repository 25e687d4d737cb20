import { formatHostId, type HostId, isClient, MAIN_POOL } from "../../core/address.ts";
import { HostLostError, ProtocolError } from "../../core/host_errors.ts";
import type { RawFrame } from "../../core/protocol.ts";
import type { Session } from "../../link/session_options.ts";
import { wayOver } from "./backlog.ts";
import { RelayedLink } from "./relayed_link.ts";

/** What relays go by. */
export interface RelaysOptions {
  readonly self: HostId;
  /** The session by which frames get nearer to a host. */
  next(host: HostId): Session | undefined;
  /** Takes a link that a host has opened by way of another. */
  accept(link: RelayedLink): void;
}

/** Links with one host that are begun: one by each side, and a few that were given up and not noticed. */
const MAX_LINKS = 8;

/** Clients of other hosts that are remembered: of more, the one that has been silent longest is cut off. */
const MAX_CLIENTS = 65_536;

/** What this host passes on for others, and its own links by way of others. */
export class Relays {
  readonly #options: RelaysOptions;
  /** The links of this host that go by way of others, by their other ends. */
  readonly #links = new Map<HostId, Set<RelayedLink>>();

  /** The sessions by which clients are reached that speak to third hosts, the last heard last. */
  readonly #clients = new Map<HostId, Session>();

  constructor(options: RelaysOptions) {
    this.#options = options;
  }

  /**
   * Begins a link with a host that is not linked directly.
   *
   * @throws {HostLostError} if no linked host leads there.
   */
  open(host: HostId): RelayedLink {
    const relay = this.#options.next(host);
    if (relay !== undefined) return this.#add(host, relay);
    throw new HostLostError(`No host leads to host ${formatHostId(host)}`, "lost");
  }

  /**
   * Takes a frame that is not for this host, or not from the one that has brought it.
   *
   * @throws {ProtocolError} if that one speaks in the name of this host.
   */
  take(frame: RawFrame, relay: Session): void {
    const { self, accept } = this.#options;
    const from = frame.from.host;
    if (from === self) {
      throw new ProtocolError(`Host ${formatHostId(relay.peer.id)} sent a frame in our name`);
    }
    if (frame.to.host !== self) return this.#pass(frame, relay);
    const links = [...this.#links.get(from) ?? []].filter((link) => link.relay === relay);
    const takers = links.filter((link) => link.takes(frame.kind));
    // A goodbye is the answer to a hello, if there is one without.
    const link = takers.find((link) => link.isAsking) ?? takers[0];
    if (link !== undefined) return link.receive(frame);
    if (frame.kind === "hello" && links.length < MAX_LINKS) {
      const link = this.#add(from, relay);
      accept(link);
      link.receive(frame);
    } else if (frame.kind !== "goodbye") {
      this.#refuse(frame, relay, "the two hosts are not linked any more");
    }
  }

  /** A host cannot be reached any more by way of another. */
  gone(host: HostId, by: HostId): void {
    for (const link of [...this.#links.get(host) ?? []]) {
      if (link.relay.peer.id !== by) continue;
      link.lost(
        new HostLostError(
          `Host ${formatHostId(host)} cannot be reached by way of host ${
            formatHostId(by)
          } any more`,
          "lost",
        ),
      );
    }
  }

  /** A linked host is lost, and so is what went by way of it. */
  lost(relay: Session, cause: Error): void {
    for (const [client, session] of this.#clients) {
      if (session === relay) this.#clients.delete(client);
    }
    for (const link of this.#over(relay)) {
      const by = formatHostId(relay.peer.id);
      link.lost(
        new HostLostError(
          `Host ${by}, by way of which host ${
            formatHostId(link.host)
          } was linked, is lost: ${cause.message}`,
          cause instanceof HostLostError ? cause.exit : "lost",
          { cause },
        ),
      );
    }
  }

  /** What is sent by way of a linked host waits, or goes out again. */
  interrupted(relay: Session, isInterrupted: boolean): void {
    for (const link of this.#over(relay)) link.interrupted(isInterrupted);
  }

  #over(relay: Session): RelayedLink[] {
    return [...this.#links.values()].flatMap((links) => [...links]).filter((link) =>
      link.relay === relay
    );
  }

  #add(host: HostId, relay: Session): RelayedLink {
    const links = this.#links.get(host) ?? new Set();
    const link = new RelayedLink({
      self: this.#options.self,
      host,
      relay,
      onEnd: () => {
        links.delete(link);
        if (links.size === 0 && this.#links.get(host) === links) this.#links.delete(host);
      },
    });
    this.#links.set(host, links.add(link));
    return link;
  }

  /** Passes a frame on by its header. Where it does not get, both ends are told that their link has broken. */
  #pass(frame: RawFrame, from: Session): void {
    if (isClient(frame.from.host)) this.#remember(frame.from.host, from);
    const to = this.#towards(frame);
    try {
      if (to === undefined || to === from) {
        throw new HostLostError(`there is no way to host ${formatHostId(frame.to.host)}`, "lost");
      }
      wayOver(to).forward(frame);
    } catch (error) {
      const reason = `host ${formatHostId(this.#options.self)} cannot pass it on: ${
        (error as Error).message
      }`;
      this.#refuse(frame, from, reason);
      if (to !== undefined && to !== from) {
        this.#refuse({ ...frame, from: frame.to, to: frame.from }, to, reason);
      }
    }
  }

  /** Routes do not know clients: what is for one goes where it has last been heard. */
  #towards({ from, to }: RawFrame): Session | undefined {
    if (!isClient(to.host)) return this.#options.next(to.host);
    return isClient(from.host) ? undefined : this.#clients.get(to.host);
  }

  #remember(client: HostId, session: Session): void {
    this.#clients.delete(client);
    this.#clients.set(client, session);
    if (this.#clients.size > MAX_CLIENTS) this.#clients.delete(this.#clients.keys().next().value!);
  }

  /** Ends the link that a frame belongs to, at the end that it comes from. */
  #refuse({ kind, from, to }: RawFrame, session: Session, reason: string): void {
    if (kind === "goodbye") return;
    session.send({
      kind: "goodbye",
      code: "ended",
      id: 0,
      to: { host: from.host, pool: MAIN_POOL },
      from: { host: to.host, pool: MAIN_POOL },
      reason,
      error: null,
    });
  }
}
