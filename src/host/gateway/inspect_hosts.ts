import type { HostId } from "../../core/address.ts";
import type { PoolDescription } from "../../core/protocol.ts";
import type { HostInspection } from "../../debug/inspection.ts";
import { hostServiceOf } from "../../pool/host_service.ts";
import type { GatewayHost } from "./gateway_host.ts";

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

/** This host and those linked with it, as they are now. */
export async function inspectHosts(
  host: GatewayHost,
  isWanted: (id: HostId) => boolean,
): Promise<readonly SeenHost[]> {
  const hosts = [host.describe(), ...host.linked()].filter(({ id }) => isWanted(id));
  return await Promise.all(hosts.map(async ({ id, pools }): Promise<SeenHost> => {
    const inspection = id === host.id ? await host.inspect() : await inspectLinked(host, id);
    return { id, pools, inspection };
  }));
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
