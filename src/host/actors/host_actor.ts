import {
  type ActorAddress,
  type ActorPlace,
  formatPool,
  type HostId,
  isClient,
  type PoolId,
} from "../../core/address.ts";
import { ActorStartError } from "../../core/errors.ts";
import type { PoolDescription, TypeName } from "../../core/protocol.ts";
import { StatelessActor } from "../../actor/actor.ts";
import { type ActorType, callableMethods, RUNTIME_MODULE } from "../../actor/actor_type.ts";
import type { DeadLetter } from "../../actor/dead_letter.ts";
import type { HostInspection } from "../../debug/inspection.ts";
import type { DebugReport } from "../../debug/report.ts";
import type { RemovePoolOptions } from "../../actor/pool_spec.ts";
import type { PoolMaker } from "../../pool/pool.ts";
import { type FamilyService, isParentLink, type ParentLink } from "../../pool/family_service.ts";
import type {
  DebugService,
  HostService,
  HostStatus,
  MessageRefusal,
  OrderService,
  ServiceCreateOptions,
  ServiceGangOptions,
  ServiceOrder,
} from "../../pool/host_service.ts";
import type { LinkService } from "../../pool/link_service.ts";
import type { ActorDesk } from "./actor_desk.ts";

/** The host's verbs as an actor: how its other pools and other hosts reach them. It looks who asks, and for what. */
export class HostActor extends StatelessActor
  implements HostService, DebugService, FamilyService, LinkService, OrderService {
  readonly #desk: ActorDesk;
  readonly #service: HostService;
  readonly #debug: DebugService;

  /** @param service Does what is asked for, once that is allowed. */
  constructor(
    desk: ActorDesk,
    service: HostService,
    debug: DebugService,
  ) {
    super();
    this.#desk = desk;
    this.#service = service;
    this.#debug = debug;
  }

  create(
    type: TypeName,
    home: "cpu" | "gpu",
    args: unknown[],
    options: ServiceCreateOptions,
  ): Promise<ActorAddress> {
    const isOurs = this.context.sender.host === this.context.address.host;
    checkOrder(type, home, args, options);
    if (options.link !== undefined) this.#checkParent(options.link);
    const made = this.#desk.create({ type, home, args, options, isOurs });
    return isOurs ? made : this.#telling(made);
  }

  createGang(
    orders: readonly ServiceOrder[],
    options: ServiceGangOptions,
  ): Promise<(ActorAddress | Error)[]> {
    const isOurs = this.context.sender.host === this.context.address.host;
    if (!Array.isArray(orders) || orders.length > MAX_MEMBERS) {
      throw new TypeError(`A gang is a list of up to ${MAX_MEMBERS} orders`);
    }
    for (const { type, home, args, options } of orders) checkOrder(type, home, args, options);
    const made = this.#desk.createGang(orders.map((order) => ({ ...order, isOurs })), options);
    return isOurs ? made : this.#telling(made);
  }

  resolve(uid: string): ActorAddress {
    return this.#service.resolve(uid);
  }

  has(uid: string): boolean {
    return this.#service.has(uid);
  }

  destroy(uid: string, kill: boolean): Promise<void> {
    return this.#service.destroy(uid, kill);
  }

  endOrder(order: string, kill: boolean, reason: Error | null): Promise<void> {
    const cause = reason === null || reason instanceof Error ? reason : new Error(String(reason));
    return this.#desk.endOrder(order, kill === true, cause);
  }

  replicasAre(order: string, pools: readonly PoolId[]): void {
    this.#desk.replicas.told(order, pools, this.context.sender.host);
  }

  appendPool(maker: PoolMaker): Promise<PoolDescription[]> {
    this.#checkSender("pools");
    return this.#service.appendPool(maker);
  }

  removePool(pool: PoolId, options: RemovePoolOptions): Promise<void> {
    this.#checkSender("pools");
    return this.#service.removePool(pool, options);
  }

  waitPool(pool: PoolId): Promise<void> {
    return this.#service.waitPool(pool);
  }

  watch(uid: string): Promise<Error> {
    return this.#service.watch(uid, this.context.signal);
  }

  lookup(name: string): Promise<ActorAddress> {
    // A client has none.
    if (!isClient(this.context.sender.host)) this.#checkSender("directory");
    return this.#service.lookup(name);
  }

  named(name: string): Promise<ActorAddress> {
    return this.#service.named(name);
  }

  successorOf({ host, uid }: ActorPlace): Promise<HostId | null> {
    if (!isClient(this.context.sender.host)) this.#checkSender("list of lost actors");
    return this.#service.successorOf({ host, uid });
  }

  pools(): PoolDescription[] {
    return this.#service.pools();
  }

  deadLetter(letter: DeadLetter): void {
    this.#checkSender("dead letters");
    this.#debug.deadLetter(letter);
  }

  report(report: DebugReport): void {
    this.#checkSender("reports");
    this.#debug.report(report);
  }

  inspect(): Promise<HostInspection> {
    return this.#debug.inspect();
  }

  refused(refusal: MessageRefusal): void {
    this.#checkSender("refusals");
    this.#debug.refused(refusal);
  }

  status(): HostStatus {
    return this.#debug.status();
  }

  failed(uid: string, generation: number, reason: Error): void {
    this.#checkSender("failures");
    this.#desk.supervision.failures.failed(uid, generation, reason, this.context.sender.pool);
  }

  link(uid: string, generation: number, peer: ActorAddress): Promise<void> {
    this.#checkSender("links");
    return this.#service.link(uid, generation, peer);
  }

  unlink(uid: string, generation: number, peer: ActorAddress): Promise<void> {
    this.#checkSender("links");
    return this.#service.unlink(uid, generation, peer);
  }

  linked(uid: string, peer: ActorAddress, id: number): void {
    this.#checkPeer(peer, id);
    this.#desk.links.linked(uid, peer, id);
  }

  linkEnded(uid: string, peer: ActorAddress, id: number, reason: Error | null): void {
    this.#checkPeer(peer, id);
    const cause = reason === null || reason instanceof Error ? reason : new Error(String(reason));
    this.#desk.links.linkEnded(uid, peer, id, cause);
  }

  childTurn(parent: ParentLink, reason: Error): Promise<void> {
    this.#checkChild(parent);
    return this.#desk.supervision.childTurn(parent, reason);
  }

  childMade(parent: ParentLink): void {
    this.#checkChild(parent);
    this.#desk.supervision.childMade(parent);
  }

  childEnded(parent: ParentLink, reason: Error): void {
    this.#checkChild(parent);
    this.#desk.supervision.childEnded(parent, reason);
  }

  restartChild(uid: string, parent: ParentLink, stopTimeoutMs: number): Promise<void> {
    this.#checkParent(parent);
    return this.#desk.supervision.restartChild(uid, parent, stopTimeoutMs);
  }

  endChild(uid: string, parent: ParentLink, kill: boolean): Promise<void> {
    this.#checkParent(parent);
    return this.#desk.supervision.endChild(uid, parent, kill === true);
  }

  endMaking(uid: string, generation: number): Promise<void> {
    // Its own: nobody else's can be named.
    const { host } = this.context.sender;
    return this.#desk.supervision.endMaking({ host, uid, generation });
  }

  /** Tells of orders from outside for what this host does not make. */
  async #telling<T>(making: Promise<T>): Promise<T> {
    const { host } = this.context.sender;
    try {
      return await making;
    } catch (error) {
      const isStrange = error instanceof ActorStartError && error.phase === "load";
      if (isStrange) this.#debug.refused({ host, message: error.message });
      throw error;
    }
  }

  /** Of a child its own host tells. */
  #checkChild(parent: ParentLink): void {
    const { sender } = this.context;
    if (isParentLink(parent) && this.#desk.supervision.isOn(sender.host, parent)) return;
    throw new TypeError(`${formatPool(sender)} has no such child`);
  }

  /** A child is ended by the host of its parent. */
  #checkParent(parent: ParentLink): void {
    const { sender } = this.context;
    if (isParentLink(parent) && parent.host === sender.host) return;
    throw new TypeError(`${formatPool(sender)} has no such child`);
  }

  /** Each host speaks for its own actors; a client has none. */
  #checkPeer(peer: ActorAddress, id: number): void {
    const { sender } = this.context;
    const isIts = typeof peer?.uid === "string" && peer.host === sender.host &&
      Number.isSafeInteger(peer.pool) && Number.isSafeInteger(peer.generation);
    if (isIts && Number.isSafeInteger(id) && !isClient(sender.host)) return;
    throw new TypeError(`${formatPool(sender)} has no such actor`);
  }

  /** What pools tell their own host, others have no business with. */
  #checkSender(what: string): void {
    const { sender, address } = this.context;
    if (sender.host === address.host) return;
    throw new TypeError(`${formatPool(sender)} has its own ${what}`);
  }
}

/** More than any constructor takes; a list of holes may claim four thousand million. */
const MAX_ARGUMENTS = 65_535;

/** Members of a gang: each is looked at for every other. */
const MAX_MEMBERS = 10_000;

/**
 * Other hosts may write what they like.
 *
 * @throws {TypeError} if it is no order for an actor.
 */
function checkOrder(type: unknown, home: unknown, args: unknown, options: unknown): void {
  const isType = isRecord(type) && typeof type.module === "string" &&
    typeof type.export === "string" && typeof type.name === "string" &&
    typeof type.version === "string";
  const isList = Array.isArray(args) && args.length <= MAX_ARGUMENTS;
  if (isType && (home === "cpu" || home === "gpu") && isList && isRecord(options)) return;
  throw new TypeError("create takes a type's name, cpu or gpu, a list of arguments and options");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Not made by name: the host makes its only one. */
export const HOST_ACTOR_TYPE: ActorType = {
  name: { module: RUNTIME_MODULE, export: "HostActor", name: "HostActor", version: "" },
  home: "cpu",
  methods: callableMethods(HostActor as never),
  create: () => {
    throw new TypeError("A host has one HostActor");
  },
};
