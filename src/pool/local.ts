import { type ActorAddress, formatActor, type PoolAddress } from "../core/address.ts";
import { type Clock, SYSTEM_CLOCK } from "../core/clock.ts";
import type { Codec } from "../core/codec.ts";
import type { DeviceUse } from "../core/device.ts";
import { ActorExistsError, ActorStoppedError } from "../core/errors.ts";
import type { CellOptions, CreateFrame, RawFrame } from "../core/protocol.ts";
import type { Activity } from "../actor/activity.ts";
import { type Actor, hasState } from "../actor/actor.ts";
import { type ActorType, formatType, type Resources } from "../actor/actor_type.ts";
import { Cell } from "../actor/cell.ts";
import type { CellHost, CellSystem } from "../actor/cell_host.ts";
import type { DeadLetter } from "../actor/dead_letter.ts";
import { failureOf, startError } from "../actor/failure.ts";
import type { CallOptions, Message } from "../actor/message.ts";
import type { Caller, Timer } from "../actor/ref_method.ts";
import { Registry } from "../actor/registry.ts";
import type { StreamedResult } from "../actor/remote_stream.ts";
import type { StreamScope } from "../actor/stream_scope.ts";
import type { AsyncScopes, Scopes } from "../actor/scopes.ts";
import { Turns } from "../actor/turns.ts";
import type { PoolState } from "../debug/inspection.ts";
import type { RunningCode } from "../debug/report.ts";
import { Buffers } from "./buffers.ts";
import { Calls } from "./calls.ts";
import { Exchange } from "./exchange.ts";
import { hostServiceOf, isReserved, type MessageRefusal } from "./host_service.ts";
import { RemoteMessage } from "./messages.ts";
import { POOL_ACTOR_TYPE, PoolActor, poolServiceOf } from "./pool_service.ts";
import { Receiver } from "./receiver.ts";
import { Redirects } from "./redirects.ts";
import type { Router } from "./router.ts";
import { type LocalDebug, SelfWatch } from "./self_watch.ts";
import { Streams } from "./streams.ts";
import type { PoolStates } from "./pool_states.ts";
import type { Sleeper } from "../state/sleeper.ts";
import { TypeLoader } from "./type_loader.ts";
import { Vacancy } from "./vacancy.ts";

/** What a pool in this isolate is made of. */
export interface LocalPoolOptions {
  readonly address: PoolAddress;
  readonly codec: Codec;
  readonly router: Router;
  readonly resources: Resources;
  /** How its device is used, if it has one of its own. */
  readonly deviceUse?: () => DeviceUse;
  /** {@linkcode PoolStart.firstId} @default 0 */
  readonly firstId?: number;
  /** The verbs of the host, as the actors of this pool see them. */
  readonly system: (pool: LocalPool) => CellSystem;
  /** {@linkcode CallsOptions.callTimeoutMs} */
  readonly callTimeoutMs: number;
  /** What time it is. @default {SYSTEM_CLOCK} */
  readonly clock?: Clock;
  /** {@linkcode CallsOptions.asyncScopes} */
  readonly asyncScopes?: AsyncScopes;
  readonly onDeadLetter: (letter: DeadLetter) => void;
  /** Without it nothing is looked out for. */
  readonly debug?: LocalDebug | null;
}

/** What an actor is made of. */
export type CreateRequest = Pick<
  CreateFrame,
  "uid" | "generation" | "type" | "args" | "options"
>;

/** The runtime's own actors refuse nobody. */
const UNBOUNDED: CellOptions = {
  mailbox: { messages: Infinity, bytes: Infinity, overflow: "reject" },
};

/** The pool of this isolate: its cells, and all that they call and are called by. */
export class LocalPool implements CellHost {
  readonly address: PoolAddress;
  readonly codec: Codec;
  readonly system: CellSystem;
  readonly turns: Turns = new Turns();
  /** Hears of messages of other hosts and clients that no actor can take; set by who tells of them. */
  onRefused: (refusal: MessageRefusal) => void = () => {};
  readonly types: TypeLoader = new TypeLoader();
  /** What is asked of other pools, and the answers. */
  readonly exchange: Exchange;
  /** Where messages go whose actors are not here. */
  readonly redirects: Redirects;
  /** The calls made here. */
  readonly calls: Calls;
  /** The streams produced and read here. */
  readonly streams: Streams;
  /** The places in this pool that others copy bytes to. */
  readonly buffers: Buffers = new Buffers(this);
  /** How its device is used, if it has one of its own. */
  readonly deviceUse: (() => DeviceUse) | undefined;
  readonly #resources: Resources;
  readonly #cells = new Registry();
  readonly #receiver = new Receiver(this, this.#cells);
  readonly #selfWatch: SelfWatch;
  /** Made once an actor has a state that is kept. */
  #states: PoolStates | undefined;

  constructor(options: LocalPoolOptions) {
    this.address = options.address;
    this.codec = options.codec;
    const { address, router, clock = SYSTEM_CLOCK } = options;
    this.exchange = new Exchange({ ...options, clock });
    this.redirects = new Redirects(address, router, this.exchange);
    const { exchange, redirects } = this;
    this.calls = new Calls({ ...options, clock, cells: this.#cells, exchange, redirects });
    this.streams = new Streams({
      ...options,
      deadlines: this.calls.deadlines,
      scopes: this.calls.scopes,
      failure: (thrown, where, method) => this.failure(thrown, where, method),
    });
    this.#resources = options.resources;
    this.deviceUse = options.deviceUse;
    this.#selfWatch = new SelfWatch(this, this.#cells, options.debug ?? null);
    this.system = options.system(this);
  }

  /** How many actors live here. */
  get size(): number {
    return this.#cells.size;
  }

  /** What time it is. */
  get clock(): Clock {
    return this.exchange.clock;
  }

  /** {@linkcode CellHost.scopes} */
  get scopes(): Scopes {
    return this.calls.scopes;
  }

  /** {@linkcode CellHost.activity} */
  get activity(): Activity {
    return this.#selfWatch.activity;
  }

  /** {@linkcode Caller.call} */
  call(
    to: ActorAddress,
    method: string,
    args: unknown[],
    options?: CallOptions,
    isBatch?: boolean,
  ): Promise<unknown> {
    return this.calls.call(to, method, args, options, isBatch);
  }

  /** {@linkcode Caller.tell} */
  tell(to: ActorAddress, method: string, args: unknown[], isBatch?: boolean): void {
    this.calls.tell(to, method, args, isBatch);
  }

  /** {@linkcode Caller.later} */
  later(to: ActorAddress, method: string, args: unknown[], ms: number, again: boolean): Timer {
    return this.calls.later(to, method, args, ms, again);
  }

  /** {@linkcode Caller.balanced} */
  balanced(to: ActorAddress): Caller {
    return this.calls.balanced(to);
  }

  /** {@linkcode Caller.free} */
  free(owner: ActorAddress, id: number): void {
    this.calls.free(owner, id);
  }

  /** Lets those who look for what is wrong ask this pool. */
  async serve(): Promise<void> {
    const { uid } = poolServiceOf(this.address);
    await this.adopt(new PoolActor(this.#selfWatch), POOL_ACTOR_TYPE, uid);
  }

  /** Its actors but for the runtime's own, and what they do. */
  inspect(): PoolState {
    return this.#selfWatch.inspect();
  }

  /** What the thread of this pool runs. */
  running(): RunningCode[] {
    return this.#selfWatch.running();
  }

  /** Takes a frame that is addressed to this pool. */
  receive(raw: RawFrame): void {
    this.#receiver.receive(raw);
  }

  /** Tells the sender of a frame that it failed, if the sender waits. */
  refuse(raw: RawFrame, error: Error): void {
    this.#receiver.refuse(raw, error);
  }

  /** Makes an actor here and runs its `postCreate`. */
  async create(request: CreateRequest): Promise<void> {
    const { uid, generation, type } = request;
    const address = { ...this.address, uid, generation };
    try {
      await this.#create(request, address);
    } catch (error) {
      throw this.failure(error, `${formatType(type)} ${formatActor(address)}`, "create");
    }
  }

  async #create(request: CreateRequest, address: ActorAddress, sleeper?: Sleeper): Promise<void> {
    const { uid, type: name, options } = request;
    const parked = sleeper ?? this.#cells.parked(uid);
    const isTaken = sleeper === undefined &&
      (this.#cells.get(uid) !== undefined || (parked && parked.actor !== null));
    if (isTaken) throw new ActorExistsError(`${formatActor(address)} exists already`, uid);
    const type = this.types.known(name) ?? await this.types.load(name);
    // Before they are the actor's own.
    const kept = options.idleMs === undefined ? undefined : (await this.#keeping()).keep(request);
    const actor = await this.#instantiate(type, request);
    if (sleeper?.isGone) throw this.redirects.notFound(address);
    const cell = new Cell(actor, type, address, options, this);
    this.#cells.add(cell);
    const isKept = options.idleMs !== undefined || options.snapshot !== undefined ||
      hasState(actor);
    try {
      const prepare = isKept ? (await this.#keeping()).adopt(cell, request, kept) : undefined;
      await cell.start(prepare);
    } catch (cause) {
      this.#cells.remove(cell);
      throw startError(cell.where, "postCreate", cause);
    }
    this.#fill(cell);
  }

  /** An actor has started: what has waited for it is delivered, before all that comes now. */
  #fill(cell: Cell): void {
    const parked = this.#cells.parked(cell.address.uid);
    if (parked === undefined) return;
    this.#cells.removeParked(parked);
    for (const message of parked.takeAll()) cell.deliver(message);
  }

  async #instantiate(type: ActorType, { args, uid }: CreateRequest): Promise<Actor> {
    try {
      return await type.create(args as unknown[], this.#resources);
    } catch (cause) {
      throw startError(`${formatType(type.name)} ${uid}`, "construct", cause);
    }
  }

  /** Loaded by pools that keep a state alone. */
  async #keeping(): Promise<PoolStates> {
    if (this.#states !== undefined) return this.#states;
    const { PoolStates } = await import("./pool_states.ts");
    return this.#states ??= new PoolStates({
      pool: this,
      cells: this.#cells,
      wake: (request, sleeper) => this.#create(request, sleeper.address, sleeper),
    });
  }

  /** Saves the state of an actor of this pool. */
  async saveState(uid: string): Promise<void> {
    await (await this.#keeping()).save(uid);
  }

  /** Lets an actor that exists live here: for the runtime's own. */
  async adopt(actor: Actor, type: ActorType, uid: string): Promise<void> {
    const address = { ...this.address, uid, generation: 1 };
    const cell = new Cell(actor, type, address, UNBOUNDED, this);
    this.#cells.add(cell);
    await cell.start();
  }

  /** Ends an actor of this pool; in order, its state is saved before. */
  async destroy(uid: string, kill: boolean): Promise<void> {
    const changed = kill ? undefined : this.#states?.changed(uid);
    if (changed !== undefined) await changed;
    const cell = this.#cells.get(uid);
    const wasParked = this.#endParked(uid);
    if (cell === undefined && wasParked) return;
    if (cell === undefined) throw this.redirects.notFound({ ...this.address, uid, generation: 0 });
    if (kill) {
      this.#cells.remove(cell);
      cell.kill();
      return;
    }
    try {
      await cell.destroy();
    } catch (thrown) {
      throw this.failure(thrown, cell.where, "preDestroy");
    } finally {
      this.#cells.remove(cell);
    }
  }

  /** Its instance has ended already. Whether an actor that has failed is made again, its host says. */
  #endParked(uid: string): boolean {
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

  /**
   * Ends every actor in order, the runtime's own last: hooks may call them. What a `preDestroy` throws
   * becomes a dead letter.
   */
  async stop(): Promise<void> {
    const cells = [...this.#cells];
    await this.#stopCells(cells.filter((cell) => !isOurs(cell)));
    for (const { address: { uid } } of this.#cells.allParked) {
      this.#endParked(uid);
      this.forsake(uid);
    }
    await this.#stopCells(cells.filter(isOurs));
    this.#selfWatch.stop();
  }

  async #stopCells(cells: readonly Cell[]): Promise<void> {
    await Promise.all(cells.map(async (cell) => {
      try {
        await this.destroy(cell.address.uid, false);
      } catch (error) {
        this.undelivered(cell.address, "preDestroy", error as Error);
      }
    }));
    this.streams.stop();
  }

  /** Something is gone: whatever waits for it fails, and what it waits for is cancelled. */
  lost(isGone: (to: PoolAddress) => boolean, error: Error): void {
    this.calls.lost(isGone, error);
    this.streams.lost(isGone, error);
    for (const { type, actor } of this.#cells) type.lost?.(actor, isGone);
    const isForsaken = (message: Message) =>
      message instanceof RemoteMessage && message.isAwaited && isGone(message.from);
    for (const cell of [...this.#cells]) cell.cancel(isForsaken, this.exchange.copyOf(error));
  }

  /** {@linkcode CellHost.fail} */
  fail(cell: Cell, reason: Error): never {
    if (cell.isStopped) throw cell.ending;
    const { host, uid, generation } = cell.address;
    this.end(cell, reason);
    const args = [uid, generation, this.exchange.copyOf(reason)];
    this.scopes.outside(() => this.tell(hostServiceOf(host), "failed", args));
    throw cell.ending;
  }

  /** Ends a cell at once, as one that has failed. What comes for it waits until its host has decided. */
  end(cell: Cell, reason: Error): void {
    const copy = this.exchange.copyOf(reason) as Error;
    if (cell.state === "running") this.hold(cell.address, copy);
    this.#cells.remove(cell);
    cell.kill(copy);
  }

  /** What comes for an actor from now on waits until it is made again, each message for so long. */
  hold(address: ActorAddress, reason: Error, waitMs: number = Infinity): void {
    const parked = this.#cells.parked(address.uid);
    // One that is parked can be woken.
    if (parked !== undefined && parked.actor !== null) return;
    const vacancy = parked as Vacancy ?? new Vacancy(address, reason, this.clock);
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

  /** An actor of this pool, woken if it is parked. */
  async awake(uid: string): Promise<Cell | undefined> {
    await this.#states?.awake(uid);
    return this.#cells.get(uid);
  }

  /** {@linkcode CellHost.stream} */
  stream(result: StreamedResult, cell: Cell, scope: StreamScope): unknown {
    return this.streams.offerResult(result, cell, scope);
  }

  /** {@linkcode CellHost.callerInside} */
  callerInside(cell: Cell): Caller {
    return {
      call: (_to, method, args, options, isBatch) =>
        this.calls.callInside(cell, method, args, options, isBatch),
      tell: (to, method, args, isBatch) => this.tell(to, method, args, isBatch),
      later: (to, method, args, ms, again) => this.later(to, method, args, ms, again),
      balanced: (to) => this.balanced(to),
      free: (owner, id) => this.free(owner, id),
    };
  }

  /** {@linkcode CellHost.failure} */
  failure(thrown: unknown, where: string, method: string): Error {
    return failureOf(thrown, this.exchange.copyOf(thrown), where, method);
  }

  /** {@linkcode CellHost.undelivered} */
  undelivered(to: ActorAddress, method: string, reason: Error, from?: PoolAddress): void {
    this.exchange.undelivered(to, method, reason, from);
  }
}

/** Whether it runs one of the runtime's own actors. */
function isOurs({ address }: Cell): boolean {
  return isReserved(address.uid);
}
