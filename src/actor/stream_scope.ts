import type { PoolAddress } from "../core/address.ts";
import { Message } from "./message.ts";

/**
 * A method that streams, as the scope of the calls that its steps make: they go on when the call that
 * has given the stream is long answered, and past that call's deadline.
 */
export class StreamScope extends Message {
  readonly from: PoolAddress;
  readonly id = 0;
  readonly #closed: () => void;

  /**
   * @param call The call that gives the stream; its actor has begun to run it.
   * @param closed Nothing more comes of the stream.
   */
  constructor(call: Message, closed: () => void) {
    const { method, terms, cell, serial, target, from } = call;
    super(method, [], false, terms && { ...terms, expiresAt: Infinity });
    this.from = from;
    this.cell = cell;
    this.serial = serial;
    this.target = target;
    this.#closed = closed;
  }

  /** The stream is over. */
  close(): void {
    if (this.ended) return;
    this.ended = true;
    this.#closed();
  }

  /** What comes of a step goes to the consumer. */
  reply(): void {}
  /** See {@linkcode StreamScope.reply}. */
  protected tellFailure(): void {}
}
