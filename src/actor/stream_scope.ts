import type { PoolAddress } from "../core/address.ts";
import { Message } from "./message.ts";

/**
 * A method that streams, as the scope of the calls that its steps make: they go on when the call that
 * has given the stream is long answered, and past that call's deadline.
 */
export class StreamScope extends Message {
  readonly from: PoolAddress;
  readonly id = 0;

  /** @param call The call that gives the stream; its actor has begun to run it. */
  constructor(call: Message) {
    const { method, terms, cell, serial, target, from } = call;
    super(method, [], false, terms && { ...terms, expiresAt: Infinity });
    this.from = from;
    this.cell = cell;
    this.serial = serial;
    this.target = target;
  }

  /** What comes of a step goes to the consumer. */
  reply(): void {}
  /** See {@linkcode StreamScope.reply}. */
  fail(): void {}
}
