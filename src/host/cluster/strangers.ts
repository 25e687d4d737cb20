/** Whoever opens a link: where he is, and what he may say that he is. */
import { type HostId, isClient } from "../../core/address.ts";
import { ProtocolError } from "../../core/host_errors.ts";
import type { HostDescription, PoolDescription } from "../../core/protocol.ts";
import type { LinkRole } from "../../link/link_acceptor.ts";

/** Certificates (PEM) for links over TLS. */
export interface LinkTls {
  /** Of the authority that signs the other hosts' certificates, where it is not a public one. */
  readonly ca?: string;
  /** This host's own. */
  readonly cert?: string;
  /** Its key. */
  readonly key?: string;
}

/** Who opened a session: this host, or the other. */
export type Role = "dial" | "accept";

/** Why whoever has introduced himself is not let in: by his role he may not be what he says he is. */
export function refusalOf(
  { id, address, pools }: HostDescription,
  role: Role,
  as: LinkRole,
): string | undefined {
  if (isClient(id)) {
    if (role === "dial") return "it says that it is a client";
    return pools.length === 0 && address === null
      ? undefined
      : "a client has no pools, nor listens";
  }
  if (as === "client") return "a client has a client's id: it is no host";
  return pools.some((pool) => pool.host !== id) ? "it describes another host's pools" : undefined;
}

/**
 * What a host says of its pools.
 *
 * @throws {ProtocolError} if one is another host's.
 */
export function ownPools(
  pools: readonly PoolDescription[],
  host: HostId,
): readonly PoolDescription[] {
  if (pools.every((pool) => pool.host === host)) return pools;
  throw new ProtocolError("A host can only describe its own pools");
}

/**
 * A gateway's address as people write it, as the URL of its link: a host with certificates takes it for
 * one with.
 *
 * @throws {TypeError} if it is none.
 */
export function linkUrl(text: string, { ca, cert }: LinkTls): URL {
  const scheme = ca === undefined && cert === undefined ? "ws" : "wss";
  const url = URL.parse(/^\w+:\/\//.test(text) ? text : `${scheme}://${text}`);
  if (url === null || (url.protocol !== "ws:" && url.protocol !== "wss:")) {
    throw new TypeError(
      `Cannot join ${JSON.stringify(text)}: expected ws://host:port or wss://host:port`,
    );
  }
  if (url.pathname === "/") url.pathname = "/link";
  return url;
}
