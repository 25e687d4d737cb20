import type { HostId } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import {
  type HostDescription,
  type HostRoute,
  type HostsFrame,
  LIMITS,
  type PoolDescription,
} from "../core/protocol.ts";
import type { PoolsOfHost } from "./router.ts";

/** What one host tells another of third ones. */
export type HostsNews = Pick<HostsFrame, "gone" | "known">;

/** Whom the routes tell what. */
export interface RoutesOptions {
  readonly self: HostId;
  readonly clock: Clock;
  /** Whether frames get to a linked host: its link may be lost, and come back or not. */
  isSound(host: HostId): boolean;
  /** Tells a linked host. */
  tell(to: HostId, news: HostsNews): void;
  /** A host that is not linked can be reached by another one, or has changed. */
  onKnown(host: HostDescription): void;
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
 * Milliseconds before another way is taken to a host whose way has ended: if the host itself is gone, the
 * others know by then, and offer it no more.
 */
const HOLD_MS = 250;

/** Milliseconds between two words on the load of third hosts: whoever is linked with them hears of it sooner. */
const LOAD_REPORT_MS = 1000;

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
  /** Hosts whose ways have ended, until another is taken. */
  readonly #held = new Map<HostId, unknown>();
  readonly #gone = new Set<HostId>();
  readonly #changed = new Set<HostId>();
  #isArmed = false;
  #loadTimer: unknown;

  constructor(options: RoutesOptions) {
    this.#options = options;
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
    this.#linked.set(id, host);
    this.#release(id);
    if (before !== undefined) {
      this.#chosen.delete(id);
      this.#gone.add(id);
      this.#options.onGone(id, before);
    }
    this.#flush();
    const known = this.#newsFor(id, [...this.#linked.keys(), ...this.#chosen.keys()]);
    if (known.length > 0) this.#options.tell(id, { gone: [], known });
    this.#change(id);
  }

  /** That link has ended, and with it all ways that began with it. */
  unlinked(host: HostId): void {
    if (!this.#linked.delete(host)) return;
    this.#lose(host);
    for (const other of [...this.#offers.keys()]) this.#withdraw(other, host);
    this.#hold(host);
  }

  /** A linked host has other pools, or other load. */
  described(host: HostId, pools: readonly PoolDescription[]): void {
    const known = this.#linked.get(host);
    if (known === undefined) return;
    this.#linked.set(host, { ...known, pools });
    this.#report(host);
  }

  /** Frames get to a linked host again. */
  sound(host: HostId): void {
    if (this.#linked.has(host)) this.#change(host);
  }

  /** A linked host tells of others. */
  told(by: HostId, { gone, known }: HostsNews): void {
    if (!this.#linked.has(by)) return;
    for (const host of gone) {
      this.#withdraw(host, by);
      // Who has told may be in need of the way that there is from here, unless both have lost the same host.
      const next = this.next(host);
      if (next !== undefined && next !== by && this.#options.isSound(next)) this.#change(host);
    }
    for (const route of known) this.#offer(by, route);
  }

  /** Tells nothing more. */
  stop(): void {
    this.#options.clock.clearTimeout(this.#loadTimer);
    for (const host of [...this.#held.keys()]) this.#release(host);
    this.#linked.clear();
    this.#chosen.clear();
    this.#offers.clear();
  }

  #offer(by: HostId, { host, via }: HostRoute): void {
    const { self } = this.#options;
    const { id } = host;
    if (id === self || id === by || via.includes(self) || via.length >= LIMITS.relays) return;
    const offers = this.#offers.get(id) ?? new Map<HostId, Offer>();
    if (offers.size === 0 && this.#offers.size >= MAX_HOSTS) return;
    this.#offers.set(id, offers.set(by, { host, via, toldAt: performance.now() }));
    if (this.#linked.has(id)) return;
    if (this.#held.has(id)) return;
    if (!this.#chosen.has(id)) return this.#choose(id);
    if (this.#chosen.get(id) !== by) return;
    this.#options.onKnown(host);
    this.#report(id);
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
    this.#lose(host);
    this.#options.onGone(host, by);
    this.#hold(host);
  }

  /** Takes another way in a while, if there is one then. */
  #hold(host: HostId): void {
    const offers = this.#offers.get(host);
    if (offers === undefined) return this.#options.onUnknown(host);
    this.#options.onHeld(host);
    const timer = this.#options.clock.setTimeout(() => {
      this.#held.delete(host);
      this.#choose(host);
    }, HOLD_MS);
    this.#held.set(host, timer);
  }

  #release(host: HostId): void {
    this.#options.clock.clearTimeout(this.#held.get(host));
    this.#held.delete(host);
  }

  /** The shortest way, and the first of those. */
  #choose(host: HostId): void {
    const offers = [...this.#offers.get(host) ?? []];
    const best = offers.sort(([, a], [, b]) => a.via.length - b.via.length)[0];
    if (best === undefined) return;
    const [by, route] = best;
    this.#chosen.set(host, by);
    this.#options.onKnown(route.host);
    this.#change(host);
  }

  #lose(host: HostId): void {
    this.#gone.add(host);
    this.#changed.delete(host);
    this.#arm();
  }

  #change(host: HostId): void {
    this.#changed.add(host);
    this.#arm();
  }

  #report(host: HostId): void {
    this.#changed.add(host);
    this.#loadTimer ??= this.#options.clock.setTimeout(() => {
      this.#loadTimer = undefined;
      this.#flush();
    }, LOAD_REPORT_MS);
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    queueMicrotask(() => {
      this.#isArmed = false;
      this.#flush();
    });
  }

  #flush(): void {
    const gone = [...this.#gone];
    const changed = [...this.#changed];
    this.#gone.clear();
    this.#changed.clear();
    if (gone.length === 0 && changed.length === 0) return;
    for (const to of this.#linked.keys()) {
      const news = { gone: gone.filter((host) => host !== to), known: this.#newsFor(to, changed) };
      if (news.gone.length > 0 || news.known.length > 0) this.#options.tell(to, news);
    }
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
      if (linked !== undefined) news.push({ host: linked, via: [] });
      const by = this.#chosen.get(id);
      const route = this.#offerOf(id);
      if (route === undefined || by === to || route.via.includes(to)) continue;
      news.push({ host: route.host, via: [by!, ...route.via] });
    }
    return news;
  }
}
