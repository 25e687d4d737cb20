import { formatHostId, type HostId } from "../../core/address.ts";
import { ActorNotFoundError } from "../../core/errors.ts";
import { UNLIMITED } from "../../actor/message.ts";
import { hostServiceOf } from "../../pool/host_service.ts";
import { isGone } from "../../pool/loss.ts";
import type { Directory, DirectorySite, NameHolder } from "./directory.ts";
import {
  DIRECTORY_ACTOR_TYPE,
  DIRECTORY_UID,
  DirectoryActor,
  type DirectoryPeer,
  directoryServiceOf,
} from "./directory_actor.ts";
import { taken } from "./names.ts";

/** Opens the directory of a host: others ask its actor. */
export async function openMemory(site: DirectorySite): Promise<Directory> {
  const directory = new MemoryDirectory(site);
  const actor = new DirectoryActor(directory);
  await site.main.adopt(actor, DIRECTORY_ACTOR_TYPE, DIRECTORY_UID);
  return directory;
}

/** How many names the hosts that are linked with one may hold: what they say is kept in memory. */
const MAX_NAMES = 1_000_000;

/** Hosts that ask each other. */
class MemoryDirectory implements Directory, DirectoryPeer {
  readonly #site: DirectorySite;
  /** Who holds or has been promised each name that this host has heard of. */
  readonly #holders = new Map<string, HostId>();
  /** What this host holds. */
  readonly #held = new Map<string, number>();
  #lastToken = 0;

  constructor(site: DirectorySite) {
    this.#site = site;
  }

  join(): Promise<void> {
    return Promise.resolve();
  }

  /**
   * Asks the hosts one after another in the order of their ids, itself included, for a promise that no
   * other host then gets. Whoever is refused gives all back. As all go by the same order, of several
   * hosts that try at once one is refused by none.
   */
  async claim(name: string): Promise<number> {
    const asked = new Set<HostId>();
    try {
      for (let host; (host = this.#nextOf(asked)) !== undefined;) {
        asked.add(host);
        const holder = await this.#promiseOf(host, name);
        if (holder !== null) throw taken(name, holder);
      }
      const holder = this.#holders.get(name);
      // Another host that has been linked meanwhile may hold it.
      if (holder !== this.#site.id) throw taken(name, holder ?? this.#site.id);
    } catch (error) {
      await this.#freeAt(asked, name);
      throw error;
    }
    this.#held.set(name, ++this.#lastToken);
    return this.#lastToken;
  }

  async lookup(name: string): Promise<NameHolder | undefined> {
    const known = this.holder(name);
    if (known !== null) return known;
    try {
      // The first that knows: another may not answer for as long as its link is interrupted.
      return await Promise.any(this.#site.linked().map(({ id }) => this.#holderBy(id, name)));
    } catch {
      return undefined;
    }
  }

  async release(name: string, token: number): Promise<void> {
    if (this.#held.get(name) !== token) return;
    this.#held.delete(name);
    await this.#freeAt([this.#site.id, ...this.#site.linked().map(({ id }) => id)], name);
  }

  check(): void {
    // A name is lost when another host says so, never by time.
  }

  linked(host: HostId): void {
    const names = [...this.#held.keys()];
    if (names.length > 0) this.#tell(host, "held", [names]);
  }

  unlinked(host: HostId): void {
    for (const [name, holder] of this.#holders) {
      if (holder === host) this.#holders.delete(name);
    }
  }

  leave(): Promise<void> {
    // The links end next, and with them what the others know of this host.
    return Promise.resolve();
  }

  promise(name: string, host: HostId): HostId | null {
    const holder = this.#holders.get(name);
    if (holder === undefined) this.#note(name, host);
    return holder === undefined || holder === host ? null : holder;
  }

  free(name: string, host: HostId): void {
    if (this.#holders.get(name) === host) this.#holders.delete(name);
  }

  held(names: readonly string[], host: HostId): void {
    for (const name of names) {
      const other = this.#holders.get(name);
      // Whoever holds it comes before whoever tries for it.
      const isTried = other === this.#site.id && !this.#held.has(name);
      if (other === undefined || isTried) this.#note(name, host);
      else if (other !== host) this.#decide(name, other, host);
    }
  }

  lost(name: string, winner: HostId): void {
    const token = this.#held.get(name);
    if (token === undefined) return;
    const reason = taken(name, winner);
    this.#site.onNameLost(name, reason);
    void this.release(name, token);
  }

  holder(name: string): NameHolder | null {
    const host = this.#holders.get(name);
    if (host === undefined) return null;
    if (host === this.#site.id) return { host, address: this.#site.describe().address };
    const linked = this.#site.linked().find(({ id }) => id === host);
    return { host, address: linked?.address ?? null };
  }

  /** The one with the lowest id that has not been asked; one may have been linked meanwhile. */
  #nextOf(asked: ReadonlySet<HostId>): HostId | undefined {
    const hosts = [this.#site.id, ...this.#site.linked().map(({ id }) => id)];
    return hosts.filter((host) => !asked.has(host)).sort((a, b) => a - b)[0];
  }

  async #promiseOf(host: HostId, name: string): Promise<HostId | null> {
    if (host === this.#site.id) return this.promise(name, host);
    // A host that is gone holds nothing.
    return await this.#ask(host, "promise", [name]) as HostId | null | undefined ?? null;
  }

  /** Who holds a name as another host knows; rejects if it does not. */
  async #holderBy(host: HostId, name: string): Promise<NameHolder> {
    const holder = await this.#ask(host, "holder", [name]) as NameHolder | null | undefined;
    return holder ?? Promise.reject(new ActorNotFoundError(name));
  }

  async #freeAt(hosts: Iterable<HostId>, name: string): Promise<void> {
    // One that keeps no names has none to free; whoever claims one is told.
    await Promise.allSettled([...hosts].map((host) => {
      if (host === this.#site.id) return this.free(name, host);
      return this.#ask(host, "free", [name]);
    }));
  }

  #note(name: string, host: HostId): void {
    if (this.#holders.size >= MAX_NAMES && !this.#holders.has(name)) {
      throw new RangeError(`No more than ${MAX_NAMES} names are kept in memory`);
    }
    this.#holders.set(name, host);
  }

  /** Two hosts hold a name, as they could not hear of each other: the lower id keeps it. */
  #decide(name: string, a: HostId, b: HostId): void {
    const [winner, loser] = a < b ? [a, b] : [b, a];
    this.#holders.set(name, winner);
    if (loser === this.#site.id) this.lost(name, winner);
    else this.#tell(loser, "lost", [name, winner]);
  }

  /** Tells another host; if it is gone, there is nothing to tell. */
  #tell(host: HostId, method: keyof DirectoryPeer, args: unknown[]): void {
    this.#site.main.tell(directoryServiceOf(host), method, args);
  }

  /** What another host answers; `undefined` if it is gone. */
  async #ask(host: HostId, method: keyof DirectoryPeer, args: unknown[]): Promise<unknown> {
    try {
      return await this.#site.main.call(directoryServiceOf(host), method, args, UNLIMITED);
    } catch (error) {
      if (!isGone(error)) throw error;
      if (!(error instanceof ActorNotFoundError) || !await this.#serves(host)) return undefined;
      throw new TypeError(
        `Host ${formatHostId(host)} does not keep names in memory, as this one does: ` +
          `start both with the same directory`,
        { cause: error },
      );
    }
  }

  /** Whether a host answers at all: one that stops has no actors any more. */
  async #serves(host: HostId): Promise<boolean> {
    try {
      await this.#site.main.call(hostServiceOf(host), "has", [""], UNLIMITED);
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }
}
