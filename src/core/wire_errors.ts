/** The errors that travel as themselves. */
import {
  ActorExistsError,
  ActorFailedError,
  ActorNotFoundError,
  ActorStartError,
  ActorStoppedError,
  DramatisError,
  LinkedActorDownError,
  SnapshotError,
} from "./errors.ts";
import {
  BufferNotFoundError,
  CallTimeoutError,
  DeadlockError,
  MailboxFullError,
  NotSerializableError,
} from "./message_errors.ts";
import {
  DirectoryUnreachableError,
  HostLostError,
  LinkRefusedError,
  NameTakenError,
  PlacementError,
  PoolLostError,
  PoolStartError,
  ProtocolError,
} from "./host_errors.ts";
import {
  GpuDeviceLostError,
  GpuOutOfMemoryError,
  GpuUnavailableError,
  KernelArgumentError,
  KernelCompileError,
} from "./gpu_errors.ts";

type ErrorClass = { readonly prototype: Error };

/** The classes that cross the wire as themselves, by name. */
export const WIRE_ERRORS: Readonly<Record<string, ErrorClass>> = Object.freeze({
  __proto__: null as never,
  Error,
  AggregateError,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  DramatisError,
  ActorNotFoundError,
  ActorExistsError,
  NameTakenError,
  DirectoryUnreachableError,
  ActorStartError,
  ActorStoppedError,
  ActorFailedError,
  LinkedActorDownError,
  MailboxFullError,
  BufferNotFoundError,
  NotSerializableError,
  SnapshotError,
  PoolLostError,
  HostLostError,
  PoolStartError,
  PlacementError,
  CallTimeoutError,
  DeadlockError,
  ProtocolError,
  LinkRefusedError,
  GpuUnavailableError,
  GpuDeviceLostError,
  GpuOutOfMemoryError,
  KernelCompileError,
  KernelArgumentError,
});
