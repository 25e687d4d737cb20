import type { HostId } from "../../core/address.ts";
import type { HostDescription } from "../../core/protocol.ts";
import type { HostInspection } from "../../debug/inspection.ts";
import type { LinkAccess } from "../../link/link_acceptor.ts";
import type { LinkSocket } from "../../link/link_socket.ts";
import type { LocalPool } from "../../pool/local.ts";
import type { ActorDesk } from "../actor_desk.ts";
import type { RegisteredTypes } from "../registered_types.ts";

/** What a gateway needs of its host. */
export interface GatewayHost {
  readonly id: HostId;
  /** The pool that calls for those who ask over HTTP. */
  readonly main: LocalPool;
  readonly desk: ActorDesk;
  /** The types that may be made from outside. */
  readonly types: RegisteredTypes;
  /** How far it is. */
  state(): "starting" | "ready" | "stopping";
  /** This host. */
  describe(): HostDescription;
  /** The hosts that it is linked with. */
  linked(): HostDescription[];
  /** This host as it is now. */
  inspect(): Promise<HostInspection>;
  /** Somebody who may has opened a socket for a link. */
  onSocket(socket: LinkSocket, access: LinkAccess): void;
}
