import type { ActorAddress, HostId } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import { ActorStoppedError } from "../../core/errors.ts";
import { decideRestart, type ResolvedRestart } from "../../actor/restart.ts";
import { madeAgain, type ResolvedSupervision, STOP_TIMEOUT_MS } from "../../actor/supervision.ts";
import { Pauses } from "./pauses.ts";
import { endInTime } from "../settle.ts";

/** What a family needs of its host. */
export interface FamilyOptions {
  /** `null` if each child is made again by its own restart alone. */
  readonly supervision: ResolvedSupervision | null;
  readonly clock: Clock;
  /** Ends a child; its error is nobody's. */
  end(child: ChildAddress, kill: boolean): Promise<void>;
  /** Ends a child that lives, in time, after which it asks for its turn to be made again. */
  restart(child: ChildAddress, stopTimeoutMs: number): Promise<void>;
  /** The children have died too often: their parent fails. */
  fail(reason: Error): void;
}

/** Which child, and where it is. */
export interface ChildAddress {
  readonly child: number;
  readonly address: ActorAddress;
}

/** One child, from before it is made. */
interface Child {
  readonly number: number;
  readonly restart: ResolvedRestart;
  /** Where it is, once it has been made. */
  address: ActorAddress | null;
  /** It has died, and wants to be made again. */
  ask: Ask | null;
  isMade: boolean;
  /** Resolves when something of it has changed. */
  changed: PromiseWithResolvers<void>;
}

interface Ask {
  readonly reason: Error;
  readonly granted: PromiseWithResolvers<void>;
}

/** The children of one actor, for as long as that lives: none outlives it. */
export class Family {
  readonly #options: FamilyOptions;
  /** In the order in which they were made. */
  readonly #children = new Map<number, Child>();
  readonly #pauses: Pauses;
  #last = 0;
  #history: readonly number[] = [];
  #isRestoring = false;
  #ended: Promise<void> | undefined;
  #isOver = false;

  constructor(options: FamilyOptions) {
    this.#options = options;
    this.#pauses = new Pauses(options.clock);
  }

  /** Whether the parent has ended, and its children end. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether a child asks before it is made again. */
  get isAsked(): boolean {
    return this.#options.supervision !== null;
  }

  /** How many are being made for the first time: where is not known yet. */
  get making(): number {
    return this.#children.size - this.children.length;
  }

  /** Those that have been made. */
  get children(): readonly ChildAddress[] {
    return [...this.#children.values()].filter(isThere).map(addressOf);
  }

  /** The host of a child that has been made. */
  hostOf(number: number): HostId | undefined {
    return this.#children.get(number)?.address?.host;
  }

  /** A child is about to be made. @returns Its number. */
  begin(restart: ResolvedRestart): number {
    const number = ++this.#last;
    const changed = Promise.withResolvers<void>();
    const child = { number, restart, address: null, ask: null, isMade: false, changed };
    this.#children.set(number, child);
    return number;
  }

  /** It has been made for the first time. */
  add(number: number, address: ActorAddress): void {
    const child = this.#children.get(number);
    if (child !== undefined) child.address = address;
  }

  /** A child has ended, or was not made. @returns What it was. */
  remove(number: number): Pick<Child, "address" | "restart"> | undefined {
    const child = this.#children.get(number);
    this.#children.delete(number);
    child?.ask?.granted.reject(stopped());
    child?.changed.resolve();
    return child;
  }

  /** A child has died: resolves when it may be made again, rejects if it may not. */
  turn(number: number, reason: Error): Promise<void> {
    const child = this.#children.get(number);
    if (child === undefined || this.#isOver) return Promise.reject(stopped());
    if (!this.isAsked) return Promise.resolve();
    const granted = Promise.withResolvers<void>();
    child.ask = { reason, granted };
    change(child);
    void this.#restore();
    return granted.promise;
  }

  /** It has been made again. */
  made(number: number): void {
    const child = this.#children.get(number);
    if (child === undefined) return;
    child.isMade = true;
    change(child);
  }

  /** The parent has ended: its children do, the last made first, each in time. */
  end(kill: boolean): Promise<void> {
    if (kill) return this.#endAll(true);
    return this.#ended ??= this.#endAll(false);
  }

  async #endAll(kill: boolean): Promise<void> {
    this.#isOver = true;
    this.#pauses.end();
    for (const child of this.#children.values()) {
      child.ask?.granted.reject(stopped());
      child.ask = null;
      change(child);
    }
    for (const child of [...this.#children.values()].reverse()) {
      if (isThere(child)) await this.#end(addressOf(child), kill);
    }
  }

  async #end(child: ChildAddress, kill: boolean): Promise<void> {
    const { supervision, clock, end } = this.#options;
    if (kill) return await end(child, true);
    const ms = supervision?.stopTimeoutMs ?? STOP_TIMEOUT_MS;
    await endInTime((kill) => end(child, kill), ms, clock);
  }

  /** Makes the dead again, and those that go with them, until nobody is dead. */
  async #restore(): Promise<void> {
    if (this.#isRestoring) return;
    this.#isRestoring = true;
    // Those that have died together are made again together.
    await Promise.resolve();
    for (let dead; (dead = this.#dead()).size > 0 && !this.#isOver;) await this.#makeAgain(dead);
    this.#isRestoring = false;
  }

  #dead(): Set<Child> {
    return new Set([...this.#children.values()].filter(({ ask }) => ask !== null));
  }

  async #makeAgain(dead: ReadonlySet<Child>): Promise<void> {
    const { clock, fail, restart } = this.#options;
    const supervision = this.#options.supervision!;
    const { strategy, stopTimeoutMs } = supervision;
    const decision = decideRestart(this.#history, supervision, clock.now(), Math.random());
    if (!decision.restart) {
      const [{ ask }] = [...dead] as [Child];
      this.#isOver = true;
      return fail(ask!.reason);
    }
    this.#history = decision.history;
    const group = madeAgain(strategy, [...this.#children.values()].filter(isThere), dead);
    for (const child of group.toReversed()) {
      if (!dead.has(child)) await restart(addressOf(child), stopTimeoutMs);
    }
    await this.#pauses.wait(decision.delayMs);
    for (const child of group) {
      await this.#until(child, () => child.ask !== null);
      const { ask } = child;
      child.ask = null;
      child.isMade = false;
      ask?.granted.resolve();
      // Of a group, each is there before the next is made.
      if (strategy !== "oneForOne") {
        await this.#until(child, () => child.isMade || child.ask !== null);
      }
    }
  }

  async #until(child: Child, isSo: () => boolean): Promise<void> {
    while (!isSo() && !this.#isOver && this.#children.has(child.number)) {
      await child.changed.promise;
    }
  }
}

function isThere(child: Child): child is Child & { address: ActorAddress } {
  return child.address !== null;
}

function addressOf({ number, address }: Child): ChildAddress {
  return { child: number, address: address! };
}

function change(child: Child): void {
  const { changed } = child;
  child.changed = Promise.withResolvers();
  changed.resolve();
}

function stopped(): ActorStoppedError {
  return new ActorStoppedError("Its parent has ended");
}
