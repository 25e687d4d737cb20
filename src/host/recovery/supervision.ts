import { type ActorAddress, formatActor, type HostId } from "../../core/address.ts";
import { ActorStoppedError } from "../../core/errors.ts";
import { type ExitKind, HostLostError, PoolLostError } from "../../core/host_errors.ts";
import { UNLIMITED } from "../../actor/message.ts";
import { outlives, type ResolvedRestart } from "../../actor/restart.ts";
import { STOP_TIMEOUT_MS } from "../../actor/supervision.ts";
import { type FamilyService, isSameChild, type ParentLink } from "../../pool/family_service.ts";
import { hostServiceOf } from "../../pool/host_service.ts";
import { poolServiceOf } from "../../pool/pool_service.ts";
import { Failures, type FailuresOptions } from "./failures.ts";
import { Family } from "./family.ts";
import { endInTime } from "../settle.ts";
import { addressOf, isReplicated, type UidEntry } from "../actors/uid_table.ts";

/** What supervision needs of its host. */
export interface SupervisionHost extends Omit<FailuresOptions, "endChildren"> {
  /** The hosts that may be making actors for this one. */
  others(): readonly HostId[];
  /** Ends an actor of this host. */
  destroy(uid: string, kill: boolean): Promise<void>;
}

/** Knows whose child is whose, ends children with their parents, and tells parents of their children's ends. */
export class Supervision implements Omit<FamilyService, "failed" | "endMaking"> {
  /** What becomes of actors that fail. */
  readonly failures: Failures;
  readonly #host: SupervisionHost;
  /** Of those actors of this host that live and have had children. */
  readonly #families = new Map<
    UidEntry,
    { readonly generation: number; readonly family: Family }
  >();
  /** Of those whose children end. */
  readonly #endings = new Map<UidEntry, Promise<void>>();

  constructor(host: SupervisionHost) {
    this.#host = host;
    this.failures = new Failures({ ...host, endChildren: (entry) => this.endChildren(entry) });
  }

  /**
   * Makes an actor as a child of one of this host.
   *
   * @param make Makes it, wherever that is.
   * @throws {ActorStoppedError} if the parent has ended; the child then has too.
   */
  async adopt(
    parent: ActorAddress,
    restart: ResolvedRestart,
    make: (link: ParentLink) => Promise<ActorAddress>,
  ): Promise<ActorAddress> {
    const family = this.#familyFor(parent);
    const child = family.begin(restart);
    const { host, uid, generation } = parent;
    const link = { host, uid, generation, child, asks: family.isAsked };
    let address: ActorAddress;
    try {
      address = await make(link);
    } catch (error) {
      family.remove(child);
      throw error;
    }
    if (family.isOver) {
      await this.#end(link, address, true);
      throw new ActorStoppedError(`${formatActor(parent)} has ended, and with it ${address.uid}`);
    }
    family.add(child, address);
    return address;
  }

  /**
   * Ends the children of an actor of this host that ends or has ended.
   *
   * @returns What resolves when they have; `undefined` if there are none.
   */
  endChildren(entry: UidEntry, kill: boolean = false): Promise<void> | undefined {
    const found = this.#families.get(entry);
    if (found === undefined) return this.#endings.get(entry);
    this.#families.delete(entry);
    const before = this.#endings.get(entry);
    const { generation, family } = found;
    const unmade = family.making > 0
      ? this.#endAllMaking(entry.uid, generation, family.making)
      : undefined;
    const ended: Promise<void> = Promise.all([before, unmade, family.end(kill)]).then(() => {
      if (this.#endings.get(entry) === ended) this.#endings.delete(entry);
    });
    this.#endings.set(entry, ended);
    return ended;
  }

  /** Ends all children: the host stops. */
  async stop(): Promise<void> {
    await Promise.all([...this.#families.keys()].map((entry) => this.endChildren(entry)));
  }

  /** An actor of this host has ended for good: its parent hears of it. */
  ended(entry: UidEntry, reason: () => Error): void {
    void this.endChildren(entry);
    this.failures.ended(entry);
    const { parent } = entry;
    // A parent of this host that has ended itself hears of nothing; and errors are dear.
    const isHeard = parent !== null && (parent.host !== this.#self || this.#find(parent));
    if (isHeard) this.#tell("childEnded", parent, reason());
  }

  /** An actor of this host is to be made again: resolves when it may be. */
  async turn({ parent }: UidEntry, reason: Error): Promise<void> {
    if (parent === null) return;
    if (parent.host === this.#self) return await this.childTurn(parent, reason);
    if (!parent.asks) return;
    const service = hostServiceOf(parent.host);
    await this.#host.main.call(service, "childTurn", [parent, reason], UNLIMITED);
  }

  /** It has been made. */
  made(entry: UidEntry): void {
    const { parent } = entry;
    if (parent?.asks) this.#tell("childMade", parent);
    this.failures.made(entry);
  }

  /** Another host is gone: children there have ended, and those of its actors end. */
  hostLost(host: HostId, reason: Error): void {
    for (const [{ uid }, { generation, family }] of [...this.#families]) {
      for (const { child, address } of family.children) {
        if (address.host !== host) continue;
        this.childEnded({ host: this.#self, uid, generation, child, asks: false }, reason);
      }
    }
    const orphans = this.#host.uids.childrenOf(host).reverse();
    const siblings = Map.groupBy(orphans, ({ parent }) => parent!.uid).values();
    for (const group of siblings) void this.#endOrphans(group);
  }

  /** Whether a child of an actor of this host is on that host. */
  isOn(host: HostId, parent: ParentLink): boolean {
    return this.#find(parent)?.family.hostOf(parent.child) === host;
  }

  /** {@linkcode FamilyService.childTurn} */
  async childTurn(parent: ParentLink, reason: Error): Promise<void> {
    const family = this.#find(parent)?.family;
    if (family === undefined) throw new ActorStoppedError(`The parent, ${parent.uid}, has ended`);
    await family.turn(parent.child, reason);
  }

  /** {@linkcode FamilyService.childMade} */
  childMade(parent: ParentLink): void {
    this.#find(parent)?.family.made(parent.child);
  }

  /** {@linkcode FamilyService.childEnded} */
  childEnded(parent: ParentLink, reason: Error): void {
    const found = this.#find(parent);
    const child = found?.family.remove(parent.child);
    if (found === undefined || child === undefined || child.address === null) return;
    // Somebody has destroyed or killed it.
    if (reason instanceof ActorStoppedError) return;
    const exit = exitOf(reason);
    const gaveUp = exit !== "stopped" && outlives(child.restart, exit);
    void this.#tellParent(found.entry, parent, [child.address, reason, gaveUp]);
  }

  /** {@linkcode FamilyService.restartChild} */
  async restartChild(uid: string, parent: ParentLink, stopTimeoutMs: number): Promise<void> {
    const { main, actors, again, destroy } = this.#host;
    const entry = this.#child(uid, parent);
    if (entry?.state !== "live") return;
    if (entry.kept === null || isReplicated(entry)) return await destroy(uid, false);
    entry.state = "recovering";
    const reason = new ActorStoppedError(`${uid} is made again with another child of its parent`);
    actors.hold(entry, reason);
    const end = async (kill: boolean) => {
      await this.endChildren(entry, kill);
      await this.#noted(entry, actors.endAll(entry, kill));
    };
    await endInTime(end, stopTimeoutMs, main.clock);
    again(entry, reason, "group");
  }

  /** {@linkcode FamilyService.endChild} */
  async endChild(uid: string, parent: ParentLink, kill: boolean): Promise<void> {
    const entry = this.#child(uid, parent);
    if (entry === undefined) return;
    await this.#noted(entry, this.#host.destroy(uid, kill || entry.state === "starting"));
  }

  /** Ends the children of an actor that this host is making: their start may never come to its end. */
  async endMaking({ host, uid, generation }: Parent): Promise<void> {
    await this.#endStarting(this.#starting({ host, uid, generation }));
  }

  get #self(): HostId {
    return this.#host.main.address.host;
  }

  /** Ends the children of an actor of this host that are being made, wherever that is. */
  async #endAllMaking(uid: string, generation: number, count: number): Promise<void> {
    const here = this.#starting({ host: this.#self, uid, generation });
    const others = here.length < count ? this.#host.others() : [];
    await Promise.all([
      this.#endStarting(here),
      ...others.map((host) => this.#ask(host, "endMaking", [uid, generation])),
    ]);
  }

  #starting({ host, uid, generation }: Parent): UidEntry[] {
    return this.#host.uids.childrenOf(host).filter(({ state, parent }) =>
      state === "starting" && parent!.uid === uid && parent!.generation === generation
    );
  }

  async #endStarting(children: readonly UidEntry[]): Promise<void> {
    await Promise.all(children.map((child) => {
      return this.#noted(child, this.#host.destroy(child.uid, true));
    }));
  }

  #familyFor({ uid, generation }: ActorAddress): Family {
    const { uids, main } = this.#host;
    const entry = uids.get(uid);
    if (entry?.generation !== generation || entry.state === "stopping") {
      throw new ActorStoppedError(`${uid} ends, or has ended: it makes no children any more`);
    }
    const known = this.#families.get(entry);
    if (known !== undefined && known.generation === generation) return known.family;
    const link = (child: number) => ({ host: this.#self, uid, generation, child, asks: false });
    const family = new Family({
      supervision: entry.supervision,
      clock: main.clock,
      end: ({ child, address }, kill) => this.#end(link(child), address, kill),
      restart: ({ child, address }, ms) => this.#restart(link(child), address, ms),
      fail: (reason) => void this.failures.fail(entry, reason),
    });
    this.#families.set(entry, { generation, family });
    return family;
  }

  #find({ uid, generation }: ParentLink) {
    const entry = this.#host.uids.get(uid);
    const found = entry && this.#families.get(entry);
    if (entry === undefined || found?.generation !== generation) return undefined;
    return { entry, family: found.family };
  }

  /** A child of this host. */
  #child(uid: string, parent: ParentLink): UidEntry | undefined {
    const entry = this.#host.uids.get(uid);
    return entry?.parent && isSameChild(entry.parent, parent) ? entry : undefined;
  }

  /** Ends a child, wherever it is; a host that is gone has none any more. */
  async #end(link: ParentLink, { host, uid }: ActorAddress, kill: boolean): Promise<void> {
    if (host === this.#self) return await this.endChild(uid, link, kill);
    await this.#ask(host, "endChild", [uid, link, kill]);
  }

  async #restart(link: ParentLink, { host, uid }: ActorAddress, ms: number): Promise<void> {
    if (host === this.#self) return await this.restartChild(uid, link, ms);
    await this.#ask(host, "restartChild", [uid, link, ms]);
  }

  async #ask(host: HostId, method: keyof FamilyService, args: unknown[]): Promise<void> {
    try {
      await this.#host.main.call(hostServiceOf(host), method, args, UNLIMITED);
    } catch {
      // It is gone, or has been told already; whoever needs to know hears of it by `hostLost`.
    }
  }

  #tell(method: "childMade" | "childEnded", parent: ParentLink, reason?: Error): void {
    if (parent.host !== this.#self) return void this.#ask(parent.host, method, [parent, reason]);
    if (method === "childMade") this.childMade(parent);
    else this.childEnded(parent, reason!);
  }

  /** Runs its `childDown`; what that throws is its own failure. */
  async #tellParent(
    entry: UidEntry,
    { uid, generation }: ParentLink,
    down: readonly [ActorAddress, Error, boolean],
  ): Promise<void> {
    const pool = entry.pools[0];
    if (pool === undefined || entry.state === "stopping") return;
    const service = poolServiceOf({ host: this.#self, pool });
    try {
      const args = [uid, generation, ...down];
      const thrown = await this.#host.main.call(service, "tellChildDown", args, UNLIMITED);
      if (thrown instanceof Error && entry.generation === generation) {
        await this.failures.fail(entry, thrown);
      }
    } catch {
      // Its pool is gone, and with it the parent: its children end.
    }
  }

  async #endOrphans(orphans: readonly UidEntry[]): Promise<void> {
    const { clock } = this.#host.main;
    for (const { uid, parent } of orphans) {
      await endInTime((kill) => this.endChild(uid, parent!, kill), STOP_TIMEOUT_MS, clock);
    }
  }

  /** Waits for the end of an actor, of whose error somebody is to hear. */
  async #noted(entry: UidEntry, ended: Promise<void>): Promise<void> {
    try {
      await ended;
    } catch (error) {
      const address = addressOf(this.#self, entry);
      this.#host.main.undelivered(address, "preDestroy", error as Error);
    }
  }
}

/** An instance of an actor that has children. */
type Parent = Pick<ParentLink, "host" | "uid" | "generation">;

/** How a child has ended. */
function exitOf(reason: Error): ExitKind {
  const isLoss = reason instanceof PoolLostError || reason instanceof HostLostError;
  return isLoss ? reason.exit : "error";
}
