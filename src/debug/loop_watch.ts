import type { PoolAddress } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import { BackgroundTimer } from "./background_timer.ts";
import type { LoopReport, RunningCode } from "./report.ts";

/** Milliseconds between two pings of a pool, at least and at most: half the threshold. */
const MIN_PING_MS = 5;
const MAX_PING_MS = 500;

/** A pool that can be watched from outside. */
export interface WatchedLoop {
  readonly address: PoolAddress;
  readonly name: string;
  /** Asks its event loop for an answer; resolves when that comes, never if the pool has ended. */
  ping(): Promise<void>;
  /** What it runs, whether it answers or not; a promise if it must be asked, which soon resolves. */
  running(): RunningCode[] | Promise<RunningCode[]>;
}

/** What is known of one loop. */
interface Beat {
  /** When the ping was sent that is not answered yet; `null` if all are. */
  sentAt: number | null;
  isReported: boolean;
  /** How long the last answer took, in milliseconds. */
  lagMs: number | null;
}

/** Asks the event loops of the pools of a host, again and again, and reports those that do not answer. */
export class LoopWatch {
  readonly #blockedMs: number;
  readonly #pingMs: number;
  readonly #clock: Clock;
  readonly #report: (report: LoopReport) => void;
  readonly #timer: BackgroundTimer;
  readonly #loops = new Map<WatchedLoop, Beat>();

  constructor(blockedLoopMs: number, clock: Clock, report: (report: LoopReport) => void) {
    this.#blockedMs = blockedLoopMs;
    this.#pingMs = Math.max(MIN_PING_MS, Math.min(MAX_PING_MS, blockedLoopMs / 2));
    this.#clock = clock;
    this.#report = report;
    this.#timer = new BackgroundTimer(clock, (lateMs) => this.#look(lateMs));
  }

  /** Watches a pool from now on. */
  add(loop: WatchedLoop): void {
    const isFirst = this.#loops.size === 0;
    this.#loops.set(loop, { sentAt: null, isReported: false, lagMs: null });
    if (isFirst) this.#timer.set(this.#pingMs);
  }

  /** The pool has ended. */
  remove(loop: WatchedLoop): void {
    this.#loops.delete(loop);
    if (this.#loops.size === 0) this.#timer.stop();
  }

  /** How long its event loop took to answer last, and takes now if it has not answered yet. */
  lagOf(loop: WatchedLoop): number | null {
    const beat = this.#loops.get(loop);
    if (beat === undefined) return null;
    const since = beat.sentAt === null ? 0 : this.#clock.now() - beat.sentAt;
    return beat.lagMs === null && since < this.#pingMs ? null : Math.max(beat.lagMs ?? 0, since);
  }

  /** Watches nothing any more. */
  stop(): void {
    this.#loops.clear();
    this.#timer.stop();
  }

  #look(lateMs: number): void {
    // Who was blocked himself has not heard the answers yet.
    const canTell = lateMs < this.#pingMs;
    for (const [loop, beat] of this.#loops) {
      if (beat.sentAt === null) this.#ping(loop, beat);
      else if (canTell) this.#check(loop, beat, this.#clock.now() - beat.sentAt);
    }
    this.#timer.set(this.#pingMs);
  }

  #ping(loop: WatchedLoop, beat: Beat): void {
    const sentAt = this.#clock.now();
    beat.sentAt = sentAt;
    void loop.ping().then(() => {
      const ms = this.#clock.now() - sentAt;
      beat.sentAt = null;
      beat.lagMs = ms;
      if (!beat.isReported) return;
      beat.isReported = false;
      this.#say("unblocked", loop, ms);
    });
  }

  #check(loop: WatchedLoop, beat: Beat, ms: number): void {
    if (beat.isReported || ms < this.#blockedMs) return;
    beat.isReported = true;
    this.#say("blocked", loop, ms);
  }

  #say(kind: LoopReport["kind"], loop: WatchedLoop, ms: number): void {
    const report = (running: RunningCode[]) =>
      this.#report({ kind, pool: loop.address, name: loop.name, ms, running });
    const running = kind === "blocked" ? loop.running() : [];
    if (running instanceof Promise) void running.then(report);
    else report(running);
  }
}
