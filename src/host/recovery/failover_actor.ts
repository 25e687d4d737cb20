import { type ActorAddress, type HostId, isClient, MAIN_POOL } from "../../core/address.ts";
import type { TypeName } from "../../core/protocol.ts";
import { StatelessActor } from "../../actor/actor.ts";
import { type ActorType, callableMethods, RUNTIME_MODULE } from "../../actor/actor_type.ts";
import { RESERVED_PREFIX, type ServiceCreateOptions } from "../../pool/host_service.ts";
import { checkName } from "../directory/names.ts";

/** The uid under which a host hears what it is to make when another is lost. */
export const FAILOVER_UID: string = `${RESERVED_PREFIX}failover`;

/** The address of a host's part. */
export function failoverServiceOf(host: HostId): ActorAddress {
  return { host, pool: MAIN_POOL, uid: FAILOVER_UID, generation: 1 };
}

/** What an actor with a name is made of again on another host. */
export interface Will {
  readonly name: string;
  readonly uid: string;
  readonly type: TypeName;
  readonly home: "cpu" | "gpu";
  readonly args: readonly unknown[];
  readonly options: ServiceCreateOptions;
}

/** An actor with a name that has been handed over. */
export interface Move {
  readonly name: string;
  /** The host that has it now. */
  readonly to: HostId;
}

/** What hosts say to each other about their actors with names; `host` is the one that says it. */
export interface FailoverPeer {
  /** These are its own now. */
  keep(wills: readonly Will[], host: HostId): void;
  /** Its actors of these names have ended, and are not to be made again. */
  drop(names: readonly string[], host: HostId): void;
  /** It has lost these names: others may make their actors. */
  leave(names: readonly string[], host: HostId): void;
  /** Which of its actors could be made again, should it be drained. */
  takes(names: readonly string[], host: HostId): string[];
  /** It hands these over: others may make them; what there is for them waits until it says that it has. */
  handOver(names: readonly string[], host: HostId): void;
  /** It has handed these over, with all that has waited for them there. */
  handedOver(moves: readonly Move[], host: HostId): void;
}

/** A host's part as an actor: how other hosts reach it. */
export class FailoverActor extends StatelessActor {
  readonly #peer: FailoverPeer;

  constructor(peer: FailoverPeer) {
    super();
    this.#peer = peer;
  }

  keep(wills: Will[]): void {
    if (!Array.isArray(wills) || !wills.every(isWill)) throw new TypeError("keep takes wills");
    this.#peer.keep(wills, this.#sender);
  }

  drop(names: string[]): void {
    this.#peer.drop(namesOf(names), this.#sender);
  }

  leave(names: string[]): void {
    this.#peer.leave(namesOf(names), this.#sender);
  }

  takes(names: string[]): string[] {
    return this.#peer.takes(namesOf(names), this.#sender);
  }

  handOver(names: string[]): void {
    this.#peer.handOver(namesOf(names), this.#sender);
  }

  handedOver(moves: Move[]): void {
    if (!Array.isArray(moves) || !moves.every(isMove)) throw new TypeError("Expected moves");
    this.#peer.handedOver(moves, this.#sender);
  }

  get #sender(): HostId {
    const { host } = this.context.sender;
    if (isClient(host)) throw new TypeError("A client has no actors of its own");
    return host;
  }
}

function namesOf(names: unknown): string[] {
  if (!Array.isArray(names)) throw new TypeError("Expected a list of names");
  return names.map(checkName);
}

function isMove(value: unknown): value is Move {
  const { name, to } = Object(value) as Partial<Record<string, unknown>>;
  return typeof name === "string" && typeof to === "number" && Number.isSafeInteger(to);
}

function isWill(value: unknown): value is Will {
  const { name, uid, type, home, args, options } = Object(value) as Partial<
    Record<string, unknown>
  >;
  const texts = Object(type) as Record<string, unknown>;
  return typeof name === "string" && typeof uid === "string" && Array.isArray(args) &&
    (home === "cpu" || home === "gpu") && typeof options === "object" && options !== null &&
    ["module", "export", "name", "version"].every((key) => typeof texts[key] === "string");
}

/** Not made by name: the host makes its only one. */
export const FAILOVER_ACTOR_TYPE: ActorType = {
  name: { module: RUNTIME_MODULE, export: "FailoverActor", name: "FailoverActor", version: "" },
  home: "cpu",
  methods: callableMethods(FailoverActor as never),
  create: () => {
    throw new TypeError("A host has one FailoverActor");
  },
};
