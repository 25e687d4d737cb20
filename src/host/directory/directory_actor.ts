import { type ActorAddress, type HostId, isClient, MAIN_POOL } from "../../core/address.ts";
import { StatelessActor } from "../../actor/actor.ts";
import { type ActorType, callableMethods, RUNTIME_MODULE } from "../../actor/actor_type.ts";
import { RESERVED_PREFIX } from "../../pool/host_service.ts";
import type { NameHolder } from "./directory.ts";
import { checkName } from "./names.ts";

/** The uid under which a host that keeps names in memory answers others. */
export const DIRECTORY_UID: string = `${RESERVED_PREFIX}directory`;

/** The address of a host's part of the directory. */
export function directoryServiceOf(host: HostId): ActorAddress {
  return { host, pool: MAIN_POOL, uid: DIRECTORY_UID, generation: 1 };
}

/** What hosts say to each other about names; `host` is the one that says it. */
export interface DirectoryPeer {
  /** Promises a name, if no other host has it. @returns Who has it; `null` if it is promised. */
  promise(name: string, host: HostId): HostId | null;
  /** The host does not want a name any more, or never got it. */
  free(name: string, host: HostId): void;
  /** The host holds these names. */
  held(names: readonly string[], host: HostId): void;
  /** Another host, with a lower id, holds the name too. */
  lost(name: string, winner: HostId): void;
  /** Who holds a name, as far as this host knows. */
  holder(name: string): NameHolder | null;
}

/** A host's part of the directory as an actor: how other hosts reach it. */
export class DirectoryActor extends StatelessActor {
  readonly #peer: DirectoryPeer;

  constructor(peer: DirectoryPeer) {
    super();
    this.#peer = peer;
  }

  promise(name: string): HostId | null {
    return this.#peer.promise(checkName(name), this.#member());
  }

  free(name: string): void {
    this.#peer.free(checkName(name), this.#member());
  }

  held(names: string[]): void {
    if (!Array.isArray(names)) throw new TypeError("held takes a list of names");
    this.#peer.held(names.map(checkName), this.#member());
  }

  lost(name: string, winner: HostId): void {
    this.#member();
    if (!Number.isSafeInteger(winner)) throw new TypeError("lost takes a host's id");
    this.#peer.lost(checkName(name), winner);
  }

  holder(name: string): NameHolder | null {
    return this.#peer.holder(checkName(name));
  }

  /** The host that speaks. A client holds no names, and has no say in who does. */
  #member(): HostId {
    const { host } = this.context.sender;
    if (!isClient(host)) return host;
    throw new TypeError("A client has no part in the directory");
  }
}

/** Not made by name: the host makes its only one. */
export const DIRECTORY_ACTOR_TYPE: ActorType = {
  name: { module: RUNTIME_MODULE, export: "DirectoryActor", name: "DirectoryActor", version: "" },
  home: "cpu",
  methods: callableMethods(DirectoryActor as never),
  create: () => {
    throw new TypeError("A host has one DirectoryActor");
  },
};
