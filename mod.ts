/**
 * Actors across CPU cores, GPUs and hosts, behind one API. Start with {@linkcode startHost},
 * {@linkcode Actor} and {@linkcode actor}.
 *
 * @module
 */

// Actors: their classes, what they are made with, and what they see.
export { Actor, StatelessActor } from "./src/actor/actor.ts";
export {
  actor,
  type ActorOptions,
  batched,
  readOnly,
  reentrant,
  slowCallMs,
} from "./src/actor/decorators.ts";
export type { ActorClass, ActorFactory, ActorSource } from "./src/actor/actor_type.ts";
export type { ActorContext } from "./src/actor/context.ts";
export type { CreateOptions, WaitOptions } from "./src/actor/create_options.ts";
export type { RestartKind, RestartLimits, RestartOptions } from "./src/actor/restart.ts";
export type {
  ChildDown,
  SupervisionOptions,
  SupervisionStrategy,
} from "./src/actor/supervision.ts";
export type { SavedState, SnapshotInfo } from "./src/actor/state.ts";
export type { MailboxOptions } from "./src/core/mailbox_options.ts";
export type { Replicas } from "./src/core/stateless_options.ts";

// Their verbs, refs and messages.
export type { ActorSystem } from "./src/actor/actor_system.ts";
export type {
  GangMember,
  GangMembers,
  GangOptions,
  GangRefs,
  SettledGang,
  SomeMembers,
} from "./src/actor/gang.ts";
export type { Down, Watch } from "./src/actor/watch.ts";
export { type ActorRef, addressOf, isRef, type MethodNames } from "./src/actor/ref.ts";
export type {
  BatchMethod,
  MethodResult,
  Received,
  RefMethod,
  Timer,
} from "./src/actor/ref_method.ts";
export type { CallOptions, RetryOptions } from "./src/actor/message.ts";
export type { StreamResult } from "./src/actor/remote_stream.ts";
export {
  type BufferName,
  BufferRef,
  type BufferRefData,
  type BufferTarget,
  type ByteWriter,
  type CopyOptions,
  type CopySource,
} from "./src/actor/buffer_ref.ts";
export { share, transfer } from "./src/core/transfer.ts";
export type { DeadLetter } from "./src/actor/dead_letter.ts";

// Where they live.
export {
  type ActorAddress,
  formatHostId,
  type HostId,
  type PoolAddress,
  type PoolId,
} from "./src/core/address.ts";
export type { Device, DeviceKind, DeviceUse, KernelTime } from "./src/core/device.ts";
export type {
  Held,
  HostDescription,
  MailboxOverflow,
  PoolDescription,
  SnapshotTiming,
} from "./src/core/protocol.ts";
export type { PoolSpec, RemovePoolOptions } from "./src/actor/pool_spec.ts";
export type { PoolPermissions } from "./src/pool/permissions.ts";
export { processPool, type ProcessPoolOptions } from "./src/pool/process.ts";
export { workerPool, type WorkerPoolOptions } from "./src/pool/worker.ts";

// Which pool an actor goes to.
export { near } from "./src/pool/near.ts";
export {
  device,
  type DeviceNeeds,
  type DeviceOptions,
  type DevicePolicy,
  type NearData,
} from "./src/schedule/device_policy.ts";
export {
  custom,
  type CustomPolicy,
  type Rules,
  type SettledPolicy,
} from "./src/schedule/custom_policy.ts";
export {
  anyHost,
  byHash,
  idleLabel,
  label,
  leastLoaded,
  mainPool,
  onHost,
  onPool,
  pack,
  type Placement,
  type Policy,
  poolIndex,
  prefer,
  random,
  randomWorker,
  roundRobin,
  spread,
} from "./src/schedule/policy.ts";
export type { PlacementDecision } from "./src/schedule/reasons.ts";

// Hosts and clients.
export { startHost } from "./src/host/start_host.ts";
export type { Host } from "./src/host/host.ts";
export type { HostOptions, ListenOptions, StateOptions } from "./src/host/options.ts";
export type { HostEvent, HostMember } from "./src/host/directory/membership.ts";
export type { DrainOptions } from "./src/host/drain.ts";
export type { GatewayLimits } from "./src/host/gateway/limits.ts";
export type { GatewayRefusal, RefusalReason } from "./src/host/gateway/refusals.ts";
export type {
  AutoRecover,
  GiveUpEvent,
  PoolDownEvent,
  PoolRecoveredEvent,
  RecoveryOptions,
} from "./src/host/recovery/recovery_options.ts";
export type { Client } from "./src/client/client.ts";
export { connect, type ConnectTlsOptions } from "./src/client/connect.ts";
export type { ConnectOptions } from "./src/client/options.ts";
export { registeredType, type RegisteredTypeOptions } from "./src/client/registered_type.ts";

// Where names and states are kept.
export type { DirectorySpec } from "./src/host/directory/directory.ts";
export { memoryDirectory } from "./src/host/directory/memory_directory.ts";
export { natsDirectory, type NatsDirectoryOptions } from "./src/host/directory/nats_directory.ts";
export type { SnapshotSlot, SnapshotStore, SnapshotStoreSpec } from "./src/state/store.ts";
export {
  memoryStore,
  natsStore,
  type NatsStoreOptions,
  sqliteStore,
  type SqliteStoreOptions,
} from "./src/state/stores.ts";
export type { RestoredActor, SnapshotOwner } from "./src/host/recovery/snapshots.ts";

// Errors.
export {
  ActorExistsError,
  type ActorExit,
  ActorFailedError,
  ActorNotFoundError,
  ActorStartError,
  type ActorStartPhase,
  ActorStoppedError,
  DramatisError,
  LinkedActorDownError,
  SnapshotError,
  type SnapshotReason,
} from "./src/core/errors.ts";
export {
  BufferNotFoundError,
  CallTimeoutError,
  DeadlockError,
  type DeadlockHop,
  MailboxFullError,
  NotSerializableError,
} from "./src/core/message_errors.ts";
export {
  DirectoryUnreachableError,
  type ExitKind,
  HostLostError,
  LinkRefusedError,
  NameTakenError,
  PlacementError,
  type PlacementRefusal,
  PoolLostError,
  PoolStartError,
  type PoolStartPhase,
  ProtocolError,
} from "./src/core/host_errors.ts";
export {
  GpuDeviceLostError,
  GpuOutOfMemoryError,
  GpuUnavailableError,
  KernelArgumentError,
  KernelCompileError,
  type KernelDiagnostic,
} from "./src/core/gpu_errors.ts";

// What goes on.
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
export type { ActorCounters } from "./src/actor/cell_stats.ts";
export type { CellState } from "./src/actor/cell_life.ts";
