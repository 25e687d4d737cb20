import { type ActorAddress, type HostId, MAIN_POOL } from "../core/address.ts";
import type { MailboxOptions } from "../core/mailbox_options.ts";
import type { PoolDescription, TypeName } from "../core/protocol.ts";
import type { DeadLetter } from "../actor/dead_letter.ts";

/** Uids that begin so belong to the runtime. */
export const RESERVED_PREFIX = "dramatis:";

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
  resolve(uid: string): ActorAddress;
  has(uid: string): boolean;
  destroy(uid: string, kill: boolean): Promise<void>;
  pools(): PoolDescription[];
  deadLetter(letter: DeadLetter): void;
}

/** {@linkcode HostService.create} */
export interface ServiceCreateOptions {
  readonly uid?: string;
  readonly place?: unknown;
  readonly mailbox?: MailboxOptions;
}

/** The address of a host's service. */
export function hostServiceOf(host: HostId): ActorAddress {
  return { host, pool: MAIN_POOL, uid: HOST_UID, generation: 1 };
}
