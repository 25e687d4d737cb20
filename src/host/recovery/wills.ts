import type { ActorPlace, HostId, PoolAddress } from "../../core/address.ts";
import type { KeptArgs } from "../../state/kept_args.ts";
import type { Will } from "./failover_actor.ts";

/** A will, with its arguments as bytes. */
export interface KeptWill extends Omit<Will, "args"> {
  readonly args: KeptArgs;
  /** The host that has the actor, or had it last. */
  readonly holder: HostId;
}

/** How many wills a host keeps for others: what they say is kept in memory. */
const MAX_WILLS = 100_000;

/** What actors with names are made of again, by name and by place; and where those have gone that were made again. */
export class Wills {
  readonly #byName = new Map<string, KeptWill>();
  /** Their names, by the host that has the actor and its uid. */
  readonly #names = new Map<HostId, Map<string, string>>();
  /** Where the actors of hosts that are lost are by now, by the host and the uid. */
  readonly #moved = new Map<HostId, Map<string, PoolAddress>>();

  /** Whether there is no room for more of other hosts. */
  get isFull(): boolean {
    return this.#byName.size >= MAX_WILLS;
  }

  /** The will of a name. */
  get(name: string): KeptWill | undefined {
    return this.#byName.get(name);
  }

  /** The will of the actor that a host has, or had last, under a uid. */
  at(place: ActorPlace): KeptWill | undefined {
    const name = this.nameAt(place);
    return name === undefined ? undefined : this.#byName.get(name);
  }

  /** The name of that. */
  nameAt({ host, uid }: ActorPlace): string | undefined {
    return this.#names.get(host)?.get(uid);
  }

  /** The names that a host has, or had last. */
  namesAt(host: HostId): string[] {
    return [...this.#names.get(host)?.values() ?? []];
  }

  /**
   * Keeps a will, in the place of the one of before: refs to where the actor was lead to where it is.
   *
   * @returns Where it was.
   */
  set(will: KeptWill): ActorPlace | null {
    const before = this.#byName.get(will.name);
    if (before !== undefined) this.#unplace(before);
    this.#byName.set(will.name, will);
    const names = this.#names.get(will.holder) ?? new Map<string, string>();
    this.#names.set(will.holder, names.set(will.uid, will.name));
    if (before === undefined) return null;
    if (before.uid === will.uid) this.#move(before, will.holder);
    // Under another uid it is another actor, that somebody has given the name.
    else this.#forget(before);
    return { host: before.holder, uid: before.uid };
  }

  /** The actor has ended for good. */
  delete(name: string): KeptWill | undefined {
    const will = this.#byName.get(name);
    if (will === undefined) return undefined;
    this.#byName.delete(name);
    this.#unplace(will);
    this.#forget(will);
    return will;
  }

  /** Where the actor of a host that is lost is by now. */
  movedTo({ host, uid }: ActorPlace): PoolAddress | undefined {
    return this.#moved.get(host)?.get(uid);
  }

  /** The hosts that are lost and have had the actor of a place before. */
  before({ host, uid }: ActorPlace): HostId[] {
    const lost = [...this.#moved].filter(([, moved]) => moved.get(uid)?.host === host);
    return lost.map(([before]) => before);
  }

  /** Whether any actor that a host has, or had, is made again elsewhere if need be, or was. */
  concerns(host: HostId): boolean {
    return this.#names.has(host) || this.#moved.has(host);
  }

  /** A host is there again: what was there is there, or is known there. */
  back(host: HostId): void {
    this.#moved.delete(host);
  }

  #unplace({ holder, uid }: KeptWill): void {
    const names = this.#names.get(holder);
    if (names?.delete(uid) && names.size === 0) this.#names.delete(holder);
  }

  /** An actor is not there any more: nothing leads there from where it was before. */
  #forget({ holder, uid }: KeptWill): void {
    for (const [host, moved] of this.#moved) {
      // Other hosts may have had others with this uid.
      if (moved.get(uid)?.host !== holder) continue;
      moved.delete(uid);
      if (moved.size === 0) this.#moved.delete(host);
    }
  }

  #move({ holder, uid }: KeptWill, to: HostId): void {
    if (holder === to) return;
    // An actor is found by its uid from its host's main pool on.
    const place = { host: to, pool: 0 };
    const moved = this.#moved.get(holder) ?? new Map<string, PoolAddress>();
    this.#moved.set(holder, moved.set(uid, place));
    for (const [host, others] of this.#moved) {
      if (host !== to && others.get(uid)?.host === holder) others.set(uid, place);
    }
  }
}
