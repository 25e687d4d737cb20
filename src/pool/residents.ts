import { type ActorAddress, formatActor } from "../core/address.ts";
import { ActorExistsError, ActorStoppedError } from "../core/errors.ts";
import type { CellOptions, CreateFrame } from "../core/protocol.ts";
import { Actor, hasState } from "../actor/actor.ts";
import { type ActorType, formatType, type Resources } from "../actor/actor_type.ts";
import { isThenable } from "../actor/batch.ts";
import { Cell } from "../actor/cell.ts";
import { startError } from "../actor/failure.ts";
import type { MessageTerms } from "../actor/message.ts";
import type { Registry } from "../actor/registry.ts";
import type { KeptArgs } from "../state/kept_args.ts";
import type { Sleeper } from "../state/sleeper.ts";
import { isReserved } from "./host_service.ts";
import type { LocalPool } from "./local.ts";
import type { PoolStates } from "./pool_states.ts";
import { Vacancy } from "./vacancy.ts";

/** What an actor is made of. */
export type CreateRequest = Pick<
  CreateFrame,
  "uid" | "generation" | "type" | "args" | "options"
>;

/** The runtime's own actors refuse nobody. */
const UNBOUNDED: CellOptions = {
  mailbox: { messages: Infinity, bytes: Infinity, overflow: "reject" },
};

/** The actors of a pool: made, kept or parked, and ended. */
export class Residents {
  readonly #pool: LocalPool;
  readonly #cells: Registry;
  readonly #resources: Resources;
  /** Made once an actor has a state that is kept. */
  #states: PoolStates | undefined;

  constructor(pool: LocalPool, cells: Registry, resources: Resources) {
    this.#pool = pool;
    this.#cells = cells;
    this.#resources = resources;
  }

  /**
   * Makes an actor here and runs its `postCreate`. Nothing is awaited that is there at once.
   *
   * @param sleeper What stands for the actor, if it is woken.
   */
  async create(request: CreateRequest, sleeper?: Sleeper): Promise<void> {
    const { type: name, options } = request;
    const address = this.#addressOf(request);
    try {
      if (sleeper === undefined) this.#checkFree(address);
      const { types, scopes } = this.#pool;
      const type = types.known(name) ?? await types.load(name);
      if (!scopes.isReady && !type.isPlain) await scopes.prepare();
      if (options.parked !== undefined) return (await this.#keeping()).rest(request, type);
      // Before they are the actor's own.
      const kept = options.idleMs === undefined ? undefined : (await this.#keeping()).keep(request);
      let actor: Actor;
      try {
        const made = type.create(request.args as unknown[], this.#resources);
        actor = made instanceof Actor ? made : await made;
        checkInstance(actor);
      } catch (cause) {
        throw startError(`${formatType(type.name)} ${request.uid}`, "construct", cause);
      }
      if (sleeper?.isGone) throw this.#pool.redirects.notFound(address);
      const cell = new Cell(actor, type, address, options, this.#pool);
      this.#cells.add(cell);
      const isKept = hasState(actor) || options.idleMs !== undefined ||
        options.snapshot !== undefined;
      const started = isKept
        ? this.#startKept(cell, request, kept)
        : cell.start(undefined, this.#termsOf(options));
      if (started !== undefined) await this.#started(cell, started);
      this.#fill(cell);
    } catch (error) {
      throw this.#pool.failure(error, `${formatType(name)} ${formatActor(address)}`, "create");
    }
  }

  #checkFree(address: ActorAddress): void {
    const { uid } = address;
    const isFree = this.#cells.get(uid) === undefined && !this.#cells.parked(uid)?.actor;
    if (!isFree) throw new ActorExistsError(`${formatActor(address)} exists already`, uid);
  }

  async #startKept(cell: Cell, request: CreateRequest, kept: KeptArgs | undefined): Promise<void> {
    const states = await this.#keeping();
    const { chain: _, ...options } = request.options;
    const prepare = states.adopt(cell, { ...request, options }, kept);
    await cell.start(prepare, this.#termsOf(request.options));
  }

  /** Of the calls that wait for an actor to start. */
  #termsOf({ chain }: CellOptions): MessageTerms | undefined {
    if (chain === undefined) return undefined;
    return { priority: 0, expiresAt: Infinity, clock: this.#pool.clock, chain };
  }

  async #started(cell: Cell, started: Promise<void>): Promise<void> {
    try {
      await started;
    } catch (cause) {
      this.#cells.remove(cell);
      throw startError(cell.where, "postCreate", cause);
    }
  }

  /** An actor has started: what has waited for it is delivered, before all that comes now. */
  #fill(cell: Cell): void {
    const parked = this.#cells.parked(cell.address.uid);
    if (parked === undefined) return;
    this.#cells.removeParked(parked);
    for (const message of parked.takeAll()) cell.deliver(message);
  }

  /** Loaded by pools that keep a state alone. */
  async #keeping(): Promise<PoolStates> {
    if (this.#states !== undefined) return this.#states;
    const { PoolStates } = await import("./pool_states.ts");
    return this.#states ??= new PoolStates({
      pool: this.#pool,
      cells: this.#cells,
      wake: (request, sleeper) => this.create(request, sleeper),
    });
  }

  /** Saves the state of an actor. */
  async save(uid: string): Promise<void> {
    await (await this.#keeping()).save(uid);
  }

  /** An actor, woken if it is parked. */
  async awake(uid: string): Promise<Cell | undefined> {
    await this.#states?.awake(uid);
    return this.#cells.get(uid);
  }

  /** Ends an actor; in order, its state is saved before. */
  async destroy(uid: string, kill: boolean): Promise<void> {
    const changed = kill ? undefined : this.#states?.changed(uid);
    if (changed !== undefined) await changed;
    const cell = this.#cells.get(uid);
    const wasParked = this.endParked(uid);
    if (cell === undefined && wasParked) return;
    if (cell === undefined) {
      throw this.#pool.redirects.notFound(this.#addressOf({ uid, generation: 0 }));
    }
    if (kill) {
      this.#cells.remove(cell);
      cell.kill();
      return;
    }
    try {
      const ended = cell.destroy();
      if (ended !== undefined) await ended;
    } catch (thrown) {
      throw this.#pool.failure(thrown, cell.where, "preDestroy");
    } finally {
      this.#cells.remove(cell);
    }
  }

  /**
   * Ends an actor in order that is made again elsewhere: what has not begun, and what comes, waits until
   * {@linkcode passOn}.
   */
  async handOver(uid: string): Promise<void> {
    await this.#states?.changed(uid);
    const taker = this.#cells.reach(uid);
    if (taker !== undefined) {
      const waiting = taker.takeAll();
      this.endParked(uid);
      this.hold(taker.address, new ActorStoppedError(`${uid} is made again on another host`));
      for (const message of waiting) this.#cells.reach(uid)!.deliver(message);
    }
    await this.destroy(uid, false);
  }

  /** What waits for an actor that was here goes to where it is now. */
  passOn(uid: string): void {
    const parked = this.#cells.parked(uid);
    if (parked === undefined || parked.actor !== null) return;
    this.#cells.removeParked(parked);
    for (const message of parked.takeAll()) this.#pool.redirects.passOn(message, uid);
  }

  /** Its instance has ended already. Whether an actor that has failed is made again, its host says. */
  endParked(uid: string): boolean {
    const parked = this.#cells.parked(uid);
    if (parked === undefined) return false;
    if (parked.actor === null) return true;
    parked.end();
    this.#cells.removeParked(parked);
    const { where } = parked;
    for (const message of parked.takeAll()) {
      message.fail(new ActorStoppedError(`${where} is stopped`));
    }
    return true;
  }

  /** Ends a cell at once, as one that has failed. What comes for it waits until its host has decided. */
  fail(cell: Cell, reason: Error): void {
    const copy = this.#pool.exchange.copyOf(reason) as Error;
    // One that is just being woken is parked no more.
    const wasWoken = this.endParked(cell.address.uid);
    if (cell.state === "running" || wasWoken) this.hold(cell.address, copy);
    this.#cells.remove(cell);
    cell.kill(copy);
  }

  /** What comes for an actor from now on waits until it is made again, each message for so long. */
  hold(address: ActorAddress, reason: Error, waitMs: number = Infinity): void {
    const parked = this.#cells.parked(address.uid);
    // One that is parked can be woken.
    if (parked !== undefined && parked.actor !== null) return;
    const vacancy = parked as Vacancy ?? new Vacancy(address, reason, this.#pool.clock);
    this.#cells.park(vacancy);
    if (waitMs !== Infinity || parked === undefined) vacancy.limit(waitMs, reason);
  }

  /** An actor is not made again: nothing waits for it any more. */
  forsake(uid: string): void {
    const parked = this.#cells.parked(uid);
    if (parked === undefined || parked.actor !== null) return;
    this.#cells.removeParked(parked);
    parked.end();
  }

  /**
   * Ends every actor in order, the runtime's own last: hooks may call them. What a `preDestroy` throws
   * becomes a dead letter.
   */
  async stop(): Promise<void> {
    const cells = [...this.#cells];
    await this.#stop(cells.filter((cell) => !isOurs(cell)));
    for (const { address: { uid } } of this.#cells.allParked) {
      this.endParked(uid);
      this.forsake(uid);
    }
    await this.#stop(cells.filter(isOurs));
  }

  async #stop(cells: readonly Cell[]): Promise<void> {
    await Promise.all(cells.map(async ({ address }) => {
      try {
        await this.destroy(address.uid, false);
      } catch (error) {
        this.#pool.undelivered(address, "preDestroy", error as Error);
      }
    }));
    this.#pool.streams.stop();
  }

  /** Lets an actor that exists live here: for the runtime's own. */
  async adopt(actor: Actor, type: ActorType, uid: string): Promise<void> {
    const address = this.#addressOf({ uid, generation: 1 });
    const cell = new Cell(actor, type, address, UNBOUNDED, this.#pool);
    this.#cells.add(cell);
    await cell.start();
  }

  #addressOf({ uid, generation }: Pick<ActorAddress, "uid" | "generation">): ActorAddress {
    const { host, pool } = this.#pool.address;
    return { host, pool, uid, generation };
  }
}

/** A constructor can return what it likes, and an actor with a `then` would be waited for as if it were a promise. */
function checkInstance(made: unknown): void {
  if (!(made instanceof Actor)) throw new TypeError("its constructor has returned no actor");
  if (isThenable(made)) {
    throw new TypeError(
      "it has a method then, and would be taken for a promise: call it otherwise",
    );
  }
}

/** Whether it runs one of the runtime's own actors. */
function isOurs({ address }: Cell): boolean {
  return isReserved(address.uid);
}
