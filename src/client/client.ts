import { type HostId, MAIN_POOL, newClientId } from "../core/address.ts";
import { SYSTEM_CLOCK } from "../core/clock.ts";
import { HostLostError } from "../core/host_errors.ts";
import type { HostDescription } from "../core/protocol.ts";
import { ActorSystem } from "../actor/actor_system.ts";
import { runUserHook } from "../debug/user_hook.ts";
import { UNLIMITED } from "../actor/message.ts";
import { hostServiceOf } from "../pool/host_service.ts";
import { LocalPool } from "../pool/local.ts";
import { poolCodec } from "../pool/pool_codec.ts";
import { HostVerbs } from "../pool/host_verbs.ts";
import type { Placement } from "../schedule/policy.ts";
import { ClientRouter } from "./client_router.ts";
import { HostLink, type OpenLink } from "./host_link.ts";
import type { ResolvedConnect } from "./options.ts";
import { Successors } from "./successors.ts";

/**
 * A program that uses a cluster and is no part of it: it has no pools, nothing is placed on it, and no
 * host knows it but the one that it is linked with. Made by `connect`. Its verbs are those of
 * {@linkcode ActorSystem}.
 *
 * Its refs work as a host's do: calls, tells, batches, streams, timers, copies; `registeredType` names
 * types whose module it does not have. When its link is lost for longer than the grace time, or its host has
 * ended, what waits rejects with `HostLostError`, and it links anew by itself; `linked()` waits for that.
 * Refs to actors of a host that has ended lead to where they are made again, if the host that it is linked with
 * knows; calls of all others reject with `HostLostError`.
 *
 * @example
 * ```ts
 * import { type Client, connect, startHost } from "@dramatis/dramatis";
 *
 * await using host = await startHost({ pools: [], listen: { port: 0 } });
 * await using client: Client = await connect(`ws://${host.address}`);
 * console.log((await client.poolConfig()).length); // 1: the host's main pool
 * ```
 */
export class Client extends ActorSystem<Placement> implements AsyncDisposable {
  /** What hosts call it; of this client alone. */
  readonly id: HostId;
  readonly #router: ClientRouter;
  readonly #pool: LocalPool;
  readonly #link: HostLink;

  /** For `connect`, which also links it. */
  constructor(options: ResolvedConnect, open: OpenLink) {
    const { callTimeoutMs, heartbeatMs, graceMs, onDeadLetter } = options;
    const id = newClientId();
    const router = new ClientRouter();
    const codec = poolCodec(() => pool);
    const pool: LocalPool = new LocalPool({
      address: { host: id, pool: MAIN_POOL },
      codec,
      router,
      resources: {},
      verbs: (pool) => new HostVerbs(pool, () => undefined, () => router.home),
      callTimeoutMs,
      onDeadLetter: (letter) => runUserHook("onDeadLetter", () => onDeadLetter(letter)),
      whereabouts: new Successors({
        clock: SYSTEM_CLOCK,
        isLinked: () => router.host !== null,
        ask: async (place) => {
          const home = hostServiceOf(router.home);
          const ask = () => pool.call(home, "successorOf", [place], UNLIMITED);
          return await pool.scopes.outside(ask) as HostId | null;
        },
      }),
    });
    super(pool);
    this.id = id;
    this.#router = router;
    this.#pool = pool;
    this.#link = new HostLink({
      id,
      clock: SYSTEM_CLOCK,
      codec,
      pool,
      router,
      heartbeatMs,
      graceMs,
      open,
    });
  }

  /** The host that it is linked with, as it described itself; `null` while it is linked with none. */
  get host(): HostDescription | null {
    return this.#router.host;
  }

  /** Links it. Called once, by `connect`. */
  async start(signal?: AbortSignal): Promise<void> {
    try {
      await this.#link.open(signal);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /**
   * Waits until it is linked with a host: at once if it is.
   *
   * @throws {HostLostError} if it is closed.
   */
  linked(): Promise<HostDescription> {
    return this.#link.linked();
  }

  /** Ends its link, after what was sent; calls that wait reject with `HostLostError`. */
  async close(): Promise<void> {
    await this.#link.close(new HostLostError("The client was closed", "stopped"));
    await this.#pool.stop();
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
