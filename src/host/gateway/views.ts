/** What the API shows of hosts, pools and actors: plain JSON, ids as people write them. */
import { type ActorAddress, formatHostId } from "../../core/address.ts";
import type { HostDescription, PoolDescription } from "../../core/protocol.ts";
import type { ActorInspection, PoolInspection } from "../../debug/inspection.ts";
import type { Json } from "./to_json.ts";

/** A host, without its pools. */
export function hostView(
  { id, address, pools }: HostDescription,
  isThis: boolean,
  { state, clients }: { readonly state: string; readonly clients: number | null },
): Json {
  const actors = pools.reduce((sum, pool) => sum + pool.actors, 0);
  return { id: formatHostId(id), address, isThis, state, pools: pools.length, actors, clients };
}

/** A pool; with what it says of itself if it was asked. */
export function poolView(pool: PoolDescription, seen: PoolInspection | undefined): Json {
  const { host, pool: number, name, kind, labels, device, actors, busy, held, ageMs } = pool;
  const view = {
    host: formatHostId(host),
    pool: number,
    name,
    kind,
    labels: [...labels],
    device: { kind: device.kind, name: device.name },
    actors,
    busy: busy ?? null,
    held: held === undefined ? null : { ...held, marks: [...held.marks] },
    ageMs: ageMs ?? 0,
  };
  if (seen === undefined) return { ...view, responding: false };
  const running = seen.running.map(({ type, uid, method }) => ({ type, uid, method }));
  const { responding, lagMs, pendingCalls, streams } = seen;
  return { ...view, responding, lagMs, pendingCalls, streams, running };
}

/** What a pool computes with, in full. */
export function deviceView({ host, pool, name, device }: PoolDescription): Json {
  const { features, limits } = device;
  return {
    host: formatHostId(host),
    pool,
    poolName: name,
    kind: device.kind,
    name: device.name,
    features: [...features],
    limits: { ...limits },
  };
}

/** Where an actor is. */
export function addressView({ uid, host, pool, replicas }: ActorAddress): Record<string, Json> {
  const view = { uid, host: formatHostId(host), pool };
  if (replicas === undefined) return view;
  const all = replicas.map((one) => ({ host: formatHostId(one.host), pool: one.pool }));
  return { ...view, replicas: all };
}

/** An actor, or one of its replicas, and how it does. */
export function actorView(
  { address, type, state, queued, running, counters }: ActorInspection,
): Json {
  const { uid, host, pool } = address;
  return {
    uid,
    host: formatHostId(host),
    pool,
    type,
    state,
    queued,
    running: running.map(({ method, ms }) => ({ method, ms })),
    counters: { ...counters },
  };
}
