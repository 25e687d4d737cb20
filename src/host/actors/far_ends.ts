import type { HostId } from "../../core/address.ts";
import { UNLIMITED } from "../../actor/message.ts";
import { hostServiceOf } from "../../pool/host_service.ts";
import type { LocalPool } from "../../pool/local.ts";
import { isGone, isLoss } from "../../pool/loss.ts";

/** How what an order has made is to end. */
export interface FarEnd {
  /** What the order is called. */
  readonly order: string;
  /** Whether at once. */
  readonly kill: boolean;
  /** With what it has failed, if it has. */
  readonly reason: Error | null;
}

/** How many ends are owed to hosts that cannot be reached: most of them never come back. */
const MAX_OWED = 10_000;

/**
 * Ends what other hosts have made by this one's order, or with it. A host that cannot be reached is told
 * when it is there again.
 */
export class FarEnds {
  readonly #main: LocalPool;
  /** The oldest first. */
  readonly #owed = new Set<FarEnd & { readonly host: HostId }>();

  constructor(main: LocalPool) {
    this.#main = main;
  }

  /** Ends what a host has of an order; resolves when it has, or when that has to wait. */
  async end(host: HostId, { order, kill, reason }: FarEnd): Promise<void> {
    try {
      const args = [order, kill, reason];
      await this.#main.call(hostServiceOf(host), "endOrder", args, UNLIMITED);
    } catch (error) {
      // An error of the actor itself says which that was.
      if (isLoss(error) && error.actor === undefined) this.owe(host, { order, kill, reason });
      else if (!isGone(error)) throw error;
    }
  }

  /** A host is to end what it may have of an order when it is there again. */
  owe(host: HostId, end: FarEnd): void {
    this.#owed.add({ ...end, host });
    if (this.#owed.size > MAX_OWED) this.#owed.delete(this.#owed.values().next().value!);
  }

  /** A host can be called from now on. */
  linked(host: HostId): void {
    for (const owed of [...this.#owed]) {
      if (owed.host !== host) continue;
      this.#owed.delete(owed);
      this.end(host, owed).catch(() => {
        // What its preDestroy throws is nobody's: whoever has ended it does not wait any more.
      });
    }
  }
}
