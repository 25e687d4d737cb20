/**
 * How the WebSocket of a browser, which can send no headers, shows a token: as a subprotocol beside the
 * one that is spoken. It is written in base64url, as a subprotocol's name has not every sign.
 */

/** What is spoken on a link. */
export const SUBPROTOCOL = "dramatis.v1";

const TOKEN_PREFIX = "dramatis.token.";

/** What a WebSocket is opened with. */
export function protocolsOf(token: string | null): string[] {
  if (token === null) return [SUBPROTOCOL];
  const bytes = new TextEncoder().encode(token);
  const text = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
  return [SUBPROTOCOL, TOKEN_PREFIX + text.replaceAll("=", "")];
}

/** Whether a header `Sec-WebSocket-Protocol` asks for what is spoken here. */
export function asksForSubprotocol(header: string): boolean {
  return namesOf(header).includes(SUBPROTOCOL);
}

/** The token in a header `Sec-WebSocket-Protocol`; `undefined` if there is none. */
export function tokenOfProtocols(header: string): string | undefined {
  const name = namesOf(header).find((name) => name.startsWith(TOKEN_PREFIX));
  const text = name?.slice(TOKEN_PREFIX.length).replaceAll("-", "+").replaceAll("_", "/");
  if (text === undefined || !/^[A-Za-z0-9+/]+$/.test(text) || text.length % 4 === 1) {
    return undefined;
  }
  return new TextDecoder().decode(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)));
}

function namesOf(header: string): string[] {
  return header.split(",").map((name) => name.trim());
}
