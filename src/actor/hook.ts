import type { PoolAddress } from "../core/address.ts";
import { Message, type MessageCell } from "./message.ts";

/** The hooks of an actor. */
export type HookName =
  | "postCreate"
  | "preDestroy"
  | "snapshot"
  | "restore"
  | "migrate"
  | "childDown";

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
  fail(): void {}
}
