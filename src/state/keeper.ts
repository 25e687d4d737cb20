import type { Clock } from "../core/clock.ts";
import type { CellOptions } from "../core/protocol.ts";
import type { Cell } from "../actor/cell.ts";
import { hasState } from "../actor/actor.ts";
import type { CellKeeper, SavedState } from "../actor/state.ts";

/** What a keeper needs of its pool. */
export interface KeeperSite {
  readonly clock: Clock;
  /** A state as bytes. */
  encode(state: unknown): Uint8Array<ArrayBuffer>;
  /** Resolves once they are kept, with when that was. */
  put(state: Uint8Array<ArrayBuffer>): Promise<number>;
  /** It could not be saved, and nobody waits for that. */
  failed(error: Error): void;
  /** The actor is idle. */
  park(): void;
}

/** Saves the state of one actor when it is asked to, and by itself as its options say; sees when it is idle. */
export class Keeper implements CellKeeper {
  readonly #cell: Cell;
  readonly #site: KeeperSite;
  readonly #every: number;
  readonly #intervalMs: number;
  readonly #idleMs: number;
  readonly #hasState: boolean;
  /** Messages since the state was last taken. */
  #count = 0;
  #lastMessage: number;
  #isSaving = false;
  #isDue = false;
  #interval: unknown;
  #idle: unknown;
  #isClosed = false;
  #saved: SavedState = { savedAt: null, bytes: 0, restoredAgeMs: null, error: null };

  constructor(cell: Cell, { snapshot = {}, idleMs = Infinity }: CellOptions, site: KeeperSite) {
    this.#cell = cell;
    this.#site = site;
    const { every = Infinity, intervalMs = Infinity } = snapshot;
    this.#every = every;
    this.#intervalMs = intervalMs;
    this.#idleMs = idleMs;
    this.#hasState = hasState(cell.actor);
    this.#lastMessage = site.clock.now();
  }

  /** A state has come back. */
  restored(ageMs: number): void {
    this.#saved = { ...this.#saved, restoredAgeMs: ageMs };
  }

  /** The actor has started. */
  open(): void {
    this.#lastMessage = this.#site.clock.now();
    this.#watchIdle();
  }

  ended(): void {
    const { clock } = this.#site;
    if (this.#idleMs !== Infinity) this.#lastMessage = clock.now();
    if (!this.#hasState) return;
    if (++this.#count >= this.#every) this.#saveSoon();
    else if (this.#intervalMs !== Infinity && !this.#isClosed) {
      this.#interval ??= clock.setTimeout(() => this.#saveSoon(), this.#intervalMs);
    }
  }

  async save(isOwn: boolean): Promise<void> {
    const sent = await this.#cell.between(() => this.#send(), isOwn);
    await sent.done;
  }

  async saveLast(): Promise<void> {
    if (!this.#hasState) return;
    try {
      await (await this.#send()).done;
    } catch (error) {
      this.#site.failed(error as Error);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#site.clock.clearTimeout(this.#interval);
    this.#site.clock.clearTimeout(this.#idle);
  }

  inspect(): SavedState | null {
    return this.#hasState ? this.#saved : null;
  }

  /** Saves it while the lock is held: for an actor that is about to be parked. */
  async saveHeld(): Promise<void> {
    if (this.#hasState) await (await this.#send()).done;
  }

  /** One at a time: what becomes due meanwhile comes next. */
  #saveSoon(): void {
    this.#site.clock.clearTimeout(this.#interval);
    this.#interval = undefined;
    this.#isDue = true;
    if (this.#isSaving || this.#isClosed) return;
    this.#isSaving = true;
    void this.#saveWhileDue().finally(() => this.#isSaving = false);
  }

  async #saveWhileDue(): Promise<void> {
    while (this.#isDue && !this.#isClosed) {
      this.#isDue = false;
      try {
        await this.save(false);
      } catch (error) {
        if (!this.#isClosed) this.#site.failed(error as Error);
      }
    }
  }

  /** Takes the state and sends it; the lock is needed for the first alone. */
  async #send(): Promise<{ readonly done: Promise<void> }> {
    this.#count = 0;
    const state = this.#site.encode(await this.#cell.runHook("snapshot"));
    const done = this.#put(state);
    done.catch(() => {});
    return { done };
  }

  async #put(state: Uint8Array<ArrayBuffer>): Promise<void> {
    const bytes = state.length;
    try {
      const savedAt = await this.#site.put(state);
      this.#saved = { ...this.#saved, savedAt, bytes, error: null };
    } catch (error) {
      this.#saved = { ...this.#saved, error: error as Error };
      throw error;
    }
  }

  #watchIdle(): void {
    if (this.#idleMs === Infinity || this.#isClosed) return;
    const { clock } = this.#site;
    const left = this.#lastMessage + this.#idleMs - clock.now();
    if (left > 0) this.#idle = clock.setTimeout(() => this.#watchIdle(), left);
    else if (this.#cell.isIdle) this.#site.park();
    else this.awake();
  }

  /** It is not to be parked now. */
  awake(): void {
    this.#lastMessage = this.#site.clock.now();
    this.#watchIdle();
  }
}
