import { type ActorAddress, type ActorPlace, type PoolAddress, samePool } from "../core/address.ts";
import { DeviceRef } from "../actor/device_ref.ts";
import type { CallOptions } from "../actor/message.ts";
import type { Caller, Timer } from "../actor/ref_method.ts";
import { isGone, isLoss } from "./loss.ts";
import type { TimedCalls } from "./timers.ts";

/** Who makes the calls that a {@linkcode Balancer} has chosen a replica for. */
export interface ReplicaCalls extends Pick<Caller, "call" | "tell" | "free"> {
  /** What time it is. */
  now(): number;
  /** Where a host has its replicas of an actor now. */
  whereNow(to: ActorPlace): Promise<ActorAddress>;
  later(
    to: ActorAddress,
    method: string,
    args: unknown[],
    ms: number,
    again: boolean,
    by: TimedCalls,
  ): Timer;
}

/** The actors with replicas that a pool knows: refs to one of them share what is known of its load. */
export class Balancers {
  readonly #self: PoolAddress;
  readonly #calls: ReplicaCalls;
  /** Weak: what is known of an actor goes with the last ref to it. */
  readonly #known = new Map<string, WeakRef<Balancer>>();
  readonly #forget = new FinalizationRegistry<string>((key) => {
    if (this.#known.get(key)?.deref() === undefined) this.#known.delete(key);
  });

  /** @param self The pool that calls. */
  constructor(self: PoolAddress, calls: ReplicaCalls) {
    this.#self = self;
    this.#calls = calls;
  }

  /** What chooses among the replicas of an actor. */
  of(to: ActorAddress): Balancer {
    const key = `${to.host}/${to.generation}/${to.uid}`;
    const known = this.#known.get(key)?.deref();
    if (known !== undefined) {
      known.add(to.replicas ?? []);
      return known;
    }
    const balancer = new Balancer(to, this.#self, this.#calls);
    this.#known.set(key, new WeakRef(balancer));
    this.#forget.register(balancer, key);
    return balancer;
  }

  /** Pools are gone, and the replicas in them. */
  lost(isGone: (pool: PoolAddress) => boolean): void {
    for (const known of this.#known.values()) known.deref()?.lost(isGone);
  }
}

/** One replica, as the calling pool sees it. */
interface Replica {
  readonly to: ActorAddress;
  readonly isHere: boolean;
  /** Calls of this pool that it has not answered yet. */
  load: number;
  isLost: boolean;
}

/**
 * Sends each message to one replica of an actor: near the data, if it brings DeviceRefs, else, and if none
 * is there, the one with the fewest calls of this pool under way. Among equals a call stays in the caller's own pool, which costs no hop; else they take turns. Tells,
 * of which nobody hears when they have run, take turns too. Only local knowledge, so nothing is asked
 * and nothing is kept up to date; calls of other pools show up as answers that take longer.
 */
export class Balancer implements Caller, TimedCalls {
  readonly #calls: ReplicaCalls;
  readonly #self: PoolAddress;
  readonly #replicas: Replica[] = [];
  #target: ActorAddress;
  #turn = 0;
  /** When those that were lost may be asked for again. */
  #askAt = -Infinity;

  constructor(to: ActorAddress, self: PoolAddress, calls: ReplicaCalls) {
    this.#calls = calls;
    this.#self = self;
    this.#target = to;
    this.add(to.replicas ?? []);
  }

  /** The actor has replicas in these pools: one that was away when its first ref was made is not known yet. */
  add(pools: readonly PoolAddress[]): void {
    const { uid, generation } = this.#target;
    const known = this.#replicas.length;
    for (const { host, pool } of pools) {
      if (this.#replicas.some(({ to }) => samePool(to, { host, pool }))) continue;
      const to = { host, pool, uid, generation };
      this.#replicas.push({ to, isHere: samePool(to, this.#self), load: 0, isLost: false });
    }
    if (known > 0 && this.#replicas.length > known) this.#note();
  }

  /** {@linkcode Caller.target} */
  get target(): ActorAddress {
    return this.#target;
  }

  /** {@linkcode Caller.call} */
  call(
    _to: ActorAddress,
    method: string,
    args: unknown[],
    options?: CallOptions,
    isBatch?: boolean,
  ): Promise<unknown> {
    const replica = this.#choose(true, isBatch === true ? args[0] : args);
    replica.load++;
    return this.#calls.call(replica.to, method, args, options, isBatch).then((value) => {
      replica.load--;
      return value;
    }, (error) => {
      replica.load--;
      if (isLossOf(error)) this.lost((pool) => samePool(pool, replica.to));
      throw error;
    });
  }

  /** {@linkcode Caller.tell} */
  tell(_to: ActorAddress, method: string, args: unknown[], isBatch?: boolean): void {
    const replica = this.#choose(false, isBatch === true ? args[0] : args);
    this.#calls.tell(replica.to, method, args, isBatch);
  }

  /** {@linkcode Caller.later} */
  later(to: ActorAddress, method: string, args: unknown[], ms: number, again: boolean): Timer {
    return this.#calls.later(to, method, args, ms, again, this);
  }

  /** {@linkcode Caller.balanced} */
  balanced(): Balancer {
    return this;
  }

  /** {@linkcode Caller.free} */
  free(owner: ActorAddress, id: number): void {
    this.#calls.free(owner, id);
  }

  /** {@linkcode TimedCalls.isGone} */
  isGone(error: unknown): boolean {
    return isGone(error) && !(isLoss(error) && this.#replicas.some(({ isLost }) => !isLost));
  }

  /** Pools are gone: a replica in one of them gets no more messages. */
  lost(isGone: (pool: PoolAddress) => boolean): void {
    for (const replica of this.#replicas) replica.isLost ||= isGone(replica.to);
    this.#askAt = this.#calls.now() + ASK_MS;
    this.#note();
  }

  #note(): void {
    const living = this.#replicas.filter(({ isLost }) => !isLost);
    // Of one that has lost all, calls are to say so: the last knowledge stays.
    if (living.length === 0) return;
    this.#target = {
      ...this.#target,
      replicas: living.map(({ to: { host, pool } }) => ({ host, pool })),
    };
  }

  /** Replicas come back with their pools: their hosts are asked now and then. */
  #ask(): void {
    const now = this.#calls.now();
    if (now < this.#askAt) return;
    this.#askAt = now + ASK_MS;
    const { uid } = this.#target;
    const lost = this.#replicas.filter(({ isLost }) => isLost);
    for (const host of new Set(lost.map(({ to }) => to.host))) {
      this.#calls.whereNow({ host, uid }).then((found) => {
        // Each host has a generation of its own for it; of the uid there is one at a time.
        if (found.host === host) this.#found(found);
      }, () => {
        // The host is gone, or has none of them any more.
      });
    }
  }

  #found({ host, pool, replicas = [{ host, pool }] }: ActorAddress): void {
    for (const replica of this.#replicas) {
      if (replicas.some((one) => samePool(one, replica.to))) replica.isLost = false;
    }
    // Without one that is known it is another actor, that has the uid by now.
    const isSame = replicas.some((one) => this.#replicas.some(({ to }) => samePool(to, one)));
    if (isSame) this.add(replicas);
    this.#note();
  }

  /** @param args What the message brings; of a batch, its first call. */
  #choose(isCall: boolean, args: unknown): Replica {
    const replicas = this.#replicas;
    const near = nearest(args);
    const first = this.#turn++ % replicas.length;
    let best: Replica | undefined;
    let isOneLost = false;
    for (let i = 0; i < replicas.length; i++) {
      const replica = replicas[(first + i) % replicas.length]!;
      if (replica.isLost) {
        isOneLost = true;
        continue;
      }
      if (best === undefined || isBetter(replica, best, isCall, near)) best = replica;
    }
    if (isOneLost) this.#ask();
    return best ?? replicas[first]!;
  }
}

/** Milliseconds between two questions: a pool takes a tenth of that to come back. */
const ASK_MS = 1000;

function isBetter(one: Replica, best: Replica, isCall: boolean, near: Near | null): boolean {
  const [bytes, most] = near === null ? [0, 0] : [bytesIn(near, one.to), bytesIn(near, best.to)];
  if (bytes !== most) return bytes > most;
  return one.load < best.load || (isCall && one.isHere && one.load === best.load);
}

/** How much of a message's data is on the devices of which pools. */
type Near = readonly { readonly pool: PoolAddress; readonly bytes: number }[];

/** The DeviceRefs among arguments, and in objects among them, as those of kernels; `null`: there are none. */
function nearest(args: unknown): Near | null {
  if (!Array.isArray(args)) return null;
  let near: { pool: PoolAddress; bytes: number }[] | null = null;
  const add = (value: unknown) => {
    if (!(value instanceof DeviceRef)) return false;
    (near ??= []).push({ pool: value.owner, bytes: value.byteLength });
    return true;
  };
  for (const arg of args) {
    if (typeof arg !== "object" || arg === null || ArrayBuffer.isView(arg) || add(arg)) continue;
    if (Object.getPrototypeOf(arg) !== Object.prototype) continue;
    for (const name in arg) add((arg as Record<string, unknown>)[name]);
  }
  return near;
}

function bytesIn(near: Near, pool: PoolAddress): number {
  let sum = 0;
  for (const one of near) if (samePool(one.pool, pool)) sum += one.bytes;
  return sum;
}

/** Whether a call failed because its replica is gone: a loss that a method suffered says which actor that was. */
function isLossOf(error: unknown): boolean {
  return isLoss(error) && error.actor === undefined;
}
