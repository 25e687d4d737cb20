/** What `deno task bench` measures, by name. @module */
import type { Report } from "./harness.ts";

/** Takes figures. */
export type Suite = (report: Report) => Promise<void>;

/** Each is loaded only by the process that runs it. */
export const SUITES: Readonly<Record<string, () => Promise<Suite>>> = {
  pool: async () => (await import("./calls.ts")).callsInPool,
  pools: async () => (await import("./calls.ts")).callsAcrossPools,
  process: async () => (await import("./calls.ts")).callsToProcess,
  hosts: async () => (await import("./calls.ts")).callsAcrossHosts,
  start: async () => (await import("./life.ts")).poolStart,
  create: async () => (await import("./life.ts")).creation,
  skynet: async () => (await import("./skynet.ts")).skynet,
  messages: async () => (await import("./messages.ts")).messages,
  debug: async () => (await import("./debug.ts")).debugging,
  copy: async () => (await import("./copies.ts")).copies,
  replicas: async () => (await import("./replicas.ts")).replicas,
  recovery: async () => (await import("./recovery.ts")).recovery,
  placement: async () => (await import("./placement.ts")).placement,
  peers: async () => (await import("./peers.ts")).peers,
};
