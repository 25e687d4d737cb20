/** What tests of the WebSocket link share. @module */
import { Codec } from "../../src/core/codec.ts";
import { type DialOptions, dialSocket } from "../../src/link/dial.ts";
import type { Link } from "../../src/link/link.ts";
import type { LinkSocket, LinkSocketEvent } from "../../src/link/link_socket.ts";
import { webSocketLink } from "../../src/link/websocket.ts";
import { Ear } from "../contract/link_helpers.ts";

/** Dials another host, for a link that ends with its socket. */
export function dialWebSocket(
  url: string | URL,
  options: DialOptions,
  codec: Codec,
): Promise<Link> {
  return dialSocket(url, options, (socket) => webSocketLink(socket, codec));
}

/** A server on loopback that accepts WebSockets. */
export class Acceptor implements AsyncDisposable {
  readonly url: string;
  readonly headers: Headers[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #sockets: WebSocket[] = [];
  #arrived = Promise.withResolvers<void>();

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => {
        this.headers.push(new Headers(request.headers));
        const { socket, response } = Deno.upgradeWebSocket(request);
        this.#sockets.push(socket);
        this.#arrived.resolve();
        return response;
      },
    );
    this.url = `ws://127.0.0.1:${this.#server.addr.port}/link`;
  }

  /** The next socket, not open yet. */
  async next(): Promise<WebSocket> {
    while (this.#sockets.length === 0) {
      await this.#arrived.promise;
      this.#arrived = Promise.withResolvers();
    }
    return this.#sockets.shift()!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** An accepted link, and the bare socket of a client that may say anything. */
export async function withClient(
  body: (client: WebSocket, ear: Ear) => Promise<void>,
): Promise<void> {
  await using acceptor = new Acceptor();
  const client = new WebSocket(acceptor.url);
  const ended = Promise.withResolvers<void>();
  client.addEventListener("close", () => ended.resolve());
  const opened = Promise.withResolvers<void>();
  client.addEventListener("open", () => opened.resolve());
  const link: Link = webSocketLink(await acceptor.next(), new Codec());
  await opened.promise;
  await body(client, new Ear(link));
  client.close();
  await ended.promise;
}

/** A frame's header that announces so many bytes of header and body, and so many segments. */
export function header(length: number, segments = 0): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint8(4, 9);
  view.setUint16(6, segments, true);
  return bytes;
}

/** A message of this kind. */
export function message(kind: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(1 + body.length);
  bytes[0] = kind;
  bytes.set(body, 1);
  return bytes;
}

/** A socket that never drains by itself. */
export class StuckSocket implements LinkSocket {
  binaryType = "blob";
  readyState = 0;
  bufferedAmount = 0;
  readonly sent: Uint8Array[] = [];
  terminated = false;
  closedWith: number | undefined;
  #sending = Promise.withResolvers<void>();
  readonly #listeners = new Map<string, (event: LinkSocketEvent) => void>();

  /** Resolves at the next `send`. */
  get sending(): Promise<void> {
    return this.#sending.promise;
  }

  send(data: Uint8Array<ArrayBuffer>): void {
    this.sent.push(data);
    this.bufferedAmount += data.length;
    this.#sending.resolve();
    this.#sending = Promise.withResolvers();
  }

  close(code?: number): void {
    this.readyState = 2;
    this.closedWith = code;
  }

  terminate(): void {
    this.terminated = true;
    this.emit("close", { code: 1006 });
  }

  addEventListener(type: string, listener: (event: LinkSocketEvent) => void): void {
    this.#listeners.set(type, listener);
  }

  emit(type: string, event: Omit<LinkSocketEvent, "type"> = {}): void {
    if (type === "open") this.readyState = 1;
    if (type === "close") this.readyState = 3;
    this.#listeners.get(type)?.({ ...event, type });
  }
}
