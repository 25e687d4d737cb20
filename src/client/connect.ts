import type { Client } from "./client.ts";
import type { ConnectOptions } from "./options.ts";

/** What {@linkcode connect} takes beside. */
export interface ConnectTlsOptions extends ConnectOptions {
  /** The certificate (PEM) of the authority that signs the host's, for `wss:`, where it is not a public one. */
  ca?: string;
  /** The certificate (PEM) to show, where the host wants one. */
  cert?: string;
  /** Its key (PEM). */
  key?: string;
}

/**
 * Links this program with a cluster as a client: it calls actors and makes those of registered types, but
 * has no pools, and no host places anything on it or counts it in.
 *
 * @param url A host's gateway: `ws://host:port`, or `wss://host:port`.
 * @throws {LinkRefusedError} if it does not let us in.
 * @throws {HostLostError} if it cannot be reached.
 * @throws {TypeError} or {@linkcode RangeError} for a bad URL or option, naming it.
 * @example
 * ```ts
 * import { Actor, actor, connect, startHost } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * export class Greeter extends Actor {
 *   greet(name: string): string {
 *     return `Hello, ${name}`;
 *   }
 * }
 *
 * await using host = await startHost({ pools: [], listen: { port: 0 } });
 * await host.createActor(Greeter, [], { uid: "g1" });
 *
 * await using client = await connect(`ws://${host.address}`); // in another program, with its token
 * const greeter = await client.actorRef<Greeter>("g1");
 * console.log(await greeter.greet("world")); // Hello, world
 * ```
 */
export async function connect(url: string, options: ConnectTlsOptions = {}): Promise<Client> {
  // Loaded by programs that connect alone: every worker whose actors import this package loads this file.
  const [{ Client }, { linkUrl, resolveConnect }, { dialHost }, { SYSTEM_CLOCK }] = await Promise
    .all([
      import("./client.ts"),
      import("./options.ts"),
      import("../link/dial.ts"),
      import("../core/clock.ts"),
    ]);
  const at = linkUrl(url);
  const resolved = resolveConnect(options);
  const { token, heartbeatMs, graceMs } = resolved;
  const { ca, cert, key } = options;
  const tls = {
    ...(token === null ? {} : { token }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  const resume = { clock: SYSTEM_CLOCK, heartbeatMs, graceMs };
  const client = new Client(
    resolved,
    (codec, signal) => dialHost(at, { ...tls, signal }, resume, codec),
  );
  await client.start(options.signal);
  return client;
}
