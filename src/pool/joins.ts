import type { PoolAddress } from "../core/address.ts";
import type { RawFrame } from "../core/protocol.ts";
import type { Link } from "../link/link.ts";
import type { WorkerRouter } from "./worker_router.ts";

/** A port to a sibling that is not in use yet. */
interface Join {
  readonly id: number;
  readonly link: Link;
  readonly opened: () => void;
}

/**
 * The ports of a worker to its siblings, until they are in use. What two pools have sent each other by way of
 * the host must arrive before what they send by their port. So each says on the old way that it has the port
 * (`ping`). Who hears it says there that it sends no more that way (`pong`), and sends by the port from then
 * on; who hears that takes what the port brings.
 */
export class Joins {
  readonly #self: PoolAddress;
  readonly #uplink: Link;
  readonly #router: WorkerRouter;
  readonly #waiting = new Map<number, Join>();
  /** The last ping of each sibling: it may be faster than the port. */
  readonly #pings = new Map<number, number>();

  constructor(self: PoolAddress, uplink: Link, router: WorkerRouter) {
    this.#self = self;
    this.#uplink = uplink;
    this.#router = router;
  }

  /** There is a port. @param opened What it brings can be taken. */
  begin(pool: number, id: number, link: Link, opened: () => void): void {
    this.#waiting.get(pool)?.link.close();
    this.#waiting.set(pool, { id, link, opened });
    this.#say("ping", pool, id);
    if (this.#pings.get(pool) === id) this.#switch(pool, id, link);
  }

  /** A sibling says how far it is. */
  receive({ kind, id, from: { pool } }: RawFrame): void {
    if (kind === "ping") this.#pings.set(pool, id);
    const join = this.#waiting.get(pool);
    if (join === undefined || join.id !== id) return;
    if (kind === "ping") return this.#switch(pool, id, join.link);
    this.#waiting.delete(pool);
    join.opened();
  }

  #switch(pool: number, id: number, link: Link): void {
    this.#say("pong", pool, id);
    this.#router.add(pool, link);
  }

  #say(kind: "ping" | "pong", pool: number, id: number): void {
    const { host } = this.#self;
    this.#uplink.send({ kind, id, to: { host, pool }, from: this.#self });
  }
}
