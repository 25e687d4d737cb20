import {
  type ActorAddress,
  type ActorPlace,
  type HostId,
  MAIN_POOL,
  type PoolAddress,
  type PoolId,
} from "../core/address.ts";
import type { MailboxOptions } from "../core/mailbox_options.ts";
import type { PoolDescription, SnapshotTiming, TypeName } from "../core/protocol.ts";
import type { Replicas } from "../core/stateless_options.ts";
import type { DeadLetter } from "../actor/dead_letter.ts";
import type { RestartKind, RestartOptions } from "../actor/restart.ts";
import type { SupervisionOptions, SupervisionStrategy } from "../actor/supervision.ts";
import type { HostInspection } from "../debug/inspection.ts";
import type { DebugReport } from "../debug/report.ts";
import type { RemovePoolOptions } from "../actor/pool_spec.ts";
import type { ParentLink } from "./family_service.ts";
import type { PoolMaker } from "./pool.ts";

/** Uids that begin so belong to the runtime. */
export const RESERVED_PREFIX = "dramatis:";

/** Whether a uid is that of one of the runtime's own actors. */
export function isReserved(uid: string): boolean {
  return uid.startsWith(RESERVED_PREFIX);
}

/** The uid under which every host's main pool offers its verbs. */
export const HOST_UID = "dramatis:host";

/** What a host does for its pools and for other hosts: an actor like any other, called by messages. */
export interface HostService {
  create(
    type: TypeName,
    home: "cpu" | "gpu",
    args: unknown[],
    options: ServiceCreateOptions,
  ): Promise<ActorAddress>;
  /** Makes several; for those that are not made, and need not be, the reason. */
  createGang(
    orders: readonly ServiceOrder[],
    options: ServiceGangOptions,
  ): Promise<(ActorAddress | Error)[]>;
  resolve(uid: string): ActorAddress;
  has(uid: string): boolean;
  destroy(uid: string, kill: boolean): Promise<void>;
  pools(): PoolDescription[];
  /** Starts pools. For pools of that host. */
  appendPool(maker: PoolMaker): Promise<PoolDescription[]>;
  /** Ends one. For pools of that host. */
  removePool(pool: PoolId, options: RemovePoolOptions): Promise<void>;
  /** Resolves when a pool of that host is there. */
  waitPool(pool: PoolId): Promise<void>;
  /** Resolves when an actor of that host has ended, with the reason. */
  watch(uid: string, signal: AbortSignal): Promise<Error>;
  /** Links an actor of that host with another, wherever it is. For pools of that host. */
  link(uid: string, generation: number, peer: ActorAddress): Promise<void>;
  /** Removes that link; resolves when the end of the other can reach it no more. */
  unlink(uid: string, generation: number, peer: ActorAddress): Promise<void>;
  /** The actor of a name, wherever in the cluster it is. */
  lookup(name: string): Promise<ActorAddress>;
  /** The actor of a name that this host holds. */
  named(name: string): Promise<ActorAddress>;
  /** The host where an actor is whose own host is lost, waiting for it if it is being made again; `null` if it is nowhere. */
  successorOf(place: ActorPlace): Promise<HostId | null>;
}

/** What hosts say to each other of actors that they have made together; a part of the same actor. */
export interface OrderService {
  /** What that host has made by an order ends: at once, or as one that has failed if there is a reason. */
  endOrder(order: string, kill: boolean, reason: Error | null): Promise<void>;
  /** The host that says so has replicas of the actor of an order in these of its pools. */
  replicasAre(order: string, pools: readonly PoolId[]): void;
}

/** What a host hears of and says for debugging; a part of the same actor. */
export interface DebugService {
  /** A message of a pool of the host has failed, and nobody waits for its answer. */
  deadLetter(letter: DeadLetter): void;
  /** A pool of the host has something to report. */
  report(report: DebugReport): void;
  /** A pool of the host was sent what none of its actors can take. */
  refused(refusal: MessageRefusal): void;
  /** The host as it is now. */
  inspect(): Promise<HostInspection>;
  /** Of that, what costs nothing to say. */
  status(): HostStatus;
}

/** A message or an order of another host or a client that was refused for what it is. */
export interface MessageRefusal {
  /** Who has sent it. */
  readonly host: HostId;
  /** Why, for people. */
  readonly message: string;
}

/** How far a host is, and how many clients it has. */
export type HostStatus = Pick<HostInspection, "state" | "clients">;

/** One actor of {@linkcode HostService.createGang}: the arguments of {@linkcode HostService.create}. */
export interface ServiceOrder {
  readonly type: TypeName;
  readonly home: "cpu" | "gpu";
  readonly args: unknown[];
  readonly options: ServiceCreateOptions;
}

/** {@linkcode HostService.createGang} */
export interface ServiceGangOptions {
  /** How they lie to each other; `null` leaves it to the placement of each. */
  readonly strategy: "pack" | "spread" | null;
  /** Whether none is made if one cannot be. */
  readonly allOrNothing: boolean;
}

/** {@linkcode HostService.create} */
export interface ServiceCreateOptions {
  readonly uid?: string;
  readonly name?: string;
  readonly place?: unknown;
  readonly mailbox?: MailboxOptions;
  readonly concurrency?: number;
  readonly replicas?: Replicas;
  readonly restart?: RestartKind | RestartOptions;
  readonly snapshot?: SnapshotTiming;
  readonly idleMs?: number;
  readonly failover?: boolean;
  readonly supervision?: SupervisionStrategy | SupervisionOptions;
  /** The actor that makes it as its child; of the same host. */
  readonly parent?: ActorAddress;
  /** Whose child it is, as the host of its parent says. */
  readonly link?: ParentLink;
  /** The calls that wait for it to start, if it can make calls then. */
  readonly chain?: Uint8Array<ArrayBuffer>;
  /** The pools of all its replicas are chosen already: the host makes those in its own. */
  readonly group?: readonly PoolAddress[];
  /** What the order is called, if several hosts carry it out or it may have to be undone: random. */
  readonly order?: string;
}

/** The address of a host's service. */
export function hostServiceOf(host: HostId): ActorAddress {
  return { host, pool: MAIN_POOL, uid: HOST_UID, generation: 1 };
}
