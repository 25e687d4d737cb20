import type { HostId } from "../../core/address.ts";
import type { HostDescription } from "../../core/protocol.ts";
import type { HostInspection, HostState } from "../../debug/inspection.ts";
import type { HostStatus } from "../../pool/host_service.ts";
import type { LinkAccess } from "../../link/link_acceptor.ts";
import type { LinkSocket } from "../../link/link_socket.ts";
import type { LocalPool } from "../../pool/local.ts";
import type { ActorDesk } from "../actors/actor_desk.ts";
import type { HostMember } from "../directory/membership.ts";
import type { RegisteredTypes } from "../actors/registered_types.ts";

/** What a gateway needs of its host. */
export interface GatewayHost {
  readonly id: HostId;
  /** The pool that calls for those who ask over HTTP. */
  readonly main: LocalPool;
  readonly desk: ActorDesk;
  /** The types that may be made from outside. */
  readonly types: RegisteredTypes;
  /** How far it is. */
  state(): HostState;
  /** The same, and how many clients it has. */
  status(): HostStatus;
  /** This host. */
  describe(): HostDescription;
  /** The other hosts that are not down. */
  linked(): HostMember[];
  /** This host as it is now. */
  inspect(): Promise<HostInspection>;
  /** Somebody who may has opened a socket for a link. */
  onSocket(socket: LinkSocket, access: LinkAccess): void;
}
