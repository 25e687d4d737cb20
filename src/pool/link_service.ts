import type { ActorAddress } from "../core/address.ts";

/** What hosts tell each other of linked actors; a part of the host's actor. */
export interface LinkService {
  /**
   * An actor of the host that asks links with one of that host.
   *
   * @param id Of the link, greater than that of any before it between the two.
   * @throws {ActorNotFoundError} if there is none.
   */
  linked(uid: string, peer: ActorAddress, id: number): void;
  /**
   * A link is no more.
   *
   * @param reason With what the peer has gone down; `null` if it has ended in order, or unlinked.
   */
  linkEnded(uid: string, peer: ActorAddress, id: number, reason: Error | null): void;
}
