import type { PoolAddress } from "../core/address.ts";
import type { HOOKS } from "./actor.ts";
import { Message, type MessageCell, type MessageTerms } from "./message.ts";

/** The hooks of an actor. */
export type HookName = typeof HOOKS[number];

/** A hook, as the scope of the calls and timers that it makes. */
export class Hook extends Message {
  readonly from: PoolAddress;
  readonly id = 0;

  /** @param terms The calls that wait for it, if any do. */
  constructor(name: HookName, cell: MessageCell, serial: number, terms?: MessageTerms) {
    super(name, [], false, terms);
    this.from = cell.address;
    this.cell = cell;
    this.serial = serial;
  }

  /** Whoever starts or ends the actor waits for the hook itself. */
  reply(): void {}
  /** See {@linkcode Hook.reply}. */
  protected tellFailure(): void {}
}
