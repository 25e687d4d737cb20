import type { HostId } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import type { HostDescription } from "../../core/protocol.ts";
import type { LocalPool } from "../../pool/local.ts";

/** Where a cluster keeps its names and hosts. Made by `memoryDirectory()` and `natsDirectory()`. */
export interface DirectorySpec {
  /** Which it is. */
  readonly kind: "memory" | "nats";
}

/** What opens the directory of a spec. */
export interface DirectoryStarter extends DirectorySpec {
  /**
   * Milliseconds for which it may keep the names of a host that is lost from others; 0 if it frees them at once.
   */
  readonly leaseMs: number;
  /**
   * Opens it for one host, which does not take part yet.
   *
   * @throws {DirectoryUnreachableError} if it needs a server that does not answer.
   */
  open(site: DirectorySite): Promise<Directory>;
}

/** A host, as its directory sees it. */
export interface DirectorySite {
  readonly id: HostId;
  readonly clock: Clock;
  readonly main: LocalPool;
  /** The host as it is now. */
  describe(): HostDescription;
  /** The linked hosts. */
  linked(): HostDescription[];
  /**
   * Another host lives, and this is how. Comes again and again.
   *
   * @param isEarlier It was there before this one.
   * @returns When it has been linked, if this host is to do that and can.
   */
  onListed(host: HostDescription, isEarlier: boolean): Promise<void>;
  /** A host that was listed has left, or is down. */
  onUnlisted(host: HostId): void;
  /** This host holds the name no more, and has to end its actor at once. */
  onNameLost(name: string, reason: Error): void;
  /** The same for all its names. */
  onNamesLost(reason: Error): void;
}

/** Which host holds a name. */
export interface NameHolder {
  readonly host: HostId;
  /** `host:port` of its gateway, if it is known to listen. */
  readonly address: string | null;
}

/**
 * Who holds which name, as one host sees it. A name is held by a host, which alone knows the actor; what
 * is read here may be out of date when it arrives, so whoever needs to be sure asks the holder.
 */
export interface Directory {
  /** Takes part from now on. Called once, when the host listens if it does. */
  join(): Promise<void>;
  /**
   * Takes a name for this host: of several hosts that try, one gets it. A host tries for a name once at
   * a time, and not for one that it holds.
   *
   * @returns A token that tells this claim from the earlier ones of the name on this host.
   * @throws {NameTakenError} if another host has it.
   * @throws {DirectoryUnreachableError} if nobody can say. It is not held then.
   */
  claim(name: string): Promise<number>;
  /**
   * Who holds a name; `undefined` if nobody does.
   *
   * @throws {DirectoryUnreachableError} if nobody can say.
   */
  lookup(name: string): Promise<NameHolder | undefined>;
  /** Gives a name back. Resolves when others can take it, or when that can only be tried again later. */
  release(name: string, token: number): Promise<void>;
  /** A message of another host has come: what is held no more is given up before it is taken. */
  check(): void;
  /** A host has been linked. */
  linked(host: HostId): void;
  /** The link with a host has ended. */
  unlinked(host: HostId): void;
  /** Takes no part any more. Names that are still held are free for others. */
  leave(): Promise<void>;
}

/** An address that other hosts can dial: one that means every interface is none. */
export function dialable(address: string | null): string | null {
  return address === null || /^(0\.0\.0\.0|\[::\]):/.test(address) ? null : address;
}
