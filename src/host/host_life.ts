import { HostLostError } from "../core/host_errors.ts";
import { HOST_UID } from "../pool/host_service.ts";
import { STATE_UID } from "../pool/state_service.ts";
import { drainActors, drainDeadline, type DrainOptions } from "./drain.ts";
import { FAILOVER_ACTOR_TYPE, FAILOVER_UID, FailoverActor } from "./recovery/failover_actor.ts";
import type { GatewayHost } from "./gateway/gateway_host.ts";
import { HOST_ACTOR_TYPE, HostActor } from "./actors/host_actor.ts";
import type { HostParts } from "./host_parts.ts";
import { allOrNone, withDeadline } from "./settle.ts";
import { STATE_ACTOR_TYPE, StateActor } from "./recovery/state_actor.ts";

/** How a host begins and ends: in which order its parts do. */
export class HostLife {
  readonly #parts: HostParts;
  #stopped: Promise<void> | undefined;
  #drained: Promise<void> | undefined;

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  /** Starts what the options ask for. */
  async start(): Promise<void> {
    const { main, desk, service, debug, snapshots, failover, cluster, pools, peers, options } =
      this.#parts;
    const actor = new HostActor(desk, service, {
      deadLetter: (letter) => debug.deadLetter(letter),
      report: (report) => debug.report(report),
      inspect: () => this.#parts.inspect(),
      status: () => this.#parts.status(),
      refused: (refusal) => this.#parts.refused(refusal),
    });
    await main.adopt(actor, HOST_ACTOR_TYPE, HOST_UID);
    await main.serve();
    await main.adopt(new StateActor(snapshots), STATE_ACTOR_TYPE, STATE_UID);
    await snapshots.start();
    await main.adopt(new FailoverActor(failover), FAILOVER_ACTOR_TYPE, FAILOVER_UID);
    cluster.membership.watch(({ kind, host }) => {
      if (kind === "down") failover.down(host.id);
    });
    await cluster.open();
    await allOrNone(options.pools.map((spec) => pools.append(spec)));
    const { listen, token } = options;
    if (listen !== null) {
      // Loaded by hosts that listen alone: every worker whose actors import this package loads this file.
      const { openGateway } = await import("./gateway/server.ts");
      this.#parts.gateway = await openGateway({ ...listen, token, host: this.#gatewayHost() });
    }
    for (const url of options.join) await peers.dial(url);
    await cluster.join();
    if (this.#parts.state === "starting") this.#parts.state = "live";
  }

  /** Ends the actors, then the host. */
  async drain(options: DrainOptions): Promise<void> {
    const deadlineMs = drainDeadline(options);
    if (this.#stopped === undefined) {
      this.#parts.state = "draining";
      await (this.#drained ??= drainActors(this.#parts, deadlineMs));
    }
    await this.stop();
  }

  /** Ends the host, once. */
  stop(): Promise<void> {
    return this.#stopped ??= this.#stop();
  }

  async #stop(): Promise<void> {
    const { main, desk, debug, snapshots, failover, cluster, pools, peers } = this.#parts;
    const { stopTimeoutMs } = this.#parts.options;
    this.#parts.state = "stopping";
    desk.close();
    failover.stop();
    await withDeadline(desk.supervision.stop(), stopTimeoutMs);
    debug.stop();
    await pools.stop();
    desk.watchers.stop(new HostLostError("The host was stopped", "stopped"));
    const inTime = await withDeadline(main.stop(), stopTimeoutMs);
    await withDeadline(snapshots.close(), stopTimeoutMs);
    pools.news.endReports();
    await cluster.leave();
    peers.close();
    // There is no isolate to end: who waits here for an actor that does not end is told, as others are by now.
    if (!inTime) await desk.killAll();
    await this.#parts.gateway?.close();
    const gone = new HostLostError("The host was stopped", "stopped");
    main.lost(() => true, gone);
  }

  #gatewayHost(): GatewayHost {
    const parts = this.#parts;
    return {
      id: parts.id,
      main: parts.main,
      desk: parts.desk,
      types: parts.types,
      state: () => parts.state,
      status: () => parts.status(),
      describe: () => parts.describe(),
      linked: () => parts.members(),
      inspect: () => parts.inspect(),
      onSocket: (socket, access) => parts.peers.take(socket, access),
    };
  }
}
