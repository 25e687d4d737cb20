import { formatHostId, type HostId } from "../core/address.ts";
import { HostLostError } from "../core/host_errors.ts";
import type { Frame, HostDescription, RawFrame } from "../core/protocol.ts";
import type { Session } from "../link/session_options.ts";
import { wayOver } from "../host/cluster/backlog.ts";
import type { Way } from "../host/router.ts";
import type { Router } from "../pool/router.ts";

/** The ways out of a client: to the host that it is linked with, and by way of that to others. */
export class ClientRouter implements Router {
  /** The way to another host; whoever links the client sets it. */
  far: (host: HostId, relay: Session) => Way = (_host, relay) => relay;
  #session: Session | undefined;
  #home: Way | undefined;
  #reason: unknown = undefined;

  /** The host that the client is linked with; `null` while it is with none. */
  get host(): HostDescription | null {
    return this.#session?.peer ?? null;
  }

  /** Its id. @throws {HostLostError} while there is none. */
  get home(): HostId {
    return this.#linked().peer.id;
  }

  /** Everything goes by way of it from now on. */
  link(session: Session): void {
    this.#session = session;
    this.#home = wayOver(session);
  }

  /** Nothing goes anywhere, for this reason. */
  unlink(reason: unknown): void {
    this.#session = this.#home = undefined;
    this.#reason = reason;
  }

  send(frame: Frame): void {
    this.#wayTo(frame.to.host).send(frame);
  }

  forward(frame: RawFrame): void {
    this.#wayTo(frame.to.host).forward(frame);
  }

  #wayTo(host: HostId): Way {
    const session = this.#linked(host);
    return session.peer.id === host ? this.#home! : this.far(host, session);
  }

  #linked(to?: HostId): Session {
    if (this.#session !== undefined) return this.#session;
    const what = to === undefined ? "No host" : `Host ${formatHostId(to)}`;
    const { message } = this.#reason as Error;
    throw new HostLostError(`${what} can be asked: the client is not linked (${message})`, "lost", {
      cause: this.#reason,
    });
  }
}
