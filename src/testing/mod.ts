/**
 * For people who test their actors: hosts without threads, linked without sockets, time that goes on
 * only when told, and actors whose messages the test sees and answers.
 *
 * @module
 */
export type { Clock } from "../core/clock.ts";
export type { ReceivedMessage } from "./inbox.ts";
export { ManualClock } from "./manual_clock.ts";
export type {
  NextOptions,
  Probe,
  Probed,
  ProbedMethod,
  ProbedNames,
  ProbeMessage,
  ProbeOptions,
} from "./probe.ts";
export { settled } from "./settled.ts";
export {
  startTestCluster,
  type TestCluster,
  type TestClusterOptions,
  type TestLink,
} from "./test_cluster.ts";
export { startTestHost, type TestHost, type TestHostOptions } from "./test_host.ts";
