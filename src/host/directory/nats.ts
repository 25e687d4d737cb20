import { connect, type NatsConnection } from "@nats-io/transport-node";
import { jetstream, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { type KV, type KvEntry, Kvm } from "@nats-io/kv";
import { formatHostId, parseHostId } from "../../core/address.ts";
import { DirectoryUnreachableError, NameTakenError } from "../../core/host_errors.ts";
import { dialable, type Directory, type DirectorySite, type NameHolder } from "./directory.ts";
import { Lease } from "./lease.ts";
import { taken } from "./names.ts";
import type { ResolvedNatsOptions } from "./nats_directory.ts";
import { NatsHosts } from "./nats_hosts.ts";
import {
  hostKey,
  type LeaseRecord,
  nameKey,
  type NameRecord,
  readLease,
  readName,
} from "./nats_records.ts";

/** JetStream's code for a write whose expected revision is not the last one. */
const WRONG_REVISION = 10071;

/**
 * Opens the directory of a host.
 *
 * @throws {DirectoryUnreachableError} if no server answers, or has no JetStream.
 * @throws {TypeError} if the cluster has another `ttlMs`.
 */
export async function openNats(
  options: ResolvedNatsOptions,
  site: DirectorySite,
): Promise<Directory> {
  const { servers, user, password, bucket, ttlMs, replicas } = options;
  const where = servers.join(", ");
  let nats: NatsConnection | undefined;
  try {
    nats = await connect({
      servers: [...servers],
      ...(user === null ? {} : password === null ? { token: user } : { user, pass: password }),
      name: `dramatis host ${formatHostId(site.id)}`,
      maxReconnectAttempts: -1,
      reconnectTimeWait: ttlMs / 12,
      timeout: ttlMs,
    });
    // A renewal that is not answered in time is sent again while the lease is still held.
    const timeout = ttlMs / 4;
    const kvm = new Kvm(jetstream(nats, { timeout }));
    // Reads go to the leader: a copy that lags behind could say that a lease has expired.
    const common = { history: 1, replicas, allow_direct: false };
    const [hosts, names] = await Promise.all([
      kvm.create(`${bucket}-hosts`, { ...common, ttl: ttlMs }),
      kvm.create(`${bucket}-names`, common),
    ]);
    const { ttl } = await hosts.status();
    if (ttl !== ttlMs) {
      throw new TypeError(
        `natsDirectory: the hosts in bucket ${bucket} have ttlMs ${ttl}, this one ${ttlMs}: ` +
          `start all with the same`,
      );
    }
    const streams = await jetstreamManager(nats, { timeout });
    return new NatsDirectory({ nats, hosts, names, streams, site, options });
  } catch (cause) {
    await nats?.close();
    if (cause instanceof TypeError) throw cause;
    throw new DirectoryUnreachableError(
      `The directory at ${where} cannot be used: ${(cause as Error).message}. ` +
        `It needs a NATS server with JetStream (nats-server -js)`,
      { cause },
    );
  }
}

interface Parts {
  readonly nats: NatsConnection;
  /** Leases by host: they expire. */
  readonly hosts: KV;
  /** Who holds each name, by a lease that may have expired. */
  readonly names: KV;
  readonly streams: JetStreamManager;
  readonly site: DirectorySite;
  readonly options: ResolvedNatsOptions;
}

/** What is left of a name that was given up while NATS could not be reached. */
interface Remains {
  readonly name: string;
  /** What was written; if it is not known whether it was, the claim that would have been. */
  readonly written: number | string;
}

/** Hosts that meet in two buckets: one in which leases expire, and one of names that refer to leases. */
class NatsDirectory implements Directory {
  readonly #parts: Parts;
  readonly #lease: Lease;
  /** The lease that this host has now: another one each time that it has lost it. */
  #epoch = "";
  #revision = 0;
  #remains: Remains[] = [];
  /** The other hosts. */
  readonly #others: NatsHosts;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { hosts, site, options } = parts;
    this.#others = new NatsHosts({ hosts, site, ttlMs: options.ttlMs });
    this.#lease = new Lease({
      clock: site.clock,
      ttlMs: options.ttlMs,
      renew: (isHeld) => isHeld ? this.#prolong() : this.#register(),
      onLost: () => this.#loseNames(),
    });
  }

  async join(): Promise<void> {
    try {
      await this.#lease.start();
    } catch (cause) {
      throw this.#unreachable(cause);
    }
    await this.#others.meet();
  }

  async claim(name: string): Promise<number> {
    if (!this.#lease.isHeld) throw this.#unreachable();
    const { term } = this.#lease;
    const revision = await this.#write(name);
    if (this.#lease.isHeld && this.#lease.term === term) return revision;
    this.#remains.push({ name, written: revision });
    throw this.#unreachable();
  }

  async lookup(name: string): Promise<NameHolder | undefined> {
    try {
      const entry = await this.#parts.names.get(nameKey(name));
      if (entry === null) return undefined;
      const holder = await this.#holderOf(entry);
      // A lease that has expired never holds again: nobody else may look here for long.
      if (holder === undefined) void this.release(name, entry.revision);
      return holder;
    } catch (cause) {
      throw this.#unreachable(cause);
    }
  }

  async release(name: string, revision: number): Promise<void> {
    try {
      await this.#remove({ name, written: revision });
    } catch {
      this.#remains.push({ name, written: revision });
    }
  }

  check(): void {
    this.#lease.check();
  }

  linked(): void {}

  unlinked(): void {}

  async leave(): Promise<void> {
    this.#lease.stop();
    const { hosts, nats, site } = this.#parts;
    const ended = this.#others.stop();
    try {
      if (this.#epoch !== "") await hosts.delete(hostKey(site.id));
    } catch {
      // The lease expires by itself.
    }
    await nats.close();
    await ended;
  }

  /** @returns The revision that was written. */
  async #write(name: string): Promise<number> {
    const { names, site } = this.#parts;
    const key = nameKey(name);
    const claim = crypto.randomUUID();
    const record: NameRecord = { name, host: formatHostId(site.id), epoch: this.#epoch, claim };
    const value = JSON.stringify(record);
    try {
      for (;;) {
        const entry = await names.get(key);
        const holder = entry === null ? undefined : await this.#holderOf(entry);
        // What this host holds by its own lease is left of a claim whose answer was lost.
        if (holder !== undefined && holder.host !== site.id) throw taken(name, holder.host);
        const revision = await unlessWrong(
          entry === null ? names.create(key, value) : names.update(key, value, entry.revision),
        );
        if (revision !== null) return revision;
      }
    } catch (cause) {
      if (cause instanceof NameTakenError) throw cause;
      // It may have been written all the same.
      this.#remains.push({ name, written: claim });
      throw this.#unreachable(cause);
    }
  }

  /** Who holds a name that has this entry; `undefined` if that host's lease has expired since. */
  async #holderOf(entry: KvEntry): Promise<NameHolder | undefined> {
    const record = readName(entry);
    const host = record && parseHostId(record.host);
    if (record === undefined || host === undefined) return undefined;
    const lease = await this.#parts.hosts.get(record.host);
    const holder = lease === null ? undefined : readLease(lease);
    if (holder === undefined || holder.epoch !== record.epoch) return undefined;
    return { host, address: holder.description.address };
  }

  /** Removes what this host has written for a name, and nothing that has been written since. */
  async #remove({ name, written }: Remains): Promise<void> {
    const { names, streams, options } = this.#parts;
    const key = nameKey(name);
    let last = written;
    if (typeof last === "string") {
      const entry = await names.get(key);
      if (entry === null || readName(entry)?.claim !== last) return;
      last = entry.revision;
    }
    // Not a delete of the bucket's: that leaves a mark, for ever, for every name there ever was.
    const bucket = `${options.bucket}-names`;
    await streams.streams.purge(`KV_${bucket}`, { filter: `$KV.${bucket}.${key}`, seq: last + 1 });
  }

  /** Takes a new lease: names that refer to an earlier one are free. */
  async #register(): Promise<boolean> {
    const { hosts, site } = this.#parts;
    const key = hostKey(site.id);
    this.#epoch = crypto.randomUUID();
    const entry = await hosts.get(key);
    const revision = await unlessWrong(
      entry === null
        ? hosts.create(key, this.#record())
        : hosts.update(key, this.#record(), entry.revision),
    );
    if (revision === null) throw new Error("another write of this host came between");
    this.#revision = revision;
    return true;
  }

  async #prolong(): Promise<boolean> {
    const { hosts, site } = this.#parts;
    const key = hostKey(site.id);
    const { term } = this.#lease;
    let revision = await unlessWrong(hosts.update(key, this.#record(), this.#revision));
    if (revision === null) {
      // Expired, or an earlier renewal has arrived whose answer has not.
      const entry = await hosts.get(key);
      if (entry === null || readLease(entry)?.epoch !== this.#epoch) return false;
      revision = await unlessWrong(hosts.update(key, this.#record(), entry.revision));
    }
    if (revision === null) return false;
    if (term === this.#lease.term) this.#revision = revision;
    await this.#clear();
    return true;
  }

  /** Removes what could not be removed before. */
  async #clear(): Promise<void> {
    const remains = this.#remains;
    this.#remains = [];
    for (const one of remains) {
      try {
        await this.#remove(one);
      } catch {
        this.#remains.push(one);
      }
    }
  }

  #record(): string {
    const { site, options } = this.#parts;
    const { id: _, ...host } = site.describe();
    const address = options.advertise ?? dialable(host.address);
    const record: LeaseRecord = { epoch: this.#epoch, ...host, address };
    return JSON.stringify(record);
  }

  #loseNames(): void {
    const { site, options } = this.#parts;
    site.onNamesLost(
      new DirectoryUnreachableError(
        `The lease of this host could not be renewed for ${options.ttlMs * 3 / 4} ms: ` +
          `others may take its names`,
      ),
    );
  }

  #unreachable(cause?: unknown): DirectoryUnreachableError {
    const { servers } = this.#parts.options;
    const reason = cause instanceof Error ? `: ${cause.message}` : "";
    return new DirectoryUnreachableError(
      `The directory at ${servers.join(", ")} cannot be reached${reason}`,
      { cause },
    );
  }
}

/** The revision that was written; `null` if another write came first. */
async function unlessWrong(written: Promise<number>): Promise<number | null> {
  try {
    return await written;
  } catch (error) {
    if ((error as { code?: unknown }).code === WRONG_REVISION) return null;
    throw error;
  }
}
