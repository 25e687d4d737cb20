import {
  type ActorAddress,
  formatHostId,
  type HostId,
  type PoolAddress,
} from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import { HostLostError, NameTakenError } from "../../core/host_errors.ts";
import type { PoolDescription, TypeName } from "../../core/protocol.ts";
import type { ServiceCreateOptions } from "../../pool/host_service.ts";
import type { LocalPool } from "../../pool/local.ts";
import { ArgsKeeper, type KeptArgs } from "../../state/kept_args.ts";
import { type Placement, policiesIn } from "../../schedule/policy.ts";
import type { CreateOrder } from "../actors/create_order.ts";
import { type FailoverPeer, failoverServiceOf, type Will } from "./failover_actor.ts";
import { Pauses } from "./pauses.ts";
import type { RegisteredTypes } from "../actors/registered_types.ts";

/** What failover needs of its host. */
export interface FailoverOptions {
  readonly main: LocalPool;
  readonly clock: Clock;
  readonly types: RegisteredTypes;
  /** Between the tries of one host and the next. */
  readonly heartbeatMs: number;
  /** The other hosts that can be called. */
  hosts(): readonly { readonly id: HostId; readonly pools: readonly PoolDescription[] }[];
  /** The pools of this host. */
  ownPools(): readonly PoolDescription[];
  /** Whether this host has an actor. */
  has(uid: string): boolean;
  /** Makes an actor of this host. */
  create(order: CreateOrder): Promise<ActorAddress>;
}

/** A will, with its arguments as bytes. */
interface KeptWill extends Omit<Will, "args"> {
  readonly args: KeptArgs;
  readonly holder: HostId;
}

/** How often a host tries to make an actor again: until a lease has expired, and something to spare. */
const MOST_TRIES = 30;

/** How many wills a host keeps for others: what they say is kept in memory. */
const MAX_WILLS = 100_000;

/**
 * Makes actors with names again when their host is lost. Each host tells the others what its own are made of;
 * when it is lost, all that have the type try for the name, the one with the fewest actors first, and the
 * directory lets one have it.
 */
export class Failover implements FailoverPeer {
  readonly #options: FailoverOptions;
  readonly #args: ArgsKeeper;
  readonly #wills = new Map<string, KeptWill>();
  /** The names of this host's own, by their actors' uids. */
  readonly #own = new Map<string, string>();
  /** Where the actors of hosts that are lost are by now, by the host and the uid. */
  readonly #moved = new Map<HostId, Map<string, PoolAddress>>();
  readonly #pauses: Pauses;
  readonly #trying = new Set<string>();

  constructor(options: FailoverOptions) {
    this.#options = options;
    this.#args = new ArgsKeeper(options.main.codec);
    this.#pauses = new Pauses(options.clock);
  }

  /** What an actor is made of again elsewhere, before it is made; `null` if it is not. */
  will({ type, home, args, options }: CreateOrder, uid: string): (() => Promise<void>) | null {
    if (!failsOver(options)) return null;
    const { name, place, mailbox, concurrency, restart, snapshot, idleMs } = options;
    const plain = defined({ name, place, mailbox, concurrency, restart, snapshot, idleMs });
    const will = { name: name!, uid, type, home, options: { ...plain, failover: true } };
    const kept = this.#args.keep(args);
    return () => this.#made({ ...will, args: kept, holder: this.#self });
  }

  /** An actor of this host has ended, and not with its host. */
  ended(uid: string): void {
    const name = this.#own.get(uid);
    if (name === undefined || this.#pauses.isOver) return;
    this.#own.delete(uid);
    this.#wills.delete(name);
    void this.#tellAll("drop", [name]);
  }

  /** An actor of this host is about to be ended, as others may have its name by now. */
  lost(uid: string): void {
    const name = this.#own.get(uid);
    if (name === undefined) return;
    this.#own.delete(uid);
    void this.#tellAll("leave", [name]);
    this.#succeed(name);
  }

  /** An actor of this host has ended because the host is drained: others make it again now. */
  async left(uid: string): Promise<void> {
    const name = this.#own.get(uid);
    if (name === undefined) return;
    this.#own.delete(uid);
    await this.#tellAll("leave", [name]);
  }

  /** A host can be called from now on: it is told of this one's, and its own are where they were. */
  linked(host: HostId): void {
    this.#moved.delete(host);
    const wills = [...this.#own.values()].map((name) => this.#wills.get(name)!);
    if (wills.length > 0) void this.#tell(host, "keep", wills.map((will) => this.#toSend(will)));
  }

  /** A host is lost. */
  down(host: HostId): void {
    for (const [name, { holder }] of this.#wills) if (holder === host) this.#succeed(name);
  }

  /** Where the actor of a host that is lost is by now. */
  movedTo({ host, uid }: Pick<ActorAddress, "host" | "uid">): PoolAddress | undefined {
    return this.#moved.get(host)?.get(uid);
  }

  /** Whether any actor of a host is elsewhere by now. */
  hasMoved(host: HostId): boolean {
    return this.#moved.has(host);
  }

  /** The host stops: its own actors are for others. */
  stop(): void {
    this.#pauses.end();
  }

  keep(wills: readonly Will[], host: HostId): void {
    for (const will of wills) {
      const before = this.#wills.get(will.name);
      if (before === undefined && this.#wills.size >= MAX_WILLS) return;
      this.#wills.set(will.name, { ...will, args: this.#args.keep(will.args), holder: host });
      if (before !== undefined) this.#noteMove(before, host);
    }
  }

  drop(names: readonly string[], host: HostId): void {
    for (const name of names) {
      const will = this.#wills.get(name);
      if (will?.holder !== host) continue;
      this.#wills.delete(name);
      for (const moved of this.#moved.values()) moved.delete(will.uid);
    }
  }

  leave(names: readonly string[], host: HostId): void {
    for (const name of names) if (this.#wills.get(name)?.holder === host) this.#succeed(name);
  }

  get #self(): HostId {
    return this.#options.main.address.host;
  }

  /** Resolves when the hosts that can be called know of it, or have had the time for it. */
  async #made(will: KeptWill): Promise<void> {
    // It may have ended meanwhile.
    if (!this.#options.has(will.uid)) return;
    const before = this.#wills.get(will.name);
    this.#wills.set(will.name, will);
    this.#own.set(will.uid, will.name);
    if (before !== undefined) this.#noteMove(before, this.#self);
    await this.#tellAll("keep", [this.#toSend(will)]);
  }

  /** Refs to where an actor was lead to where it is: its uid is the same. */
  #noteMove({ holder, uid }: KeptWill, to: HostId): void {
    if (holder === to) return;
    // An actor is found by its uid from its host's main pool on.
    const moved = this.#moved.get(holder) ?? new Map<string, PoolAddress>();
    this.#moved.set(holder, moved.set(uid, { host: to, pool: 0 }));
    for (const [host, others] of this.#moved) {
      if (host !== to && others.get(uid)?.host === holder) others.set(uid, { host: to, pool: 0 });
    }
  }

  #succeed(name: string): void {
    if (this.#trying.has(name) || this.#pauses.isOver) return;
    this.#trying.add(name);
    void this.#try(name).finally(() => this.#trying.delete(name));
  }

  /** The host with the fewest actors is the first to try, each further one a heartbeat later. */
  async #try(name: string): Promise<void> {
    const { heartbeatMs } = this.#options;
    const { holder } = this.#wills.get(name)!;
    let failure: Error | undefined;
    // Others that hear of the same loss in this moment are to count alike.
    await this.#pauses.wait(heartbeatMs * (this.#rank(holder) + 1 / 2));
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const will = this.#wills.get(name);
      if (this.#pauses.isOver || will === undefined || will.holder !== holder) return;
      if (!this.#hasType(will.type)) return;
      try {
        await this.#make(will);
        return;
      } catch (error) {
        failure = error as Error;
        const isElsewhere = error instanceof NameTakenError &&
          error.holder !== formatHostId(holder);
        if (isElsewhere) return;
      }
      await this.#pauses.wait(heartbeatMs);
    }
    if (this.#pauses.isOver) return;
    const { uid } = this.#wills.get(name) ?? { uid: name };
    const lost = new HostLostError(
      `Host ${formatHostId(holder)} is lost, and the actor with the name ${JSON.stringify(name)} ` +
        `could not be made again here`,
      "lost",
      { cause: failure },
    );
    this.#options.main.undelivered({ host: this.#self, pool: 0, uid, generation: 0 }, "", lost);
  }

  async #make({ uid, type, home, args, options: given, holder }: KeptWill): Promise<void> {
    const options = { ...given, ...elsewhere(given.place as Placement | undefined, holder) };
    await this.#options.create({
      type,
      home,
      args: [...this.#args.read(args)],
      options: { ...options, uid },
      isOurs: false,
    });
  }

  /** How many hosts have fewer actors, or as many and a lower id. */
  #rank(lost: HostId): number {
    const { hosts, ownPools } = this.#options;
    const count = (pools: readonly PoolDescription[]) =>
      pools.reduce((sum, { actors }) => sum + actors, 0);
    const own = count(ownPools());
    const others = hosts().filter(({ id }) => id !== lost && id !== this.#self);
    return others.filter(({ id, pools }) => {
      const actors = count(pools);
      return actors < own || (actors === own && id < this.#self);
    }).length;
  }

  #hasType(type: TypeName): boolean {
    try {
      this.#options.types.find(type);
      return true;
    } catch {
      return false;
    }
  }

  #toSend({ args, holder: _, ...will }: KeptWill): Will {
    return { ...will, args: this.#args.read(args) };
  }

  async #tellAll(method: keyof FailoverPeer, what: readonly unknown[]): Promise<void> {
    const hosts = this.#options.hosts();
    await Promise.all(hosts.map(({ id }) => this.#tell(id, method, what)));
  }

  /** A host that is gone, or takes no part, need not know. */
  async #tell(host: HostId, method: keyof FailoverPeer, what: readonly unknown[]): Promise<void> {
    const { main, heartbeatMs: timeoutMs } = this.#options;
    try {
      await main.call(failoverServiceOf(host), method, [what], { timeoutMs });
    } catch {
      // Whoever is linked again is told again.
    }
  }
}

/** Whether an actor is made again on another host: without being told so, if it is said to be permanent. */
function failsOver({ name, failover, restart }: ServiceCreateOptions): boolean {
  const kind = typeof restart === "string" ? restart : restart?.kind;
  return name !== undefined && (failover ?? kind === "permanent");
}

/** Where an actor is to be, but for what only the host could do that is lost: it may have been ordered there. */
function elsewhere(place: Placement | undefined, lost: HostId): { place?: Placement } {
  const left = policiesIn(place).filter((policy) => !("host" in policy) || policy.host !== lost);
  return place === undefined ? {} : { place: left };
}

function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
