import { MAIN_POOL, type PoolAddress } from "../core/address.ts";
import type { Frame, RawFrame } from "../core/protocol.ts";
import type { Link } from "../link/link.ts";
import type { Router } from "./router.ts";

/** The ways out of a worker: a port to each sibling pool, and one to the host for all else. */
export class WorkerRouter implements Router {
  readonly #self: PoolAddress;
  readonly #links = new Map<number, Link>();
  readonly #uplink: Link;

  constructor(self: PoolAddress, uplink: Link) {
    this.#self = self;
    this.#uplink = uplink;
    this.#links.set(MAIN_POOL, uplink);
  }

  /** Sends what is for a sibling pool straight to it from now on. */
  add(pool: number, link: Link): void {
    this.#links.set(pool, link);
  }

  /** A sibling pool is gone: the host says so to whoever still calls it. */
  remove(pool: number): void {
    const link = this.#links.get(pool);
    if (link === undefined || link === this.#uplink) return;
    this.#links.delete(pool);
    link.close();
  }

  send(frame: Frame): void {
    this.#linkTo(frame.to).send(frame);
  }

  forward(frame: RawFrame): void {
    this.#linkTo(frame.to).forward(frame);
  }

  /** Flushes and ends every link. */
  close(): void {
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  #linkTo(to: PoolAddress): Link {
    if (to.host !== this.#self.host) return this.#uplink;
    return this.#links.get(to.pool) ?? this.#uplink;
  }
}
