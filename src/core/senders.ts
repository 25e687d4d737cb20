import type { HostId, PoolAddress, PoolId } from "./address.ts";

/** Which bound of a mailbox something is measured by. */
export type MailboxBound = "messages" | "bytes";

/** What counts of a message. */
export interface Sent {
  /** The pool that sent it. */
  readonly from: PoolAddress;
  readonly bytes: number;
}

/** What of one sender waits. */
interface Share {
  readonly from: PoolAddress;
  messages: number;
  bytes: number;
}

/** How much of what waits in a mailbox is whose; those of whom nothing waits are forgotten. */
export class Senders {
  readonly #hosts = new Map<HostId, Map<PoolId, Share>>();

  add({ from, bytes }: Sent): void {
    let pools = this.#hosts.get(from.host);
    if (pools === undefined) this.#hosts.set(from.host, pools = new Map());
    const share = pools.get(from.pool);
    if (share === undefined) {
      pools.set(from.pool, { from, messages: 1, bytes });
      return;
    }
    share.messages++;
    share.bytes += bytes;
  }

  remove({ from, bytes }: Sent): void {
    const pools = this.#hosts.get(from.host);
    const share = pools?.get(from.pool);
    if (pools === undefined || share === undefined) return;
    share.bytes -= bytes;
    if (--share.messages > 0) return;
    pools.delete(from.pool);
    if (pools.size === 0) this.#hosts.delete(from.host);
  }

  /**
   * The sender that has to make room for this message: the one of whom most waits, if that is more
   * than double what would wait of the message's own sender with it.
   */
  heavierThan({ from, bytes }: Sent, bound: MailboxBound): PoolAddress | null {
    const own = this.#hosts.get(from.host)?.get(from.pool)?.[bound] ?? 0;
    const most = 2 * (own + (bound === "bytes" ? bytes : 1));
    let heaviest: Share | null = null;
    for (const pools of this.#hosts.values()) {
      for (const share of pools.values()) {
        if (share[bound] > (heaviest?.[bound] ?? most)) heaviest = share;
      }
    }
    return heaviest === null ? null : heaviest.from;
  }
}
