import {
  ActorExistsError,
  ActorNotFoundError,
  ActorStartError,
  ActorStoppedError,
  DramatisError,
} from "../../core/errors.ts";
import {
  BufferNotFoundError,
  CallTimeoutError,
  DeadlockError,
  MailboxFullError,
  NotSerializableError,
} from "../../core/message_errors.ts";
import {
  DirectoryUnreachableError,
  HostLostError,
  LinkRefusedError,
  NameTakenError,
  PlacementError,
  PoolLostError,
  ProtocolError,
} from "../../core/host_errors.ts";
import {
  GpuDeviceLostError,
  GpuOutOfMemoryError,
  GpuUnavailableError,
  KernelArgumentError,
} from "../../core/gpu_errors.ts";
import { isError } from "../../core/error_wire.ts";

/** The media type of problems (RFC 9457). */
const PROBLEM_TYPE = "application/problem+json";

/** What the `type` of a problem begins with; then comes its {@linkcode ProblemKind}. */
export const PROBLEM_PREFIX = "urn:dramatis:problem:";

/** Every status that is answered beside success, with its title. */
export const TITLES: Readonly<Record<number, string>> = Object.freeze({
  400: "The request cannot be understood",
  401: "The host wants its token",
  403: "This may not be done by this request",
  404: "There is no such thing",
  405: "This method is not for this path",
  408: "The body did not come in time",
  409: "This conflicts with what there is",
  410: "It has ended",
  413: "The body is too large",
  415: "The body is not JSON",
  421: "This host does not go by that name",
  422: "The host cannot do this with these values",
  426: "This path is for WebSockets",
  429: "Too much at once",
  500: "The actor has failed, or the host",
  502: "A pool or host that had to answer is gone",
  503: "The host cannot do this now",
  504: "The call was not answered in time",
  507: "A device has no memory left",
});

/** Why a request was not carried out, in one word. */
export type ProblemKind =
  | "bad-request"
  | "token"
  | "role"
  | "origin"
  | "host"
  | "rate"
  | "busy"
  | "not-found"
  | "method"
  | "body"
  | "value"
  | "upgrade"
  | "exists"
  | "ended"
  | "start"
  | "mailbox-full"
  | "timeout"
  | "placement"
  | "deadlock"
  | "lost"
  | "directory"
  | "device"
  | "actor"
  | "internal";

/** What is known beside status and text. */
export interface ProblemParts {
  /** More headers of the response. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The error that is the reason, told in part: never its stack. */
  readonly cause?: unknown;
}

/** A request that is not carried out: thrown where that is found out, sent as problem+json. */
export class Problem extends Error {
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    readonly status: number,
    readonly kind: ProblemKind,
    detail: string,
    { headers = {}, cause }: ProblemParts = {},
  ) {
    super(detail, cause === undefined ? undefined : { cause });
    this.headers = headers;
  }

  /** As it is sent. */
  toJSON(): Record<string, unknown> {
    const { cause } = this;
    const body = {
      type: PROBLEM_PREFIX + this.kind,
      title: TITLES[this.status] ?? "Refused",
      status: this.status,
      detail: this.message,
    };
    if (!isError(cause)) return body;
    const { actor } = cause as { actor?: unknown };
    return {
      ...body,
      ...(typeof actor === "string" ? { actor } : {}),
      error: describe(cause, CAUSE_DEPTH),
    };
  }

  /** The response that says so in words alone. */
  toText(): Response {
    return new Response(`${this.message}\n`, { status: this.status, headers: this.headers });
  }

  /** The response that says so. */
  toResponse(): Response {
    return new Response(JSON.stringify(this), {
      status: this.status,
      headers: { "content-type": PROBLEM_TYPE, ...this.headers },
    });
  }
}

/** Causes of causes that are told. */
const CAUSE_DEPTH = 4;

/** Fields of our errors that are told: plain data that helps. */
const FIELDS = [
  "phase",
  "path",
  "refusals",
  "timeoutMs",
  "cycle",
  "limit",
  "bound",
  "dropped",
  "exit",
  "diagnostics",
  "binding",
] as const;

function describe(error: Error, depth: number): Record<string, unknown> {
  const told: Record<string, unknown> = { name: error.name, message: error.message };
  if (error instanceof DramatisError) {
    for (const field of FIELDS) {
      const value = (error as unknown as Record<string, unknown>)[field];
      if (value !== undefined) told[field] = value;
    }
  }
  if (isError(error.cause) && depth > 1) told["cause"] = describe(error.cause, depth - 1);
  return told;
}

type Row = readonly [new (...args: never[]) => Error, number, ProblemKind];

/** What each of our errors is answered with. */
const TABLE: readonly Row[] = [
  [ActorNotFoundError, 404, "not-found"],
  [ActorExistsError, 409, "exists"],
  [NameTakenError, 409, "exists"],
  [DirectoryUnreachableError, 503, "directory"],
  [ActorStoppedError, 410, "ended"],
  [BufferNotFoundError, 410, "ended"],
  [MailboxFullError, 429, "mailbox-full"],
  [NotSerializableError, 422, "value"],
  [KernelArgumentError, 422, "value"],
  [CallTimeoutError, 504, "timeout"],
  [DeadlockError, 409, "deadlock"],
  [PlacementError, 503, "placement"],
  [PoolLostError, 502, "lost"],
  [HostLostError, 502, "lost"],
  [LinkRefusedError, 502, "lost"],
  [ProtocolError, 502, "lost"],
  [GpuUnavailableError, 503, "device"],
  [GpuDeviceLostError, 503, "device"],
  [GpuOutOfMemoryError, 507, "device"],
];

/** Errors that, thrown by the code of an actor, are not about the actor that was asked for. */
const OF_OTHERS: ReadonlySet<unknown> = new Set([
  ActorNotFoundError,
  ActorExistsError,
  NameTakenError,
  ActorStoppedError,
  BufferNotFoundError,
  MailboxFullError,
  PlacementError,
]);

/** What an error is answered with. One that nobody has foreseen keeps its text for the log. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (!isError(error)) return new Problem(500, "internal", "The host has failed");
  const isFromActor = typeof (error as { actor?: unknown }).actor === "string";
  if (error instanceof ActorStartError) {
    const status = error.phase === "load" ? 422 : 500;
    return new Problem(status, "start", error.message, { cause: error });
  }
  const row = TABLE.find(([type]) => error instanceof type);
  if (row !== undefined && !(isFromActor && OF_OTHERS.has(row[0]))) {
    return new Problem(row[1], row[2], error.message, { cause: error });
  }
  if (isFromActor || row !== undefined || error instanceof DramatisError) {
    return new Problem(500, "actor", error.message, { cause: error });
  }
  return new Problem(500, "internal", "The host has failed: its log says how");
}
