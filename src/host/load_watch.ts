import type { PoolId } from "../core/address.ts";
import { type Clock, SYSTEM_CLOCK } from "../core/clock.ts";
import { BackgroundTimer } from "../debug/background_timer.ts";
import { UNLIMITED } from "../actor/message.ts";
import type { LocalPool } from "../pool/local.ts";
import { poolServiceOf } from "../pool/pool_service.ts";
import { busyWith } from "../schedule/leases.ts";

/** Milliseconds between two looks: the CPU time of a thread is counted in steps of ten. */
const LOOK_MS = 500;

/** What is told to others: a smaller change is none. */
const NOTABLE = 0.1;

/** A pool that has actors. */
interface Loaded {
  readonly pool: PoolId;
  readonly actors: number;
}

/** What the watch needs of its host. */
export interface LoadWatchOptions {
  /** What asks the pools. */
  readonly main: LocalPool;
  /** Those of this host. */
  pools(): readonly Loaded[];
  /** A pool is more or less busy than it was. */
  onChange(): void;
  /** That of the pools' threads. @default SYSTEM_CLOCK */
  readonly clock?: Clock;
}

/** What was last seen of a pool. */
interface Measured {
  busy: number | undefined;
  /** How many actors it had then. */
  actors: number;
  isAsked: boolean;
}

/** Asks the pools of a host how busy they are, as long as they have actors. */
export class LoadWatch {
  readonly #options: LoadWatchOptions;
  readonly #timer: BackgroundTimer;
  readonly #measured = new Map<PoolId, Measured>();
  #isOn = false;
  #isStopped = false;

  constructor(options: LoadWatchOptions) {
    this.#options = options;
    this.#timer = new BackgroundTimer(options.clock ?? SYSTEM_CLOCK, () => this.#look());
  }

  /** There may be an actor now. */
  wake(): void {
    if (this.#isOn || this.#isStopped) return;
    this.#isOn = true;
    this.#timer.set(LOOK_MS);
  }

  /** How busy a pool is with its actors of now; `undefined` if that is not known. */
  busyOf(pool: PoolId, actors: number): number | undefined {
    const measured = this.#measured.get(pool);
    if (measured === undefined) return undefined;
    return busyWith(measured.busy, Math.max(0, actors - measured.actors));
  }

  /** A pool has ended. */
  forget(pool: PoolId): void {
    this.#measured.delete(pool);
  }

  /** Looks no more. */
  stop(): void {
    this.#isStopped = true;
    this.#timer.stop();
  }

  #look(): void {
    this.#isOn = false;
    if (this.#isStopped) return;
    for (const { pool, actors } of this.#options.pools()) {
      if (actors === 0) this.#measured.delete(pool);
      else {
        this.wake();
        this.#ask(pool, actors);
      }
    }
  }

  #ask(pool: PoolId, actors: number): void {
    let measured = this.#measured.get(pool);
    if (measured === undefined) {
      this.#measured.set(pool, measured = { busy: undefined, actors, isAsked: false });
    }
    // It has not come to answer since the last look.
    if (measured.isAsked) return this.#take(measured, 1, actors);
    measured.isAsked = true;
    void this.#answer(pool).then((busy) => {
      measured.isAsked = false;
      if (busy !== null) this.#take(measured, busy, actors);
    });
  }

  async #answer(pool: PoolId): Promise<number | null> {
    const { main } = this.#options;
    const service = poolServiceOf({ host: main.address.host, pool });
    try {
      return await main.call(service, "busy", [], UNLIMITED) as number | null;
    } catch {
      // It is gone.
      return null;
    }
  }

  #take(measured: Measured, busy: number, actors: number): void {
    const isNews = Math.abs((measured.busy ?? 0) - busy) >= NOTABLE;
    measured.busy = busy;
    measured.actors = actors;
    if (isNews && !this.#isStopped) this.#options.onChange();
  }
}
