/**
 * The client for web pages: `connect` over the browser's own WebSocket. Nothing in it needs Deno or Node;
 * a bundler makes one file of it. `connect` of the package itself does the same for programs.
 *
 * The host lists the page's origin in `listen.allowOrigins` (`serve --allow-origin`).
 *
 * @module
 */
import { SYSTEM_CLOCK } from "../core/clock.ts";
import { dialHostNatively } from "../link/dial_native.ts";
import { Client } from "./client.ts";
import { type ConnectOptions, linkUrl, resolveConnect } from "./options.ts";

export type { ActorSystem } from "../actor/actor_system.ts";
export { Client } from "./client.ts";
export type { ConnectOptions } from "./options.ts";
export { registeredType, type RegisteredTypeOptions } from "./registered_type.ts";

/**
 * Links this page with a cluster as a client: it calls actors and makes those of registered types.
 *
 * @param url A host's gateway: `wss://host:port`, or on this machine `ws://127.0.0.1:port`.
 * @throws {HostLostError} if it cannot be reached, or does not let us in: a browser does not say which.
 * @throws {LinkRefusedError} if it does not let us in after all.
 * @throws {TypeError} or {@linkcode RangeError} for a bad URL or option, naming it.
 * @example
 * ```ts ignore
 * import { connect } from "@dramatis/dramatis/browser";
 *
 * const client = await connect("wss://example.org:7300", { token });
 * const counter = await client.actorRef("c1");
 * console.log(await counter.add(1));
 * for await (const n of counter.climb(10)) console.log(n);
 * ```
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Client> {
  const at = linkUrl(url);
  const resolved = resolveConnect(options);
  const { token, heartbeatMs, graceMs } = resolved;
  const resume = { clock: SYSTEM_CLOCK, heartbeatMs, graceMs };
  const client = new Client(
    resolved,
    (codec, signal) => dialHostNatively(at, { token, signal }, resume, codec),
  );
  await client.start(options.signal);
  return client;
}
