import type { HostId, PoolAddress, PoolId } from "../core/address.ts";
import type { Codec } from "../core/codec.ts";
import type { PoolDescription, RawFrame } from "../core/protocol.ts";
import type { Link } from "../link/link.ts";
import type { PoolLostError } from "../core/host_errors.ts";
import type { PoolDebug } from "../debug/options.ts";
import type { PoolSpec } from "../actor/pool_spec.ts";
import type { RunningCode } from "../debug/report.ts";

/** A pool that runs in an isolate of its own, as its host sees it. */
export interface Pool {
  readonly description: PoolDescription;
  /** Whether {@linkcode terminate} ends even a thread that a synchronous loop holds. */
  readonly isKillable: boolean;
  /** Carries frames to it. */
  readonly link: Link;
  /** Resolves, once, when the pool has ended, with the reason. */
  readonly down: Promise<PoolLostError>;
  /** Starts delivery of what it sends. */
  open(receive: (frame: RawFrame) => void): void;
  /**
   * Gives it a direct channel to another pool of the host; resolves when it is in use. A pool without
   * this one is in another process: what goes to it or comes from it goes by way of the host.
   *
   * @param id What the two call it; a later one has a higher number.
   */
  join?(pool: PoolId, port: MessagePort, id: number): Promise<void>;
  /** Tells it that a pool, or with `pool: null` a whole host, is gone. */
  leave(host: HostId, pool: PoolId | null, reason: Error): void;
  /** Resolves when its event loop has answered; never if the pool ends first. */
  ping(): Promise<void>;
  /**
   * What its thread runs, whether its event loop turns or not; a promise if it must be asked, which soon
   * resolves.
   *
   * @param uidOf The actor with this generation.
   */
  running(
    uidOf: (generation: number) => string | null,
  ): RunningCode[] | Promise<RunningCode[]>;
  /** Ends it in order: actors are destroyed, last messages leave. Then it is down. */
  stop(): Promise<void>;
  /** Ends it now. Unless it is killable, a thread that is held by a synchronous loop burns on. */
  terminate(reason: PoolLostError): void;
}

/** What a pool is started with. */
export interface PoolStart {
  readonly address: PoolAddress;
  readonly codec: Codec;
  /**
   * Its calls and streams are numbered from here on: what was meant for an earlier isolate at the same
   * address is then nobody's.
   */
  readonly firstId: number;
  /** Milliseconds that a call made there has if it does not say; `Infinity` is no limit. */
  readonly callTimeoutMs: number;
  /** What it looks out for; `null` is nothing. */
  readonly debug: PoolDebug | null;
}

export type { PoolSpec } from "../actor/pool_spec.ts";

/** What a spec is made by, so that another isolate can say it to the host. */
export interface PoolMaker {
  /** The module that exports it. */
  readonly module: string;
  readonly name: "workerPool" | "processPool" | "gpuPool";
  /** What it was given. */
  readonly options: unknown;
}

/** A {@linkcode PoolSpec} as its host sees it. */
export interface PoolStarter extends PoolSpec {
  /** Left out, only who has the spec itself can start it. */
  readonly maker?: PoolMaker;
  /**
   * Starts one; `null` if this machine has no device for it.
   *
   * @throws {PoolStartError} with the phase and reason.
   */
  start(options: PoolStart): Promise<Pool | null>;
}
