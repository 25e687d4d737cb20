import { formatHostId, type HostId, isClient } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Codec } from "../core/codec.ts";
import { LinkRefusedError, ProtocolError } from "../core/host_errors.ts";
import { type HostDescription, isBetweenActors, type RawFrame } from "../core/protocol.ts";
import type { Link } from "../link/link.ts";
import { openSession } from "../link/session.ts";
import type { Session } from "../link/session_options.ts";
import type { LocalPool } from "../pool/local.ts";
import { FarHosts } from "./far_hosts.ts";
import type { ClientRouter } from "./client_router.ts";

/** Dials the host, for a link that outlives its sockets. */
export type OpenLink = (codec: Codec, signal: AbortSignal) => Promise<Link>;

/** What a {@linkcode HostLink} connects. */
export interface HostLinkOptions {
  readonly id: HostId;
  readonly clock: Clock;
  readonly codec: Codec;
  readonly pool: LocalPool;
  readonly router: ClientRouter;
  readonly heartbeatMs: number;
  readonly graceMs: number;
  readonly open: OpenLink;
}

/** Milliseconds before the first attempt to link anew, at most; each later one waits up to twice as long. */
const FIRST_DELAY_MS = 50;

/** The longest wait between two attempts: a host that is back is found within seconds. */
const LAST_DELAY_MS = 5_000;

/** A client's link with its host: opened again for as long as the client is there. */
export class HostLink {
  readonly #options: HostLinkOptions;
  readonly #far: FarHosts;
  readonly #closed = new AbortController();
  #session: Session | undefined;
  #linked = Promise.withResolvers<HostDescription>();
  readonly #ended = Promise.withResolvers<void>();
  #timer: unknown;

  constructor(options: HostLinkOptions) {
    this.#options = options;
    this.#far = new FarHosts({ ...options, onFrame: (frame) => this.#take(frame) });
    options.router.far = (host, relay) => this.#far.way(host, relay);
    this.#linked.promise.catch(() => {});
  }

  /** Dials once. @param signal Gives that up. */
  async open(signal?: AbortSignal): Promise<void> {
    const { id, clock, codec, open, router } = this.#options;
    const closed = this.#closed.signal;
    const stop = signal === undefined ? closed : AbortSignal.any([signal, closed]);
    const link = await open(codec, stop);
    const session = await openSession(link, codec, {
      self: { id, address: null, pools: [] },
      role: "dial",
      // The link looks itself whether the host lives.
      heartbeatMs: null,
      clock,
      signal: stop,
      onFrame: (frame, session) => this.#receive(frame, session),
      onClosed: (cause) => this.#lost(cause),
    });
    const { peer } = session;
    if (isClient(peer.id)) {
      session.goodbye("two clients cannot link");
      throw new LinkRefusedError(`${formatHostId(peer.id)} is no host`);
    }
    this.#session = session;
    router.link(session);
    this.#linked.resolve(peer);
  }

  /** Resolves when there is a link. */
  linked(): Promise<HostDescription> {
    const { aborted, reason } = this.#closed.signal;
    return aborted ? Promise.reject(reason) : this.#linked.promise;
  }

  /** Ends it for good; resolves when what was sent has gone. */
  async close(reason: Error): Promise<void> {
    if (this.#closed.signal.aborted) return await this.#ended.promise;
    const { clock, router, pool } = this.#options;
    this.#closed.abort(reason);
    clock.clearTimeout(this.#timer);
    router.unlink(reason);
    this.#linked.reject(reason);
    this.#far.lost(reason);
    pool.lost(() => true, reason);
    if (this.#session === undefined) this.#ended.resolve();
    else this.#session.goodbye("the client was closed");
    await this.#ended.promise;
  }

  #lost(cause: Error): void {
    this.#session = undefined;
    if (this.#closed.signal.aborted) return this.#ended.resolve();
    const { router, pool } = this.#options;
    router.unlink(cause);
    this.#linked = Promise.withResolvers();
    this.#linked.promise.catch(() => {});
    this.#far.lost(cause);
    pool.lost(({ host }) => host !== this.#options.id, cause);
    this.#again(FIRST_DELAY_MS);
  }

  /** At random, so that the clients of a host that is back do not all come at once. */
  #again(delayMs: number): void {
    const { clock, router } = this.#options;
    this.#timer = clock.setTimeout(async () => {
      try {
        await this.open();
      } catch (error) {
        if (this.#closed.signal.aborted) return;
        router.unlink(error);
        this.#again(Math.min(2 * delayMs, LAST_DELAY_MS));
      }
    }, delayMs * Math.random());
  }

  #receive(frame: RawFrame, session: Session): void {
    if (frame.to.host !== this.#options.id) {
      throw new ProtocolError("The host has sent a frame for somebody else");
    }
    if (frame.from.host === session.peer.id) this.#take(frame);
    else this.#far.receive(frame);
  }

  #take(frame: RawFrame): void {
    if (isBetweenActors(frame.kind)) return this.#options.pool.receive(frame);
    if (frame.kind === "down") return this.#down(frame);
    // For those who place actors, and who link hosts.
    if (frame.kind === "pools" || frame.kind === "hosts") return;
    throw new ProtocolError(`A host may not send ${frame.kind} frames to a client`);
  }

  #down(raw: RawFrame): void {
    const { codec, pool } = this.#options;
    const frame = codec.decode(raw);
    if (frame.kind !== "down") return;
    const { host, pool: number, error } = frame;
    if (!(error instanceof Error)) throw new ProtocolError("A pool ends with an error");
    pool.lost((to) => to.host === host && (number === null || to.pool === number), error);
  }
}
