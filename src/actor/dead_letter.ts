import { type ActorAddress, formatActor, type PoolAddress } from "../core/address.ts";

/** A message that nobody waits for and that failed, or could not be delivered. */
export interface DeadLetter {
  /** Whom it was meant for. */
  readonly to: ActorAddress;
  /** The method it named. */
  readonly method: string;
  /** The pool it came from. */
  readonly from: PoolAddress;
  /**
   * What it was sent with, of a batch the argument lists, as its actor may have left them; `null` if
   * that is more than 16 KiB, or cannot travel to the host.
   */
  readonly args: readonly unknown[] | null;
  /** Why it failed. */
  readonly reason: Error;
}

/** What becomes of dead letters unless somebody asks for them: each is a line on standard error. */
export function printDeadLetter({ to, method, reason }: DeadLetter): void {
  const target = method === "" ? "" : `${formatActor(to)}.${method}: `;
  // deno-lint-ignore no-console
  console.error(`dramatis: dead letter: ${target}${reason.name}: ${reason.message}`);
}
