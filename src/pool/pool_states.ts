import { ActorStoppedError, SnapshotError } from "../core/errors.ts";
import { MAIN_POOL } from "../core/address.ts";
import type { ParkedState, TypeName } from "../core/protocol.ts";
import { type ActorType, formatType } from "../actor/actor_type.ts";
import type { Cell } from "../actor/cell.ts";
import { NO_COUNTS } from "../actor/cell_stats.ts";
import { startError } from "../actor/failure.ts";
import { UNLIMITED } from "../actor/message.ts";
import type { ParkedActor, Registry } from "../actor/registry.ts";
import type { SavedState, SnapshotInfo } from "../actor/state.ts";
import { Actor, hasState } from "../actor/actor.ts";
import { ArgsKeeper, type KeptArgs } from "../state/kept_args.ts";
import { Keeper } from "../state/keeper.ts";
import { Sleeper } from "../state/sleeper.ts";
import { StateCodec } from "../state/state_value.ts";
import type { LocalPool } from "./local.ts";
import type { CreateRequest } from "./residents.ts";
import { type KeptState, stateServiceOf } from "./state_service.ts";

/** What is needed to make the actors of a pool again where they are. */
export interface PoolStatesOptions {
  readonly pool: LocalPool;
  readonly cells: Registry;
  /** Makes an actor that is parked, and delivers what waits for it. */
  wake(request: CreateRequest, sleeper: Sleeper): Promise<void>;
}

/** The states of the actors of a pool: brings them back, sends them to the host, parks and wakes their actors. */
export class PoolStates {
  readonly #options: PoolStatesOptions;
  readonly #codec: StateCodec;
  readonly #args: ArgsKeeper;
  /** Those that are being parked or woken, until that is over. */
  readonly #changing = new Map<string, Promise<void>>();

  constructor(options: PoolStatesOptions) {
    this.#options = options;
    this.#codec = new StateCodec(options.pool.codec);
    this.#args = new ArgsKeeper(options.pool.codec);
  }

  /** The arguments of an actor that will be parked, before they are its own. */
  keep(request: CreateRequest): KeptArgs {
    return this.#args.keep(request.args);
  }

  /**
   * Keeps the state of an actor from now on.
   *
   * @param args Those it is made again with, if it is ever parked.
   * @returns What is to be done before its `postCreate`.
   */
  adopt(cell: Cell, request: CreateRequest, args: KeptArgs | undefined): () => Promise<void> {
    const { pool } = this.#options;
    const { address, type: { name } } = cell;
    const keeper: Keeper = cell.keeper = new Keeper(cell, request.options, {
      clock: pool.clock,
      encode: (state) => this.#codec.encode(state),
      put: (state) => this.#ask("save", [address.uid, address.generation, state]),
      failed: (error) => pool.undelivered(address, "snapshot", error),
      park: () => this.#park(cell, keeper, { ...request, args: [] }, args!),
    });
    return async () => {
      const { snapshot, idleMs } = request.options;
      if (hasState(cell.actor)) await this.#restore(cell, keeper, name);
      else if (snapshot !== undefined || (idleMs !== undefined && cell.type.stateless !== true)) {
        throw startError(cell.where, "restore", stateless(cell));
      } else this.#tell("woken", [address.uid, address.generation]);
      keeper.open();
    };
  }

  /** An actor that was parked when its pool died is so again, and is made by its next message. */
  rest({ uid, generation, ...request }: CreateRequest, type: ActorType): void {
    const { pool, cells } = this.#options;
    const { parked, ...options } = request.options;
    const { savedAt = null, bytes } = parked!;
    const saved = bytes === undefined ? null : { savedAt, bytes, restoredAgeMs: null, error: null };
    const address = { ...pool.address, uid, generation };
    const args = this.#args.keep(request.args);
    const waiting = cells.parked(uid)?.takeAll() ?? [];
    const again = { ...request, uid, generation, options, args: [] };
    const sleeper = this.#sleeper({ address, type, counters: NO_COUNTS, saved }, again, args);
    cells.park(sleeper);
    for (const message of waiting) sleeper.deliver(message);
  }

  /** Wakes an actor that is parked; resolves when it is awake, or cannot be woken. */
  async awake(uid: string): Promise<void> {
    await this.#changing.get(uid);
    const parked = this.#options.cells.parked(uid);
    if (!(parked instanceof Sleeper)) return;
    parked.wake();
    await this.#changing.get(uid);
  }

  /** Resolves when an actor that is being parked or woken is, or is not. */
  changed(uid: string): Promise<void> | undefined {
    return this.#changing.get(uid);
  }

  /**
   * Saves the state of an actor of this pool; that of one that is parked has been.
   *
   * @throws {TypeError} if its class has none.
   */
  async save(uid: string): Promise<void> {
    const { pool, cells } = this.#options;
    const cell = cells.get(uid);
    if (cell === undefined && cells.parked(uid) !== undefined) return;
    if (cell === undefined) throw pool.redirects.notFound({ ...pool.address, uid, generation: 0 });
    if (cell.keeper === undefined || !hasState(cell.actor)) throw stateless(cell);
    await cell.keeper.save(false);
  }

  async #restore(cell: Cell, keeper: Keeper, type: TypeName): Promise<void> {
    const { uid, generation } = cell.address;
    try {
      const kept = await this.#ask<KeptState | null>("open", [uid, generation, type]);
      if (kept === null || cell.isStopped) return;
      const { savedAt, version } = kept;
      const info = { version, savedAt, ageMs: Math.max(0, Date.now() - savedAt) };
      let state = this.#codec.decode(kept.state);
      if (version !== type.version) {
        if (cell.actor.migrate === Actor.prototype.migrate) throw otherVersion(type, info);
        state = await cell.runHook("migrate", state, info);
      }
      await cell.runHook("restore", state, info);
      keeper.restored(info.ageMs);
    } catch (cause) {
      throw startError(cell.where, "restore", cause);
    }
  }

  #park(cell: Cell, keeper: Keeper, request: CreateRequest, args: KeptArgs): void {
    this.#change(cell.address.uid, this.#parkNow(cell, keeper, request, args));
  }

  #change(uid: string, change: Promise<void>): void {
    const changed = change.finally(() => {
      if (this.#changing.get(uid) === changed) this.#changing.delete(uid);
    });
    this.#changing.set(uid, changed);
  }

  async #parkNow(
    cell: Cell,
    keeper: Keeper,
    request: CreateRequest,
    args: KeptArgs,
  ): Promise<void> {
    const { pool, cells } = this.#options;
    try {
      const waiting = await cell.park(() => keeper.saveHeld());
      if (waiting === null) return cell.isStopped ? undefined : keeper.awake();
      const { address, type, counters } = cell;
      const saved = keeper.inspect();
      const sleeper = this.#sleeper({ address, type, counters, saved }, request, args);
      cells.remove(cell);
      cells.park(sleeper);
      const { uid, generation } = address;
      this.#tell("parked", [uid, generation, saved === null ? {} : parkedStateOf(saved)]);
      for (const message of waiting) sleeper.deliver(message);
    } catch (error) {
      if (cell.isStopped) return;
      // It stays awake, with its state, and is tried again.
      pool.undelivered(cell.address, "snapshot", error as Error);
      keeper.awake();
    }
  }

  #sleeper(actor: ParkedActor, request: CreateRequest, args: KeptArgs): Sleeper {
    const { uid } = actor.address;
    const sleeper: Sleeper = new Sleeper(
      actor,
      () => this.#change(uid, this.#wake(sleeper, request, args)),
    );
    return sleeper;
  }

  /** One that cannot be made stays parked: its messages fail, and the next one tries again. */
  async #wake(sleeper: Sleeper, request: CreateRequest, args: KeptArgs): Promise<void> {
    const { pool, wake } = this.#options;
    try {
      await wake({ ...request, args: this.#args.read(args) }, sleeper);
    } catch (error) {
      const cause = pool.failure(error, formatType(request.type), "wake");
      for (const message of sleeper.takeAll()) {
        const what = `${sleeper.where} could not be woken`;
        message.fail(new ActorStoppedError(what, "error", { cause }));
      }
      sleeper.rest();
    }
  }

  /** What the host needs to know if the pool dies; the main one does not. */
  #tell(method: "parked" | "woken", args: unknown[]): void {
    const { pool } = this.#options;
    if (pool.address.pool === MAIN_POOL) return;
    pool.scopes.outside(() => pool.tell(stateServiceOf(pool.address.host), method, args));
  }

  #ask<T>(method: "open" | "save", args: unknown[]): Promise<T> {
    const { pool } = this.#options;
    return pool.scopes.outside(() =>
      pool.call(stateServiceOf(pool.address.host), method, args, UNLIMITED)
    ) as Promise<T>;
  }
}

function otherVersion({ version, export: name }: TypeName, info: SnapshotInfo): SnapshotError {
  return new SnapshotError(
    `It was saved by version ${JSON.stringify(info.version)} ${
      Math.round(info.ageMs / 1000)
    } s ago, ` +
      `and this is ${
        JSON.stringify(version)
      }: give class ${name} migrate(state, info), or begin anew ` +
      `with host.dropSnapshot`,
    "version",
  );
}

function parkedStateOf({ savedAt, bytes }: SavedState): ParkedState {
  return savedAt === null ? { bytes } : { savedAt, bytes };
}

function stateless({ where }: Cell): TypeError {
  return new TypeError(
    `${where} has no state that can be kept: give its class snapshot() and restore(state)`,
  );
}
