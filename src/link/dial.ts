// Apart from the link itself: npm's `ws` takes 60 ms to load, and a host that never dials need not wait for it.
import type { IncomingMessage } from "node:http";
// @ts-types="@types/ws"
import { WebSocket as WebSocketClient } from "ws";
import type { Codec } from "../core/codec.ts";
import type { DramatisError } from "../core/errors.ts";
import { HostLostError, LinkRefusedError } from "../core/host_errors.ts";
import { MESSAGE_BYTES } from "./bulk.ts";
import type { Link } from "./link.ts";
import type { LinkSocket } from "./link_socket.ts";
import { openResumable } from "./reconnect.ts";
import type { ResumeOptions } from "./resumable_socket.ts";
import { webSocketLink } from "./websocket.ts";

/** How long a dial may take, unless told. */
const DIAL_TIMEOUT_MS = 10_000;

/** Characters of a refusal's body that go into the error: it is another program's text. */
const REFUSAL_LENGTH = 1_000;

/** Where a link to another host leads and how to get in. */
export interface DialOptions {
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string;
  /** Gives up the dial; later it has no effect. */
  readonly signal?: AbortSignal;
  /** Milliseconds until the dial is given up. @default {10000} */
  readonly timeoutMs?: number;
  /** The certificate (PEM) to trust for `wss:`, where it is not a public one. */
  readonly ca?: string;
  /** The certificate (PEM) to show for `wss:`, where the other host wants one. */
  readonly cert?: string;
  /** Its key (PEM). */
  readonly key?: string;
}

/**
 * Dials another host, for a link that outlives its sockets.
 *
 * @throws what {@linkcode dialSocket} and {@linkcode openResumable} throw.
 */
export function dialHost(
  url: string | URL,
  options: Omit<DialOptions, "timeoutMs">,
  resume: ResumeOptions,
  codec: Codec,
): Promise<Link> {
  return openResumable({
    ...resume,
    token: options.token ?? null,
    random: Math.random,
    dial: (take, again) => dialSocket(url, { ...options, ...again }, take),
  }, (socket) => webSocketLink(socket, codec));
}

/**
 * Opens a socket to another host, and gives it to `take` before its first message.
 *
 * Over npm's `ws`, because Deno's own client leaves Nagle's algorithm on: each message of 1 to 64 KiB
 * would wait 44 ms for the other side's delayed acknowledgement.
 *
 * @throws {LinkRefusedError} if the other side answers but does not let us in; the message has the
 * HTTP status and what was said.
 * @throws {HostLostError} if nobody answers, or not in time; `cause` has the reason.
 * @throws the signal's reason.
 */
export function dialSocket<T>(
  url: string | URL,
  options: DialOptions,
  take: (socket: LinkSocket) => T,
): Promise<T> {
  const { token, signal, timeoutMs = DIAL_TIMEOUT_MS, ca, cert, key } = options;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const socket = new WebSocketClient(url, {
      perMessageDeflate: false,
      maxPayload: MESSAGE_BYTES,
      // Masks are there so that a script in a browser cannot make a proxy on the way take its bytes for requests
      // to a server of the script's own. Neither end of a link is such a script or server, so a zero mask, which
      // `ws` does not apply byte by byte, loses nothing: 1 MB there and back takes 1.8 ms instead of 5.2.
      generateMask: (mask) => void mask.fill(0),
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
    let failure: unknown;
    const giveUp = (reason: unknown) => {
      failure ??= reason;
      socket.terminate();
    };
    const timer = setTimeout(
      () => giveUp(new HostLostError(`${url} did not answer in ${timeoutMs} ms`, "silent")),
      timeoutMs,
    );
    const aborted = () => giveUp(signal!.reason);
    signal?.addEventListener("abort", aborted);
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
    };
    socket.on("open", () => {
      settle();
      socket.removeAllListeners();
      resolve(take(socket));
    });
    socket.on("unexpected-response", async (_request, response) => {
      giveUp(await refusal(url, response));
    });
    socket.on("error", (cause) => {
      failure ??= new HostLostError(`Cannot reach ${url}: ${cause.message}`, "lost", { cause });
    });
    // Only now is nothing left behind.
    socket.on("close", () => {
      settle();
      reject(failure);
    });
  });
}

/** A host that says when to try again is there, but has too much to do. */
async function refusal(url: string | URL, response: IncomingMessage): Promise<DramatisError> {
  let text = "";
  response.setEncoding("utf8");
  try {
    for await (const chunk of response) {
      text += chunk;
      if (text.length >= REFUSAL_LENGTH) break;
    }
  } catch {
    // What has come of it will do.
  }
  const status = `${response.statusCode} ${response.statusMessage ?? ""}`.trim();
  const message = `${url} refused the link: ${status}: ${text.slice(0, REFUSAL_LENGTH)}`;
  return response.headers["retry-after"] === undefined
    ? new LinkRefusedError(message)
    : new HostLostError(message, "error");
}
