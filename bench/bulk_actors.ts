/** The actors whose messages are measured. @module */
import { Actor, actor, type ActorRef, transfer } from "@dramatis/dramatis";

/** Takes and gives many values, and large ones. */
@actor(import.meta)
export class Sink extends Actor {
  #count = 0;

  /** The smallest useful tell. */
  note(_k: number): void {
    this.#count++;
  }

  /** How many notes have come. */
  count(): number {
    return this.#count;
  }

  /** One of a batch. */
  double(k: number): number {
    return 2 * k;
  }

  /** As many small items as are wanted. */
  *items(count: number): Generator<number> {
    for (let i = 0; i < count; i++) yield i;
  }

  /** Takes bytes and says how many. */
  take(bytes: Uint8Array): number {
    return bytes.byteLength;
  }

  /** Takes bytes and gives them back by moving them. */
  bounce(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    return transfer(bytes);
  }

  /** Holds a ref, as actors do. */
  keep(_ref: ActorRef<Sink>): void {}
}
