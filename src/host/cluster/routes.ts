import type { HostId } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import {
  type HostDescription,
  type HostRoute,
  LIMITS,
  type PoolDescription,
} from "../../core/protocol.ts";
import { type HostsNews, RouteNews } from "./route_news.ts";
import type { PoolsOfHost } from "../router.ts";

/** Whom the routes tell what. */
export interface RoutesOptions {
  readonly self: HostId;
  readonly clock: Clock;
  /** Whether frames get to a linked host: its link may be lost, and come back or not. */
  isSound(host: HostId): boolean;
  /** Tells a linked host. */
  tell(to: HostId, news: HostsNews): void;
  /**
   * A host that is not linked can be reached by another one, or has changed.
   *
   * @param isInterrupted A link on the way is lost, and may come back.
   */
  onKnown(host: HostDescription, isInterrupted: boolean): void;
  /** By this one it can be reached no more; perhaps, soon, by another. */
  onGone(host: HostId, by: HostId): void;
  /** The way to it has ended; there may be another, which is known in a moment. */
  onHeld(host: HostId): void;
  /** There is no way to it any more. */
  onUnknown(host: HostId): void;
}

/** What a linked host has told of another. */
interface Offer extends HostRoute {
  /** When, by `performance.now()`. */
  readonly toldAt: number;
}

/** Hosts that are remembered: each takes a few hundred bytes, and another host may claim any number. */
const MAX_HOSTS = 8192;

/**
 * Milliseconds before another way is taken to a host whose way has ended: if the host itself has stopped, the
 * others know by then, and offer it no more. If it has died, their links with it are interrupted, and say so.
 */
const HOLD_MS = 250;

/** In the place of a timer: the time is over, and no way is sound. */
const UNSOUND = Symbol("no sound way");

/**
 * Which hosts there are past those that are linked, and by whom they are reached. Every host tells those
 * that it is linked with of all others that it knows, with the hosts on the way: so nothing goes in circles.
 *
 * A way never changes unseen. It ends first, which everybody hears who goes by it, and then there is
 * another: frames on the old one would be overtaken, or lost without a word.
 */
export class Routes {
  readonly #options: RoutesOptions;
  readonly #linked = new Map<HostId, HostDescription>();
  /** What the linked hosts have told of the others. */
  readonly #offers = new Map<HostId, Map<HostId, Offer>>();
  /** The linked host by which another one is reached that is not. */
  readonly #chosen = new Map<HostId, HostId>();
  /** Hosts whose ways have ended, until another is taken: the timer, or what there is no sound way to yet. */
  readonly #held = new Map<HostId, unknown>();
  /** Hosts that have said goodbye, the last one last: whoever still offers one will hear of it. */
  readonly #stopped = new Set<HostId>();
  readonly #news: RouteNews;

  constructor(options: RoutesOptions) {
    this.#options = options;
    this.#news = new RouteNews({
      ...options,
      linked: () => this.#linked.keys(),
      routesFor: (to, hosts) => this.#newsFor(to, hosts),
    });
  }

  /** The pools of hosts that are not linked directly and can be reached, as they were last described. */
  pools(isWanted: (host: HostId) => boolean): PoolsOfHost[] {
    return [...this.#chosen.keys()].filter(isWanted).map((id) => {
      const { host, toldAt } = this.#offerOf(id)!;
      return { pools: host.pools, toldAt };
    });
  }

  /** A host that is not linked; `undefined` if there is no way to it. */
  of(host: HostId): HostDescription | undefined {
    return this.#offerOf(host)?.host;
  }

  /** The linked host that passes on what is for a host. */
  next(host: HostId): HostId | undefined {
    return this.#linked.has(host) ? host : this.#chosen.get(host);
  }

  /** Two hosts have a link of their own, and not by way of another host. */
  linked(host: HostDescription): void {
    const { id } = host;
    const before = this.#chosen.get(id);
    this.#stopped.delete(id);
    this.#linked.set(id, host);
    this.#release(id);
    if (before !== undefined) {
      this.#chosen.delete(id);
      this.#news.gone(id);
      this.#options.onGone(id, before);
    }
    this.#news.flush();
    const known = this.#newsFor(id, [...this.#linked.keys(), ...this.#chosen.keys()]);
    if (known.length > 0) this.#options.tell(id, { gone: [], known });
    this.#news.changed(id);
  }

  /** A linked host stops: there is no other way to it either. {@linkcode unlinked} comes next. */
  stopped(host: HostId): void {
    if (!this.#linked.has(host)) return;
    this.#stopped.add(host);
    if (this.#stopped.size > MAX_HOSTS) {
      this.#stopped.delete(this.#stopped.values().next().value!);
    }
    this.#offers.delete(host);
  }

  /** That link has ended, and with it all ways that began with it. */
  unlinked(host: HostId): void {
    if (!this.#linked.delete(host)) return;
    this.#news.gone(host);
    for (const other of [...this.#offers.keys()]) this.#withdraw(other, host);
    this.#hold(host);
  }

  /** A linked host has other pools, or other load. */
  described(host: HostId, pools: readonly PoolDescription[]): void {
    const known = this.#linked.get(host);
    if (known === undefined) return;
    this.#linked.set(host, { ...known, pools });
    this.#news.load(host);
  }

  /** The link with a host is lost, and may come back; or is back. So is what goes by it. */
  interrupted(host: HostId): void {
    if (!this.#linked.has(host)) return;
    this.#news.changed(host);
    for (const [other, by] of this.#chosen) {
      if (by !== host) continue;
      this.#known(other);
      this.#news.changed(other);
    }
  }

  /** A linked host tells of others. */
  told(by: HostId, { gone, known }: HostsNews): void {
    if (!this.#linked.has(by)) return;
    for (const host of gone) {
      this.#withdraw(host, by);
      // Who has told may be in need of the way that there is from here, unless both have lost the same host.
      const next = this.next(host);
      if (next !== undefined && next !== by && this.#options.isSound(next)) {
        this.#news.changed(host);
      }
    }
    for (const route of known) this.#offer(by, route);
  }

  /** Tells nothing more. */
  stop(): void {
    this.#news.stop();
    for (const host of [...this.#held.keys()]) this.#release(host);
    this.#linked.clear();
    this.#chosen.clear();
    this.#offers.clear();
  }

  #offer(by: HostId, { host, via, interrupted }: HostRoute): void {
    const { self } = this.#options;
    const { id } = host;
    if (id === self || id === by || via.includes(self) || via.length >= LIMITS.relays) return;
    if (this.#stopped.has(id)) return;
    const offers = this.#offers.get(id) ?? new Map<HostId, Offer>();
    if (offers.size === 0 && this.#offers.size >= MAX_HOSTS) return;
    const before = offers.get(by);
    const offer = { host, via, interrupted, toldAt: performance.now() };
    this.#offers.set(id, offers.set(by, offer));
    if (this.#linked.has(id)) return;
    if (this.#held.has(id)) {
      if (this.#held.get(id) === UNSOUND) this.#chooseSound(id);
      return;
    }
    if (!this.#chosen.has(id)) return this.#choose(id);
    if (this.#chosen.get(id) !== by) return;
    this.#known(id);
    if (before?.interrupted === interrupted) this.#news.load(id);
    else this.#news.changed(id);
  }

  #withdraw(host: HostId, by: HostId): void {
    const offers = this.#offers.get(host);
    if (offers === undefined || !offers.delete(by)) return;
    if (offers.size === 0) this.#offers.delete(host);
    if (this.#held.has(host) && offers.size === 0) {
      this.#release(host);
      return this.#options.onUnknown(host);
    }
    if (this.#chosen.get(host) !== by) return;
    this.#chosen.delete(host);
    this.#news.gone(host);
    this.#options.onGone(host, by);
    this.#hold(host);
  }

  /** Takes another way in a while, if there is one then. */
  #hold(host: HostId): void {
    const offers = this.#offers.get(host);
    if (offers === undefined) return this.#options.onUnknown(host);
    this.#options.onHeld(host);
    const timer = this.#options.clock.setTimeout(() => {
      this.#held.set(host, UNSOUND);
      this.#chooseSound(host);
    }, HOLD_MS);
    this.#held.set(host, timer);
  }

  #release(host: HostId): void {
    const timer = this.#held.get(host);
    if (timer !== UNSOUND) this.#options.clock.clearTimeout(timer);
    this.#held.delete(host);
  }

  /** Takes another way, once one is sound: those who have all lost the same host may not have given it up yet. */
  #chooseSound(host: HostId): void {
    const offers = this.#offers.get(host) ?? new Map<HostId, Offer>();
    if (![...offers].some(([by, offer]) => this.#isSound(by, offer))) return;
    this.#held.delete(host);
    this.#choose(host);
  }

  /** The shortest of the sound ways, and the first of those. */
  #choose(host: HostId): void {
    const offers = [...this.#offers.get(host) ?? []];
    const costOf = ([by, offer]: [HostId, Offer]) =>
      offer.via.length + (this.#isSound(by, offer) ? 0 : LIMITS.relays);
    const best = offers.sort((a, b) => costOf(a) - costOf(b))[0];
    if (best === undefined) return;
    this.#chosen.set(host, best[0]);
    this.#known(host);
    this.#news.changed(host);
  }

  /** Tells this host of one that it is not linked with. */
  #known(id: HostId): void {
    const by = this.#chosen.get(id)!;
    const offer = this.#offers.get(id)!.get(by)!;
    this.#options.onKnown(offer.host, !this.#isSound(by, offer));
  }

  #isSound(by: HostId, { interrupted }: Offer): boolean {
    return !interrupted && this.#options.isSound(by);
  }

  #offerOf(host: HostId): Offer | undefined {
    const by = this.#chosen.get(host);
    return by === undefined ? undefined : this.#offers.get(host)?.get(by);
  }

  /** What a linked host need be told of these: nothing of itself, of its own links, or of what goes by it. */
  #newsFor(to: HostId, hosts: readonly HostId[]): HostRoute[] {
    const news: HostRoute[] = [];
    for (const id of hosts) {
      if (id === to || this.#offers.get(id)?.get(to)?.via.length === 0) continue;
      const linked = this.#linked.get(id);
      if (linked !== undefined) {
        news.push({ host: linked, via: [], interrupted: !this.#options.isSound(id) });
      }
      const by = this.#chosen.get(id);
      const offer = this.#offerOf(id);
      if (by === undefined || offer === undefined || by === to || offer.via.includes(to)) continue;
      const interrupted = !this.#isSound(by, offer);
      news.push({ host: offer.host, via: [by, ...offer.via], interrupted });
    }
    return news;
  }
}
