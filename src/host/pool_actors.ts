import { MAIN_POOL, type PoolId } from "../core/address.ts";
import { ActorNotFoundError, PoolLostError } from "../core/errors.ts";
import type { CreateRequest, LocalPool } from "../pool/local.ts";
import type { HostRouter } from "./router.ts";
import { withDeadline } from "./settle.ts";

/** Milliseconds in which a pool must carry out a kill; one that does not is held by a loop. */
const KILL_TIMEOUT_MS = 500;

/** Makes and ends actors in single pools of this host. */
export class PoolActors {
  readonly #main: LocalPool;
  readonly #router: HostRouter;

  constructor(main: LocalPool, router: HostRouter) {
    this.#main = main;
    this.#router = router;
  }

  /** Makes an actor in a pool. */
  async create(pool: PoolId, request: CreateRequest): Promise<void> {
    if (pool === MAIN_POOL) return await this.#main.create(request);
    const to = { host: this.#main.address.host, pool };
    await this.#main.exchange.request({ kind: "create", to, ...request });
  }

  /** Ends an actor in a pool; one that is not there has been ended by another. */
  async end(pool: PoolId, uid: string, kill: boolean): Promise<void> {
    try {
      if (pool === MAIN_POOL) await this.#main.destroy(uid, kill);
      else await this.#endAway(pool, uid, kill);
    } catch (error) {
      if (!(error instanceof ActorNotFoundError)) throw error;
    }
  }

  async #endAway(pool: PoolId, uid: string, kill: boolean): Promise<void> {
    const to = { host: this.#main.address.host, pool };
    const done = this.#main.exchange.request({ kind: "destroy", to, uid, kill });
    if (!kill) return await done;
    if (await withDeadline(done, KILL_TIMEOUT_MS)) return;
    done.catch(() => {});
    const held = this.#router.pools.get(pool);
    if (held === undefined) return;
    const end = held.isKillable ? "killed" : "given up";
    held.terminate(
      new PoolLostError(
        `${held.description.name} was ${end}: ${uid} was killed and a synchronous loop holds its thread`,
        "killed",
      ),
    );
  }
}
