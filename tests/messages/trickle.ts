/** A source of copies whose every piece is asked for, so that a test can act in the middle of a copy. @module */
import { fillWithPattern } from "../fixtures/buffer_actors.ts";

const MIB = 2 ** 20;

/** Gives the bytes of the pattern, a MiB at a time, for ever or for a while. */
export class Trickle {
  readonly stream: ReadableStream<Uint8Array>;
  /** What it was cancelled with. */
  readonly cancelled: Promise<unknown>;
  /** Pieces that were asked for. */
  pulls = 0;

  /**
   * @param act Called once, before so many pieces have been given; what it returns is waited for.
   * @param pieces After which it ends.
   */
  constructor(after: number, act: () => unknown, pieces = Infinity) {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.cancelled = promise;
    this.stream = new ReadableStream({
      pull: async (controller) => {
        const piece = this.pulls++;
        if (piece === after) await act();
        if (piece >= pieces) return controller.close();
        controller.enqueue(fillWithPattern(new Uint8Array(MIB), piece * MIB));
      },
      cancel: resolve,
    }, { highWaterMark: 0 });
  }
}
