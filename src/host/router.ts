import { formatHostId, formatPool, type HostId, MAIN_POOL } from "../core/address.ts";
import { HostLostError, PoolLostError } from "../core/host_errors.ts";
import type { Frame, PoolDescription, RawFrame } from "../core/protocol.ts";
import type { LocalPool } from "../pool/local.ts";
import type { Pool } from "../pool/pool.ts";
import { poolServiceOf } from "../pool/pool_service.ts";
import type { Router } from "../pool/router.ts";

/** The pools of another host. */
export interface PoolsOfHost {
  pools: readonly PoolDescription[];
  /** When they were told of, by `performance.now()`. */
  toldAt: number;
}

/** Another host that this one is linked with. */
export interface Peer extends PoolsOfHost {
  readonly id: HostId;
  send(frame: Frame): void;
  forward(frame: RawFrame): void;
}

/** What takes frames to where they are to go. */
export type Way = Pick<Peer, "send" | "forward">;

/** The hosts that are not linked with this one, and can be. */
export interface Reach {
  /** The way to such a host, which is linked from now on. */
  wayTo(host: HostId): Way | undefined;
  /** What they have. */
  pools(): readonly PoolsOfHost[];
}

/** Finds the way to every pool of this host and to every linked host, by a frame's header alone. */
export class HostRouter implements Router {
  /** The host whose pools these are. */
  readonly self: HostId;
  readonly pools: Map<number, Pool> = new Map();
  /** The ways to pools that are being recovered: ahead of the pools themselves, until their actors are there. */
  readonly gaps: Map<number, Way> = new Map();
  readonly peers: Map<HostId, Peer> = new Map();
  /** The host's own pool; set once, when it exists. */
  main: LocalPool | undefined;
  /** The hosts that are linked when they are first needed; whoever links hosts sets it. */
  reach: Reach | undefined;
  /** The hosts that hand actors over: messages to these are looked at one by one. */
  readonly leaving: Set<HostId> = new Set();

  constructor(self: HostId) {
    this.self = self;
  }

  /** The pools of all other hosts that frames can be sent to. */
  get others(): readonly PoolsOfHost[] {
    const reachable = this.reach?.pools() ?? [];
    return this.peers.size === 0 ? reachable : [...this.peers.values(), ...reachable];
  }

  send(frame: Frame): void {
    const way = this.#wayTo(frame);
    if (way instanceof Error) throw way;
    way.send(frame);
  }

  forward(frame: RawFrame): void {
    const { host, pool } = frame.to;
    if (host === this.self && pool === MAIN_POOL) return this.main!.receive(frame);
    try {
      if (this.leaving.has(host) && this.#takeLeft(frame)) return;
      const way = this.#wayTo(frame);
      if (way instanceof HostLostError && this.main!.takeLost(frame)) return;
      if (way instanceof Error) throw way;
      way.forward(frame);
    } catch (error) {
      // No way there, too many hops, or shared memory that cannot leave the process.
      this.main!.refuse(frame, error as Error);
    }
  }

  /** Takes what is for an actor that is handed over; the pool that has sent it is not to wait for the host of before. */
  #takeLeft(frame: RawFrame): boolean {
    const main = this.main!;
    if (!main.takeLost(frame)) return false;
    const { from, id, kind } = frame;
    const isCall = from.host === this.self && id !== 0 && (kind === "call" || kind === "batch");
    if (isCall && from.pool !== MAIN_POOL) main.tell(poolServiceOf(from), "redirected", [id]);
    return true;
  }

  /** A frame has not been sent, as its host cannot be reached after all. */
  unsent(frame: RawFrame, error: Error): void {
    try {
      if (error instanceof HostLostError && this.main!.takeLost(frame)) return;
      this.main!.refuse(frame, error);
    } catch (full) {
      this.main!.refuse(frame, full as Error);
    }
  }

  #wayTo({ to }: { to: Frame["to"] }): Way | Error {
    if (to.host !== this.self) {
      return this.peers.get(to.host) ?? this.reach?.wayTo(to.host) ??
        new HostLostError(
          `Host ${formatHostId(to.host)} is gone, or was never linked with this one`,
        );
    }
    const way = this.gaps.get(to.pool) ?? this.pools.get(to.pool)?.link;
    return way ?? new PoolLostError(`There is no ${formatPool(to)}: it is gone`, "lost");
  }
}
