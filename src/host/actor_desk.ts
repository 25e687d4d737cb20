import {
  type ActorAddress,
  type HostId,
  MAIN_POOL,
  type PoolAddress,
  type PoolId,
} from "../core/address.ts";
import { ActorNotFoundError, ActorStoppedError, PoolLostError } from "../core/errors.ts";
import { resolveMailbox } from "../core/mailbox_options.ts";
import { LIMITS, type PoolDescription, type TypeName } from "../core/protocol.ts";
import {
  type HostService,
  hostServiceOf,
  RESERVED_PREFIX,
  type ServiceCreateOptions,
} from "../pool/host_service.ts";
import type { LocalPool } from "../pool/local.ts";
import type { Placement } from "../schedule/policy.ts";
import type { PlacementDecision, Scheduler } from "../schedule/scheduler.ts";
import type { RegisteredTypes } from "./registered_types.ts";
import type { HostRouter } from "./router.ts";
import { type UidEntry, UidTable } from "./uid_table.ts";

/** What the desk needs. */
export interface ActorDeskOptions {
  readonly main: LocalPool;
  readonly router: HostRouter;
  readonly scheduler: Scheduler;
  readonly types: RegisteredTypes;
  /** The pools of this host, with their load. */
  ownPools(): PoolDescription[];
  /** The number of actors in a pool has changed. */
  onLoad(): void;
}

/** An order for one actor. */
export interface CreateOrder {
  readonly type: TypeName;
  readonly home: "cpu" | "gpu";
  readonly args: unknown[];
  readonly options: ServiceCreateOptions;
  /** Whether a pool of this host asks: others may only have what is registered. */
  readonly isOurs: boolean;
}

/** Milliseconds in which a pool must carry out a kill; one that does not is held by a loop. */
const KILL_TIMEOUT_MS = 500;

/** Creates, finds and ends the actors of a host, and keeps the one record of which exist. */
export class ActorDesk {
  readonly uids: UidTable = new UidTable();
  readonly #options: ActorDeskOptions;
  #closed = false;

  constructor(options: ActorDeskOptions) {
    this.#options = options;
    options.main.calls.locate = (uid) => this.#locate(uid);
  }

  /** The verbs for the host's own pool. */
  readonly service: HostService = {
    create: (type, home, args, options) => this.create({ type, home, args, options, isOurs: true }),
    resolve: (uid) => this.resolve(uid),
    has: (uid) => this.has(uid),
    destroy: (uid, kill) => this.destroy(uid, kill),
    pools: () => this.candidates(),
    deadLetter: ({ to, method, reason, from }) => {
      this.#options.main.undelivered(to, method, reason, from);
    },
  };

  /** Refuses new actors from now on. */
  close(): void {
    this.#closed = true;
  }

  /** The pools that an actor may be placed in: this host's, then those of linked hosts. */
  candidates(): PoolDescription[] {
    const own = this.#options.ownPools();
    for (const peer of this.#options.router.peers.values()) own.push(...peer.pools);
    return own;
  }

  /** Which pool would be chosen, and why. */
  explain(type: TypeName, home: "cpu" | "gpu", place: unknown): PlacementDecision {
    const request = { type: type.name, home, place: place as Placement | undefined };
    return this.#options.scheduler.decide(request, this.candidates());
  }

  async create(order: CreateOrder): Promise<ActorAddress> {
    if (this.#closed) throw new ActorStoppedError("The host stops: it makes no actors any more");
    const { home, args, options, isOurs } = order;
    const type = isOurs ? order.type : this.#options.types.find(order.type);
    const uid = checkUid(options.uid ?? crypto.randomUUID());
    const mailbox = resolveMailbox(options.mailbox);
    const wanted = { type: type.name, home, place: options.place as Placement | undefined };
    const { pool } = this.#options.scheduler.choose(wanted, this.candidates());
    if (pool.host !== this.#self) {
      return await this.#createElsewhere(pool, { ...order, options: { ...options, uid } });
    }
    const entry = this.uids.reserve(uid, pool.pool);
    const { generation } = entry;
    const request = { uid, generation, type, args, options: { mailbox } };
    try {
      if (pool.pool === MAIN_POOL) await this.#options.main.create(request);
      else {await this.#options.main.calls.request({
          kind: "create",
          to: addressOf(pool),
          ...request,
        });}
      if (entry.state !== "starting") await this.#endUnwanted(entry);
    } catch (error) {
      this.uids.release(entry);
      this.#options.onLoad();
      throw error;
    }
    entry.state = "live";
    this.#options.onLoad();
    return { ...addressOf(pool), uid, generation };
  }

  resolve(uid: string): ActorAddress {
    const { pool, generation } = this.uids.live(uid);
    return { host: this.#self, pool, uid, generation };
  }

  has(uid: string): boolean {
    return this.uids.get(uid)?.state === "live";
  }

  async destroy(uid: string, kill: boolean): Promise<void> {
    const entry = this.uids.get(uid);
    // An actor that starts can be killed, as its start may hang; its creator then frees the uid.
    const isStarting = entry?.state === "starting";
    if (entry === undefined || (isStarting && !kill)) return void this.uids.live(uid);
    entry.state = "stopping";
    try {
      await this.#end(entry, kill);
    } finally {
      if (!isStarting) this.uids.release(entry);
      this.#options.onLoad();
    }
  }

  get #self(): HostId {
    return this.#options.main.address.host;
  }

  #locate(uid: string): PoolAddress | undefined {
    const entry = this.uids.get(uid);
    if (entry === undefined || entry.state === "starting") return undefined;
    if (entry.pool === MAIN_POOL) return undefined;
    return { host: this.#self, pool: entry.pool };
  }

  async #createElsewhere(pool: PoolDescription, order: CreateOrder): Promise<ActorAddress> {
    const place: Placement = { policy: "onPool", pool: pool.pool, host: pool.host };
    const args = [order.type, order.home, order.args, { ...order.options, place }];
    const service = hostServiceOf(pool.host);
    // Its host reports its load now and then; until it does, what goes there counts here.
    this.#addLoad(pool, 1);
    try {
      return await this.#options.main.call(service, "create", args) as ActorAddress;
    } catch (error) {
      this.#addLoad(pool, -1);
      throw error;
    }
  }

  /** Ends an actor in its pool; one that is not there has been ended by another. */
  async #end({ pool, uid }: UidEntry, kill: boolean): Promise<void> {
    try {
      if (pool === MAIN_POOL) await this.#options.main.destroy(uid, kill);
      else await this.#destroyIn(pool, uid, kill);
    } catch (error) {
      if (!(error instanceof ActorNotFoundError)) throw error;
    }
  }

  /** An actor that was killed before it was in its pool has started all the same. */
  async #endUnwanted(entry: UidEntry): Promise<never> {
    await this.#end(entry, true);
    throw new ActorStoppedError(`${entry.uid} was killed while it started`);
  }

  #addLoad({ host, pool }: PoolAddress, actors: number): void {
    const peer = this.#options.router.peers.get(host);
    if (peer === undefined) return;
    peer.pools = peer.pools.map((one) =>
      one.pool === pool ? { ...one, actors: Math.max(0, one.actors + actors) } : one
    );
  }

  async #destroyIn(pool: PoolId, uid: string, kill: boolean): Promise<void> {
    const { main, router } = this.#options;
    const to = { host: this.#self, pool };
    const done = main.calls.request({ kind: "destroy", to, uid, kill });
    if (!kill) return await done;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), KILL_TIMEOUT_MS);
    });
    const outcome = await Promise.race([done, late]).finally(() => clearTimeout(timer));
    if (outcome !== "late") return;
    done.catch(() => {});
    const held = router.pools.get(pool);
    held?.terminate(
      new PoolLostError(
        `${held.description.name} was given up: ${uid} was killed and a synchronous loop holds its thread`,
        "killed",
      ),
    );
  }
}

function addressOf({ host, pool }: PoolDescription): PoolAddress {
  return { host, pool };
}

function checkUid(uid: string): string {
  if (typeof uid !== "string" || uid === "" || uid.length > LIMITS.nameLength) {
    throw new TypeError(
      `uid is a string of 1 to ${LIMITS.nameLength} characters, got ${JSON.stringify(uid)}`,
    );
  }
  if (uid.startsWith(RESERVED_PREFIX)) {
    throw new TypeError(`uids that begin with ${RESERVED_PREFIX} belong to the runtime: ${uid}`);
  }
  return uid;
}
