import type { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import { type Context, Hono } from "hono";
import type { Codec } from "../core/codec.ts";
import type { HostDescription } from "../core/protocol.ts";
import type { Link } from "../link/link.ts";
import { webSocketLink } from "../link/websocket.ts";
import type { ListenOptions } from "./options.ts";

/** What a gateway serves and whom it tells. */
export interface GatewayOptions extends Required<ListenOptions> {
  readonly token: string | null;
  readonly codec: Codec;
  /** What `/healthz` says. */
  describe(): HostDescription;
  /** Somebody who may has opened a link. */
  onLink(link: Link): void;
}

/** A host's door: HTTP for people and monitors, WebSockets for other hosts. */
export interface Gateway {
  /** `host:port`, with the port that was taken. */
  readonly address: string;
  /** Stops listening; links that are open stay. */
  close(): Promise<void>;
}

/**
 * Opens the gateway.
 *
 * @throws {Deno.errors.AddrInUse} if the port is taken.
 */
export function openGateway(options: GatewayOptions): Gateway {
  const app = new Hono();
  app.get("/healthz", (c) => {
    const { id: _, ...host } = options.describe();
    return c.json({ ok: true, pools: host.pools.length });
  });
  app.get("/link", (c) => upgrade(c, options));
  app.notFound((c) => c.text("There is /healthz and, for other hosts, /link\n", 404));
  const stop = new AbortController();
  const server = Deno.serve({
    hostname: options.hostname,
    port: options.port,
    signal: stop.signal,
    onListen: () => {},
  }, app.fetch);
  const { hostname, port } = server.addr;
  return {
    address: `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`,
    async close() {
      stop.abort();
      await server.finished;
    },
  };
}

/** Everything is checked before the upgrade: who is refused never gets a socket. */
function upgrade(c: Context, options: GatewayOptions): Response {
  if (c.req.header("origin") !== undefined) {
    return c.text("A web page may not link: it could act for whoever opened it\n", 403);
  }
  if (options.token !== null && !hasToken(c, options.token)) {
    return c.text("This host wants its token: start the other one with the same\n", 401);
  }
  if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
    return c.text("This is for WebSockets\n", 426);
  }
  // Heartbeats are the session's: the server's idle timeout would also cut off a host that computes.
  const { socket, response } = Deno.upgradeWebSocket(c.req.raw, { idleTimeout: 0 });
  options.onLink(webSocketLink(socket, options.codec));
  return response;
}

/** Compares digests, in a time that says nothing of where they differ. */
function hasToken(c: Context, token: string): boolean {
  const given = c.req.header("authorization") ?? "";
  return timingSafeEqual(digest(given), digest(`Bearer ${token}`));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
