import {
  type ActorAddress,
  MAIN_POOL,
  type PoolAddress,
  type PoolId,
  samePool,
} from "../core/address.ts";
import { lastHop } from "../core/call_chain.ts";
import { LinkedActorDownError } from "../core/errors.ts";
import type { PoolDescription } from "../core/protocol.ts";
import type { Actor } from "./actor.ts";
import { ActorSystem } from "./actor_system.ts";
import type { BufferRef, BufferTarget } from "./buffer_ref.ts";
import type { Cell } from "./cell.ts";
import type { CellHost } from "./cell_host.ts";
import type { ActorContext } from "./context.ts";
import { type DeviceArray, DeviceRef, type DeviceRefData } from "./device_ref.ts";
import { type ActorRef, addressOf, createRef } from "./ref.ts";
import type { Caller } from "./ref_method.ts";
import type { PoolSpec, RemovePoolOptions } from "./pool_spec.ts";
import type { Watch } from "./watch.ts";

/** In a hook there is nobody who could give up. */
const NEVER = new AbortController();

/** The context of the actor in one cell. */
export class CellContext extends ActorSystem<unknown> implements ActorContext {
  readonly #cell: Cell;
  readonly #host: CellHost;
  #ref: ActorRef<Actor> | undefined;

  constructor(cell: Cell, host: CellHost) {
    super(host, cell.address);
    this.#cell = cell;
    this.#host = host;
  }

  get address(): ActorAddress {
    return this.#cell.address;
  }

  get ref(): ActorRef<Actor> {
    return this.#ref ??= createRef(this.address, this.#host.callerInside(this.#cell));
  }

  get sender(): PoolAddress {
    return this.#cell.current?.from ?? this.address;
  }

  get caller(): ActorRef<Actor> | null {
    const chain = this.#cell.current?.terms?.chain ?? null;
    const hop = chain === null ? null : lastHop(chain);
    if (hop === null) return null;
    const { host, pool, uid, generation } = hop;
    return createRef({ host, pool, uid, generation }, this.#caller);
  }

  get signal(): AbortSignal {
    return this.#cell.current?.signal ?? NEVER.signal;
  }

  deviceRef<T extends DeviceArray>(data: Omit<DeviceRefData, "owner">): DeviceRef<T> {
    return new DeviceRef<T>({ ...data, owner: this.address }, this.#caller);
  }

  async save(): Promise<void> {
    const { keeper, where } = this.#cell;
    if (keeper !== undefined) return await keeper.save(true);
    throw new TypeError(`${where} cannot be saved: give its class snapshot() and restore(state)`);
  }

  unlocked<T>(promise: PromiseLike<T>): Promise<T> {
    return this.#cell.unlocked(promise);
  }

  override destroyActor(target: string | ActorRef<Actor>): Promise<void> {
    return this.#unlessSelf(target, super.destroyActor(target));
  }

  override killActor(target: string | ActorRef<Actor>): Promise<void> {
    return this.#unlessSelf(target, super.killActor(target));
  }

  appendPool(spec: PoolSpec): Promise<PoolDescription[]> {
    return this.#host.verbs.appendPool(spec);
  }

  removePool(pool: PoolId | PoolAddress, options?: RemovePoolOptions): Promise<void> {
    const { host, pool: own } = this.address;
    const isOwn = typeof pool === "number" ? pool === own : samePool(pool, { host, pool: own });
    const removed = this.#host.verbs.removePool(pool, options);
    // The main one is refused.
    if (!isOwn || own === MAIN_POOL) return removed;
    // Its end waits for the running message, and takes with it who would be told.
    removed.catch(() => {});
    return Promise.resolve();
  }

  override watch(target: ActorRef<Actor>): Watch {
    return this.#host.scopes.inCell(this.#cell, () => super.watch(target));
  }

  link(target: ActorRef<Actor>): Promise<void> {
    const { verbs } = this.#host;
    const peer = addressOf(target);
    const linked = verbs.link(this.address, peer).catch((error) => {
      const isDown = error instanceof LinkedActorDownError;
      if (isDown && !verbs.isUnlinking(this.address, peer)) this.#host.fail(this.#cell, error);
      if (!isDown) throw error;
    });
    // An actor that has failed so need not wait for it.
    linked.catch(() => {});
    return linked;
  }

  unlink(target: ActorRef<Actor>): Promise<void> {
    const unlinked = this.#host.verbs.unlink(this.address, addressOf(target));
    unlinked.catch(() => {});
    return unlinked;
  }

  fail(reason: unknown): never {
    return this.#host.fail(
      this.#cell,
      reason instanceof Error ? reason : new Error(String(reason)),
    );
  }

  override bufferRef(target: BufferTarget): BufferRef {
    return this.#host.scopes.inCell(this.#cell, () => super.bufferRef(target));
  }

  /** Who calls for the handles that the actor makes: while a hook of it runs, they do not wait for that. */
  get #caller(): Caller {
    const cell = this.#cell;
    const host = this.#host;
    const by = (to: ActorAddress) => {
      const isOwn = samePool(to, cell.address) && to.uid === cell.address.uid;
      return isOwn && !cell.isStopped ? host.callerInside(cell) : host;
    };
    return {
      call: (to, ...message) => by(to).call(to, ...message),
      tell: (to, ...message) => by(to).tell(to, ...message),
      later: (to, ...message) => by(to).later(to, ...message),
      balanced: (to) => host.balanced(to),
      free: (owner, id) => host.free(owner, id),
    };
  }

  /** An actor that ends itself cannot wait for that: its end waits for the running message. */
  #unlessSelf(target: string | ActorRef<Actor>, ended: Promise<void>): Promise<void> {
    if (!this.#isSelf(target)) return ended;
    ended.catch((error) => this.#host.undelivered(this.address, "preDestroy", error));
    return Promise.resolve();
  }

  /** Whether it is this actor, or the one that this is a replica of. */
  #isSelf(target: string | ActorRef<Actor>): boolean {
    const { uid, host } = this.address;
    if (typeof target === "string") return target === uid;
    const { uid: other, host: home, replicas } = addressOf(target);
    return other === uid &&
      (home === host || replicas?.some((pool) => samePool(pool, this.address)) === true);
  }
}
