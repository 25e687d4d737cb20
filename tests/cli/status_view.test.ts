import assert from "node:assert/strict";
import { type ActorRow, type Snapshot, statusLines } from "../../src/cli/status_view.ts";

const HOST = "00000000000f", OTHER = "00000000000e";

function actor(uid: string, calls: number, queued = 0): ActorRow {
  const counters = { calls, errors: 1, messages: calls, waitMs: calls / 1000, runMs: 2500 * calls };
  return { uid, host: HOST, pool: 1, type: "T", state: "running", queued, running: [], counters };
}

function snapshot(at: number, actors: ActorRow[]): Snapshot {
  const device = { kind: "gpu", name: "A card" };
  const pool = {
    host: HOST,
    pool: 1,
    name: "gpu-1",
    device,
    labels: ["big", "fast"],
    actors: actors.length,
    busy: 0.256,
    responding: false,
  };
  const hosts = [
    { id: HOST, address: null, state: "draining", pools: 1, actors: actors.length, clients: 2 },
    { id: OTHER, address: "h:1", state: "unreachable", pools: 0, actors: 0, clients: null },
  ];
  return { at, hosts, pools: [pool], total: actors.length, actors };
}

Deno.test("statusLines: the busiest first, calls a second, and how many are left out", () => {
  const before = snapshot(1000, [actor("old", 100), actor("idle", 1000)]);
  const now = snapshot(3000, [actor("idle", 1000), actor("old", 120), actor("stuck", 0, 3)]);
  const lines = statusLines(now, before, 2);
  assert.deepEqual(lines.map((line) => line.replace(/ +/g, " ")), [
    "2 hosts, 1 pool, 3 actors",
    "",
    "HOST ADDRESS STATE POOLS ACTORS CLIENTS",
    `${HOST} draining 1 3 2`,
    `${OTHER} h:1 unreachable 0 0`,
    "",
    "HOST POOL DEVICE LABELS ACTORS BUSY CALLS OUT STREAMS LAG RUNS",
    `${HOST} gpu-1 gpu, A card big fast 3 26 % does not answer`,
    "",
    "ACTOR TYPE HOST POOL QUEUED CALLS CALLS/S ERRORS WAIT RUN RUNS",
    `stuck T ${HOST} gpu-1 3 0 0 1`,
    `old T ${HOST} gpu-1 0 120 10 1 1.0 µs 2.5 s`,
    "and 1 more",
  ]);
});
