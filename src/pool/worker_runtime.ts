import { type ActorAddress, MAIN_POOL, type PoolAddress, samePool } from "../core/address.ts";
import type { Codec } from "../core/codec.ts";
import type { Device, DeviceUse } from "../core/device.ts";
import type { PoolStartPhase } from "../core/host_errors.ts";
import type { RawFrame } from "../core/protocol.ts";
import type { Actor } from "../actor/actor.ts";
import type { ActorType, Resources } from "../actor/actor_type.ts";
import type { DeadLetter } from "../actor/dead_letter.ts";
import type { Link, LinkHandler } from "../link/link.ts";
import { PortLink } from "../link/port.ts";
import { hostServiceOf } from "./host_service.ts";
import { LocalPool } from "./local.ts";
import { Joins } from "./joins.ts";
import { poolCodec } from "./pool_codec.ts";
import { HostVerbs } from "./host_verbs.ts";
import type { FromWorker, ToWorker } from "./worker_protocol.ts";
import { LATE_SCOPES, QUIET_CLOCK } from "./worker_needs.ts";
import { WorkerRouter } from "./worker_router.ts";

/** What a worker computes with. */
export interface WorkerDevice {
  readonly device: Device;
  readonly resources: Resources;
  /** An actor of the runtime's own that serves the device to other pools. */
  readonly service?: WorkerService;
  /** How it is used. */
  use?(): DeviceUse;
  /** Ends the device: a process that exits while its driver still works may crash in it. */
  close?(): Promise<void>;
}

/** An actor that is there from the start. */
export interface WorkerService {
  readonly actor: Actor;
  readonly type: ActorType;
  /** Its uid in the pool of an address. */
  readonly uid: (pool: PoolAddress) => string;
}

/** Opens the device of a pool as its options say, and where it marks its waits; `null` if there is none. */
export type OpenDevice = (
  options: unknown,
  mark: SharedArrayBuffer | undefined,
) => Promise<WorkerDevice | null>;

/** What we use of a worker's global scope: Deno's types know it only with the worker library. */
interface WorkerScope<Uplink> {
  postMessage(message: FromWorker): void;
  close(): void;
  addEventListener(
    type: "message",
    listener: (event: MessageEvent<ToWorker<Uplink>>) => void,
  ): void;
  addEventListener(type: "error", listener: (event: ErrorEvent) => void): void;
  addEventListener(
    type: "unhandledrejection",
    listener: (event: PromiseRejectionEvent) => void,
  ): void;
}

/** Opens the link to the host. */
export type Connect<Uplink> = (uplink: Uplink) => Promise<(codec: Codec) => Link>;

/** A worker of the host's own process has a port to it. */
function connectPort(port: MessagePort): Promise<(codec: Codec) => Link> {
  return Promise.resolve((codec) => new PortLink(port, codec));
}

/**
 * Makes this worker a pool. To be called at once, before anything is awaited: messages that arrive
 * before there is a handler are lost.
 *
 * @param open Opens the device; `null` if there is none.
 */
export function runWorker<Uplink = MessagePort>(
  open: OpenDevice,
  connect: Connect<Uplink> = connectPort as Connect<unknown>,
): void {
  const scope = globalThis as unknown as WorkerScope<Uplink>;
  const worker = new WorkerRuntime(scope, open, connect);
  scope.addEventListener("message", ({ data }) => worker.take(data));
  scope.addEventListener("error", (event) => {
    event.preventDefault();
    worker.die(event.error ?? event.message);
  });
  scope.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    worker.reportRejection(event.reason);
  });
}

type StartMessage<Uplink> = ToWorker<Uplink> & { readonly kind: "start" };

class WorkerRuntime<Uplink> {
  readonly #scope: WorkerScope<Uplink>;
  readonly #open: OpenDevice;
  readonly #connect: Connect<Uplink>;
  #pool: LocalPool | undefined;
  #router: WorkerRouter | undefined;
  #codec: Codec | undefined;
  /** Ports to siblings that are not in use yet. */
  #joins: Joins | undefined;
  #device: WorkerDevice | undefined;

  constructor(
    scope: WorkerScope<Uplink>,
    open: OpenDevice,
    connect: Connect<Uplink>,
  ) {
    this.#scope = scope;
    this.#open = open;
    this.#connect = connect;
  }

  take(message: ToWorker<Uplink>): void {
    switch (message.kind) {
      case "start":
        return void this.#start(message);
      case "join":
        return this.#join(message.pool, message.port, message.id);
      case "ping":
        return this.#scope.postMessage({ kind: "pong" });
      case "stop":
        return void this.#stop();
      default:
        message satisfies never;
    }
  }

  /** Says what ended the worker, then ends it: its state cannot be trusted any more. */
  die(thrown: unknown): void {
    const reason = reasonOf(thrown);
    if (this.#pool === undefined) {
      this.#scope.postMessage({ kind: "failed", phase: "device", reason });
    } else {
      const { address } = this.#pool;
      const error = this.#pool.failure(thrown, "an uncaught error", "");
      const to = { host: address.host, pool: MAIN_POOL };
      this.#router!.send({
        kind: "goodbye",
        code: "stopped",
        id: 0,
        to,
        from: address,
        reason,
        error,
      });
      // With it, once this has gone, the worker ends.
      return this.#router!.close();
    }
    this.#scope.close();
  }

  /** A promise that nobody awaited has failed: worth a report, not worth the other actors' lives. */
  reportRejection(thrown: unknown): void {
    if (this.#pool === undefined) return this.die(thrown);
    const reason = this.#pool.failure(thrown, "an unawaited promise", "unhandled rejection");
    this.#pool.undelivered({ ...this.#pool.address, uid: "", generation: 0 }, "", reason);
  }

  async #start(start: StartMessage<Uplink>): Promise<void> {
    let phase: PoolStartPhase = "device";
    try {
      const opened = await this.#open(start.device, start.mark);
      if (opened === null) return this.#scope.postMessage({ kind: "absent" });
      phase = "handshake";
      const link = await this.#connect(start.uplink);
      const pool = this.#build(start, link, opened);
      this.#device = opened;
      const { service } = opened;
      if (service !== undefined) {
        await pool.scopes.prepare();
        await pool.adopt(service.actor, service.type, service.uid(pool.address));
      }
      const { memory } = pool.activity.marks;
      this.#scope.postMessage({ kind: "ready", device: opened.device, marks: memory });
      await pool.serve();
    } catch (error) {
      this.#scope.postMessage({ kind: "failed", phase, reason: reasonOf(error) });
    }
  }

  #build(
    { address, firstId, callTimeoutMs, debug }: StartMessage<Uplink>,
    link: (codec: Codec) => Link,
    { resources, use }: WorkerDevice,
  ): LocalPool {
    const codec = poolCodec(() => pool);
    const uplink = link(codec);
    const router = new WorkerRouter(address, uplink);
    const service = hostServiceOf(address.host);
    const pool: LocalPool = new LocalPool({
      address,
      codec,
      router,
      resources,
      ...(use === undefined ? {} : { deviceUse: use }),
      firstId,
      callTimeoutMs,
      asyncScopes: LATE_SCOPES,
      verbs: (pool) => new HostVerbs(pool),
      onDeadLetter: (letter) => tellLetter(pool, service, letter),
      onRefused: (refusal) => pool.tell(service, "refused", [refusal]),
      debug: debug && {
        options: debug,
        clock: QUIET_CLOCK,
        report: (report) => pool.tell(service, "report", [report]),
        typed: (type, first, names) => {
          this.#scope.postMessage({ kind: "typed", type, first, names });
        },
      },
    });
    this.#codec = codec;
    this.#router = router;
    this.#joins = new Joins(address, uplink, router);
    this.#pool = pool;
    // Without its host a pool has no purpose.
    uplink.open(this.#handler(() => this.#scope.close()));
    return pool;
  }

  #join(pool: number, port: MessagePort, id: number): void {
    const link = new PortLink(port, this.#codec!);
    this.#joins!.begin(pool, id, link, () => {
      link.open(this.#handler(() => {}));
      this.#scope.postMessage({ kind: "joined", pool });
    });
  }

  #handler(closed: () => void): LinkHandler {
    return { frame: (frame) => this.#receive(frame), closed };
  }

  #receive(frame: RawFrame): void {
    if (frame.kind === "down") this.#leave(frame);
    else if (frame.kind === "ping" || frame.kind === "pong") this.#joins!.receive(frame);
    else if (samePool(frame.to, this.#pool!.address)) this.#pool!.receive(frame);
    else this.#router!.forward(frame);
  }

  #leave(raw: RawFrame): void {
    const frame = this.#codec!.decode(raw);
    if (frame.kind !== "down") return;
    const { host, pool, error } = frame;
    if (pool !== null && host === this.#pool!.address.host) this.#router!.remove(pool);
    const isGone = (to: PoolAddress) => to.host === host && (pool === null || to.pool === pool);
    this.#pool!.lost(isGone, error as Error);
  }

  async #stop(): Promise<void> {
    await this.#pool?.stop();
    await this.#device?.close?.();
    this.#router?.close();
    this.#scope.postMessage({ kind: "stopped" });
  }
}

function tellLetter(pool: LocalPool, service: ActorAddress, letter: DeadLetter): void {
  try {
    pool.tell(service, "deadLetter", [letter]);
  } catch {
    // What its actor has made of the arguments need not be able to travel.
    pool.tell(service, "deadLetter", [{ ...letter, args: null }]);
  }
}

function reasonOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  } catch {
    return `what cannot be shown, of type ${typeof thrown}`;
  }
}
