import type { ActorAddress, PoolAddress } from "../core/address.ts";
import { type Clock, SYSTEM_CLOCK } from "../core/clock.ts";
import type { Codec } from "../core/codec.ts";
import type { DeviceUse } from "../core/device.ts";
import type { RawFrame } from "../core/protocol.ts";
import type { Activity } from "../actor/activity.ts";
import type { Actor } from "../actor/actor.ts";
import type { ActorType, Resources } from "../actor/actor_type.ts";
import type { Cell } from "../actor/cell.ts";
import type { CellHost } from "../actor/cell_host.ts";
import type { DeadLetter } from "../actor/dead_letter.ts";
import type { Comeback } from "../actor/deadlock.ts";
import { failureOf } from "../actor/failure.ts";
import type { CallOptions, Message } from "../actor/message.ts";
import type { Caller, Timer } from "../actor/ref_method.ts";
import { Registry } from "../actor/registry.ts";
import type { StreamedResult } from "../actor/remote_stream.ts";
import type { StreamScope } from "../actor/stream_scope.ts";
import type { AsyncScopes, LateAsyncScopes, Scopes } from "../actor/scopes.ts";
import { Turns } from "../actor/turns.ts";
import type { Verbs } from "../actor/verbs.ts";
import type { PoolState } from "../debug/inspection.ts";
import type { RunningCode } from "../debug/report.ts";
import { Buffers } from "./buffers.ts";
import { Calls } from "./calls.ts";
import { Exchange } from "./exchange.ts";
import { hostServiceOf, type MessageRefusal } from "./host_service.ts";
import { RemoteMessage } from "./messages.ts";
import { POOL_ACTOR_TYPE, PoolActor, poolServiceOf } from "./pool_service.ts";
import { Receiver } from "./receiver.ts";
import { Redirects, type Whereabouts } from "./redirects.ts";
import type { Router } from "./router.ts";
import { type LocalDebug, SelfWatch } from "./self_watch.ts";
import { Residents } from "./residents.ts";
import { Streams } from "./streams.ts";
import { TypeLoader } from "./type_loader.ts";

/** What a pool in this isolate is made of. */
export interface LocalPoolOptions {
  readonly address: PoolAddress;
  readonly codec: Codec;
  readonly router: Router;
  readonly resources: Resources;
  /** How its device is used, if it has one of its own. */
  readonly deviceUse?: () => DeviceUse;
  /** {@linkcode PoolStart.firstId} @default 0 */
  readonly firstId?: number;
  /** The verbs of the host, as the actors of this pool see them. */
  readonly verbs: (pool: LocalPool) => Verbs;
  /** {@linkcode CallsOptions.callTimeoutMs} */
  readonly callTimeoutMs: number;
  /** What time it is. @default {SYSTEM_CLOCK} */
  readonly clock?: Clock;
  /** {@linkcode CallsOptions.asyncScopes} */
  readonly asyncScopes?: AsyncScopes | LateAsyncScopes;
  readonly onDeadLetter: (letter: DeadLetter) => void;
  /** Hears of messages of other hosts and clients that no actor can take. @default nobody does */
  readonly onRefused?: (refusal: MessageRefusal) => void;
  /** Of a main pool, and of a client. */
  readonly whereabouts?: Whereabouts;
  /** Without it nothing is looked out for. */
  readonly debug?: LocalDebug | null;
}

/** The pool of this isolate: its cells, and all that they call and are called by. */
export class LocalPool implements CellHost {
  readonly address: PoolAddress;
  readonly codec: Codec;
  readonly verbs: Verbs;
  readonly turns: Turns = new Turns();
  /** {@linkcode LocalPoolOptions.onRefused} */
  readonly onRefused: (refusal: MessageRefusal) => void;
  readonly types: TypeLoader = new TypeLoader();
  /** What is asked of other pools, and the answers. */
  readonly exchange: Exchange;
  /** Where messages go whose actors are not here. */
  readonly redirects: Redirects;
  /** The calls made here. */
  readonly calls: Calls;
  /** The streams produced and read here. */
  readonly streams: Streams;
  /** The places in this pool that others copy bytes to. */
  readonly buffers: Buffers = new Buffers(this);
  /** How its device is used, if it has one of its own. */
  readonly deviceUse: (() => DeviceUse) | undefined;
  /** The actors that live here. */
  readonly residents: Residents;
  readonly #cells = new Registry();
  readonly #receiver = new Receiver(this, this.#cells);
  readonly #selfWatch: SelfWatch;

  constructor(options: LocalPoolOptions) {
    this.address = options.address;
    this.codec = options.codec;
    const { address, router, whereabouts, clock = SYSTEM_CLOCK } = options;
    this.onRefused = options.onRefused ?? (() => {});
    this.exchange = new Exchange({ ...options, clock });
    this.redirects = new Redirects(address, router, this.exchange, whereabouts);
    const { exchange, redirects } = this;
    this.calls = new Calls({ ...options, clock, cells: this.#cells, exchange, redirects });
    this.streams = new Streams({
      ...options,
      deadlines: this.calls.deadlines,
      scopes: this.calls.scopes,
      failure: (thrown, where, method) => this.failure(thrown, where, method),
    });
    this.calls.streams = this.streams;
    this.residents = new Residents(this, this.#cells, options.resources);
    this.deviceUse = options.deviceUse;
    this.#selfWatch = new SelfWatch(this, this.#cells, options.debug ?? null);
    this.verbs = options.verbs(this);
  }

  /** How many actors live here. */
  get size(): number {
    return this.#cells.size;
  }

  /** What time it is. */
  get clock(): Clock {
    return this.exchange.clock;
  }

  /** {@linkcode CellHost.scopes} */
  get scopes(): Scopes {
    return this.calls.scopes;
  }

  /** {@linkcode CellHost.activity} */
  get activity(): Activity {
    return this.#selfWatch.activity;
  }

  /** {@linkcode Caller.call} */
  call(
    to: ActorAddress,
    method: string,
    args: unknown[],
    options?: CallOptions,
    isBatch?: boolean,
  ): Promise<unknown> {
    return this.calls.call(to, method, args, options, isBatch);
  }

  /** {@linkcode Caller.tell} */
  tell(to: ActorAddress, method: string, args: unknown[], isBatch?: boolean): void {
    this.calls.tell(to, method, args, isBatch);
  }

  /** {@linkcode Caller.later} */
  later(to: ActorAddress, method: string, args: unknown[], ms: number, again: boolean): Timer {
    return this.calls.later(to, method, args, ms, again);
  }

  /** {@linkcode Caller.balanced} */
  balanced(to: ActorAddress): Caller {
    return this.calls.balanced(to);
  }

  /** {@linkcode Caller.free} */
  free(owner: ActorAddress, id: number): void {
    this.calls.free(owner, id);
  }

  /** Lets those who look for what is wrong ask this pool. */
  async serve(): Promise<void> {
    const { uid } = poolServiceOf(this.address);
    await this.adopt(new PoolActor(this.#selfWatch), POOL_ACTOR_TYPE, uid);
  }

  /** Its actors but for the runtime's own, and what they do. */
  inspect(): Promise<PoolState> {
    return this.#selfWatch.inspect();
  }

  /** What the thread of this pool runs. */
  running(): RunningCode[] {
    return this.#selfWatch.running();
  }

  /** Takes a frame that is addressed to this pool. */
  receive(raw: RawFrame): void {
    this.#receiver.receive(raw);
  }

  /** Tells the sender of a frame that it failed, if the sender waits. */
  refuse(raw: RawFrame, error: Error): void {
    this.#receiver.refuse(raw, error);
  }

  /** {@linkcode Redirects.takeLost} */
  takeLost(raw: RawFrame): boolean {
    const decode = (frame: RawFrame) => this.codec.decode(frame);
    return this.redirects.takeLost(raw, decode, (error) => this.refuse(raw, error));
  }

  /** Lets an actor that exists live here: for the runtime's own. */
  adopt(actor: Actor, type: ActorType, uid: string): Promise<void> {
    return this.residents.adopt(actor, type, uid);
  }

  /** {@linkcode Residents.stop} */
  async stop(): Promise<void> {
    await this.residents.stop();
    this.#selfWatch.stop();
  }

  /** Something is gone: whatever waits for it fails, and what it waits for is cancelled. */
  lost(isGone: (to: PoolAddress) => boolean, error: Error): void {
    this.calls.lost(isGone, error);
    this.streams.lost(isGone, error);
    for (const { type, actor } of this.#cells) type.lost?.(actor, isGone);
    const isForsaken = (message: Message) =>
      message instanceof RemoteMessage && message.isAwaited && isGone(message.from);
    for (const cell of [...this.#cells]) cell.cancel(isForsaken, this.exchange.copyOf(error));
  }

  /** {@linkcode CellHost.fail} */
  fail(cell: Cell, reason: Error): never {
    if (cell.isStopped) throw cell.ending;
    const { host, uid, generation } = cell.address;
    this.residents.fail(cell, reason);
    const args = [uid, generation, this.exchange.copyOf(reason)];
    this.scopes.outside(() => this.tell(hostServiceOf(host), "failed", args));
    throw cell.ending;
  }

  /** {@linkcode CellHost.stream} */
  stream(result: StreamedResult, cell: Cell, scope: StreamScope): unknown {
    return this.streams.offerResult(result, cell, scope);
  }

  /** {@linkcode CellHost.callerInside} */
  callerInside(cell: Cell): Caller {
    return {
      call: (_to, method, args, options, isBatch) =>
        this.calls.callInside(cell, method, args, options, isBatch),
      tell: (to, method, args, isBatch) => this.tell(to, method, args, isBatch),
      later: (to, method, args, ms, again) => this.later(to, method, args, ms, again),
      balanced: (to) => this.balanced(to),
      free: (owner, id) => this.free(owner, id),
    };
  }

  /** {@linkcode CellHost.cameBack} */
  cameBack(comeback: Comeback): void {
    this.#selfWatch.cameBack(comeback);
  }

  /** {@linkcode CellHost.failure} */
  failure(thrown: unknown, where: string, method: string): Error {
    return failureOf(thrown, this.exchange.copyOf(thrown), where, method);
  }

  /** {@linkcode CellHost.undelivered} */
  undelivered(to: ActorAddress, method: string, reason: Error, from?: PoolAddress): void {
    this.exchange.undelivered(to, method, reason, from);
  }
}
