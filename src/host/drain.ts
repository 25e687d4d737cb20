import { formatHostId, type HostId } from "../core/address.ts";
import { HostLostError } from "../core/host_errors.ts";
import type { LocalPool } from "../pool/local.ts";
import type { ActorDesk } from "./actors/actor_desk.ts";
import type { Failover } from "./recovery/failover.ts";
import type { HostPools } from "./pools.ts";
import { withDeadline } from "./settle.ts";

/** How a host is drained. */
export interface DrainOptions {
  /**
   * Milliseconds that running messages and `preDestroy` have; what has not ended by then is ended by force.
   * @default 30000
   */
  deadlineMs?: number;
}

/** What is drained. */
export interface Drained {
  readonly id: HostId;
  readonly main: LocalPool;
  readonly desk: ActorDesk;
  readonly pools: HostPools;
  readonly failover: Failover;
}

/** A message may take long; a shutdown that takes longer is one that hangs. */
const DEADLINE_MS = 30_000;

/**
 * How long a drain may take.
 *
 * @throws {RangeError} if it is no time.
 */
export function drainDeadline({ deadlineMs = DEADLINE_MS }: DrainOptions): number {
  if (Number.isFinite(deadlineMs) && deadlineMs >= 0) return deadlineMs;
  throw new RangeError(`deadlineMs is a number of milliseconds from 0 up, got ${deadlineMs}`);
}

/**
 * Ends the actors of a host in order, while it is still a part of its cluster: other hosts place nothing
 * here from now on, and make again what fails over as soon as it has ended here.
 */
export async function drainActors(host: Drained, deadlineMs: number): Promise<void> {
  const { id, main, desk, pools, failover } = host;
  desk.close();
  pools.news.withdraw();
  failover.stop();
  // Whoever calls an actor that has ended is told what a call after the end of the host would be.
  const leaving = `Host ${formatHostId(id)} is drained: its actors have ended`;
  main.redirects.leaving = () => new HostLostError(leaving, "stopped");
  const ended = desk.uids.all.map(async ({ uid, generation }) => {
    try {
      // Of one with replicas those of other hosts go on.
      await desk.destroy(uid, false, true);
    } catch (error) {
      // It may have ended meanwhile, or with its parent; what its preDestroy throws is nobody's.
      const isThere = desk.uids.get(uid)?.generation === generation;
      if (isThere) {
        main.undelivered({ ...main.address, uid, generation }, "preDestroy", error as Error);
      }
    }
    await failover.left(uid);
  });
  await withDeadline(Promise.all(ended).then(() => {}), deadlineMs);
}
