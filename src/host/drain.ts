import { formatHostId, type HostId } from "../core/address.ts";
import { HostLostError } from "../core/host_errors.ts";
import type { LocalPool } from "../pool/local.ts";
import type { ActorDesk } from "./actors/actor_desk.ts";
import type { UidEntry } from "./actors/uid_table.ts";
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

/** Milliseconds that handing over has at least: what was held up until the deadline never ran, and is to. */
const HAND_OVER_MS = 5000;

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
 * here from now on, and make again what fails over as soon as it has ended here. What waits for these, or
 * comes, goes there.
 */
export async function drainActors(host: Drained, deadlineMs: number): Promise<void> {
  const { id, main, desk, pools, failover } = host;
  const until = performance.now() + deadlineMs;
  desk.close();
  pools.news.withdraw();
  failover.stop();
  // Whoever calls an actor that has ended is told what a call after the end of the host would be.
  const leaving = `Host ${formatHostId(id)} is drained: its actors have ended`;
  main.redirects.leaving = () => new HostLostError(leaving, "stopped");
  const taken = await failover.takers();
  await Promise.all(desk.uids.all.map((entry) => {
    const isHandedOver = entry.state === "live" && taken.has(entry.uid);
    return isHandedOver ? handOver(host, entry, until) : end(host, entry, until);
  }));
  // What was passed on is answered by way of this host.
  await withDeadline(main.redirects.settled(), left(until, HAND_OVER_MS));
}

/** Ends an actor with all that waits for it. */
async function end(host: Drained, entry: UidEntry, until: number): Promise<void> {
  const { desk, failover } = host;
  // Of one with replicas those of other hosts go on.
  const ended = noted(host, entry, desk.destroy(entry.uid, false, true));
  await withDeadline(ended.then(() => failover.left(entry.uid)), left(until));
}

/** Ends an actor; what waits for it goes to where it is made again. */
async function handOver(host: Drained, entry: UidEntry, until: number): Promise<void> {
  const { desk, failover } = host;
  const { uid, generation } = entry;
  const inTime = await withDeadline(noted(host, entry, desk.handOver(entry)), left(until));
  if (!inTime) await desk.kill(uid, generation).catch(() => {});
  await withDeadline(failover.bequeath(uid), left(until, HAND_OVER_MS));
  await desk.passOn(uid);
  await failover.bequeathed(uid);
}

/** Milliseconds until then. */
function left(until: number, leastMs = 0): number {
  return Math.max(leastMs, until - performance.now());
}

/** Waits for the end of an actor, of whose error somebody is to hear. */
async function noted(
  { main, desk }: Drained,
  { uid, generation }: UidEntry,
  ended: Promise<void>,
): Promise<void> {
  try {
    await ended;
  } catch (error) {
    // It may have ended meanwhile, or with its parent; what its preDestroy throws is nobody's.
    const isThere = desk.uids.get(uid)?.generation === generation;
    if (isThere) {
      main.undelivered({ ...main.address, uid, generation }, "preDestroy", error as Error);
    }
  }
}
