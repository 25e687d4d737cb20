import { type ActorAddress, formatActor, type HostId } from "../../core/address.ts";
import {
  ActorFailedError,
  ActorNotFoundError,
  ActorStoppedError,
  LinkedActorDownError,
} from "../../core/errors.ts";
import { HostLostError, PoolLostError } from "../../core/host_errors.ts";
import { type CallOptions, UNLIMITED } from "../../actor/message.ts";
import { hostServiceOf } from "../../pool/host_service.ts";
import type { LinkService } from "../../pool/link_service.ts";
import type { LocalPool } from "../../pool/local.ts";
import { isGone } from "../../pool/loss.ts";
import type { Failover } from "./failover.ts";
import { poolServiceOf } from "../../pool/pool_service.ts";
import { addressOf, isReplicated, type UidEntry, type UidTable } from "../actors/uid_table.ts";

/** What links need of their host. */
export interface LinksHost {
  readonly main: LocalPool;
  readonly uids: UidTable;
  /** Knows where actors are that were on hosts that are lost. */
  readonly failover: Pick<Failover, "isAway" | "successorOf">;
  /** An actor of this host fails. */
  fail(entry: UidEntry, cause: Error): Promise<void>;
}

/** The half of a link that the host of one of the two actors has. */
interface Half {
  readonly peer: ActorAddress;
  readonly id: number;
}

/** A pool that does not say in time whether an actor has unlinked is held by a loop: the actor fails. */
const CONSENT: CallOptions = Object.freeze({ timeoutMs: 2000 });

/**
 * Which actors are linked: when one goes down, those linked with it fail. A link is between actors, not
 * instances of them: it outlives that one is made again, and nothing of it is kept once one has ended.
 */
export class Links implements LinkService {
  readonly #host: LinksHost;
  /** By the keys of the other actors. */
  readonly #halves = new Map<UidEntry, Map<string, Half>>();
  /** Of those that are told of an end, until they have failed or have said that they unlinked before. */
  readonly #telling = new Map<UidEntry, Promise<void>>();
  #lastId = 0;

  constructor(host: LinksHost) {
    this.#host = host;
  }

  /** How many halves of links are kept here. */
  get size(): number {
    return this.#halves.values().reduce((sum, halves) => sum + halves.size, 0);
  }

  /**
   * Links an actor of this host with another.
   *
   * @throws {LinkedActorDownError} if there is none: the first is to fail.
   * @throws {ActorStoppedError} if the first ends, or has ended.
   */
  async link(uid: string, generation: number, given: ActorAddress): Promise<void> {
    const peer = this.#host.failover.isAway(given) ? await this.#follow(given) : given;
    const entry = this.#own(uid, generation);
    const own = addressOf(this.#self, entry);
    if (peer.host === this.#self && peer.uid === uid) return;
    const id = this.#nextId(peer.host);
    // First, so that the other hears if this one ends meanwhile.
    this.#add(entry, { peer, id });
    try {
      if (peer.host === this.#self) return this.linked(peer.uid, own, id);
      const args = [peer.uid, own, id];
      await this.#host.main.call(hostServiceOf(peer.host), "linked", args, UNLIMITED);
    } catch (error) {
      // Else the end of its host has been told already.
      if (this.#remove(entry, peer, id)) throw downOf(peer, error as Error);
    }
  }

  /** Removes the link between two actors; resolves when no end of the other can reach this one any more. */
  async unlink(uid: string, generation: number, given: ActorAddress): Promise<void> {
    const peer = this.#host.failover.isAway(given) ? await this.#follow(given) : given;
    const entry = this.#own(uid, generation);
    const half = this.#halves.get(entry)?.get(keyOf(peer));
    if (half !== undefined) {
      this.#remove(entry, peer, half.id);
      this.#tell(half, addressOf(this.#self, entry), null);
    }
    await this.#telling.get(entry);
  }

  /** {@linkcode LinkService.linked} */
  linked(uid: string, peer: ActorAddress, id: number): void {
    const entry = this.#host.uids.get(uid);
    if (entry === undefined) {
      throw new ActorNotFoundError(`There is no actor ${JSON.stringify(uid)}`);
    }
    this.#add(entry, { peer, id });
  }

  /** {@linkcode LinkService.linkEnded} */
  linkEnded(uid: string, peer: ActorAddress, id: number, reason: Error | null): void {
    const entry = this.#host.uids.get(uid);
    const half = entry && this.#remove(entry, peer, id);
    // Where it was is known here: the pools of one that is gone with them are not.
    if (half !== undefined && reason !== null) this.#fail(entry!, downOf(half.peer, reason));
  }

  /** An actor of this host has ended for good. */
  ended(entry: UidEntry, reason: () => Error): void {
    const halves = this.#halves.get(entry);
    if (halves === undefined) return;
    this.#halves.delete(entry);
    const own = addressOf(this.#self, entry);
    const cause = causeOf(reason());
    for (const half of halves.values()) this.#tell(half, own, cause);
  }

  /** Another host is gone, and its actors. */
  hostLost(host: HostId, reason: Error): void {
    const cause = causeOf(reason);
    for (const [{ uid }, halves] of [...this.#halves]) {
      for (const { peer, id } of [...halves.values()]) {
        if (peer.host === host) this.linkEnded(uid, peer, id, cause);
      }
    }
  }

  get #self(): HostId {
    return this.#host.main.address.host;
  }

  #own(uid: string, generation: number): UidEntry {
    const entry = this.#host.uids.get(uid);
    if (entry?.generation === generation && entry.state !== "stopping") return entry;
    throw new ActorStoppedError(`${uid} ends, or has ended: it is linked with nobody any more`);
  }

  /** An actor whose host was lost, where it has been made again, if it has. */
  async #follow(peer: ActorAddress): Promise<ActorAddress> {
    const { host, uid } = peer;
    return { ...peer, host: await this.#host.failover.successorOf({ host, uid }) ?? host };
  }

  /** Two that link with each other at once get two numbers: the greater counts on both sides. */
  #nextId(host: HostId): number {
    const turn = Math.floor(this.#lastId / 2) + 1;
    return this.#lastId = 2 * turn + (this.#self < host ? 0 : 1);
  }

  #add(entry: UidEntry, half: Half): void {
    const halves = this.#halves.get(entry) ?? new Map<string, Half>();
    const key = keyOf(half.peer);
    this.#lastId = Math.max(this.#lastId, half.id);
    if ((halves.get(key)?.id ?? 0) < half.id) halves.set(key, half);
    this.#halves.set(entry, halves);
  }

  /** @returns What it was, if it was there. */
  #remove(entry: UidEntry, peer: ActorAddress, id: number): Half | undefined {
    const halves = this.#halves.get(entry);
    const half = halves?.get(keyOf(peer));
    if (halves === undefined || half?.id !== id) return undefined;
    halves.delete(keyOf(peer));
    if (halves.size === 0) this.#halves.delete(entry);
    return half;
  }

  /** Tells the host of the other; a host that is gone has none any more. */
  #tell({ peer, id }: Half, own: ActorAddress, reason: Error | null): void {
    const { host, uid } = peer;
    if (host === this.#self) return this.linkEnded(uid, own, id, reason);
    const service = hostServiceOf(host);
    this.#host.main.call(service, "linkEnded", [uid, own, id, reason], UNLIMITED).catch(() => {});
  }

  #fail(entry: UidEntry, error: LinkedActorDownError): void {
    const before = this.#telling.get(entry);
    const told: Promise<void> = Promise.all([before, this.#failNow(entry, error)]).then(() => {
      if (this.#telling.get(entry) === told) this.#telling.delete(entry);
    });
    this.#telling.set(entry, told);
  }

  async #failNow(entry: UidEntry, error: LinkedActorDownError): Promise<void> {
    // Those that go down in the same turn have then done so by themselves.
    await Promise.resolve();
    const { uids, fail } = this.#host;
    const { generation } = entry;
    const isThere = () => uids.get(entry.uid) === entry && entry.generation === generation;
    if (!isThere() || !await this.#isLinked(entry, error)) return;
    if (isThere()) await fail(entry, error);
  }

  /** Ends the instance that lives, unless it has unlinked in the meantime. */
  async #isLinked(entry: UidEntry, error: LinkedActorDownError): Promise<boolean> {
    const { uid, generation, pools, state } = entry;
    if (state !== "live" || isReplicated(entry)) return true;
    const service = poolServiceOf({ host: this.#self, pool: pools[0]! });
    const args = [uid, generation, error.linked, error];
    try {
      return await this.#host.main.call(service, "tellLinkDown", args, CONSENT) as boolean;
    } catch (thrown) {
      // Its pool is gone, and it with it.
      return !isGone(thrown);
    }
  }
}

/** Generations change when actors are made again, which a link outlives. */
function keyOf({ host, uid }: ActorAddress): string {
  return `${host} ${uid}`;
}

/** With what an actor goes down; `null` if it ends in order. Along a chain it is that of the first. */
function causeOf(reason: Error): Error | null {
  const isEnd = reason instanceof ActorStoppedError || reason instanceof PoolLostError ||
    reason instanceof HostLostError;
  if (isEnd && reason.exit === "stopped") return null;
  const { cause } = reason;
  const isLinked = reason instanceof ActorFailedError && cause instanceof LinkedActorDownError;
  return isLinked && cause.cause instanceof Error ? cause.cause : reason;
}

function downOf(peer: ActorAddress, cause: Error): LinkedActorDownError {
  const { host, pool, uid, generation } = peer;
  return new LinkedActorDownError(
    `${formatActor(peer)}, which it is linked with, is down: ${cause.name}: ${cause.message}`,
    { host, pool, uid, generation },
    { cause },
  );
}
