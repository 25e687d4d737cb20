import { createPrivateKey, X509Certificate } from "node:crypto";
import { type AddressInfo, connect, type Socket } from "node:net";
import { createServer } from "node:tls";

/** What a gateway shows over TLS, and whom it lets speak. */
export interface GatewayTls {
  /** The certificate (PEM). */
  readonly cert: string;
  /** Its key (PEM). */
  readonly key: string;
  /** The authority (PEM) that must have signed the certificate of whoever connects; `null` asks for none. */
  readonly clientCa: string | null;
}

/** Speaks TLS with the outside, and passes what it says on. */
export interface TlsFront {
  /** Where it listens. */
  readonly address: AddressInfo;
  /** Takes no more connections; those that are open stay. */
  close(): void;
}

/** Milliseconds that a connection has for its TLS handshake. */
const HANDSHAKE_TIMEOUT_MS = 5_000;

/**
 * Listens for TLS and passes each connection on to a Unix socket.
 *
 * Not `Deno.serve` with a certificate: it leaves Nagle's algorithm on there, so that a message of 1 to 64 KiB
 * waits 44 ms, and it cannot ask for certificates. Passing on takes 0.05 ms.
 *
 * @throws {Error} with the code `EADDRINUSE` if the port is taken.
 * @throws {TypeError} if the certificate or key cannot be read, or they do not fit.
 */
export async function openTlsFront(
  { hostname, port, tls }: { hostname: string; port: number; tls: GatewayTls },
  path: string,
): Promise<TlsFront> {
  check(tls);
  const { cert, key, clientCa } = tls;
  const server = serverOf({
    cert,
    key,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    ...(clientCa === null ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  }, path);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, resolve);
  });
  return { address: server.address() as AddressInfo, close: () => void server.close() };
}

function serverOf(
  options: Parameters<typeof createServer>[0] & object,
  path: string,
): ReturnType<typeof createServer> {
  const server = createServer(options, (outside) => {
    outside.setNoDelay(true);
    pipe(outside, connect(path));
  });
  // Whoever speaks something else, or has no certificate, has been told so.
  server.on("tlsClientError", () => {});
  return server;
}

/** A server takes any text, and then nobody can connect. */
function check({ cert, key }: GatewayTls): void {
  let fits: boolean;
  try {
    fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw new TypeError(
      `Cannot read listen.cert and listen.key as PEM: ${(cause as Error).message}`,
      { cause },
    );
  }
  if (!fits) throw new TypeError("listen.key is not the key of listen.cert");
}

/** Joins two connections: one ends with the other. */
function pipe(a: Socket, b: Socket): void {
  for (const [from, to] of [[a, b], [b, a]] as const) {
    from.pipe(to);
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
  }
}
