import type { KV, KvEntry } from "@nats-io/kv";
import { type HostId, parseHostId } from "../../core/address.ts";
import type { DirectorySite } from "./directory.ts";
import { hostKey, readLease } from "./nats_records.ts";

/** Where the leases are, and who wants to know. */
export interface NatsHostsOptions {
  /** Leases by host: they expire. */
  readonly hosts: KV;
  readonly site: DirectorySite;
  readonly ttlMs: number;
}

/**
 * How late a lease may be before somebody looks whether it has expired, as a part of its time: renewals
 * come three times in it.
 */
const LATE_PART = 1 / 16;

/** Tells a host of the others, by their leases. */
export class NatsHosts {
  readonly #options: NatsHostsOptions;
  /** Timers that look after leases which are not renewed. */
  readonly #expiries = new Map<HostId, unknown>();
  /** Resolves when this host has seen its own lease. */
  readonly #seenSelf = Promise.withResolvers<void>();
  /** The links with hosts that were there before; `undefined` when all have been seen. */
  #meetings: Promise<void>[] | undefined = [];
  #watching: Promise<void> | undefined;
  #endWatch: () => void = () => {};
  #isStopped = false;

  constructor(options: NatsHostsOptions) {
    this.#options = options;
  }

  /**
   * Watches from now on. Resolves when the hosts that were there before this one are linked with it, but
   * waits for none of them for ever. Called when this host has its lease.
   */
  async meet(): Promise<void> {
    const { clock } = this.#options.site;
    this.#watching = this.#watch();
    const late = Promise.withResolvers<void>();
    const timer = clock.setTimeout(late.resolve, this.#options.ttlMs);
    await Promise.race([this.#met(), late.promise]);
    clock.clearTimeout(timer);
  }

  /** Watches no more; resolves when that has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const timer of this.#expiries.values()) this.#options.site.clock.clearTimeout(timer);
    this.#expiries.clear();
    this.#endWatch();
    await this.#watching;
  }

  async #met(): Promise<void> {
    await this.#seenSelf.promise;
    const meetings = this.#meetings ?? [];
    this.#meetings = undefined;
    await Promise.all(meetings);
  }

  async #watch(): Promise<void> {
    const { hosts, site, ttlMs } = this.#options;
    while (!this.#isStopped) {
      try {
        const entries = await hosts.watch();
        this.#endWatch = () => entries.stop();
        if (this.#isStopped) entries.stop();
        for await (const entry of entries) this.#see(entry);
      } catch {
        // Begun again once NATS can be reached.
        if (this.#isStopped) return;
        const { promise, resolve } = Promise.withResolvers<void>();
        const timer = site.clock.setTimeout(resolve, ttlMs / 4);
        this.#endWatch = () => {
          site.clock.clearTimeout(timer);
          resolve();
        };
        await promise;
      }
    }
  }

  /** Entries come in the order in which they were written. */
  #see(entry: KvEntry): void {
    const { site } = this.#options;
    const host = parseHostId(entry.key);
    if (host === undefined || this.#isStopped) return;
    if (host === site.id) return this.#seenSelf.resolve();
    const description = entry.operation === "PUT" ? readLease(entry)?.description : undefined;
    if (description === undefined) return this.#down(host);
    this.#expectRenewal(host);
    const met = site.onListed(description, this.#meetings !== undefined);
    this.#meetings?.push(met);
  }

  /** The bucket does not say when a lease expires: whoever wants to know looks. */
  #expectRenewal(host: HostId): void {
    const { site, ttlMs } = this.#options;
    site.clock.clearTimeout(this.#expiries.get(host));
    const timer = site.clock.setTimeout(() => void this.#lookAt(host), ttlMs * (1 + LATE_PART));
    this.#expiries.set(host, timer);
  }

  async #lookAt(host: HostId): Promise<void> {
    const timer = this.#expiries.get(host);
    let isHeld = true;
    try {
      isHeld = await this.#options.hosts.get(hostKey(host)) !== null;
    } catch {
      // Nobody can say: it stays as it is.
    }
    // It may have been renewed, or have left, meanwhile.
    if (this.#isStopped || this.#expiries.get(host) !== timer) return;
    if (isHeld) this.#expectRenewal(host);
    else this.#down(host);
  }

  #down(host: HostId): void {
    const { site } = this.#options;
    site.clock.clearTimeout(this.#expiries.get(host));
    this.#expiries.delete(host);
    site.onUnlisted(host);
  }
}
