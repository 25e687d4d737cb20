import { type ActorAddress, type HostId, MAIN_POOL } from "../core/address.ts";
import type { ParkedState, TypeName } from "../core/protocol.ts";
import { RESERVED_PREFIX } from "./host_service.ts";

/** The uid under which a host keeps the states of its actors. */
export const STATE_UID: string = `${RESERVED_PREFIX}state`;

/** A state that comes back. */
export interface KeptState {
  /** As the codec has written it. */
  readonly state: Uint8Array;
  /** The version of the type that has saved it. */
  readonly version: string;
  readonly savedAt: number;
}

/** What a host does for the actors of its pools that have a state to be kept. */
export interface StateService {
  /**
   * A new instance starts: earlier ones are fenced.
   *
   * @returns The state that is kept; `null` if there is none.
   */
  open(uid: string, generation: number, type: TypeName): Promise<KeptState | null>;
  /** Keeps a state. @returns When that was, in milliseconds since 1970. */
  save(uid: string, generation: number, state: Uint8Array): Promise<number>;
  /** An instance has been parked: should its pool die, it stays so. */
  parked(uid: string, generation: number, saved: ParkedState): void;
  /** An instance without a state starts, and so is not parked any more; one with a state {@linkcode open}s it. */
  woken(uid: string, generation: number): void;
}

/** The address of a host's service. */
export function stateServiceOf(host: HostId): ActorAddress {
  return { host, pool: MAIN_POOL, uid: STATE_UID, generation: 1 };
}
