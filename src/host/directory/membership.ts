import type { HostId } from "../../core/address.ts";
import type { HostDescription } from "../../core/protocol.ts";
import { runUserHook } from "../../debug/user_hook.ts";

/** Another host of the cluster. */
export interface HostMember extends HostDescription {
  /**
   * `unreachable`: it is not known to be down, but nothing gets there at the moment. Its link is lost and may
   * come back, what is sent waits; or the directory has it, and it cannot be linked.
   */
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
  /** Whether that link is lost, and may come back. */
  isInterrupted: boolean;
  /** Whether another host passes on what is sent to it, or knows where it listens. */
  isRouted: boolean;
  /** Whether a link on that way is lost, and may come back. */
  isWayInterrupted: boolean;
  /** Whether that may be so: it is known in a moment. */
  isHeld: boolean;
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
    member.isInterrupted = false;
    this.#settle(description.id, member);
  }

  /** The link with it is lost, and may come back; or is back. */
  interrupted(host: HostId, isInterrupted: boolean): void {
    const member = this.#members.get(host);
    if (member === undefined || !member.isLinked) return;
    member.isInterrupted = isInterrupted;
    this.#settle(host, member);
  }

  /**
   * It can be linked when it is needed: other hosts say so, and how it is.
   *
   * @param isInterrupted A link on the way is lost, and may come back.
   */
  routed(description: HostDescription, isInterrupted = false): void {
    const member = this.#enter(description);
    member.isRouted = true;
    member.isWayInterrupted = isInterrupted;
    member.isHeld = false;
    this.#settle(description.id, member);
  }

  /** Whether other hosts say so already. */
  isRouted(host: HostId): boolean {
    return this.#members.get(host)?.isRouted === true;
  }

  /** The way to it has ended; whether there is another is known in a moment. */
  held(host: HostId): void {
    const member = this.#members.get(host);
    if (member === undefined) return;
    member.isRouted = false;
    member.isHeld = true;
    this.#settle(host, member);
  }

  /** No other host says so any more. */
  unrouted(host: HostId): void {
    const member = this.#members.get(host);
    if (member === undefined) return;
    member.isRouted = member.isHeld = false;
    this.#settle(host, member);
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
    const member = {
      description,
      isLinked: false,
      isInterrupted: false,
      isRouted: false,
      isWayInterrupted: false,
      isHeld: false,
      isListed: false,
      isUnreachable: false,
    };
    this.#members.set(description.id, member);
    this.#tell("joined", member);
    return member;
  }

  #settle(host: HostId, member: Member): void {
    const { isLinked, isRouted, isHeld, isListed } = member;
    if (!isLinked && !isRouted && !isHeld && !isListed) {
      this.#members.delete(host);
      return this.#tell("down", member);
    }
    const isUnreachable = isLinked ? member.isInterrupted : !isRouted || member.isWayInterrupted;
    if (isUnreachable === member.isUnreachable) return;
    member.isUnreachable = isUnreachable;
    this.#tell(isUnreachable ? "unreachable" : "back", member);
  }

  #tell(kind: HostEvent["kind"], { description }: Member): void {
    for (const listener of [...this.#listeners]) {
      // What a listener throws is no reason to lose a link or a lease.
      runUserHook("the listener of watchHosts", () => listener({ kind, host: description }));
    }
  }
}
