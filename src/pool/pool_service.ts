import { type ActorAddress, formatPool, type PoolAddress } from "../core/address.ts";
import type { Hop } from "../core/call_chain.ts";
import { StatelessActor } from "../actor/actor.ts";
import { type ActorType, callableMethods, RUNTIME_MODULE } from "../actor/actor_type.ts";
import type { PoolState } from "../debug/inspection.ts";
import type { Wait } from "../debug/waits.ts";
import { RESERVED_PREFIX } from "./host_service.ts";

/** What every pool says of itself to those who look for what is wrong. */
export interface PoolService {
  /** What lives here and how it does. */
  inspect(): Promise<PoolState>;
  /** Whom a caller waits for that has called an actor of this pool. */
  follow(uid: string, caller: Hop): Wait[];
  /** Saves the state of an actor of this pool. */
  save(uid: string): Promise<void>;
  /** Ends an actor at once that is to fail. For its own host. */
  fail(uid: string, generation: number, reason: Error): void;
  /** What comes for an actor waits until it is made again, each message for so long. For its own host. */
  hold(uid: string, reason: Error, waitMs: number): void;
  /** Nothing waits for an actor any more: it is not made again. For its own host. */
  forsake(uid: string): void;
  /** Ends an actor in order; what comes for it waits until it can be passed on. For its own host. */
  handOver(uid: string): Promise<void>;
  /** A call of this pool goes elsewhere than it was sent: its host answers for it. For its own host. */
  redirected(id: number): void;
  /** An actor that was handed over is elsewhere now. For its own host. */
  passOn(uid: string): void;
  /**
   * Tells an actor of the end of a child, which wakes it if it is parked. For its own host.
   *
   * @returns What it throws: then it is to fail.
   */
  tellChildDown(
    uid: string,
    generation: number,
    child: ActorAddress,
    reason: Error,
    gaveUp: boolean,
  ): Promise<Error | null>;
  /**
   * Tells an actor that one is down which it is linked with: it fails. For its own host.
   *
   * @returns Whether it is linked with it still: it may have unlinked just now.
   */
  tellLinkDown(uid: string, generation: number, peer: ActorAddress, reason: Error): boolean;
  /** Which part of the time since it was last asked its thread was busy; `null` if that is not known. */
  busy(): number | null;
}

/** The address of a pool's service. No two pools of a host have the same uid. */
export function poolServiceOf({ host, pool }: PoolAddress): ActorAddress {
  return { host, pool, uid: `${RESERVED_PREFIX}pool/${pool}`, generation: 1 };
}

/**
 * The service as an actor: how other pools and hosts reach it. None of its methods is `async`: a worker that
 * has nothing else that is does without what keeps scopes across awaits.
 */
export class PoolActor extends StatelessActor implements PoolService {
  readonly #pool: PoolService;

  constructor(pool: PoolService) {
    super();
    this.#pool = pool;
  }

  inspect(): Promise<PoolState> {
    return this.#pool.inspect();
  }

  save(uid: string): Promise<void> {
    if (typeof uid !== "string") throw new TypeError("save takes a uid");
    return this.#pool.save(uid);
  }

  busy(): number | null {
    return this.#pool.busy();
  }

  fail(uid: string, generation: number, reason: Error): void {
    this.#checkSender();
    this.#pool.fail(uid, generation, reason);
  }

  hold(uid: string, reason: Error, waitMs: number): void {
    this.#checkSender();
    this.#pool.hold(uid, reason, waitMs);
  }

  forsake(uid: string): void {
    this.#checkSender();
    this.#pool.forsake(uid);
  }

  handOver(uid: string): Promise<void> {
    this.#checkSender();
    return this.#pool.handOver(uid);
  }

  redirected(id: number): void {
    this.#checkSender();
    this.#pool.redirected(id);
  }

  passOn(uid: string): void {
    this.#checkSender();
    this.#pool.passOn(uid);
  }

  tellChildDown(
    uid: string,
    generation: number,
    child: ActorAddress,
    reason: Error,
    gaveUp: boolean,
  ): Promise<Error | null> {
    this.#checkSender();
    return this.#pool.tellChildDown(uid, generation, child, reason, gaveUp);
  }

  tellLinkDown(uid: string, generation: number, peer: ActorAddress, reason: Error): boolean {
    this.#checkSender();
    return this.#pool.tellLinkDown(uid, generation, peer, reason);
  }

  follow(uid: string, caller: Hop): Wait[] {
    if (typeof uid === "string" && typeof caller === "object" && caller !== null) {
      return this.#pool.follow(uid, caller);
    }
    throw new TypeError("follow takes a uid and a hop of a call chain");
  }

  /** What its host says of the lives of actors, nobody else may. */
  #checkSender(): void {
    const { sender, address } = this.context;
    if (sender.host === address.host) return;
    throw new TypeError(`${formatPool(sender)} has no say in the lives of another host's actors`);
  }
}

/** Not made by name: every pool makes its only one. */
export const POOL_ACTOR_TYPE: ActorType = {
  name: { module: RUNTIME_MODULE, export: "PoolActor", name: "PoolActor", version: "" },
  home: "cpu",
  methods: callableMethods(PoolActor as never),
  create: () => {
    throw new TypeError("A pool has one PoolActor");
  },
};
