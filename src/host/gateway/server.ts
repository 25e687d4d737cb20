import type { LinkAccess } from "../../link/link_acceptor.ts";
import { asksForSubprotocol, SUBPROTOCOL } from "../../link/subprotocol.ts";
import { withDeadline } from "../settle.ts";
import { createApp } from "./app.ts";
import { Door } from "./door.ts";
import type { GatewayHost } from "./gateway_host.ts";
import type { GatewayLimits } from "./limits.ts";
import { Problem } from "./problem.ts";
import type { GatewayTls } from "./tls_front.ts";
import { type GatewayRefusal, Refusals } from "./refusals.ts";

/** Where a gateway listens and what it serves. */
export interface GatewayOptions {
  readonly port: number;
  readonly hostname: string;
  /** `null` speaks no TLS. */
  readonly tls: GatewayTls | null;
  readonly token: string | null;
  /** One for clients. */
  readonly clientToken: string | null;
  /** One to look with. */
  readonly readToken: string | null;
  /** The origins whose web pages may open links. */
  readonly allowOrigins: readonly string[];
  readonly limits: Readonly<Required<GatewayLimits>>;
  readonly onRefusal: (refusal: GatewayRefusal) => void;
  readonly host: GatewayHost;
}

/** A host's door: HTTP for people and monitors, WebSockets for other hosts. */
export interface Gateway {
  /** `host:port`, with the port that was taken. */
  readonly address: string;
  /** Counts and tells that somebody was not let in who had a socket already. */
  refused(refusal: Pick<GatewayRefusal, "reason" | "message" | "from">): void;
  /** Stops listening, once the answers that are ready have left; links that are open stay. */
  close(): Promise<void>;
}

/** Milliseconds that answers have to reach clients when the gateway closes. */
const CLOSE_TIMEOUT_MS = 500;

/**
 * Opens the gateway.
 *
 * @throws {Deno.errors.AddrInUse} if the port is taken.
 */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { host, limits } = options;
  const door = new Door(options);
  const refusals = new Refusals(options.onRefusal);
  const app = createApp({
    host,
    hostname: options.hostname,
    allowOrigins: options.allowOrigins,
    door,
    refusals,
    bodyBytes: limits.bodyBytes,
    upgrade: (request, access) => upgrade(request, access, door, host),
    memory: () => Deno.memoryUsage(),
  });
  const stop = new AbortController();
  const { server, hostname, port, free } = await listen(options, app, stop.signal);
  return {
    address: `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`,
    refused: (refusal) => refusals.add({ ...refusal, status: 101 }),
    async close() {
      const freed = free();
      // To abort cuts off who would never let it end, clients that do not read say, but also answers
      // that have just left; a shutdown waits for those, and for refused clients that go on sending.
      if (!await door.empty(CLOSE_TIMEOUT_MS)) {
        stop.abort();
        await server.finished;
      } else if (!await withDeadline(server.shutdown(), CLOSE_TIMEOUT_MS)) {
        server.unref();
      }
      await freed;
    },
  };
}

/** A server that takes requests, where it is reached, and what to free when it takes no more. */
interface Listening {
  readonly server: Deno.HttpServer;
  readonly hostname: string;
  readonly port: number;
  free(): Promise<void>;
}

async function listen(
  options: GatewayOptions,
  app: ReturnType<typeof createApp>,
  signal: AbortSignal,
): Promise<Listening> {
  const { hostname, port, tls } = options;
  if (tls === null) {
    const server = Deno.serve({ hostname, port, signal, onListen: () => {} }, app.fetch);
    return { ...server.addr, server, free: () => Promise.resolve() };
  }
  const folder = await Deno.makeTempDir({ prefix: "dramatis-" });
  const path = `${folder}/gateway`;
  const stop = new AbortController();
  const server = Deno.serve(
    { path, signal: AbortSignal.any([signal, stop.signal]), onListen: () => {} },
    (request, { completed }) =>
      app.fetch(request, { completed, remoteAddr: { hostname: "a client over TLS" } }),
  );
  // What has connected stays so.
  const remove = () => Deno.remove(folder, { recursive: true }).catch(() => {});
  try {
    const { openTlsFront } = await import("./tls_front.ts");
    const front = await openTlsFront({ hostname, port, tls }, path);
    const { address } = front;
    const free = () => {
      front.close();
      return remove();
    };
    return { server, hostname: address.address, port: address.port, free };
  } catch (error) {
    stop.abort();
    await server.finished;
    await remove();
    const { code, message } = error as Error & { readonly code?: string };
    if (code !== "EADDRINUSE") throw error;
    throw new Deno.errors.AddrInUse(message, { cause: error });
  }
}

/** Everything is checked before the upgrade: who is refused never gets a socket. */
function upgrade(
  request: Request,
  access: LinkAccess,
  door: Door,
  host: GatewayHost,
): Response {
  door.link();
  let upgraded: Deno.WebSocketUpgrade;
  try {
    // Heartbeats are the session's: the server's idle timeout would also cut off a host that computes.
    upgraded = Deno.upgradeWebSocket(request, { idleTimeout: 0, ...protocolOf(request) });
  } catch (error) {
    door.unlink();
    throw new Problem(400, "bad-request", `Not a handshake: ${(error as Error).message}`);
  }
  const { socket, response } = upgraded;
  countUntilClosed(socket, door);
  host.onSocket(socket, access);
  return response;
}

/** A browser that asks for a protocol and is answered none takes the socket for refused. */
function protocolOf({ headers }: Request): { protocol?: string } {
  const asked = headers.get("sec-websocket-protocol") ?? "";
  return asksForSubprotocol(asked) ? { protocol: SUBPROTOCOL } : {};
}

/** A socket counts until it is closed from either side: who never answers the close takes no place. */
function countUntilClosed(socket: Deno.WebSocketUpgrade["socket"], door: Door): void {
  let isCounted = true;
  const leave = () => {
    if (isCounted) door.unlink();
    isCounted = false;
  };
  socket.addEventListener("close", leave);
  const close = socket.close.bind(socket);
  socket.close = (code, reason) => {
    leave();
    close(code, reason);
  };
}
