/** One frame of each kind, for golden files, fuzzing and link tests. */
import { CPU } from "../../src/core/device.ts";
import type { Frame, HostDescription, PoolDescription } from "../../src/core/protocol.ts";
import { HERE, THERE } from "./codec_helpers.ts";

const at = { id: 0x0102_0304_0506, to: THERE, from: HERE };

const pool: PoolDescription = {
  host: HERE.host,
  pool: 2,
  name: "gpu-2",
  kind: "gpu",
  labels: [],
  device: {
    kind: "gpu",
    name: "Test adapter",
    features: ["shader-f16"],
    limits: { maxBufferSize: 2 ** 40, maxBindGroups: 4 },
  },
  actors: 3,
};

const host: HostDescription = {
  id: HERE.host,
  address: "127.0.0.1:8000",
  pools: [pool, {
    ...pool,
    pool: 0,
    name: "main",
    kind: "main",
    labels: ["l", "m"],
    busy: 0.25,
    held: { marks: ['["l","x"]'], memoryBytes: 2 ** 30, exclusive: true },
    device: CPU,
  }],
};

/** Fresh frames by name; the name starts with the kind. */
export function sampleFrames(): Readonly<Record<string, Frame>> {
  const error = Object.assign(new TypeError("no such key", { cause: 5 }), { code: "E_KEY" });
  // A stack names files of this machine; a golden frame must not.
  error.stack = "TypeError: no such key";
  return {
    hello: { kind: "hello", ...at, version: 1, host },
    welcome: { kind: "welcome", ...at, version: 1, host: { ...host, address: null } },
    goodbye: { kind: "goodbye", ...at, code: "stopped", reason: "stopping", error: null },
    ping: { kind: "ping", ...at },
    pong: { kind: "pong", ...at },
    create: {
      kind: "create",
      ...at,
      uid: "counter-1",
      generation: 2,
      type: { module: "file:///counter.ts", export: "Counter", name: "Counter", version: "1" },
      options: { mailbox: { messages: 10_000, bytes: 2 ** 26, overflow: "dropOldest" } },
      args: [5, { start: "now" }],
    },
    destroy: { kind: "destroy", ...at, uid: "counter-1", kill: true },
    call: { kind: "call", ...at, uid: "counter-1", method: "add", args: [1, "two", [true, null]] },
    "call-values": {
      kind: "call",
      ...at,
      uid: "counter-1",
      method: "put",
      args: [new Map<unknown, unknown>([["k", undefined], [1n, -0]]), new Uint16Array([1, 2, 3])],
    },
    "call-segment": {
      kind: "call",
      ...at,
      uid: "counter-1",
      method: "put",
      args: [new Uint8Array(5000).fill(0xab)],
    },
    tell: { kind: "tell", ...at, uid: "żółw", method: "log", args: [{ level: -1.5 }] },
    cancel: { kind: "cancel", ...at, uid: "counter-1", reason: "timeout" },
    reply: { kind: "reply", ...at, value: { sum: 70_000 } },
    "reply-undefined": { kind: "reply", ...at, value: undefined },
    failure: { kind: "failure", ...at, error },
    down: { kind: "down", ...at, host: HERE.host, pool: 2, error: null },
    "down-host": { kind: "down", ...at, host: HERE.host, pool: null, error: "lost" },
    "call-terms": {
      kind: "call",
      ...at,
      uid: "counter-1",
      method: "add",
      args: [1],
      terms: { budgetMs: 1500.5, priority: -2, chain: Uint8Array.of(1, 2, 3) },
    },
    batch: { kind: "batch", ...at, uid: "counter-1", method: "add", items: [[1], [2, "b"], []] },
    items: { kind: "items", ...at, values: [1, new Date(0), { a: undefined }] },
    end: { kind: "end", ...at, failed: false, error: undefined },
    "end-failed": { kind: "end", ...at, failed: true, error },
    credit: { kind: "credit", ...at, count: 64 },
    drop: { kind: "drop", ...at },
    pools: { kind: "pools", ...at, pools: [pool] },
    hosts: {
      kind: "hosts",
      ...at,
      gone: [0xc],
      known: [{ host, via: [0xa, 0xb], interrupted: false }],
    },
  };
}
