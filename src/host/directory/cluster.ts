import { type ActorAddress, formatHostId, type HostId } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import { HostLostError } from "../../core/host_errors.ts";
import type { HostDescription } from "../../core/protocol.ts";
import { UNLIMITED } from "../../actor/message.ts";
import { hostServiceOf } from "../../pool/host_service.ts";
import type { LocalPool } from "../../pool/local.ts";
import { dialable, type Directory, type DirectoryStarter, type NameHolder } from "./directory.ts";
import { Membership } from "./membership.ts";
import { Names } from "./names.ts";

/** What a host's part in its cluster needs of it. */
export interface ClusterOptions {
  readonly directory: DirectoryStarter;
  readonly clock: Clock;
  readonly main: LocalPool;
  /** The host as it is now. */
  describe(): HostDescription;
  /** The linked hosts. */
  linked(): HostDescription[];
  /** Whether a host that is not linked is when it is needed. */
  isRouted(host: HostId): boolean;
  /** Links with the host behind an address, which is to be this one. */
  dial(address: string, host: HostId): Promise<HostDescription>;
  /** Ends an actor of this host at once. */
  kill(actor: ActorAddress): Promise<void>;
}

/** A host's part in its cluster: the names of its actors, and the other hosts. */
export class Cluster {
  /** The names that this host holds, and the way to those of others. */
  readonly names: Names;
  /** The other hosts. */
  readonly membership: Membership = new Membership();
  readonly #options: ClusterOptions;
  readonly #dialled = new Map<HostId, Promise<void>>();
  #directory: Directory | undefined;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.names = new Names({
      self: options.main.address.host,
      reach: (holder) => this.#reach(holder),
      ask: (host, name) => this.named(host, name),
      kill: (actor, reason) => void this.#kill(actor, reason),
    });
  }

  /**
   * Opens the directory.
   *
   * @throws {DirectoryUnreachableError} if it needs a server that does not answer.
   */
  async open(): Promise<void> {
    const { directory, clock, main, describe, linked } = this.#options;
    this.#directory = await directory.open({
      id: main.address.host,
      clock,
      main,
      describe,
      linked,
      onListed: async (host, isEarlier) => {
        const isKnown = !this.membership.listed(host);
        await this.#meet(host, isEarlier, isKnown);
      },
      onUnlisted: (host) => this.membership.unlisted(host),
      onNameLost: (name, reason) => this.names.lost(name, reason),
      onNamesLost: (reason) => this.names.lostAll(reason),
    });
  }

  /** Takes part, now that others can reach this host. */
  async join(): Promise<void> {
    await this.#directory!.join();
    this.names.open(this.#directory!);
  }

  /** The actor of a name that another host holds; one that is being made is waited for. */
  async named(host: HostId, name: string): Promise<ActorAddress> {
    const { main } = this.#options;
    return await main.call(hostServiceOf(host), "named", [name], UNLIMITED) as ActorAddress;
  }

  /** A message of another host has come. */
  check(): void {
    this.#directory?.check();
  }

  /** A host has been linked. */
  linked(host: HostDescription): void {
    this.membership.linked(host);
    this.#directory?.linked(host.id);
  }

  /** The link with a host has ended. */
  unlinked(host: HostId): void {
    this.membership.unlinked(host);
    this.#directory?.unlinked(host);
  }

  /** Takes no part any more. */
  async leave(): Promise<void> {
    this.names.close(new HostLostError("The host was stopped", "stopped"));
    await this.#directory?.leave();
  }

  /** The later of two hosts dials, if it can; and then the one with the lower id, until they are linked. */
  async #meet(host: HostDescription, isEarlier: boolean, isKnown: boolean): Promise<void> {
    if (host.address === null || this.#isLinked(host.id)) return;
    const { id, address } = this.#options.describe();
    if (!isEarlier && address !== null && !(isKnown && id < host.id)) return;
    try {
      await this.#dial(host.id, host.address);
    } catch {
      this.membership.unreachable(host.id);
    }
  }

  async #reach({ host, address }: NameHolder): Promise<void> {
    // One that can be linked is by the first message to it.
    if (this.#isLinked(host) || this.#options.isRouted(host)) return;
    const known = dialable(address);
    if (known === null) {
      throw new HostLostError(
        `Host ${formatHostId(host)} is not linked with this one, and where it listens is not known`,
      );
    }
    await this.#dial(host, known);
  }

  /** Once at a time. */
  #dial(host: HostId, address: string): Promise<void> {
    const running = this.#dialled.get(host);
    if (running !== undefined) return running;
    const dialled = this.#dialOnce(host, address).finally(() => this.#dialled.delete(host));
    this.#dialled.set(host, dialled);
    return dialled;
  }

  async #dialOnce(host: HostId, address: string): Promise<void> {
    try {
      await this.#options.dial(address, host);
    } catch (error) {
      // It may have dialled this one meanwhile.
      if (!this.#isLinked(host)) throw error;
    }
  }

  #isLinked(host: HostId): boolean {
    return this.#options.linked().some(({ id }) => id === host);
  }

  async #kill(actor: ActorAddress, reason: Error): Promise<void> {
    const { main, kill } = this.#options;
    main.undelivered(actor, "", reason);
    try {
      await kill(actor);
    } catch {
      // It has ended meanwhile.
    }
  }
}
