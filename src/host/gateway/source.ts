import { Problem } from "./problem.ts";

/**
 * No web page comes in, whatever it knows: it could act for whoever opened it. Those of an origin that is
 * listed may link as clients.
 *
 * @param hostname Where the gateway listens.
 * @param origins Whose pages may open a link; given for a request that opens one.
 * @throws {Problem} for a request of a web page, and on loopback for one that was sent to another name:
 * a page whose name was made to lead here (DNS rebinding) is of the same origin to its browser.
 */
export function checkSource(
  headers: Headers,
  hostname: string,
  origins: readonly string[] = [],
): void {
  if (isLoopback(hostname) && !isLoopback(nameOf(headers.get("host") ?? ""))) {
    throw new Problem(421, "host", "This gateway listens on loopback: use localhost or 127.0.0.1");
  }
  const origin = headers.get("origin");
  if (origin !== null && origins.includes(origin)) return;
  const site = headers.get("sec-fetch-site");
  const isPage = origin !== null ||
    (site !== null && site !== "none" && site !== "same-origin");
  if (isPage) {
    throw new Problem(
      403,
      "origin",
      "A web page may not ask: it could act for whoever opened it. Pages of the origins in " +
        "listen.allowOrigins may open links, as clients",
    );
  }
}

/** Whether a name or address can only mean this machine. */
export function isLoopback(name: string): boolean {
  return /^(localhost|::1|\[::1\]|127(\.\d{1,3}){3})$/i.test(name);
}

/** The name in a Host header, without the port. */
function nameOf(host: string): string {
  return /^(\[[^\]]*\]|[^:]*)(:\d+)?$/.exec(host)?.[1] ?? "";
}
