/** Something with work to do in its turn. */
export interface Turn {
  /** Does what is ready and returns how many messages that were. */
  run(): number;
}

/** Messages between two looks at the event loop: few enough to be prompt, many enough to be free. */
const CHECKPOINT_MESSAGES = 256;
/** Milliseconds that messages may hold the event loop before timers and links get their turn. */
const SLICE_MS = 10;

/**
 * Runs the cells that are ready, in the order in which they became so. Work runs in microtasks, so a
 * call costs no trip through the event loop; but a busy pool hands the loop back every few
 * milliseconds, or two actors that call each other would starve its timers and links for ever.
 */
export class Turns {
  #ready: Turn[] = [];
  #armed = false;
  #count = 0;
  #checkpointAt = 0;
  #suspended = false;

  /** Queues a turn. The caller sees to it that no turn is queued twice. */
  schedule(turn: Turn): void {
    this.#ready.push(turn);
    if (this.#armed) return;
    this.#armed = true;
    queueMicrotask(this.#drain);
  }

  readonly #drain = (): void => {
    const ready = this.#ready;
    let done = 0;
    try {
      while (done < ready.length) {
        if (this.#mustYield()) break;
        this.#count += ready[done++]!.run();
      }
    } finally {
      ready.splice(0, done);
      if (ready.length === 0) this.#armed = false;
      else if (!this.#suspended) queueMicrotask(this.#drain);
    }
  };

  #mustYield(): boolean {
    if (this.#count < CHECKPOINT_MESSAGES) return false;
    if (this.#checkpointAt === 0) {
      this.#checkpointAt = performance.now();
      setImmediate(this.#checkpoint);
    } else if (performance.now() - this.#checkpointAt > SLICE_MS) {
      this.#suspended = true;
      return true;
    }
    this.#count = 0;
    return false;
  }

  /** The event loop has had its turn. */
  readonly #checkpoint = (): void => {
    this.#checkpointAt = 0;
    this.#count = 0;
    if (!this.#suspended) return;
    this.#suspended = false;
    this.#drain();
  };
}
