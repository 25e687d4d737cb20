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
  /** The class's name. */
  override readonly name = "ActorNotFoundError";
}

/** The uid is taken on this host. Destroy the other actor first, or choose another uid. */
export class ActorExistsError extends DramatisError {
  /** The class's name. */
  override readonly name = "ActorExistsError";
  /**
   * Made by the runtime.
   *
   * @param uid The uid that is taken.
   */
  constructor(message: string, readonly uid: string = "", options?: ErrorOptions) {
    super(message, options);
  }
}

/** The name is held by an actor of the cluster. Look it up, or choose another. */
export class NameTakenError extends DramatisError {
  /** The class's name. */
  override readonly name = "NameTakenError";
  /**
   * Made by the runtime.
   *
   * @param actorName The name that is held.
   * @param holder The id of the host that holds it, for people.
   */
  constructor(
    message: string,
    readonly actorName: string = "",
    readonly holder: string = "",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The cluster's directory cannot be asked. Names that this host holds may soon be others'. */
export class DirectoryUnreachableError extends DramatisError {
  /** The class's name. */
  override readonly name = "DirectoryUnreachableError";
}

/** What an actor was doing when its start failed. */
export type ActorStartPhase = "load" | "construct" | "postCreate";

/** An actor could not be created; nothing of it is left behind. The reason is in `cause`. */
export class ActorStartError extends DramatisError {
  /** The class's name. */
  override readonly name = "ActorStartError";
  /**
   * Made by the runtime.
   *
   * @param phase What failed.
   */
  constructor(message: string, readonly phase: ActorStartPhase = "load", options?: ErrorOptions) {
    super(message, options);
  }
}

/** The actor was destroyed or killed before it could answer. The message may or may not have run. */
export class ActorStoppedError extends DramatisError {
  /** The class's name. */
  override readonly name = "ActorStoppedError";
}

/** The actor's method threw something that is not a built-in error; `cause` has it. */
export class ActorFailedError extends DramatisError {
  /** The class's name. */
  override readonly name = "ActorFailedError";
}

/**
 * The actor's mailbox is full: the message was refused, or dropped for another, and has not run. Slow
 * down, or raise its bounds.
 */
export class MailboxFullError extends DramatisError {
  /** The class's name. */
  override readonly name = "MailboxFullError";
  /**
   * Made by the runtime.
   *
   * @param limit How many messages or bytes may wait.
   * @param bound Which of the two it is.
   * @param dropped Whether the message had been waiting, and made room for another.
   */
  constructor(
    message: string,
    readonly limit: number = 0,
    readonly bound: "messages" | "bytes" = "messages",
    readonly dropped: boolean = false,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The buffer of this ref has ended: it was disposed of, or with the actor or pool that made it. */
export class BufferNotFoundError extends DramatisError {
  /** The class's name. */
  override readonly name = "BufferNotFoundError";
}

/** A value that cannot travel; `path` says where inside the value it is, for example `args[0].onDone`. */
export class NotSerializableError extends DramatisError {
  /** The class's name. */
  override readonly name = "NotSerializableError";
  /**
   * Made by the runtime.
   *
   * @param path Where in the value.
   */
  constructor(message: string, readonly path: string = "", options?: ErrorOptions) {
    super(message, options);
  }
}

/** How a pool or host ended; `memory` is a process whose heap was exhausted. */
export type ExitKind = "error" | "exit" | "killed" | "memory" | "silent" | "stopped" | "lost";

/** The pool that had to answer is gone. The message may or may not have run. */
export class PoolLostError extends DramatisError {
  /** The class's name. */
  override readonly name = "PoolLostError";
  /**
   * Made by the runtime.
   *
   * @param exit How it ended.
   */
  constructor(message: string, readonly exit: ExitKind = "lost", options?: ErrorOptions) {
    super(message, options);
  }
}

/** The host that had to answer is gone or cannot be reached. The message may or may not have run. */
export class HostLostError extends DramatisError {
  /** The class's name. */
  override readonly name = "HostLostError";
  /**
   * Made by the runtime.
   *
   * @param exit How it ended.
   */
  constructor(message: string, readonly exit: ExitKind = "lost", options?: ErrorOptions) {
    super(message, options);
  }
}

/** What a pool was doing when its start failed. */
export type PoolStartPhase = "spawn" | "import" | "handshake" | "device";

/** A pool could not be started; the reason is in `cause`. */
export class PoolStartError extends DramatisError {
  /** The class's name. */
  override readonly name = "PoolStartError";
  /**
   * Made by the runtime.
   *
   * @param phase What failed.
   */
  constructor(message: string, readonly phase: PoolStartPhase = "spawn", options?: ErrorOptions) {
    super(message, options);
  }
}

/** Why one pool was not chosen. */
export interface PlacementRefusal {
  /** The pool for people. */
  readonly pool: string;
  /** What it lacks. */
  readonly reason: string;
}

/** No pool satisfies the placement; `refusals` has every candidate and why not. */
export class PlacementError extends DramatisError {
  /** The class's name. */
  override readonly name = "PlacementError";
  /**
   * Made by the runtime.
   *
   * @param refusals Every candidate and why not.
   */
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
  /** The class's name. */
  override readonly name = "CallTimeoutError";
  /**
   * Made by the runtime.
   *
   * @param timeoutMs The time that is over, in milliseconds.
   */
  constructor(message: string, readonly timeoutMs: number = 0, options?: ErrorOptions) {
    super(message, options);
  }
}

/** One actor in a cycle of calls. */
export interface DeadlockHop {
  /** The actor, its pool and host, for people. */
  readonly actor: string;
  /** The method that waits. */
  readonly method: string;
}

/**
 * A call came back to an actor that waits for it: neither could ever go on. Make the method that is
 * called back `@reentrant`, or wait by `this.unlocked(promise)`.
 */
export class DeadlockError extends DramatisError {
  /** The class's name. */
  override readonly name = "DeadlockError";
  /**
   * Made by the runtime.
   *
   * @param cycle Who waits for whom; the last calls the first.
   */
  constructor(
    message: string,
    readonly cycle: readonly DeadlockHop[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Bytes that are not a frame of this protocol, or past its limits. The link that sent them is closed. */
export class ProtocolError extends DramatisError {
  /** The class's name. */
  override readonly name = "ProtocolError";
}

/** The other host refused the link: wrong token, wrong version, or it is stopping. */
export class LinkRefusedError extends DramatisError {
  /** The class's name. */
  override readonly name = "LinkRefusedError";
}

/** No device can run this kernel and it has no `cpu` twin. */
export class GpuUnavailableError extends DramatisError {
  /** The class's name. */
  override readonly name = "GpuUnavailableError";
}

/** The device was lost; its buffers are gone. Create the actor again. */
export class GpuDeviceLostError extends DramatisError {
  /** The class's name. */
  override readonly name = "GpuDeviceLostError";
}

/** The device has no memory for this buffer. Dispose of DeviceRefs, or use smaller ones. */
export class GpuOutOfMemoryError extends DramatisError {
  /** The class's name. */
  override readonly name = "GpuOutOfMemoryError";
}

/** One message of the WGSL compiler. Lines and columns count from 1; 0 is unknown. */
export interface KernelDiagnostic {
  /** From 1; 0 is unknown. */
  readonly line: number;
  /** From 1; 0 is unknown. */
  readonly column: number;
  /** What is wrong. */
  readonly message: string;
}

/** WGSL that does not compile; `diagnostics` has the compiler's lines. */
export class KernelCompileError extends DramatisError {
  /** The class's name. */
  override readonly name = "KernelCompileError";
  /**
   * Made by the runtime.
   *
   * @param diagnostics What the compiler said.
   */
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
  /** The class's name. */
  override readonly name = "KernelArgumentError";
  /**
   * Made by the runtime.
   *
   * @param binding The name of the binding.
   */
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
  NameTakenError,
  DirectoryUnreachableError,
  ActorStartError,
  ActorStoppedError,
  ActorFailedError,
  MailboxFullError,
  BufferNotFoundError,
  NotSerializableError,
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
