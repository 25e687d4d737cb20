import { Fifo } from "../core/fifo.ts";

/** Something with work to do in its turn. */
export interface Turn {
  /** Does what is ready and returns how many messages that were. */
  run(): number;
}

/** Messages between two looks at the event loop: few enough to be prompt, many enough to be free. */
const CHECKPOINT_MESSAGES = 256;
/** Milliseconds that messages may hold the event loop before timers and links get their turn. */
const SLICE_MS = 10;

const SETTLED: Promise<void> = Promise.resolve();

/**
 * Runs the cells that are ready, in the order in which they became so. Work runs in microtasks, so a
 * call costs no trip through the event loop; but a busy pool hands the loop back every few
 * milliseconds, or two actors that call each other would starve its timers and links for ever.
 */
export class Turns {
  readonly #ready = new Fifo<Turn>();
  #armed = false;
  #isRunning = false;
  #count = 0;
  #checkpointAt = 0;
  #suspended = false;
  /** Runs {@linkcode Turns.#drain} in a microtask. */
  #wake: () => void = () => {};

  constructor() {
    this.#sleep();
  }

  /** Queues a turn. The caller sees to it that no turn is queued twice. */
  schedule(turn: Turn): void {
    this.#ready.push(turn);
    if (this.#armed) return;
    this.#armed = true;
    this.#wake();
  }

  /** Whether a message may run in the stack of its sender: nothing else runs or waits for its turn. */
  enter(): boolean {
    if (this.#armed || this.#isRunning || !this.#isPrompt()) return false;
    this.#count++;
    return this.#isRunning = true;
  }

  /** The message that {@linkcode Turns.enter} has let in has run, or waits. */
  leave(): void {
    this.#isRunning = false;
  }

  /**
   * Waits for work. Here, and not where the work comes from: a microtask runs in the async context that
   * it was asked for in, and that of one message must not be that of others.
   */
  #sleep(): void {
    // Half the cost of queueMicrotask, which Deno wraps.
    void new Promise<void>((resolve) => this.#wake = resolve).then(this.#drain);
  }

  readonly #drain = (): void => {
    try {
      while (!this.#mustYield()) {
        const turn = this.#ready.shift();
        if (turn === undefined) {
          this.#armed = false;
          return this.#sleep();
        }
        this.#count += turn.run();
      }
    } catch (error) {
      // A turn answers for what its messages throw: this is a fault of ours, but the others go on.
      void SETTLED.then(this.#drain);
      reportError(error);
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

  /**
   * Whether the loop has not waited for long, as far as that can be told without asking the loop: it is
   * asked in a turn alone, not in the async context of a sender.
   */
  #isPrompt(): boolean {
    if (this.#count < CHECKPOINT_MESSAGES) return true;
    if (this.#checkpointAt === 0 || performance.now() - this.#checkpointAt > SLICE_MS) return false;
    this.#count = 0;
    return true;
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
