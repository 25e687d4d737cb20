import type { Codec } from "../core/codec.ts";
import { HostLostError } from "../core/host_errors.ts";
import type { Link } from "./link.ts";
import type { LinkSocket } from "./link_socket.ts";
import { openResumable } from "./reconnect.ts";
import type { ResumeOptions } from "./resumable_socket.ts";
import { protocolsOf } from "./subprotocol.ts";
import { webSocketLink } from "./websocket.ts";

/** How long a dial may take, unless told. */
const DIAL_TIMEOUT_MS = 10_000;

/** How to get in, and when to give that up. */
export interface NativeDialOptions {
  readonly token: string | null;
  /** Gives up the first dial; later it has no effect. */
  readonly signal?: AbortSignal;
}

/**
 * Dials a host by the WebSocket that every browser has, for a link that outlives its sockets.
 *
 * @throws {HostLostError} if nobody answers, or we are not let in: a browser does not say which.
 * @throws {LinkRefusedError} if the token is not proven.
 * @throws the signal's reason.
 */
export function dialHostNatively(
  url: URL,
  { token, signal }: NativeDialOptions,
  resume: ResumeOptions,
  codec: Codec,
): Promise<Link> {
  return openResumable({
    ...resume,
    token,
    random: Math.random,
    dial: (take, again) =>
      openSocket(url, token, again?.signal ?? signal, again?.timeoutMs ?? DIAL_TIMEOUT_MS, take),
  }, (socket) => webSocketLink(socket, codec));
}

function openSocket<T>(
  url: URL,
  token: string | null,
  signal: AbortSignal | undefined,
  timeoutMs: number,
  take: (socket: LinkSocket) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const socket = new WebSocket(url, protocolsOf(token));
    const heard = new AbortController();
    const settle = () => {
      clearTimeout(timer);
      heard.abort();
    };
    const giveUp = (reason: unknown) => {
      settle();
      socket.close();
      reject(reason);
    };
    const timer = setTimeout(
      () => giveUp(new HostLostError(`${url} did not answer in ${timeoutMs} ms`, "silent")),
      timeoutMs,
    );
    signal?.addEventListener("abort", () => giveUp(signal.reason), { signal: heard.signal });
    socket.addEventListener("open", () => {
      settle();
      resolve(take(socket as unknown as LinkSocket));
    }, { signal: heard.signal });
    socket.addEventListener("close", () => {
      settle();
      reject(
        new HostLostError(`Cannot reach ${url}, or it does not let this page or token in`, "lost"),
      );
    }, { signal: heard.signal });
  });
}
