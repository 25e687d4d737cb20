import type { ActorAddress } from "../core/address.ts";
import type { Hop } from "../core/call_chain.ts";
import { type Clock, SYSTEM_CLOCK } from "../core/clock.ts";
import { Activity } from "../actor/activity.ts";
import { createRef } from "../actor/ref.ts";
import type { Comeback } from "../actor/deadlock.ts";
import type { Registry } from "../actor/registry.ts";
import type { Comebacks } from "../debug/comebacks.ts";
import type { PoolState } from "../debug/inspection.ts";
import type { PoolDebug } from "../debug/options.ts";
import { PoolWatch, type WatchedPool } from "../debug/pool_watch.ts";
import type { RunningCode } from "../debug/report.ts";
import { type Wait, waitsOf } from "../debug/waits.ts";
import { isReserved } from "./host_service.ts";
import type { LocalPool } from "./local.ts";
import { type PoolService, poolServiceOf } from "./pool_service.ts";
import { ThreadShare } from "./thread_share.ts";

/** What a pool looks out for, and whom it tells. */
export interface LocalDebug extends Pick<WatchedPool, "report" | "typed" | "blocked"> {
  readonly options: PoolDebug;
  /** What time it is: the real one, as it looks at real threads. @default {SYSTEM_CLOCK} */
  readonly clock?: Clock;
}

/** Milliseconds in which a pool must say whom a call waits for. */
const FOLLOW_TIMEOUT_MS = 2000;

/** What a pool sees of itself: it looks out for what takes too long, and says how it is when asked. */
export class SelfWatch implements PoolService {
  /** What the cells write down. */
  readonly activity: Activity;
  readonly #pool: LocalPool;
  readonly #cells: Registry;
  readonly #watch: PoolWatch | null;
  readonly #cpu = new ThreadShare();
  /** Made once a message has come back. */
  #comebacks: Comebacks | undefined;
  #isStopped = false;

  /** @param debug Without it nothing is looked out for. */
  constructor(pool: LocalPool, cells: Registry, debug: LocalDebug | null) {
    this.#pool = pool;
    this.#cells = cells;
    const clock = debug?.clock ?? SYSTEM_CLOCK;
    this.#watch = debug && new PoolWatch(debug.options, clock, () => this.#watched(debug));
    this.activity = new Activity(clock, this.#watch);
  }

  /** {@linkcode PoolService.inspect}: its actors but for the runtime's own, and what they do. */
  async inspect(): Promise<PoolState> {
    const { exchange, streams } = this.#pool;
    // Counted first: whoever asks one pool may ask others too, and those calls wait.
    const counts = { pendingCalls: exchange.waiting, streams: streams.size };
    // Loaded by pools that somebody inspects.
    const { inspectCell, inspectParked } = await import("../debug/inspection.ts");
    const { time } = this.activity;
    const cells = [...this.#cells].filter(({ address }) => !isReserved(address.uid));
    const actors = cells.map((cell) => inspectCell(cell, time));
    for (const { actor, queued, address: { uid } } of this.#cells.allParked) {
      const isThere = actor === null || this.#cells.get(uid) !== undefined;
      if (!isThere) actors.push(inspectParked(actor, queued));
    }
    const ended = this.#cells.ended.read();
    const deviceUse = this.#pool.deviceUse?.();
    const seen = { actors, ended, ...counts };
    return deviceUse === undefined ? seen : { ...seen, deviceUse };
  }

  /** {@linkcode PoolService.save} */
  save(uid: string): Promise<void> {
    return this.#pool.residents.save(uid);
  }

  /** {@linkcode PoolService.fail} */
  fail(uid: string, generation: number, reason: Error): void {
    const cell = this.#cells.get(uid);
    if (cell?.address.generation === generation) this.#pool.residents.fail(cell, reason);
    else if (this.#cells.parked(uid)?.actor?.address.generation === generation) {
      this.#pool.residents.endParked(uid);
    }
  }

  /** {@linkcode PoolService.tellLinkDown} */
  tellLinkDown(uid: string, generation: number, peer: ActorAddress, reason: Error): boolean {
    const { address, verbs } = this.#pool;
    if (verbs.isUnlinking({ ...address, uid, generation }, peer)) return false;
    this.fail(uid, generation, reason);
    return true;
  }

  /** {@linkcode PoolService.hold} */
  hold(uid: string, reason: Error, waitMs: number): void {
    const address = { ...this.#pool.address, uid, generation: 0 };
    this.#pool.residents.hold(address, reason, waitMs);
  }

  /** {@linkcode PoolService.forsake} */
  forsake(uid: string): void {
    this.#pool.residents.forsake(uid);
  }

  /** {@linkcode PoolService.handOver} */
  handOver(uid: string): Promise<void> {
    return this.#pool.residents.handOver(uid);
  }

  /** {@linkcode PoolService.redirected} */
  redirected(id: number): void {
    this.#pool.exchange.redirect(id);
  }

  /** {@linkcode PoolService.passOn} */
  passOn(uid: string): void {
    this.#pool.residents.passOn(uid);
  }

  /** {@linkcode PoolService.tellChildDown} */
  async tellChildDown(
    uid: string,
    generation: number,
    child: ActorAddress,
    reason: Error,
    gaveUp: boolean,
  ): Promise<Error | null> {
    const ref = createRef(child, this.#pool);
    for (;;) {
      const cell = await this.#pool.residents.awake(uid);
      if (cell?.address.generation !== generation) return null;
      try {
        await cell.childDown(ref, { actor: child, reason, gaveUp });
        return null;
      } catch (thrown) {
        const wasParked = cell.isStopped && this.#cells.parked(uid)?.actor;
        if (!wasParked) return this.#pool.failure(thrown, cell.where, "childDown");
      }
    }
  }

  /** {@linkcode PoolService.follow} */
  follow(uid: string, caller: Hop): Wait[] {
    const cell = this.#cells.get(uid);
    return cell === undefined ? [] : waitsOf(cell, caller);
  }

  /** {@linkcode PoolService.busy} */
  busy(): number | null {
    return this.#cpu.read();
  }

  /** What the thread of the pool runs. */
  running(): RunningCode[] {
    return this.#watch?.running() ?? [];
  }

  /** Looks whether a message that has come back is a deadlock; loaded by pools that have one alone. */
  cameBack(comeback: Comeback): void {
    void this.#pool.scopes.outside(async () => {
      const { Comebacks } = await import("../debug/comebacks.ts");
      if (this.#isStopped) return;
      const ask = (to: ActorAddress, caller: Hop) => this.#ask(to, caller);
      (this.#comebacks ??= new Comebacks(ask, ({ uid }) => isReserved(uid))).add(comeback);
    });
  }

  /** Looks no more. */
  stop(): void {
    this.#isStopped = true;
    this.#watch?.stop();
    this.#comebacks?.stop();
  }

  #watched(debug: LocalDebug): WatchedPool {
    return {
      ...debug,
      address: this.#pool.address,
      cells: this.#cells,
      activity: this.activity,
      outside: (code) => this.#pool.scopes.outside(code),
      follow: (to, caller) => this.#followIn(to, caller),
    };
  }

  /** See {@linkcode WatchedPool.follow}. A pool that does not answer leads nowhere. */
  async #followIn(to: ActorAddress, caller: Hop): Promise<Wait[]> {
    return await this.#ask(to, caller) ?? [];
  }

  /** Whom a caller waits for that has called an actor; `null` if its pool does not answer. */
  async #ask(to: ActorAddress, caller: Hop): Promise<Wait[] | null> {
    const service = poolServiceOf(to);
    const options = { timeoutMs: FOLLOW_TIMEOUT_MS };
    try {
      return await this.#pool.call(service, "follow", [to.uid, caller], options) as Wait[];
    } catch {
      return null;
    }
  }
}
