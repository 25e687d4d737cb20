/**
 * Every error that a caller may want to catch, and nothing else: where a built-in class says it,
 * the built-in is thrown.
 */

/** The common parent of the errors of this package. */
export class DramatisError extends Error {
  /** The class's name; survives the wire. */
  override readonly name: string = "DramatisError";
  /** Where it happened: the actor, its pool and host. Set once, by the first cell it leaves. */
  readonly actor?: string;
}

/** No actor with this uid is alive on that host. Create it, or check the uid with `hasActor`. */
export class ActorNotFoundError extends DramatisError {
  override readonly name = "ActorNotFoundError";
}

/** The uid is taken on this host. Destroy the other actor first, or choose another uid. */
export class ActorExistsError extends DramatisError {
  override readonly name = "ActorExistsError";
  constructor(message: string, readonly uid: string = "", options?: ErrorOptions) {
    super(message, options);
  }
}

/** What an actor was doing when its start failed. */
export type ActorStartPhase = "load" | "construct" | "postCreate";

/** An actor could not be created; nothing of it is left behind. The reason is in `cause`. */
export class ActorStartError extends DramatisError {
  override readonly name = "ActorStartError";
  constructor(message: string, readonly phase: ActorStartPhase = "load", options?: ErrorOptions) {
    super(message, options);
  }
}

/** The actor was destroyed or killed before it could answer. The message may or may not have run. */
export class ActorStoppedError extends DramatisError {
  override readonly name = "ActorStoppedError";
}

/** The actor's method threw something that is not a built-in error; `cause` has it. */
export class ActorFailedError extends DramatisError {
  override readonly name = "ActorFailedError";
}

/** The actor's mailbox is full and its policy is to reject. Slow down, or raise its limits. */
export class MailboxFullError extends DramatisError {
  override readonly name = "MailboxFullError";
  constructor(message: string, readonly limit: number = 0, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A value that cannot travel; `path` says where inside the value it is, for example `args[0].onDone`. */
export class NotSerializableError extends DramatisError {
  override readonly name = "NotSerializableError";
  constructor(message: string, readonly path: string = "", options?: ErrorOptions) {
    super(message, options);
  }
}

/** How a pool or host ended. */
export type ExitKind = "error" | "exit" | "killed" | "silent" | "stopped" | "lost";

/** The pool that had to answer is gone. The message may or may not have run. */
export class PoolLostError extends DramatisError {
  override readonly name = "PoolLostError";
  constructor(message: string, readonly exit: ExitKind = "lost", options?: ErrorOptions) {
    super(message, options);
  }
}

/** The host that had to answer is gone or cannot be reached. The message may or may not have run. */
export class HostLostError extends DramatisError {
  override readonly name = "HostLostError";
  constructor(message: string, readonly exit: ExitKind = "lost", options?: ErrorOptions) {
    super(message, options);
  }
}

/** What a pool was doing when its start failed. */
export type PoolStartPhase = "spawn" | "import" | "handshake" | "device";

/** A pool could not be started; the reason is in `cause`. */
export class PoolStartError extends DramatisError {
  override readonly name = "PoolStartError";
  constructor(message: string, readonly phase: PoolStartPhase = "spawn", options?: ErrorOptions) {
    super(message, options);
  }
}

/** Why one pool was not chosen. */
export interface PlacementRefusal {
  readonly pool: string;
  readonly reason: string;
}

/** No pool satisfies the placement; `refusals` has every candidate and why not. */
export class PlacementError extends DramatisError {
  override readonly name = "PlacementError";
  constructor(
    message: string,
    readonly refusals: readonly PlacementRefusal[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A call that was not answered in its time. It may still run, unless it was waiting in the mailbox. */
export class CallTimeoutError extends DramatisError {
  override readonly name = "CallTimeoutError";
  constructor(message: string, readonly timeoutMs: number = 0, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Bytes that are not a frame of this protocol, or past its limits. The link that sent them is closed. */
export class ProtocolError extends DramatisError {
  override readonly name = "ProtocolError";
}

/** The other host refused the link: wrong token, wrong version, or it is stopping. */
export class LinkRefusedError extends DramatisError {
  override readonly name = "LinkRefusedError";
}

/** No device can run this kernel and it has no `cpu` twin. */
export class GpuUnavailableError extends DramatisError {
  override readonly name = "GpuUnavailableError";
}

/** The device was lost; its buffers are gone. Create the actor again. */
export class GpuDeviceLostError extends DramatisError {
  override readonly name = "GpuDeviceLostError";
}

/** The device has no memory for this buffer. Dispose of DeviceRefs, or use smaller ones. */
export class GpuOutOfMemoryError extends DramatisError {
  override readonly name = "GpuOutOfMemoryError";
}

/** One message of the WGSL compiler. Lines and columns count from 1; 0 is unknown. */
export interface KernelDiagnostic {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** WGSL that does not compile; `diagnostics` has the compiler's lines. */
export class KernelCompileError extends DramatisError {
  override readonly name = "KernelCompileError";
  constructor(
    message: string,
    readonly diagnostics: readonly KernelDiagnostic[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** An argument of a kernel that does not fit its WGSL; `binding` names it. */
export class KernelArgumentError extends DramatisError {
  override readonly name = "KernelArgumentError";
  constructor(message: string, readonly binding: string = "", options?: ErrorOptions) {
    super(message, options);
  }
}

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
  ActorStartError,
  ActorStoppedError,
  ActorFailedError,
  MailboxFullError,
  NotSerializableError,
  PoolLostError,
  HostLostError,
  PoolStartError,
  PlacementError,
  CallTimeoutError,
  ProtocolError,
  LinkRefusedError,
  GpuUnavailableError,
  GpuDeviceLostError,
  GpuOutOfMemoryError,
  KernelCompileError,
  KernelArgumentError,
});
