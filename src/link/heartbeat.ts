import type { Clock } from "../core/clock.ts";

/** Whose heart beats. */
export interface HeartbeatTarget {
  /** Asks the other side for a sign of life. */
  ping(): void;
  /** The other side has been silent for so many milliseconds; the heartbeat has stopped. */
  silent(silentMs: number): void;
}

/** How often and how long. */
export interface HeartbeatOptions {
  /** Milliseconds between beats. */
  readonly intervalMs: number;
  /** Beats in a row without a sign of life that mean death: a dead peer is noticed within so many intervals. */
  readonly missedBeats: number;
  /** What time it is. */
  readonly clock: Clock;
}

/**
 * Pings once per interval, and declares the other side dead after too many beats without a sign of life.
 *
 * It pings on busy links too, which costs nothing there: were the ping left out after a beat with
 * traffic, a peer that is busy for one interval right after could be taken for dead. Beats are counted,
 * not milliseconds: an isolate that was blocked itself for long has missed one beat, finds the frames
 * that waited meanwhile, and does not take its own sleep for the other's death.
 */
export class Heartbeat implements Disposable {
  readonly #target: HeartbeatTarget;
  readonly #options: HeartbeatOptions;
  #timer: unknown;
  #heard = true;
  #silentBeats = 0;
  #silentSince: number;

  /** Starts at once, with the other side taken to be alive. */
  constructor(target: HeartbeatTarget, options: HeartbeatOptions) {
    this.#target = target;
    this.#options = options;
    this.#silentSince = options.clock.now();
    this.#arm();
  }

  /** Something was heard. Called for every frame, so it only makes a note. */
  heard(): void {
    this.#heard = true;
  }

  /** Stops; nothing is called any more. */
  [Symbol.dispose](): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    this.#timer = this.#options.clock.setTimeout(this.#beat, this.#options.intervalMs);
  }

  readonly #beat = (): void => {
    const { clock, missedBeats, intervalMs } = this.#options;
    if (this.#heard) {
      this.#heard = false;
      this.#silentBeats = 0;
      this.#silentSince = clock.now() - intervalMs;
    }
    this.#silentBeats++;
    if (this.#silentBeats >= missedBeats) {
      this.#timer = undefined;
      this.#target.silent(clock.now() - this.#silentSince);
      return;
    }
    // First, because a ping may end the link and with it this heartbeat.
    this.#arm();
    this.#target.ping();
  };
}
