import { type GatewayLimits, resolveLimits } from "./gateway/limits.ts";
import { type GatewayRefusal, printRefusal } from "./gateway/refusals.ts";
import { isLoopback } from "./gateway/source.ts";
import type { GatewayTls } from "./gateway/tls_front.ts";
import { DEFAULT_PORT, type ListenOptions } from "./options.ts";

/** {@linkcode ListenOptions}, decided. */
export interface ResolvedListen {
  readonly port: number;
  readonly hostname: string;
  readonly advertise: string | null;
  readonly tls: GatewayTls | null;
  readonly clientToken: string | null;
  readonly readToken: string | null;
  readonly allowOrigins: readonly string[];
  readonly limits: Readonly<Required<GatewayLimits>>;
  readonly onRefusal: (refusal: GatewayRefusal) => void;
}

/**
 * Checks where to listen, and fills in the defaults.
 *
 * @param ca Of the authority that signs other hosts' certificates.
 * @throws {TypeError} or {@linkcode RangeError} that names the option.
 */
export function resolveListen(
  options: ListenOptions,
  token: string | null,
  ca: string | undefined,
): ResolvedListen {
  const { port = DEFAULT_PORT, hostname = "127.0.0.1" } = options;
  const { clientToken = null, readToken = null, allowOrigins = [] } = options;
  const { onRefusal = printRefusal } = options;
  checkListen(hostname, port, token);
  checkSecret("clientToken", clientToken, [token]);
  checkSecret("readToken", readToken, [token, clientToken]);
  checkOrigins(allowOrigins);
  const tls = gatewayTlsOf(options, ca);
  const { advertise = null } = options;
  if (advertise !== null && !/^[^\s/]+:\d+$/.test(advertise)) {
    throw new TypeError(`listen.advertise is host:port, got ${JSON.stringify(advertise)}`);
  }
  return {
    port,
    hostname,
    advertise,
    tls,
    clientToken,
    readToken,
    allowOrigins,
    limits: resolveLimits(options.limits),
    onRefusal,
  };
}

function gatewayTlsOf(
  { cert, key, clientCertificates = false }: ListenOptions,
  ca: string | undefined,
): GatewayTls | null {
  if (cert === undefined && key === undefined && !clientCertificates) return null;
  if (cert === undefined || key === undefined) {
    throw new TypeError("TLS takes both listen.cert and listen.key");
  }
  return { cert, key, clientCa: clientCertificates ? ca ?? cert : null };
}

function checkListen(hostname: string, port: number, token: string | null): void {
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(`listen.port is a whole number from 0 to 65535, got ${port}`);
  }
  if (token === null && !isLoopback(hostname)) {
    throw new TypeError(
      `Cannot listen on ${hostname} without a token: anyone there could run code here. ` +
        `Give a token, or listen on 127.0.0.1`,
    );
  }
}

/** @param others The host's own token, then further ones. */
function checkSecret(
  name: string,
  secret: string | null,
  others: readonly (string | null)[],
): void {
  if (secret === null) return;
  if (secret !== "" && others[0] !== null && !others.includes(secret)) return;
  throw new TypeError(
    `listen.${name} is a secret beside the host's own token, and another one than the others`,
  );
}

function checkOrigins(origins: readonly string[]): void {
  const wrong = origins.find((origin) => URL.parse(origin)?.origin !== origin);
  if (wrong === undefined) return;
  throw new TypeError(
    `listen.allowOrigins has origins such as "https://app.example.org", got ${
      JSON.stringify(wrong)
    }`,
  );
}
