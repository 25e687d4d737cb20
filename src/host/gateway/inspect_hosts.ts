import type { HostId } from "../../core/address.ts";
import type { PoolDescription } from "../../core/protocol.ts";
import type { HostInspection } from "../../debug/inspection.ts";
import { hostServiceOf, type HostStatus } from "../../pool/host_service.ts";
import type { HostMember } from "../directory/membership.ts";
import type { GatewayHost } from "./gateway_host.ts";
import type { Json } from "./to_json.ts";
import { hostView } from "./views.ts";

/** Milliseconds in which a linked host must say how it does; it gives its own pools one second. */
const TIMEOUT_MS = 3000;

/** A host, and what it says of itself. */
export interface SeenHost {
  readonly id: HostId;
  /** As it was last known. */
  readonly pools: readonly PoolDescription[];
  /** `undefined` if it did not answer. */
  readonly inspection: HostInspection | undefined;
}

/** This host and the others, and how far they are. */
export async function hostViews(host: GatewayHost): Promise<Json[]> {
  const others = host.linked().map(async (other) =>
    hostView(other, false, await statusOf(host, other))
  );
  return await Promise.all([hostView(host.describe(), true, host.status()), ...others]);
}

/** By its own word, if it has one for us. */
async function statusOf(
  { main }: GatewayHost,
  { id, state }: HostMember,
): Promise<{ state: string; clients: number | null }> {
  if (state === "unreachable") return { state, clients: null };
  try {
    const options = { timeoutMs: TIMEOUT_MS };
    const status = await main.call(hostServiceOf(id), "status", [], options) as HostStatus;
    const isStatus = typeof status.state === "string" && Number.isSafeInteger(status.clients);
    return isStatus ? { state: status.state, clients: status.clients } : { state, clients: null };
  } catch {
    return { state, clients: null };
  }
}

/** This host and those linked with it, as they are now. */
export async function inspectHosts(
  host: GatewayHost,
  isWanted: (id: HostId) => boolean,
): Promise<readonly SeenHost[]> {
  const others = host.linked().filter(({ id }) => isWanted(id)).map(
    async ({ id, pools, state }): Promise<SeenHost> => {
      // Whoever waits for one that nothing gets to sees the others late.
      const inspection = state === "live" ? await inspectLinked(host, id) : undefined;
      return { id, pools, inspection };
    },
  );
  if (!isWanted(host.id)) return await Promise.all(others);
  const inspection = await host.inspect();
  return [{ id: host.id, pools: host.describe().pools, inspection }, ...await Promise.all(others)];
}

async function inspectLinked(
  { main }: GatewayHost,
  id: HostId,
): Promise<HostInspection | undefined> {
  try {
    const options = { timeoutMs: TIMEOUT_MS };
    const seen = await main.call(hostServiceOf(id), "inspect", [], options) as HostInspection;
    return isInspection(seen, id) ? seen : undefined;
  } catch {
    return undefined;
  }
}

/** Another host may answer what it likes. */
function isInspection(seen: HostInspection, id: HostId): boolean {
  try {
    return seen.pools.every(({ pool, actors, running }) =>
      pool.host === id && Array.isArray(running) &&
      actors.every(({ address, type, counters, running }) =>
        address.host === id && typeof address.uid === "string" && typeof type === "string" &&
        typeof counters === "object" && Array.isArray(running)
      )
    );
  } catch {
    return false;
  }
}
