/**
 * The wire: the one place that says what hosts and pools tell each other. `PROTOCOL.md` says it in prose.
 *
 * A frame is a fixed header of {@linkcode HEADER_BYTES} bytes, a MessagePack body and, out of band,
 * raw segments for bulk bytes. The header alone is enough to route it. All numbers are little-endian.
 *
 * | offset | bytes | what |
 * |---|---|---|
 * | 0 | 4 | length of header and body together |
 * | 4 | 1 | kind ({@linkcode FRAME_KINDS}) |
 * | 5 | 1 | hops so far |
 * | 6 | 2 | number of segments |
 * | 8 | 6 | id: the sender's number for this call; an answer carries the call's |
 * | 14 | 2 | reserved, 0 |
 * | 16 | 6 + 2 | destination: host, pool |
 * | 24 | 6 + 2 | sender: host, pool |
 *
 * On a byte stream the segments follow the body: first a table of their lengths (4 bytes each), then
 * their bytes. On a MessagePort they travel beside the bytes, transferred or shared.
 */
import type { PoolAddress } from "./address.ts";
import type { Device } from "./device.ts";

/** Raised by every change that an older host would misread. */
export const PROTOCOL_VERSION = 1;

/** Bytes of the fixed header. */
export const HEADER_BYTES = 32;

/** Each limit with its reason. */
export const LIMITS = Object.freeze({
  /** Header and body of one frame: bulk goes into segments, so a body past this is a mistake or an attack. */
  frameBytes: 64 * 2 ** 20,
  /** One segment: what one ArrayBuffer can hold on every platform. */
  segmentBytes: 2 ** 32 - 1,
  /** All segments of one frame from another host: it is held in memory before anyone can refuse it. */
  payloadBytes: 2 ** 30,
  /** Segments of one frame: more is cheaper packed into one by the sender. */
  segments: 4096,
  /** Containers inside containers of a MessagePack body: deeper values travel as a flat table of nodes. */
  depth: 64,
  /** Nodes of one value: bounds the work that one frame can ask of its receiver. */
  nodes: 2 ** 22,
  /** Routers a frame may pass: worker, host, host, worker is 3. */
  hops: 8,
  /** Characters of a uid or of a method's name: they are keys of maps, printed in errors. */
  nameLength: 512,
  /** Hosts between two that cannot dial each other: with the pools at both ends it stays below {@linkcode LIMITS.hops}. */
  relays: 4,
  /** Replicas of one actor: every ref to it names them all. */
  replicas: 1024,
  /** Items that a producer may run ahead of its consumer: they wait in somebody's memory. */
  streamWindow: 2 ** 20,
  /** Bytes of a byte buffer that travels inside the body; a larger one becomes a segment. */
  inlineBytes: 4096,
});

/** The kinds of frame; the index is the code on the wire. Code 0 is never sent. */
export const FRAME_KINDS = Object.freeze(
  [
    "none",
    "hello",
    "welcome",
    "goodbye",
    "ping",
    "pong",
    "create",
    "destroy",
    "call",
    "tell",
    "cancel",
    "reply",
    "failure",
    "down",
    "pools",
    "batch",
    "items",
    "end",
    "credit",
    "drop",
    "hosts",
  ] as const,
);

/** What every frame carries in its header. */
export interface Envelope {
  readonly id: number;
  readonly to: PoolAddress;
  readonly from: PoolAddress;
}

/** A pool as others see it. */
export interface PoolDescription extends PoolAddress {
  /** For people: `main`, `worker-1`, `gpu-3`. */
  readonly name: string;
  /** What it runs in. */
  readonly kind: "main" | "worker" | "gpu" | "process";
  /** What `label(…)` finds it by. */
  readonly labels: readonly string[];
  /** What its actors compute with. */
  readonly device: Device;
  /** Actors that live there or are being made, as its host last knew. */
  readonly actors: number;
  /** Which part of the last half second its thread was busy, from 0 to 1; left out if it is not known. */
  readonly busy?: number;
  /** What some of its actors have to themselves; left out if none does. */
  readonly held?: Held;
  /**
   * Milliseconds since its host has told of these figures, which it does when they change; left out by
   * the host itself.
   */
  readonly ageMs?: number;
}

/** What actors have to themselves of a pool, each for as long as it lives. */
export interface Held {
  /** By `idleLabel(label, mark)`: `["label","mark"]`, as JSON. */
  readonly marks: readonly string[];
  /** Bytes of the device's memory, by `device({ require: { memoryBytes } })`. */
  readonly memoryBytes: number;
  /** Whether one has the whole pool, by `device({ exclusive: true })`. */
  readonly exclusive: boolean;
}

/** A host as others see it. */
export interface HostDescription {
  /** Of this incarnation. */
  readonly id: number;
  /** `host:port` of its gateway, or `null` if it does not listen. */
  readonly address: string | null;
  /** Its pools, the main one first. */
  readonly pools: readonly PoolDescription[];
}

/** The first frame on a session: who dials. */
export interface HelloFrame extends Envelope {
  readonly kind: "hello";
  readonly version: number;
  readonly host: HostDescription;
}
/** The answer to a hello: who was reached. */
export interface WelcomeFrame extends Envelope {
  readonly kind: "welcome";
  readonly version: number;
  readonly host: HostDescription;
}
/**
 * Why a session ends, for programs; the reason beside it is for people. `stopped`: the host ends, and its id
 * with it. `ended`: this session does, the host lives. `refused`: the hello was. `linked`: the hello was too,
 * because the two are linked or are about to be.
 */
export const GOODBYE_CODES = Object.freeze(["stopped", "ended", "refused", "linked"] as const);

/** One of {@linkcode GOODBYE_CODES}. */
export type GoodbyeCode = (typeof GOODBYE_CODES)[number];

/** The last frame on a session, with the reason. */
export interface GoodbyeFrame extends Envelope {
  readonly kind: "goodbye";
  readonly code: GoodbyeCode;
  readonly reason: string;
  /** The error that ended the sender, if one did. */
  readonly error: unknown;
}
/** Are you alive? */
export interface PingFrame extends Envelope {
  readonly kind: "ping";
}
/** I am. */
export interface PongFrame extends Envelope {
  readonly kind: "pong";
}
/** Which class or kernel to make an actor of: a module's URL on the same host, a registered name from another. */
export interface TypeName {
  /** The module's URL. */
  readonly module: string;
  /** The export's name in it. */
  readonly export: string;
  /** The name across hosts. */
  readonly name: string;
  readonly version: string;
}
/** A host tells a pool of its own to make an actor. Answered by reply or failure. */
export interface CreateFrame extends Envelope {
  readonly kind: "create";
  readonly uid: string;
  readonly generation: number;
  readonly type: TypeName;
  readonly options: CellOptions;
  readonly args: readonly unknown[];
}
/** What a cell is made with. */
export interface CellOptions {
  readonly mailbox: MailboxBounds;
  /** Messages without a lock that may run at once; no limit if it is left out. */
  readonly concurrency?: number;
  /** When its state is saved by itself. */
  readonly snapshot?: SnapshotTiming;
  /** Milliseconds without a message after which it is parked. */
  readonly idleMs?: number;
  /** It was parked when its pool died: it is not made before its next message. */
  readonly parked?: ParkedState;
  /** The calls that wait for it to start, if it can make calls then; see `call_chain.ts` for its bytes. */
  readonly chain?: Uint8Array<ArrayBuffer>;
}
/** What was saved of an actor that is parked; nothing of one without a state. */
export interface ParkedState {
  /** When, in milliseconds since 1970. */
  readonly savedAt?: number;
  readonly bytes?: number;
}
/** When the state of an actor is saved by itself; what is left out is never. */
export interface SnapshotTiming {
  /** Messages from one time to the next. */
  readonly every?: number;
  /** Milliseconds from a message to the next time. */
  readonly intervalMs?: number;
}
/** What happens when a mailbox is full: what comes is refused, or something that waits makes room. */
export type MailboxOverflow = "reject" | "dropOldest" | "dropNewest";

/** All of them. */
export const MAILBOX_OVERFLOWS: readonly MailboxOverflow[] = Object.freeze(
  ["reject", "dropOldest", "dropNewest"] as const,
);

/** What may wait for an actor. */
export interface MailboxBounds {
  /** How many messages. */
  readonly messages: number;
  /** How many bytes they may have together. */
  readonly bytes: number;
  readonly overflow: MailboxOverflow;
}
/** A host tells a pool of its own to end an actor, after its running message or at once. Answered. */
export interface DestroyFrame extends Envelope {
  readonly kind: "destroy";
  readonly uid: string;
  readonly kill: boolean;
}
/** What a message says beside what to run; most say nothing. */
export interface CallTerms {
  /** Milliseconds that are left for it: past them nobody waits any more. */
  readonly budgetMs: number | null;
  /** Of waiting messages the highest runs first; 0 is usual. */
  readonly priority: number;
  /** The calls that this one is made from; see `call_chain.ts` for its bytes. */
  readonly chain: Uint8Array | null;
}
/** A message that wants an answer. */
export interface CallFrame extends Envelope {
  readonly kind: "call";
  readonly uid: string;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly terms?: CallTerms | undefined;
}
/** A message that wants none. */
export interface TellFrame extends Envelope {
  readonly kind: "tell";
  readonly uid: string;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly terms?: CallTerms | undefined;
}
/** Many calls of one method in one message; id 0 wants no answer. */
export interface BatchFrame extends Envelope {
  readonly kind: "batch";
  readonly uid: string;
  readonly method: string;
  /** The arguments of each. */
  readonly items: readonly unknown[];
  readonly terms?: CallTerms | undefined;
}
/** Items of the stream of this id, from the pool that owns it. */
export interface ItemsFrame extends Envelope {
  readonly kind: "items";
  readonly values: readonly unknown[];
}
/** The stream of this id has no more items, and why if by an error. */
export interface EndFrame extends Envelope {
  readonly kind: "end";
  readonly failed: boolean;
  readonly error: unknown;
}
/** The sender consumes the stream of this id, and has room for so many more items. */
export interface CreditFrame extends Envelope {
  readonly kind: "credit";
  readonly count: number;
}
/** The sender does not want the rest of the stream of this id. */
export interface DropFrame extends Envelope {
  readonly kind: "drop";
}
/** The caller no longer waits for the call of this id. */
export interface CancelFrame extends Envelope {
  readonly kind: "cancel";
  readonly uid: string;
  readonly reason: unknown;
}
/** The result of the call of this id. */
export interface ReplyFrame extends Envelope {
  readonly kind: "reply";
  readonly value: unknown;
}
/** The error of the call of this id. */
export interface FailureFrame extends Envelope {
  readonly kind: "failure";
  readonly error: unknown;
}
/** A pool, or with `pool: null` a whole host, is gone: everything that waits on it rejects. */
export interface DownFrame extends Envelope {
  readonly kind: "down";
  readonly host: number;
  readonly pool: number | null;
  readonly error: unknown;
}
/** A host's pools have changed. */
export interface PoolsFrame extends Envelope {
  readonly kind: "pools";
  readonly pools: readonly PoolDescription[];
}

/** A host that the sender passes frames on to. */
export interface HostRoute {
  readonly host: HostDescription;
  /** The hosts on the way from the sender, the nearest first; none if the two are linked. */
  readonly via: readonly number[];
  /** Whether a link on the way is lost, and may come back. */
  readonly interrupted: boolean;
}
/** What the sender has learnt of third hosts: those that are gone first, a host may be in both. */
export interface HostsFrame extends Envelope {
  readonly kind: "hosts";
  readonly gone: readonly number[];
  readonly known: readonly HostRoute[];
}

/** Everything that can be said. */
export type Frame =
  | HelloFrame
  | WelcomeFrame
  | GoodbyeFrame
  | PingFrame
  | PongFrame
  | CreateFrame
  | DestroyFrame
  | CallFrame
  | TellFrame
  | CancelFrame
  | ReplyFrame
  | FailureFrame
  | DownFrame
  | PoolsFrame
  | BatchFrame
  | ItemsFrame
  | EndFrame
  | CreditFrame
  | DropFrame
  | HostsFrame;

/** The literal of a frame. */
export type FrameKind = Frame["kind"];

/** Whether a frame brings something for an actor to do. */
export function isMessage(kind: FrameKind): kind is "call" | "tell" | "batch" {
  return kind === "call" || kind === "tell" || kind === "batch";
}

/** Whether actors exchange such frames: of another host or a client, no others may reach a pool. */
export function isBetweenActors(kind: FrameKind): boolean {
  switch (kind) {
    case "call":
    case "tell":
    case "batch":
    case "cancel":
    case "reply":
    case "failure":
    case "items":
    case "end":
    case "credit":
    case "drop":
      return true;
    default:
      return false;
  }
}

/** A frame as it arrives: its header read, its body not yet. The bytes belong to the receiver. */
export interface RawFrame extends Envelope {
  readonly kind: FrameKind;
  readonly hops: number;
  readonly body: Uint8Array;
  readonly segments: readonly ArrayBufferLike[];
}
