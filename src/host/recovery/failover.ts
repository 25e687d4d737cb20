import type { ActorPlace, HostId, PoolAddress } from "../../core/address.ts";
import { ActorStoppedError } from "../../core/errors.ts";
import { HostLostError } from "../../core/host_errors.ts";
import type { WaitingMessage } from "../../pool/redirects.ts";
import { ArgsKeeper } from "../../state/kept_args.ts";
import type { CreateOrder } from "../actors/create_order.ts";
import { Absences } from "./absences.ts";
import type { FailoverPeer, Move, Will } from "./failover_actor.ts";
import { FailoverPeers } from "./failover_peers.ts";
import { failsOver, optionsAgain } from "./failover_rules.ts";
import { Leavings } from "./leavings.ts";
import { Successions, type SuccessionsOptions } from "./successions.ts";
import { type KeptWill, Wills } from "./wills.ts";

/** What failover needs of its host. */
export interface FailoverOptions extends SuccessionsOptions {
  /** How long a message waits for an actor that is to be made again, in milliseconds. */
  readonly waitMs: number;
  /** The hosts that are known to hand actors over: messages for these are looked at one by one. */
  readonly leaving: Set<HostId>;
  /** Whether messages get to another host, or wait on their way. */
  isReachable(host: HostId): boolean;
  /** Whether this host has an actor. */
  has(uid: string): boolean;
}

/**
 * Makes actors with names again when their host is lost, or hands them over. Each host tells the others what
 * its own are made of; when it is lost, all that have the type try for the name, the one with the fewest
 * actors first, and the directory lets one have it.
 *
 * A host that is drained hands its actors over in order: when one has ended, the others hold back what they
 * have for it, and the one that can makes it; what has waited on the host of before goes there; then what
 * the others have held back does.
 */
export class Failover implements FailoverPeer {
  readonly #options: FailoverOptions;
  readonly #args: ArgsKeeper;
  readonly #wills = new Wills();
  /** What comes for those that are nowhere for now. */
  readonly #absences: Absences;
  /** Those that other hosts hand over. */
  readonly #leavings: Leavings;
  readonly #successions: Successions;
  readonly #peers: FailoverPeers;
  /** The names of this host's own, by their actors' uids. */
  readonly #own = new Map<string, string>();
  /** The names whose hosts have said that they leave them to others. */
  readonly #left = new Set<string>();

  constructor(options: FailoverOptions) {
    this.#options = options;
    this.#args = new ArgsKeeper(options.main.codec);
    this.#absences = new Absences(options.clock, options.waitMs);
    this.#peers = new FailoverPeers(options);
    this.#leavings = new Leavings(this.#wills, options.leaving);
    this.#successions = new Successions(options, {
      wills: this.#wills,
      args: this.#args,
      onTaken: (will) => this.#set(will),
    });
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
    if (name === undefined || this.#successions.isOver) return;
    this.#own.delete(uid);
    this.#wills.delete(name);
    void this.#peers.tellAll("drop", [name]);
  }

  /** An actor of this host is about to be ended, as others may have its name by now. */
  lost(uid: string): void {
    const name = this.#own.get(uid);
    if (name === undefined) return;
    this.#own.delete(uid);
    void this.#peers.tellAll("leave", [name]);
    // Another host may have said already that it has it.
    if (this.#wills.get(name)?.holder === this.#self) this.#succeed(name);
  }

  /** Which actors of this host another one would make again. */
  async takers(): Promise<ReadonlySet<string>> {
    const names = [...this.#own.values()];
    if (names.length === 0 || !this.#absences.isOn) return new Set();
    const taken = await this.#peers.takes(names);
    return new Set([...this.#own].filter(([, name]) => taken.has(name)).map(([uid]) => uid));
  }

  /** An actor of this host has ended because the host is drained: others may make it again. */
  async left(uid: string): Promise<void> {
    const name = this.#own.get(uid);
    if (name === undefined) return;
    this.#own.delete(uid);
    await this.#peers.tellAll("leave", [name]);
  }

  /**
   * An actor of this host has ended because the host is drained: others make it again now. Resolves when one
   * has, or when that has taken too long.
   */
  async bequeath(uid: string): Promise<void> {
    const name = this.#own.get(uid);
    if (name === undefined) return;
    this.#own.delete(uid);
    const isThere = this.#absences.until({ host: this.#self, uid });
    await this.#peers.tellAll("handOver", [name]);
    await isThere;
  }

  /** What has waited here for an actor that was handed over is on its way: what comes for it may follow. */
  async bequeathed(uid: string): Promise<void> {
    const to = this.#wills.movedTo({ host: this.#self, uid })?.host;
    const name = to === undefined ? undefined : this.#wills.nameAt({ host: to, uid });
    // Else the others hear that this host is down.
    if (to === undefined || name === undefined) return;
    // First, as it is told behind what is on its way there: then that is before all that others send.
    await this.#peers.tell(to, "handedOver", [{ name, to }]);
    await this.#peers.tellAll("handedOver", [{ name, to }]);
  }

  /** A host can be called from now on: it is told of this one's, and its own are where they were. */
  linked(host: HostId): void {
    this.#leavings.end(host);
    this.#wills.back(host);
    this.#absences.endedAt(host);
    const wills = [...this.#own.values()].map((name) => this.#wills.get(name)!);
    if (wills.length > 0) {
      void this.#peers.tell(
        host,
        "keep",
        wills.map((will) => this.#toSend(will)),
      );
    }
  }

  /** A host is lost. */
  down(host: HostId): void {
    // It cannot say any more that they have been handed over.
    for (const place of this.#leavings.end(host)) {
      if (this.#wills.movedTo(place) !== undefined) this.#absences.ended(place);
    }
    for (const name of this.#wills.namesAt(host)) this.#succeed(name);
  }

  /** Where the actor of a host that is lost or leaves is by now; `null` while it is being handed over. */
  movedTo(place: ActorPlace): PoolAddress | null | undefined {
    return this.#leavings.from(place) === undefined ? this.#wills.movedTo(place) : null;
  }

  /** Whether any actor of a host is elsewhere by now, or is to be. */
  concerns(host: HostId): boolean {
    return this.#wills.concerns(host);
  }

  /**
   * A message has come for an actor whose host cannot be reached or hands it over, or which is not on this
   * host, its own. It waits, if the actor is to be made again.
   *
   * @returns Ends the wait; `undefined` if it does not wait.
   * @throws {MailboxFullError} if too many wait.
   */
  hold(place: ActorPlace, message: WaitingMessage): (() => void) | undefined {
    if (this.#successions.isOver || !this.#absences.isOn) return undefined;
    const from = this.#leavings.from(place);
    if (from !== undefined) return this.#absences.hold(from, message);
    const will = this.#wills.at(place);
    if (will === undefined || this.#isOwn(will.name)) return undefined;
    return this.#absences.hold(place, message);
  }

  /** Waits for the actor of a name that nobody has now; `false` if none is being made, or not in time. */
  async comesBack(name: string): Promise<boolean> {
    const will = this.#wills.get(name);
    const isAbsent = will !== undefined &&
      (this.#left.has(name) || !this.#options.isReachable(will.holder));
    if (!isAbsent || this.#successions.isOver || this.#isOwn(name)) return false;
    return await this.#absences.until({ host: will.holder, uid: will.uid });
  }

  /** Whether an actor of another host is not there any more, and has been made again elsewhere or is to be. */
  isAway(place: ActorPlace): boolean {
    if (place.host === this.#self || !this.concerns(place.host)) return false;
    return this.movedTo(place) !== undefined || this.#isLost(place);
  }

  /**
   * Where such an actor is: waits for it, if it is being made again.
   *
   * @returns `null` if it is nowhere, or where it was.
   */
  async successorOf(place: ActorPlace): Promise<HostId | null> {
    const from = this.#leavings.from(place);
    const isLost = this.#wills.movedTo(place) === undefined && this.#isLost(place);
    const absent = from ?? (isLost ? place : undefined);
    if (absent !== undefined && !this.#successions.isOver) await this.#absences.until(absent);
    return this.#wills.movedTo(place)?.host ?? null;
  }

  /** Whether its host cannot be reached, and it is to be made again. */
  #isLost(place: ActorPlace): boolean {
    return !this.#options.isReachable(place.host) && this.#wills.at(place) !== undefined;
  }

  /** The host stops: its own actors are for others. */
  stop(): void {
    this.#successions.stop();
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

  takes(names: readonly string[], host: HostId): string[] {
    if (this.#successions.isOver || !this.#absences.isOn) return [];
    return names.filter((name) => {
      const will = this.#wills.get(name);
      return will?.holder === host && this.#successions.takes(will.type);
    });
  }

  handOver(names: readonly string[], host: HostId): void {
    for (const name of names) {
      const will = this.#wills.get(name);
      const isLeaving = will?.holder === host && !this.#isOwn(name) && this.#absences.isOn;
      if (isLeaving) this.#leavings.begin(will);
    }
    this.leave(names, host);
  }

  handedOver(moves: readonly Move[], host: HostId): void {
    for (const { name, to } of moves) {
      const will = this.#wills.get(name);
      if (will === undefined) continue;
      const place = { host, uid: will.uid };
      this.#leavings.over(place);
      // Its new host may not have said so here yet.
      if (will.holder === host) this.#set({ ...will, holder: to });
      else this.#absences.ended(place);
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
    await this.#peers.tellAll("keep", [this.#toSend(will)]);
  }

  /** An actor is there: what has waited for it where it was goes where it is, once that host has let go. */
  #set(will: KeptWill): void {
    this.#left.delete(will.name);
    const before = this.#wills.set(will);
    if (before === null || this.#leavings.from(before) !== undefined) return;
    this.#absences.ended(before);
  }

  /** Whether this host has the actor of a name. */
  #isOwn(name: string): boolean {
    const will = this.#wills.get(name);
    return will !== undefined && this.#own.get(will.uid) === name;
  }

  #succeed(name: string): void {
    if (!this.#isOwn(name)) this.#successions.begin(this.#wills.get(name)!);
  }

  #toSend({ args, holder: _, ...will }: KeptWill): Will {
    return { ...will, args: this.#args.read(args) };
  }
}
