import {
  type ActorAddress,
  formatActor,
  formatPool,
  type PoolAddress,
  samePool,
} from "../core/address.ts";
import { type Clock, SYSTEM_CLOCK } from "../core/clock.ts";
import type { Hop } from "../core/call_chain.ts";
import type { Codec } from "../core/codec.ts";
import { ActorExistsError, ActorStartError } from "../core/errors.ts";
import { sizeOfFrame } from "../core/message_size.ts";
import type { CellOptions, CreateFrame, RawFrame } from "../core/protocol.ts";
import { Activity } from "../actor/activity.ts";
import type { Actor } from "../actor/actor.ts";
import { type ActorType, formatType, type Resources } from "../actor/actor_type.ts";
import { Cell, type CellHost } from "../actor/cell.ts";
import type { ActorSystem } from "../actor/context.ts";
import type { DeadLetter } from "../actor/dead_letter.ts";
import { failureOf } from "../actor/failure.ts";
import type { CallOptions, Message } from "../actor/message.ts";
import type { Caller, Timer } from "../actor/ref_method.ts";
import { Registry } from "../actor/registry.ts";
import type { StreamedResult } from "../actor/remote_stream.ts";
import type { StreamScope } from "../actor/stream_scope.ts";
import type { Scopes } from "../actor/scopes.ts";
import { Turns } from "../actor/turns.ts";
import { inspectCell, type PoolState } from "../debug/inspection.ts";
import type { PoolDebug } from "../debug/options.ts";
import { PoolWatch, type WatchedPool } from "../debug/pool_watch.ts";
import type { RunningCode } from "../debug/report.ts";
import { type Wait, waitsOf } from "../debug/waits.ts";
import { RESERVED_PREFIX } from "./host_service.ts";
import { POOL_ACTOR_TYPE, PoolActor, type PoolService, poolServiceOf } from "./pool_service.ts";
import { Buffers } from "./buffers.ts";
import { Calls, type MessageFrame } from "./calls.ts";
import { RemoteMessage } from "./messages.ts";
import { Streams } from "./streams.ts";
import type { Router } from "./router.ts";
import { TypeLoader } from "./type_loader.ts";

/** What a pool in this isolate is made of. */
export interface LocalPoolOptions {
  readonly address: PoolAddress;
  readonly codec: Codec;
  readonly router: Router;
  readonly resources: Resources;
  /** The verbs of the host, as the actors of this pool see them. */
  readonly system: (pool: LocalPool) => ActorSystem<unknown>;
  /** {@linkcode CallsOptions.callTimeoutMs} */
  readonly callTimeoutMs: number;
  /** What time it is. @default {SYSTEM_CLOCK} */
  readonly clock?: Clock;
  readonly onDeadLetter: (letter: DeadLetter) => void;
  /** Without it nothing is looked out for. */
  readonly debug?: LocalDebug | null;
}

/** What a pool looks out for, and whom it tells. */
export interface LocalDebug extends Pick<WatchedPool, "report" | "typed" | "blocked"> {
  readonly options: PoolDebug;
}

/** What an actor is made of. */
export type CreateRequest = Pick<
  CreateFrame,
  "uid" | "generation" | "type" | "args" | "options"
>;

/** Milliseconds in which a pool must say whom a call waits for. */
const FOLLOW_TIMEOUT_MS = 2000;

/** The runtime's own actors refuse nobody. */
const UNBOUNDED: CellOptions = {
  mailbox: { messages: Infinity, bytes: Infinity, overflow: "reject" },
};

/** The pool of this isolate: its cells, and what frames mean to them. */
export class LocalPool implements CellHost {
  readonly address: PoolAddress;
  readonly codec: Codec;
  readonly system: ActorSystem<unknown>;
  readonly turns: Turns = new Turns();
  readonly types: TypeLoader = new TypeLoader();
  /** The calls made here. */
  readonly calls: Calls;
  /** The streams produced and read here. */
  readonly streams: Streams;
  /** The places in this pool that others copy bytes to. */
  readonly buffers: Buffers = new Buffers(this);
  readonly #resources: Resources;
  readonly #cells = new Registry();
  /** What its cells write down. */
  readonly activity: Activity;
  readonly #watch: PoolWatch | null;

  constructor(options: LocalPoolOptions) {
    this.address = options.address;
    this.codec = options.codec;
    const { clock = SYSTEM_CLOCK } = options;
    this.calls = new Calls({ ...options, clock, cells: this.#cells });
    this.streams = new Streams({
      ...options,
      deadlines: this.calls.deadlines,
      scopes: this.calls.scopes,
      failure: (thrown, where, method) => this.failure(thrown, where, method),
    });
    this.#resources = options.resources;
    this.#watch = this.#watchBy(options.debug ?? null);
    this.activity = new Activity(SYSTEM_CLOCK, this.#watch);
    this.system = options.system(this);
  }

  /** How many actors live here. */
  get size(): number {
    return this.#cells.size;
  }

  /** {@linkcode CellHost.scopes} */
  get scopes(): Scopes {
    return this.calls.scopes;
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

  /** Lets those who look for what is wrong ask this pool. */
  async serve(): Promise<void> {
    const { uid } = poolServiceOf(this.address);
    const service: PoolService = {
      inspect: () => this.inspect(),
      follow: (uid, caller) => {
        const cell = this.#cells.get(uid);
        return cell === undefined ? [] : waitsOf(cell, caller);
      },
    };
    await this.adopt(new PoolActor(service), POOL_ACTOR_TYPE, uid);
  }

  /** Its actors but for the runtime's own, and what they do. */
  inspect(): PoolState {
    const { time } = this.activity;
    const actors = [...this.#cells].filter((cell) => !isOurs(cell)).map((cell) =>
      inspectCell(cell, time)
    );
    return { actors, pendingCalls: this.calls.waiting, streams: this.streams.size };
  }

  /** What the thread of this pool runs. */
  running(): RunningCode[] {
    return this.#watch?.running() ?? [];
  }

  /** Takes a frame that is addressed to this pool. */
  receive(raw: RawFrame): void {
    try {
      this.#receive(raw);
    } catch (error) {
      if (raw.kind === "reply" || raw.kind === "failure") this.calls.settleUnreadable(raw, error);
      else this.refuse(raw, error as Error);
    }
  }

  /** Tells the sender of a frame that it failed, if the sender waits. */
  refuse(raw: RawFrame, error: Error): void {
    const { kind, from, id } = raw;
    if (
      kind === "call" || kind === "create" || kind === "destroy" || (kind === "batch" && id > 0)
    ) {
      this.calls.answerWithFailure(from, id, error);
    } else if (kind === "tell" || kind === "batch") {
      const { uid, method, args } = this.#partsOf(raw);
      const sent = { args, bytes: sizeOfFrame(raw.body, raw.segments) };
      this.calls.undelivered({ ...raw.to, uid, generation: 0 }, method, error, from, sent);
    } else if (kind === "items" || kind === "end" || kind === "credit") {
      this.streams.refuse(raw, error);
    }
  }

  /** What a message says; nothing if it cannot be read, which must not end the link that brought it. */
  #partsOf(raw: RawFrame): { uid: string; method: string; args: unknown[] } {
    try {
      const frame = this.codec.decode(raw) as MessageFrame;
      const args = frame.kind === "batch" ? frame.items : frame.args;
      return { uid: frame.uid, method: frame.method, args: args as unknown[] };
    } catch {
      return { uid: "", method: "", args: [] };
    }
  }

  /** Makes an actor here and runs its `postCreate`. */
  async create(request: CreateRequest): Promise<void> {
    const { uid, generation, type } = request;
    const address = { ...this.address, uid, generation };
    try {
      await this.#create(request, address);
    } catch (error) {
      throw this.failure(error, `${formatType(type)} ${formatActor(address)}`, "create");
    }
  }

  async #create(request: CreateRequest, address: ActorAddress): Promise<void> {
    const { uid, type: name } = request;
    if (this.#cells.get(uid) !== undefined) {
      throw new ActorExistsError(`${formatActor(address)} exists already`, uid);
    }
    const type = this.types.known(name) ?? await this.types.load(name);
    const actor = await this.#instantiate(type, request);
    const cell = new Cell(actor, type, address, request.options, this);
    this.#cells.add(cell);
    try {
      await cell.start();
    } catch (cause) {
      this.#cells.remove(cell);
      throw startError(cell.where, "postCreate", cause);
    }
  }

  /** Lets an actor that exists live here: for the runtime's own. */
  async adopt(actor: Actor, type: ActorType, uid: string): Promise<void> {
    const address = { ...this.address, uid, generation: 1 };
    const cell = new Cell(actor, type, address, UNBOUNDED, this);
    this.#cells.add(cell);
    await cell.start();
  }

  /** Ends an actor of this pool. */
  async destroy(uid: string, kill: boolean): Promise<void> {
    const cell = this.#cells.get(uid);
    if (cell === undefined) throw this.calls.notFound({ ...this.address, uid, generation: 0 });
    if (kill) {
      this.#cells.remove(cell);
      cell.kill();
      return;
    }
    try {
      await cell.destroy();
    } catch (thrown) {
      throw this.failure(thrown, cell.where, "preDestroy");
    } finally {
      this.#cells.remove(cell);
    }
  }

  /**
   * Ends every actor in order, the runtime's own last: hooks may call them. What a `preDestroy` throws
   * becomes a dead letter.
   */
  async stop(): Promise<void> {
    const cells = [...this.#cells];
    await this.#stopCells(cells.filter((cell) => !isOurs(cell)));
    await this.#stopCells(cells.filter(isOurs));
    this.#watch?.stop();
  }

  async #stopCells(cells: readonly Cell[]): Promise<void> {
    await Promise.all(cells.map(async (cell) => {
      try {
        await this.destroy(cell.address.uid, false);
      } catch (error) {
        this.undelivered(cell.address, "preDestroy", error as Error);
      }
    }));
    this.streams.stop();
  }

  /** Something is gone: whatever waits for it fails, and what it waits for is cancelled. */
  lost(isGone: (to: PoolAddress) => boolean, error: Error): void {
    this.calls.lost(isGone, error);
    this.streams.lost(isGone, error);
    for (const { type, actor } of this.#cells) type.lost?.(actor, isGone);
    const isForsaken = (message: Message) =>
      message instanceof RemoteMessage && message.isAwaited && isGone(message.from);
    for (const cell of [...this.#cells]) cell.cancel(isForsaken, this.calls.copyOf(error));
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
    };
  }

  /** {@linkcode CellHost.failure} */
  failure(thrown: unknown, where: string, method: string): Error {
    return failureOf(thrown, this.calls.copyOf(thrown), where, method);
  }

  /** {@linkcode CellHost.undelivered} */
  undelivered(to: ActorAddress, method: string, reason: Error, from?: PoolAddress): void {
    this.calls.undelivered(to, method, reason, from);
  }

  /** By the real time, as it looks at real threads. */
  #watchBy(debug: LocalDebug | null): PoolWatch | null {
    if (debug === null) return null;
    return new PoolWatch(debug.options, SYSTEM_CLOCK, () => ({
      ...debug,
      address: this.address,
      cells: this.#cells,
      activity: this.activity,
      outside: (code) => this.scopes.outside(code),
      follow: (to, caller) => this.#follow(to, caller),
    }));
  }

  /** See {@linkcode WatchedPool.follow}. A pool that does not answer leads nowhere. */
  async #follow(to: ActorAddress, caller: Hop): Promise<Wait[]> {
    const service = poolServiceOf(to);
    const options = { timeoutMs: FOLLOW_TIMEOUT_MS };
    try {
      return await this.calls.call(service, "follow", [to.uid, caller], options) as Wait[];
    } catch {
      return [];
    }
  }

  #receive(raw: RawFrame): void {
    const frame = this.codec.decode(raw);
    switch (frame.kind) {
      case "reply":
      case "failure":
        return this.calls.settle(frame);
      case "call":
      case "tell":
      case "batch": {
        const cell = this.#cells.get(frame.uid);
        if (cell !== undefined) {
          const bytes = sizeOfFrame(raw.body, raw.segments);
          cell.deliver(new RemoteMessage(this.calls, frame, bytes));
        } else this.calls.redirect(raw, frame, (error) => this.refuse(raw, error));
        return;
      }
      case "cancel": {
        const { id, from, reason } = frame;
        const matches = (message: Message) => message.id === id && samePool(message.from, from);
        const cell = this.#cells.get(frame.uid);
        if (cell !== undefined) cell.cancel(matches, reason);
        else this.calls.redirectCancel(raw, frame);
        return;
      }
      case "credit":
      case "drop":
      case "items":
      case "end":
        return this.streams.receive(frame);
      case "create":
        return this.#answerLater(raw, this.create(frame));
      case "destroy":
        return this.#answerLater(raw, this.destroy(frame.uid, frame.kill));
      default:
        throw new TypeError(`${formatPool(this.address)} takes no ${frame.kind} frames`);
    }
  }

  #answerLater(raw: RawFrame, result: Promise<void>): void {
    result.then(
      () => this.calls.answer(raw.from, raw.id, undefined),
      (error) => this.calls.answerWithFailure(raw.from, raw.id, error),
    );
  }

  async #instantiate(type: ActorType, { args, uid }: CreateRequest): Promise<Actor> {
    try {
      return await type.create(args as unknown[], this.#resources);
    } catch (cause) {
      throw startError(`${formatType(type.name)} ${uid}`, "construct", cause);
    }
  }
}

/** Whether it runs one of the runtime's own actors. */
function isOurs({ address }: Cell): boolean {
  return address.uid.startsWith(RESERVED_PREFIX);
}

function startError(
  what: string,
  phase: "construct" | "postCreate",
  cause: unknown,
): ActorStartError {
  if (cause instanceof ActorStartError) return cause;
  const message = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return new ActorStartError(`${what} could not be started: ${phase} threw ${message}`, phase, {
    cause,
  });
}
