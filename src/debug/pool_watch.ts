import type { PoolAddress } from "../core/address.ts";
import { type CallChain, type Hop, readChain } from "../core/call_chain.ts";
import type { Clock } from "../core/clock.ts";
import type { Activity, ActivityObserver } from "../actor/activity.ts";
import { type ActorType, isRuntimeType } from "../actor/actor_type.ts";
import type { Cell } from "../actor/cell.ts";
import type { Stay } from "../actor/cell_watch.ts";
import type { Message } from "../actor/message.ts";
import { BackgroundTimer } from "./background_timer.ts";
import { CodeNames } from "./code_names.ts";
import type { PoolDebug } from "./options.ts";
import type { CallerHop, CallReport, DebugReport, RunningCode } from "./report.ts";
import { ReportLimit } from "./report_limit.ts";
import type { Follow } from "./wait_probe.ts";
import { hopOf, keyOf, sameHop, type Wait } from "./waits.ts";

/** Milliseconds between two looks, at least and at most: a quarter of the shortest threshold. */
const MIN_LOOK_MS = 5;
const MAX_LOOK_MS = 250;

/** The longest time between two looks for a cycle behind the same queue, in milliseconds. */
const MAX_PROBE_MS = 60_000;

/** What the watch of a pool needs of it. */
export interface WatchedPool {
  readonly address: PoolAddress;
  readonly cells: Iterable<Cell>;
  readonly activity: Activity;
  /** Runs code that belongs to no message. */
  outside<T>(code: () => T): T;
  /** Whom a caller waits for that has called an actor of this pool or another. */
  readonly follow: Follow;
  report(report: DebugReport): void;
  /** The pool has got its first actor of a type. */
  typed(type: string, first: number, names: readonly string[]): void;
  /** The pool's own event loop did not turn for so long; for a pool that nobody watches from outside. */
  blocked?(ms: number): void;
}

/** A queue whose first message waits for too long. */
interface SlowQueue {
  /** When to look for a cycle, by `Activity.time`, and how long after that again. */
  probeAt: number;
  probeMs: number;
  /** What held the actor in the cycle that was reported last. */
  reported: Hop | null;
}

/**
 * Looks at the cells of a pool now and then, while they have anything to do, for what takes too long:
 * so that a message which does not is free.
 */
export class PoolWatch implements ActivityObserver {
  readonly names: CodeNames = new CodeNames();
  readonly #debug: PoolDebug;
  readonly #pool: () => WatchedPool;
  readonly #timer: BackgroundTimer;
  readonly #limit: ReportLimit;
  readonly #slowQueues = new Map<Cell, SlowQueue>();
  #lookMs: number;
  #stopped = false;

  /** @param pool Not asked for before a cell of it is made. */
  constructor(debug: PoolDebug, clock: Clock, pool: () => WatchedPool) {
    this.#debug = debug;
    this.#pool = pool;
    this.#limit = new ReportLimit(clock);
    this.#timer = new BackgroundTimer(clock, (lateMs) => this.#ring(lateMs));
    this.#lookMs = lookMs(debug.slowCallMs);
  }

  /** {@linkcode ActivityObserver.awake} */
  awake(): void {
    if (!this.#stopped) this.#pool().outside(() => this.#timer.set(this.#lookMs));
  }

  /** {@linkcode ActivityObserver.typed} */
  typed(type: ActorType, first: number, names: readonly string[]): void {
    const own = [type.slowCallMs, ...[...type.methods.values()].map((one) => one.slowCallMs)];
    for (const ms of own) if (ms !== undefined) this.#lookMs = Math.min(this.#lookMs, lookMs(ms));
    this.names.add(type.name.name, first, names);
    this.#pool().typed(type.name.name, first, names);
  }

  /** What the marks of the pool's own thread say. */
  running(): RunningCode[] {
    const { activity, cells } = this.#pool();
    return this.names.running(activity.marks.read(), (generation) => {
      for (const { address, type } of cells) {
        if (address.generation === generation && !isRuntimeType(type)) return address.uid;
      }
      return null;
    });
  }

  /** Looks no more. */
  stop(): void {
    this.#stopped = true;
    this.#timer.stop();
  }

  #ring(lateMs: number): void {
    const { activity, cells, blocked } = this.#pool();
    // While the loop is blocked everything waits for that alone, which is reported by itself.
    activity.pass(this.#lookMs + Math.min(lateMs, this.#lookMs));
    if (lateMs >= this.#debug.blockedLoopMs) blocked?.(lateMs);
    let isBusy = false;
    for (const cell of cells) {
      if (!cell.isBusy || isRuntimeType(cell.type)) continue;
      isBusy = true;
      this.#look(cell, activity.time);
    }
    for (const cell of this.#slowQueues.keys()) if (!cell.isBusy) this.#slowQueues.delete(cell);
    if (isBusy && !this.#stopped) this.#timer.set(this.#lookMs);
    else activity.sleep();
  }

  #look(cell: Cell, now: number): void {
    for (const [message, stay] of cell.running) this.#lookAtRunning(cell, message, stay, now);
    const next = cell.findWaiting(() => true);
    if (next === undefined || now - next.since < this.#slowMs(cell, next)) {
      this.#slowQueues.delete(cell);
    } else this.#lookAtQueue(cell, next, now);
  }

  #lookAtRunning(cell: Cell, message: Message, stay: Stay, now: number): void {
    if (message.calls.length > 0) stay.since = now;
    if (stay.isReported || now - stay.since < this.#slowMs(cell, message)) return;
    stay.isReported = true;
    this.#report("slow", cell, message, now - stay.since);
  }

  #lookAtQueue(cell: Cell, next: Message, now: number): void {
    let queue = this.#slowQueues.get(cell);
    if (queue === undefined) {
      this.#report("queued", cell, next, now - next.since);
      queue = { probeAt: now, probeMs: this.#slowMs(cell, next), reported: null };
      this.#slowQueues.set(cell, queue);
    }
    if (now < queue.probeAt) return;
    queue.probeAt = now + queue.probeMs;
    queue.probeMs = Math.min(2 * queue.probeMs, MAX_PROBE_MS);
    for (const holder of cell.holders) {
      void this.#pool().outside(() => this.#probe(cell, holder, queue));
    }
  }

  async #probe(cell: Cell, holder: Message, queue: SlowQueue): Promise<void> {
    const { follow, report } = this.#pool();
    const hop = hopOf(holder, cell.address);
    const { calls, open } = holder;
    const start: Wait = { hop, call: "", key: "", isQueued: true, calls, open };
    // Loaded by pools in which something waits for too long.
    const { cycleError, findCycle, isReporter } = await import("./wait_probe.ts");
    const cycle = await findCycle(start, follow);
    if (cycle === null || !isReporter(cycle)) return;
    if (queue.reported !== null && sameHop(queue.reported, hop)) return;
    queue.reported = hop;
    const error = cycleError(cycle);
    const rejected = this.#debug.onDeadlock === "reject";
    const { message } = error;
    report({ kind: "deadlock", cycle: error.cycle, message, rejected });
    if (rejected) cell.refuse((one) => keyOf(one) === cycle[0]!.key, error);
  }

  #slowMs({ type }: Cell, { target }: Message): number {
    return target?.slowCallMs ?? type.slowCallMs ?? this.#debug.slowCallMs;
  }

  #report(kind: CallReport["kind"], cell: Cell, message: Message, ms: number): void {
    const suppressed = this.#limit.next();
    if (suppressed === null) return;
    const { address, type } = cell;
    const holders = kind === "queued" ? cell.holders : [];
    const { method, from } = message;
    this.#pool().report({
      kind,
      to: address,
      type: type.name.name,
      method,
      from,
      ms,
      chain: chainOf(message),
      waiting: cell.queued,
      heldBy: holders.map((holder) => ({ method: holder.method, chain: chainOf(holder) })),
      suppressed,
    });
  }
}

/** The calls of actors that wait for a message, oldest first. */
export function chainOf({ terms }: Message): CallerHop[] {
  const chain: CallChain | null = terms?.chain ?? null;
  if (chain === null) return [];
  return readChain(chain).map(({ host, pool, uid, generation, method }) => {
    return { host, pool, uid, generation, method };
  });
}

function lookMs(slowMs: number): number {
  return Math.max(MIN_LOOK_MS, Math.min(MAX_LOOK_MS, slowMs / 4));
}
