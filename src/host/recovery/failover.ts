import {
  type ActorAddress,
  formatHostId,
  type HostId,
  parseHostId,
  type PoolAddress,
} from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import { ActorStoppedError } from "../../core/errors.ts";
import { HostLostError, NameTakenError } from "../../core/host_errors.ts";
import type { PoolDescription, TypeName } from "../../core/protocol.ts";
import type { LocalPool } from "../../pool/local.ts";
import type { WaitingMessage } from "../../pool/redirects.ts";
import { ArgsKeeper } from "../../state/kept_args.ts";
import type { Placement } from "../../schedule/policy.ts";
import type { CreateOrder } from "../actors/create_order.ts";
import { Absences } from "./absences.ts";
import { type FailoverPeer, failoverServiceOf, type Will } from "./failover_actor.ts";
import { failsOver, optionsAgain, placeAgain } from "./failover_rules.ts";
import { Pauses } from "./pauses.ts";
import type { RegisteredTypes } from "../actors/registered_types.ts";
import { type ActorPlace, type KeptWill, Wills } from "./wills.ts";

/** What failover needs of its host. */
export interface FailoverOptions {
  readonly main: LocalPool;
  readonly clock: Clock;
  readonly types: RegisteredTypes;
  /** Between the tries of one host and the next. */
  readonly heartbeatMs: number;
  /** How long a message waits for an actor that is to be made again, in milliseconds. */
  readonly waitMs: number;
  /** The other hosts that can be called. */
  hosts(): readonly { readonly id: HostId; readonly pools: readonly PoolDescription[] }[];
  /** Whether messages get to another host, or wait on their way. */
  isReachable(host: HostId): boolean;
  /** The pools of this host. */
  ownPools(): readonly PoolDescription[];
  /** Whether this host has an actor. */
  has(uid: string): boolean;
  /** The actor of a name that another host holds. */
  named(host: HostId, name: string): Promise<ActorAddress>;
  /** Makes an actor of this host. */
  create(order: CreateOrder): Promise<ActorAddress>;
}

/** How often a host tries to make an actor again: until a lease has expired, and something to spare. */
const MOST_TRIES = 30;

/**
 * Makes actors with names again when their host is lost. Each host tells the others what its own are made of;
 * when it is lost, all that have the type try for the name, the one with the fewest actors first, and the
 * directory lets one have it.
 */
export class Failover implements FailoverPeer {
  readonly #options: FailoverOptions;
  readonly #args: ArgsKeeper;
  readonly #wills = new Wills();
  /** What comes for those that are nowhere for now. */
  readonly #absences: Absences;
  /** The names of this host's own, by their actors' uids. */
  readonly #own = new Map<string, string>();
  /** The names whose hosts have said that they leave them to others. */
  readonly #left = new Set<string>();
  readonly #pauses: Pauses;
  /** The names that this host tries to get, and from whom. */
  readonly #trying = new Set<string>();

  constructor(options: FailoverOptions) {
    this.#options = options;
    this.#args = new ArgsKeeper(options.main.codec);
    this.#pauses = new Pauses(options.clock);
    this.#absences = new Absences(options.clock, options.waitMs);
  }

  /** What an actor is made of again elsewhere, before it is made; `null` if it is not. */
  will({ type, home, args, options }: CreateOrder, uid: string): (() => Promise<void>) | null {
    if (!failsOver(options)) return null;
    const will = { name: options.name!, uid, type, home, options: optionsAgain(options) };
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
    // Another host may have said already that it has it.
    if (this.#wills.get(name)?.holder === this.#self) this.#succeed(name);
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
    this.#wills.back(host);
    this.#absences.endedAt(host);
    const wills = [...this.#own.values()].map((name) => this.#wills.get(name)!);
    if (wills.length > 0) void this.#tell(host, "keep", wills.map((will) => this.#toSend(will)));
  }

  /** A host is lost. */
  down(host: HostId): void {
    for (const name of this.#wills.namesAt(host)) this.#succeed(name);
  }

  /** Where the actor of a host that is lost is by now. */
  movedTo(place: ActorPlace): PoolAddress | undefined {
    return this.#wills.movedTo(place);
  }

  /** Whether any actor of a host is elsewhere by now, or is to be. */
  concerns(host: HostId): boolean {
    return this.#wills.concerns(host);
  }

  /**
   * A message has come for an actor whose host cannot be reached, or which is not on this host, its own. It
   * waits, if the actor is to be made again.
   *
   * @returns Ends the wait; `undefined` if it does not wait.
   * @throws {MailboxFullError} if too many wait.
   */
  hold(place: ActorPlace, message: WaitingMessage): (() => void) | undefined {
    const will = this.#wills.at(place);
    if (will === undefined || this.#isOwn(will.name)) return undefined;
    if (this.#pauses.isOver || !this.#absences.isOn) return undefined;
    return this.#absences.hold(place, message);
  }

  /** Waits for the actor of a name that nobody has now; `false` if none is being made, or not in time. */
  comesBack(name: string): Promise<boolean> {
    const will = this.#wills.get(name);
    const isAbsent = will !== undefined &&
      (this.#left.has(name) || !this.#options.isReachable(will.holder));
    return this.#until(isAbsent ? { host: will.holder, uid: will.uid } : undefined);
  }

  /**
   * Where the actor of another host is that cannot be reached: waits for it, if it is being made again.
   *
   * @returns `null` if it is nowhere.
   */
  async successorOf(place: ActorPlace): Promise<HostId | null> {
    const isReachable = this.#options.isReachable(place.host);
    if (this.movedTo(place) === undefined && !isReachable) await this.#until(place);
    return this.movedTo(place)?.host ?? null;
  }

  /** The host stops: its own actors are for others. */
  stop(): void {
    this.#pauses.end();
    this.#absences.stop(new HostLostError("The host was stopped", "stopped"));
  }

  keep(wills: readonly Will[], host: HostId): void {
    for (const will of wills) {
      if (this.#wills.get(will.name) === undefined && this.#wills.isFull) return;
      this.#set({ ...will, args: this.#args.keep(will.args), holder: host });
    }
  }

  drop(names: readonly string[], host: HostId): void {
    for (const name of names) {
      if (this.#wills.get(name)?.holder !== host) continue;
      const { uid } = this.#wills.delete(name)!;
      this.#left.delete(name);
      const ended = new ActorStoppedError(`${uid} was destroyed or killed`);
      this.#absences.giveUp({ host, uid }, ended);
    }
  }

  leave(names: readonly string[], host: HostId): void {
    for (const name of names) {
      const will = this.#wills.get(name);
      if (will?.holder !== host) continue;
      // Of two hosts that had it, as they could not hear of each other, this one keeps it.
      if (this.#isOwn(name)) void this.#made({ ...will, holder: this.#self });
      else {
        this.#left.add(name);
        this.#succeed(name);
      }
    }
  }

  get #self(): HostId {
    return this.#options.main.address.host;
  }

  /** Resolves when the hosts that can be called know of it, or have had the time for it. */
  async #made(will: KeptWill): Promise<void> {
    // It may have ended meanwhile.
    if (!this.#options.has(will.uid)) return;
    this.#own.set(will.uid, will.name);
    this.#set(will);
    await this.#tellAll("keep", [this.#toSend(will)]);
  }

  /** An actor is there: what has waited for it where it was goes where it is. */
  #set(will: KeptWill): void {
    this.#left.delete(will.name);
    const before = this.#wills.set(will);
    if (before !== null) this.#absences.ended(before);
  }

  /** Whether this host has the actor of a name. */
  #isOwn(name: string): boolean {
    const will = this.#wills.get(name);
    return will !== undefined && this.#own.get(will.uid) === name;
  }

  #until(place: ActorPlace | undefined): Promise<boolean> {
    return new Promise((resolve) => {
      const held = place && this.hold(place, {
        bytes: 0,
        resume: () => resolve(true),
        fail: () => resolve(false),
      });
      if (held === undefined) resolve(false);
    });
  }

  #succeed(name: string): void {
    if (this.#pauses.isOver || this.#isOwn(name)) return;
    const { holder } = this.#wills.get(name)!;
    // The next loss is another matter.
    const key = `${holder}/${name}`;
    if (this.#trying.has(key)) return;
    this.#trying.add(key);
    void this.#try(name, holder).finally(() => this.#trying.delete(key));
  }

  /** The host with the fewest actors is the first to try, each further one a heartbeat later. */
  async #try(name: string, holder: HostId): Promise<void> {
    const { heartbeatMs } = this.#options;
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
        if (error instanceof NameTakenError && await this.#isAtOther(will, error)) return;
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

  /** Whether another host has the actor, or this one by somebody else's order; it may not have been able to say so. */
  async #isAtOther(will: KeptWill, { holder }: NameTakenError): Promise<boolean> {
    const { name, uid } = will;
    const other = parseHostId(holder);
    if (other === undefined || other === will.holder) return false;
    if (other === this.#self) return true;
    try {
      // Of one that is being made it says so when it is there.
      const made = await this.#options.named(other, name);
      const isNews = this.#wills.get(name) === will && made.uid === uid;
      if (isNews) this.#set({ ...will, holder: other });
      return true;
    } catch {
      return false;
    }
  }

  async #make({ uid, type, home, args, options: given, holder }: KeptWill): Promise<void> {
    const options = { ...given, ...placeAgain(given.place as Placement | undefined, holder) };
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
