/** The actors whose memory is copied to and from. @module */
import { Actor, actor, type BufferRef } from "@dramatis/dramatis";

/** Has memory that others copy to, and copies from it. */
@actor(import.meta)
export class Memory extends Actor {
  readonly #bytes: Uint8Array;

  constructor(byteLength: number) {
    super();
    this.#bytes = new Uint8Array(byteLength).fill(7);
  }

  /** The smallest useful call. */
  ping(): void {}

  /** Where to copy to. */
  ref(): BufferRef {
    return this.context.bufferRef(this.#bytes);
  }

  /** Milliseconds that a copy of all of it takes. */
  async copyTo(target: BufferRef): Promise<number> {
    const started = performance.now();
    await this.context.copyTo(this.#bytes, target);
    return performance.now() - started;
  }
}
