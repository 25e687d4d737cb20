/** How much a gateway takes at once; past it the request is refused, and the host serves on. */
export interface GatewayLimits {
  /**
   * Bytes of a request's body.
   * @default 16 MiB
   */
  bodyBytes?: number;
  /**
   * Requests under way, streams that are read included; links do not count.
   * @default 1024
   */
  requests?: number;
  /**
   * Links that other hosts and clients have opened, those that are interrupted too.
   * @default 1024
   */
  links?: number;
  /**
   * Links that other hosts and clients may open in a second.
   * @default 1024
   */
  handshakesPerSecond?: number;
}

/** Each with its reason. */
const DEFAULTS: Readonly<Required<GatewayLimits>> = Object.freeze({
  /** JSON takes several times its size in memory; what is larger is for hosts, whose links carry bytes. */
  bodyBytes: 16 * 2 ** 20,
  /** More than people with curl and monitors need; each holds a socket and perhaps a stream's window. */
  requests: 1024,
  /** A full mesh of a thousand hosts. */
  links: 1024,
  /**
   * All that may be linked come back at once after a break of the network; fewer a second would have some
   * of them given up. Each costs about 0.3 ms, so whoever floods this takes a third of a core.
   */
  handshakesPerSecond: 1024,
});

/**
 * Fills in the defaults.
 *
 * @throws {RangeError} that names the limit.
 */
export function resolveLimits(limits: GatewayLimits = {}): Readonly<Required<GatewayLimits>> {
  const resolved = { ...DEFAULTS, ...limits };
  for (const [name, value] of Object.entries(resolved)) {
    if (Object.hasOwn(DEFAULTS, name) && Number.isSafeInteger(value) && value >= 1) continue;
    const known = Object.keys(DEFAULTS).join(", ");
    throw new RangeError(
      `listen.limits has ${known}, each a whole number from 1 up; got ${name}: ${value}`,
    );
  }
  return resolved;
}
