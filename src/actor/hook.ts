import type { PoolAddress } from "../core/address.ts";
import type { HOOKS } from "./actor.ts";
import { Message, type MessageCell } from "./message.ts";

/** The hooks of an actor. */
export type HookName = typeof HOOKS[number];

/** A hook, as the scope of the calls and timers that it makes. */
export class Hook extends Message {
  readonly from: PoolAddress;
  readonly id = 0;

  constructor(name: HookName, cell: MessageCell, serial: number) {
    super(name, [], false, undefined);
    this.from = cell.address;
    this.cell = cell;
    this.serial = serial;
  }

  /** Whoever starts or ends the actor waits for the hook itself. */
  reply(): void {}
  /** See {@linkcode Hook.reply}. */
  protected tellFailure(): void {}
}
