/**
 * What a host is made of, put together. Where the parts are:
 *
 * - `actors/`: the actors of the host. `ActorDesk` makes, finds and ends them.
 * - `recovery/`: what becomes of pools, actors and hosts that die. `Recovery` brings pools back.
 * - `cluster/`: the links with other hosts. `Peers` has them.
 * - `directory/`: the names of the cluster, and which hosts there are. `Cluster` is this host's part of it.
 * - `gateway/`: what the host serves over HTTP, and where others dial it.
 * - here: its pools (`HostPools`, and `PoolNews` of how they do), the ways to them and to other hosts
 *   (`HostRouter`), and how it begins and ends (`HostLife`, `drainActors`).
 */
import { AsyncLocalStorage } from "node:async_hooks";
import {
  formatHostId,
  type HostId,
  isClient,
  MAIN_POOL,
  newHostId,
  type PoolAddress,
  type PoolId,
} from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { Codec } from "../core/codec.ts";
import type { HostDescription } from "../core/protocol.ts";
import type { HostInspection, HostState } from "../debug/inspection.ts";
import type { HostStatus, MessageRefusal } from "../pool/host_service.ts";
import { LocalPool } from "../pool/local.ts";
import { poolCodec } from "../pool/pool_codec.ts";
import { poolServiceOf } from "../pool/pool_service.ts";
import { HostVerbs } from "../pool/host_verbs.ts";
import { Scheduler } from "../schedule/scheduler.ts";
import { ActorDesk } from "./actors/actor_desk.ts";
import { OwnService } from "./actors/own_service.ts";
import { Cluster } from "./directory/cluster.ts";
import type { HostMember } from "./directory/membership.ts";
import { Failover } from "./recovery/failover.ts";
import type { Gateway } from "./gateway/server.ts";
import { HostDebug } from "./host_debug.ts";
import type { ResolvedHostOptions } from "./resolve_options.ts";
import { Peers } from "./cluster/peers.ts";
import { HostPools } from "./pools.ts";
import { Recovery } from "./recovery/recovery.ts";
import type { RegisteredTypes } from "./actors/registered_types.ts";
import { HostRouter } from "./router.ts";
import { Snapshots } from "./recovery/snapshots.ts";

/** What a host is made of, put together. Each part knows the others only by what it is given here. */
export class HostParts {
  readonly id: HostId = newHostId();
  readonly router: HostRouter = new HostRouter(this.id);
  readonly scheduler: Scheduler = new Scheduler(this.id);
  readonly codec: Codec;
  readonly main: LocalPool;
  readonly desk: ActorDesk;
  /** What its pools ask of it. */
  readonly service: OwnService;
  readonly cluster: Cluster;
  readonly debug: HostDebug;
  readonly snapshots: Snapshots;
  readonly failover: Failover;
  readonly pools: HostPools;
  readonly recovery: Recovery;
  readonly peers: Peers;
  /** Once it is open. */
  gateway: Gateway | undefined;
  /** How far the host is. */
  state: HostState = "starting";

  constructor(
    readonly options: ResolvedHostOptions,
    readonly types: RegisteredTypes,
    clock: Clock,
  ) {
    this.codec = poolCodec(() => this.main);
    this.debug = new HostDebug({
      debug: options.debug,
      onDeadLetter: options.onDeadLetter,
      main: () => this.main,
      uidOf: (generation) => this.desk.uids.uidOf(generation),
    });
    this.main = new LocalPool({
      address: { host: this.id, pool: MAIN_POOL },
      codec: this.codec,
      router: this.router,
      resources: {},
      verbs: (pool) => new HostVerbs(pool, () => this.service),
      callTimeoutMs: options.callTimeoutMs,
      clock,
      asyncScopes: new AsyncLocalStorage(),
      onDeadLetter: (letter) => this.debug.deadLetter(letter),
      onRefused: (refusal) => this.refused(refusal),
      whereabouts: {
        locate: (uid) => this.desk.locate(uid),
        concerns: (host) => this.failover.concerns(host),
        moved: (to) => this.failover.movedTo(to),
        hold: (to, message) => this.failover.hold(to, message),
      },
      debug: this.debug.main,
    });
    this.router.main = this.main;
    this.cluster = new Cluster({
      directory: options.directory,
      clock,
      main: this.main,
      describe: () => this.describe(),
      linked: () => this.peers.hosts,
      isRouted: (host) => this.peers.routes.of(host) !== undefined,
      dial: (address, host) => this.peers.dial(address, host),
      kill: async ({ uid, generation }) => {
        this.failover.lost(uid);
        await this.desk.kill(uid, generation);
      },
    });
    this.failover = new Failover({
      main: this.main,
      clock,
      types,
      heartbeatMs: options.heartbeatMs,
      waitMs: options.recovery.successorMs,
      leaving: this.router.leaving,
      isReachable: (host) =>
        this.router.peers.has(host) || this.peers.routes.of(host) !== undefined,
      named: (host, name) => this.cluster.named(host, name),
      hosts: () => this.members().filter(({ state }) => state === "live"),
      ownPools: () => this.pools.news.all,
      has: (uid) => this.desk.has(uid),
      create: (order) => this.desk.create(order),
    });
    this.snapshots = new Snapshots({ ...options.state, uids: () => this.desk.uids });
    this.desk = new ActorDesk({
      main: this.main,
      snapshots: this.snapshots,
      failover: this.failover,
      router: this.router,
      restart: options.recovery.restart,
      waitMs: options.recovery.waitMs,
      waitForOne: (wouldDo) => this.recovery.waitForOne(wouldDo),
      again: (entry, reason, died) => this.recovery.again(entry, reason, died),
      gaveUp: (actor, error) => this.recovery.gaveUp(actor, error),
      scheduler: this.scheduler,
      types,
      names: this.cluster.names,
      ownPools: () => this.pools.news.all,
      onLoad: () => this.pools.news.reportLoad(),
    });
    this.service = new OwnService({
      desk: this.desk,
      names: this.cluster.names,
      failover: this.failover,
      appendPool: (spec) => this.pools.append(spec),
      removePool: (pool, options) => this.pools.remove(pool, options),
      waitPool: (pool) => this.recovery.wait(pool),
    });
    this.recovery = new Recovery({
      options: options.recovery,
      router: this.router,
      codec: this.codec,
      clock,
      actors: this.desk.recovery,
      reopen: (pool) => this.pools.reopen(pool),
      main: () => this.pools.news.all[0]!,
      ready: (pool) => this.pools.ready(pool),
      refuse: (frame, error) => this.main.refuse(frame, error),
    });
    this.pools = new HostPools({
      host: options,
      router: this.router,
      codec: this.codec,
      clock,
      debug: this.debug,
      uids: this.desk.uids,
      recovery: this.recovery,
      main: this.main,
      leases: this.scheduler.leases,
      peers: () => this.peers,
      onLost: (pool, reason) => this.#lose(this.id, pool, reason),
    });
    this.peers = new Peers({
      router: this.router,
      codec: this.codec,
      token: options.token,
      ...(options.listen === null ? {} : { maxSessions: options.listen.limits.links }),
      heartbeatMs: options.heartbeatMs,
      graceMs: options.graceMs,
      tls: options.tls,
      clock,
      describe: () => this.describe(),
      onLinked: (host) => {
        this.cluster.linked(host);
        this.failover.linked(host.id);
        this.desk.linked(host.id);
      },
      onInterrupted: (host, is) => this.cluster.membership.interrupted(host, is),
      onKnown: (host, isInterrupted) => {
        const isNews = !this.cluster.membership.isRouted(host.id);
        this.cluster.membership.routed(host, isInterrupted);
        this.failover.linked(host.id);
        // Else it is only that a way or a load has changed.
        if (isNews) this.desk.linked(host.id);
      },
      onHeld: (host) => this.cluster.membership.held(host),
      onUnknown: (host) => this.cluster.membership.unrouted(host),
      onMessage: () => this.cluster.check(),
      onPools: (host) => this.scheduler.leases.reported(host),
      onLost: (host, pool, reason) => this.#lose(host, pool, reason),
      onRefused: (refusal) => this.gateway?.refused(refusal),
    });
  }

  /** Where the gateway listens; `null` if it does not. */
  get address(): string | null {
    return this.gateway?.address ?? null;
  }

  /** The host as others see it. */
  describe(): HostDescription {
    const address = this.options.listen?.advertise ?? this.address;
    return { id: this.id, address, pools: this.pools.news.described };
  }

  /** The other hosts that are not down, with their pools as they last told. */
  members(): HostMember[] {
    const linked = new Map(this.peers.hosts.map((host) => [host.id, host]));
    return this.cluster.membership.hosts.map((host) => ({ ...host, ...linked.get(host.id) }));
  }

  /** Somebody who was let in has sent what cannot be taken. */
  refused({ host, message }: MessageRefusal): void {
    const from = `${isClient(host) ? "client" : "host"} ${formatHostId(host)}`;
    this.gateway?.refused({ reason: "message", message, from });
  }

  /** How far the host is, and how many clients it has. */
  status(): HostStatus {
    return { state: this.state, clients: this.peers.clients };
  }

  /** The host as it is now. */
  async inspect(): Promise<HostInspection> {
    const { id, address, debug } = this;
    const pools = await Promise.all(this.pools.news.all.map((pool) => debug.inspect(pool)));
    const { abandoned } = this.pools;
    const { deadLetters } = debug;
    return {
      id,
      address,
      ...this.status(),
      pools,
      deadLetters,
      abandonedThreads: abandoned,
    };
  }

  /** Everything here that waits for a pool or host that is gone is told so. */
  #lose(host: HostId, pool: PoolId | null, reason: Error): void {
    const isGone = (to: PoolAddress) => to.host === host && (pool === null || to.pool === pool);
    const isLeaving = this.router.leaving.has(host);
    this.desk.uids.dropElsewhere(isGone, reason);
    if (pool === null) {
      this.desk.supervision.hostLost(host, reason);
      this.desk.links.hostLost(host, reason);
      this.scheduler.forget(host);
      this.cluster.unlinked(host);
    }
    this.main.lost(isGone, reason);
    for (const sibling of this.router.pools.values()) {
      const leave = () => sibling.leave(host, pool, reason);
      // First it hears which of its calls are handed over, and do not wait for what is gone.
      if (isLeaving) {
        this.main.call(poolServiceOf(sibling.description), "busy", []).then(leave, leave);
      } else leave();
    }
  }
}
