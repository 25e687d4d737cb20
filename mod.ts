/**
 * Actors across CPU cores, GPUs and hosts, behind one API. Start with {@linkcode startHost},
 * {@linkcode Actor} and {@linkcode actor}.
 *
 * @module
 */
export { Actor, StatelessActor } from "./src/actor/actor.ts";
export {
  actor,
  type ActorOptions,
  batched,
  readOnly,
  reentrant,
  slowCallMs,
} from "./src/actor/decorators.ts";
export {
  type BufferName,
  BufferRef,
  type BufferRefData,
  type BufferTarget,
  type ByteWriter,
  type CopyOptions,
  type CopySource,
} from "./src/actor/buffer_ref.ts";
export type { ActorContext, ActorSystem, CreateOptions } from "./src/actor/context.ts";
export type { ActorClass, ActorFactory, ActorSource } from "./src/actor/actor_type.ts";
export type { ActorCounters } from "./src/actor/cell_stats.ts";
export type { CellState } from "./src/actor/cell.ts";
export type { DeadLetter } from "./src/actor/dead_letter.ts";
export type { CallOptions } from "./src/actor/message.ts";
export { type ActorRef, addressOf, isRef, type MethodNames } from "./src/actor/ref.ts";
export type { StreamResult } from "./src/actor/remote_stream.ts";
export type {
  BatchMethod,
  MethodResult,
  Received,
  RefMethod,
  Timer,
} from "./src/actor/ref_method.ts";
export {
  type ActorAddress,
  formatHostId,
  type HostId,
  type PoolAddress,
  type PoolId,
} from "./src/core/address.ts";
export type { Device, DeviceKind } from "./src/core/device.ts";
export {
  ActorExistsError,
  ActorFailedError,
  ActorNotFoundError,
  ActorStartError,
  type ActorStartPhase,
  ActorStoppedError,
  BufferNotFoundError,
  CallTimeoutError,
  DeadlockError,
  type DeadlockHop,
  DramatisError,
  type ExitKind,
  GpuDeviceLostError,
  GpuOutOfMemoryError,
  GpuUnavailableError,
  HostLostError,
  KernelArgumentError,
  KernelCompileError,
  type KernelDiagnostic,
  LinkRefusedError,
  MailboxFullError,
  NotSerializableError,
  PlacementError,
  type PlacementRefusal,
  PoolLostError,
  PoolStartError,
  type PoolStartPhase,
  ProtocolError,
} from "./src/core/errors.ts";
export type { MailboxOptions } from "./src/core/mailbox_options.ts";
export type { Replicas } from "./src/core/stateless_options.ts";
export type { HostDescription, MailboxOverflow, PoolDescription } from "./src/core/protocol.ts";
export { share, transfer } from "./src/core/transfer.ts";
export type {
  ActorInspection,
  DeadLetterCount,
  HostInspection,
  PoolInspection,
  PoolState,
  RunningMessage,
} from "./src/debug/inspection.ts";
export type { DebugOptions } from "./src/debug/options.ts";
export {
  type CallerHop,
  type CallReport,
  type DeadlockReport,
  type DebugReport,
  formatReport,
  type LoopReport,
  type RunningCode,
} from "./src/debug/report.ts";
export { Host, startHost } from "./src/host/host.ts";
export type { HostOptions, ListenOptions } from "./src/host/options.ts";
export type { PoolSpec } from "./src/pool/pool.ts";
export type { ProcessPermissions } from "./src/pool/permissions.ts";
export { processPool, type ProcessPoolOptions } from "./src/pool/process.ts";
export { workerPool, type WorkerPoolOptions } from "./src/pool/worker.ts";
export {
  device,
  type DeviceNeeds,
  type DeviceOptions,
  type DevicePolicy,
  type NearData,
} from "./src/schedule/device_policy.ts";
export {
  anyHost,
  label,
  leastLoaded,
  mainPool,
  onHost,
  onPool,
  type Placement,
  type Policy,
  random,
  randomWorker,
} from "./src/schedule/policy.ts";
export type { PlacementDecision } from "./src/schedule/scheduler.ts";
