/** A host without threads or sockets, whose insides a test can see. */
import { AsyncLocalStorage } from "node:async_hooks";
import { RESTART_DEFAULTS } from "../../src/actor/restart.ts";
import { MAIN_POOL, type PoolAddress } from "../../src/core/address.ts";
import { SYSTEM_CLOCK } from "../../src/core/clock.ts";
import type { Codec } from "../../src/core/codec.ts";
import { CPU } from "../../src/core/device.ts";
import type { PoolDescription } from "../../src/core/protocol.ts";
import type { Actor } from "../../src/actor/actor.ts";
import { ActorSystem } from "../../src/actor/actor_system.ts";
import { type ActorSource, actorTypeOf } from "../../src/actor/actor_type.ts";
import type { DeadLetter } from "../../src/actor/dead_letter.ts";
import { type ActorRef, createRef } from "../../src/actor/ref.ts";
import { ActorDesk } from "../../src/host/actors/actor_desk.ts";
import { OwnService } from "../../src/host/actors/own_service.ts";
import { HOST_ACTOR_TYPE, HostActor } from "../../src/host/actors/host_actor.ts";
import { Cluster } from "../../src/host/directory/cluster.ts";
import type { DirectoryStarter } from "../../src/host/directory/directory.ts";
import { memoryDirectory } from "../../src/host/directory/memory_directory.ts";
import { Peers } from "../../src/host/cluster/peers.ts";
import { RegisteredTypes } from "../../src/host/actors/registered_types.ts";
import { HostRouter } from "../../src/host/router.ts";
import { Failover } from "../../src/host/recovery/failover.ts";
import { Snapshots } from "../../src/host/recovery/snapshots.ts";
import { HOST_UID } from "../../src/pool/host_service.ts";
import { LocalPool } from "../../src/pool/local.ts";
import { poolCodec } from "../../src/pool/pool_codec.ts";
import { HostVerbs } from "../../src/pool/host_verbs.ts";
import { Scheduler } from "../../src/schedule/scheduler.ts";
import { memoryStore } from "../../src/state/stores.ts";

/** The parts of a host, put together as the host itself does it. */
export class BareHost {
  readonly codec: Codec;
  readonly router: HostRouter;
  readonly main: LocalPool;
  readonly cluster: Cluster;
  readonly desk: ActorDesk;
  readonly service: OwnService;
  readonly peers: Peers;
  readonly letters: DeadLetter[] = [];

  /** Starts one; its types are those that these modules export. */
  static async start(id: number, modules: readonly string[]): Promise<BareHost> {
    const host = new BareHost(id, await RegisteredTypes.load(modules));
    const actor = new HostActor(host.desk, host.service, {
      deadLetter: (letter) => host.letters.push(letter),
      report: () => {},
      refused: () => {},
      inspect: () => Promise.reject(new TypeError("It cannot be inspected")),
      status: () => ({ state: "live", clients: 0 }),
    });
    await host.main.adopt(actor, HOST_ACTOR_TYPE, HOST_UID);
    await host.cluster.open();
    await host.cluster.join();
    return host;
  }

  private constructor(readonly id: number, types: RegisteredTypes) {
    this.router = new HostRouter(id);
    this.codec = poolCodec(() => this.main);
    this.main = new LocalPool({
      address: this.address,
      codec: this.codec,
      router: this.router,
      resources: {},
      verbs: (pool) => new HostVerbs(pool, () => this.service),
      callTimeoutMs: Infinity,
      asyncScopes: new AsyncLocalStorage(),
      onDeadLetter: (letter) => this.letters.push(letter),
      whereabouts: {
        locate: (uid) => this.desk.locate(uid),
        concerns: () => false,
        moved: () => undefined,
        hold: () => undefined,
      },
    });
    this.router.main = this.main;
    this.cluster = new Cluster({
      directory: memoryDirectory() as DirectoryStarter,
      clock: SYSTEM_CLOCK,
      main: this.main,
      describe: () => ({ id, address: null, pools: [this.#description] }),
      linked: () => this.peers.hosts,
      isRouted: () => false,
      dial: (address) => this.peers.dial(address),
      kill: ({ uid, generation }) => this.desk.kill(uid, generation),
    });
    const snapshots = new Snapshots({
      store: memoryStore(),
      maxBytes: 2 ** 20,
      uids: () => this.desk.uids,
    });
    const failover = new Failover({
      main: this.main,
      clock: SYSTEM_CLOCK,
      types,
      heartbeatMs: 1000,
      waitMs: 0,
      leaving: this.router.leaving,
      isReachable: (host) => this.router.peers.has(host),
      named: (host, name) => this.cluster.named(host, name),
      hosts: () => [],
      ownPools: () => [this.#description],
      has: (uid) => this.desk.has(uid),
      create: (order) => this.desk.create(order),
    });
    this.desk = new ActorDesk({
      main: this.main,
      snapshots,
      failover,
      router: this.router,
      scheduler: new Scheduler(id),
      types,
      names: this.cluster.names,
      restart: RESTART_DEFAULTS,
      waitMs: 0,
      waitForOne: () => Promise.resolve(false),
      again: () => {},
      gaveUp: () => {},
      ownPools: () => [this.#description],
      onLoad: () => {},
    });
    this.service = new OwnService({
      desk: this.desk,
      names: this.cluster.names,
      failover,
      appendPool: () => Promise.resolve([]),
      removePool: () => Promise.resolve(),
      waitPool: () => Promise.resolve(),
    });
    this.peers = new Peers({
      router: this.router,
      codec: this.codec,
      token: null,
      heartbeatMs: 1000,
      graceMs: 10_000,
      tls: {},
      clock: SYSTEM_CLOCK,
      describe: () => ({ id, address: null, pools: [this.#description] }),
      onLost: (host, pool, reason) =>
        this.main.lost((to) => to.host === host && (pool === null || to.pool === pool), reason),
    });
  }

  /** Its only pool. */
  get address(): PoolAddress {
    return { host: this.id, pool: MAIN_POOL };
  }

  /** Makes an actor. */
  create<A extends Actor, P extends unknown[]>(
    source: ActorSource<A, P>,
    args: NoInfer<P>,
    uid: string,
  ): Promise<ActorRef<A>> {
    return new ActorSystem(this.main).createActor(source, args, { uid });
  }

  /** A ref to an actor that may or may not be there. */
  refTo<A extends Actor>(uid: string, host: number): ActorRef<A> {
    return createRef({ host, pool: MAIN_POOL, uid, generation: 1 }, this.main);
  }

  /** The names of the types that others may make actors of. */
  nameOf<A extends Actor, P extends unknown[]>(source: ActorSource<A, P>): string {
    return actorTypeOf(source).name.name;
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.desk.close();
    await this.main.stop();
    this.peers.close();
  }

  get #description(): PoolDescription {
    return {
      ...this.address,
      name: "main",
      kind: "main",
      labels: [],
      device: CPU,
      actors: this.desk.uids.actorsIn(MAIN_POOL),
    };
  }
}
