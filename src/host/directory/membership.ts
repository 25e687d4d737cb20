import type { HostId } from "../../core/address.ts";
import type { HostDescription } from "../../core/protocol.ts";

/** Another host of the cluster. */
export interface HostMember extends HostDescription {
  /** `unreachable`: the directory has it, but it cannot be called from here at the moment. */
  readonly state: "live" | "unreachable";
}

/**
 * What has become of a host. It has joined once, may be unreachable and back again, and is down once: its
 * actors are gone and its names are free. An incarnation that is down can join again only if it was cut off.
 */
export interface HostEvent {
  /** What has happened. */
  readonly kind: "joined" | "unreachable" | "back" | "down";
  /** The host, as it last described itself. */
  readonly host: HostDescription;
}

interface Member {
  description: HostDescription;
  isLinked: boolean;
  /** Whether the directory says that it lives. */
  isListed: boolean;
  isUnreachable: boolean;
}

/** The other hosts as one host knows them, from its links and from the directory. Tells every change once. */
export class Membership {
  readonly #members = new Map<HostId, Member>();
  readonly #listeners = new Set<(event: HostEvent) => void>();

  /** All that are not down. */
  get hosts(): HostMember[] {
    return [...this.#members.values()].map(({ description, isUnreachable }) => ({
      ...description,
      state: isUnreachable ? "unreachable" : "live",
    }));
  }

  /** Tells of every change from now on. */
  watch(listener: (event: HostEvent) => void): Disposable {
    // Two watchers may be one function.
    const own = (event: HostEvent) => listener(event);
    this.#listeners.add(own);
    return { [Symbol.dispose]: () => void this.#listeners.delete(own) };
  }

  /** There is a link with it. */
  linked(description: HostDescription): void {
    const member = this.#enter(description);
    member.isLinked = true;
    if (!member.isUnreachable) return;
    member.isUnreachable = false;
    this.#tell("back", member);
  }

  /** The link with it has ended. */
  unlinked(host: HostId): void {
    const member = this.#members.get(host);
    if (member === undefined) return;
    member.isLinked = false;
    this.#settle(host, member);
  }

  /** The directory says that it lives, and how. @returns Whether it had not said so before. */
  listed(description: HostDescription): boolean {
    const member = this.#enter(description);
    const isNew = !member.isListed;
    member.isListed = true;
    return isNew;
  }

  /** The directory does not know it any more. */
  unlisted(host: HostId): void {
    const member = this.#members.get(host);
    if (member === undefined) return;
    member.isListed = false;
    this.#settle(host, member);
  }

  /** It could not be linked. */
  unreachable(host: HostId): void {
    const member = this.#members.get(host);
    if (member !== undefined) this.#settle(host, member);
  }

  #enter(description: HostDescription): Member {
    const known = this.#members.get(description.id);
    if (known !== undefined) {
      known.description = description;
      return known;
    }
    const member = { description, isLinked: false, isListed: false, isUnreachable: false };
    this.#members.set(description.id, member);
    this.#tell("joined", member);
    return member;
  }

  #settle(host: HostId, member: Member): void {
    if (member.isLinked) return;
    if (!member.isListed) {
      this.#members.delete(host);
      this.#tell("down", member);
    } else if (!member.isUnreachable) {
      member.isUnreachable = true;
      this.#tell("unreachable", member);
    }
  }

  #tell(kind: HostEvent["kind"], { description }: Member): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener({ kind, host: description });
      } catch (error) {
        // What a listener throws is no reason to lose a link or a lease.
        reportError(error);
      }
    }
  }
}
