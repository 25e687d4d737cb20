import { HostLostError } from "../../core/host_errors.ts";
import type { Link } from "../../link/link.ts";
import type { PeersOptions } from "./peers_options.ts";
import { linkUrl } from "./strangers.ts";

/**
 * Dials the host behind a gateway.
 *
 * @param timeoutMs Until the dial is given up, where that is sooner than usual.
 * @throws {TypeError} if the text is no address.
 * @throws {LinkRefusedError} if it does not let us in.
 * @throws {HostLostError} if it cannot be reached.
 */
export async function dialGateway(
  url: string,
  options: PeersOptions,
  timeoutMs?: number,
): Promise<Link> {
  const { token, tls, codec, clock } = options;
  const at = linkUrl(url, tls);
  // Loaded by hosts that dial alone.
  const { dialHost } = await import("../../link/dial.ts");
  const late = new AbortController();
  const timer = timeoutMs === undefined ? undefined : clock.setTimeout(
    () => late.abort(new HostLostError(`${url} did not answer in ${timeoutMs} ms`, "silent")),
    timeoutMs,
  );
  try {
    const secret = token === null ? {} : { token };
    return await dialHost(at, { ...tls, ...secret, signal: late.signal }, options, codec);
  } finally {
    clock.clearTimeout(timer);
  }
}
