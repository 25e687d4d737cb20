/** Somebody who has a socket to a host's gateway and says on it what he likes. @module */
import { encode } from "@msgpack/msgpack";
import { type Batch, Codec, FrameWriter } from "../../src/core/codec.ts";
import { newClientId, newHostId } from "../../src/core/address.ts";
import {
  type Frame,
  FRAME_KINDS,
  type FrameKind,
  HEADER_BYTES,
  type HostDescription,
  PROTOCOL_VERSION,
} from "../../src/core/protocol.ts";
import { newSecret, readChallenge, writeAnswer } from "../../src/link/resume_wire.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** How a socket ended. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** Kinds of message: a batch of frames, and that a session is open. */
const BATCH = 0, OPENED = 7;

/** A socket, and what has come on it. */
export class Stranger implements AsyncDisposable {
  readonly codec = new Codec();
  readonly id: number;
  readonly ended: Promise<Ending>;
  readonly #socket: WebSocket;
  readonly #heard: Bytes[] = [];
  readonly #waiting: ((message: Bytes | null) => void)[] = [];

  private constructor(
    url: string,
    token: string,
    id: number,
    headers: Readonly<Record<string, string>>,
  ) {
    this.id = id;
    const authorization = `Bearer ${token}`;
    this.#socket = new WebSocket(url, { headers: { authorization, ...headers } });
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onmessage = ({ data }) => this.#take(new Uint8Array(data));
    const { promise, resolve } = Promise.withResolvers<Ending>();
    this.ended = promise;
    this.#socket.onerror = (event) => event.preventDefault();
    this.#socket.onclose = ({ code, reason }) => {
      resolve({ code, reason });
      for (const waiting of this.#waiting.splice(0)) waiting(null);
    };
  }

  /** A socket whose other side has sent its challenge. */
  static async knock(
    url: string,
    token: string,
    as: "host" | "client",
    headers: Readonly<Record<string, string>> = {},
  ): Promise<{ stranger: Stranger; challenge: Uint8Array }> {
    const id = as === "host" ? newHostId() : newClientId();
    const stranger = new Stranger(`${url}/link`, token, id, headers);
    const message = await stranger.next();
    if (message === null) throw new Error((await stranger.ended).reason);
    return { stranger, challenge: readChallenge(message.buffer) };
  }

  /** One who is in: the session is open, and he has been welcomed. */
  static async enter(url: string, token: string, as: "host" | "client"): Promise<Stranger> {
    const { stranger } = await Stranger.begin(url, token, as);
    stranger.hello();
    // Its welcome; the signs of life are no frames.
    await stranger.frame();
    return stranger;
  }

  /** One whose session is open, and what he has proven himself by. */
  static async begin(
    url: string,
    token: string,
    as: "host" | "client",
    headers: Readonly<Record<string, string>> = {},
  ): Promise<{ stranger: Stranger; proof: Bytes }> {
    const { stranger, challenge } = await Stranger.knock(url, token, as, headers);
    const answer = { resumes: false, session: newSecret(), received: 0 };
    const proof = writeAnswer(answer, challenge, token);
    stranger.send(proof);
    const opened = await stranger.next();
    if (opened?.[0] !== OPENED) throw new Error((await stranger.ended).reason);
    return { stranger, proof };
  }

  /** Sends a message. */
  send(message: Bytes): void {
    this.#socket.send(message);
  }

  /** Sends a frame as it should be. */
  say(frame: Frame): void {
    const writer = new FrameWriter(this.codec, "inline");
    writer.write(frame);
    const { bytes }: Batch = writer.take();
    this.bytes(bytes);
  }

  /** Sends bytes as a batch of frames. */
  bytes(bytes: Uint8Array): void {
    const message = new Uint8Array(1 + bytes.length);
    message[0] = BATCH;
    message.set(bytes, 1);
    this.send(message);
  }

  /** Introduces himself, as somebody else perhaps. */
  hello(host: Partial<HostDescription> = {}, version: number = PROTOCOL_VERSION): void {
    const { id } = this;
    const pool = { host: id, pool: 0, name: "main", kind: "main", labels: [], actors: 0 };
    const device = { kind: "cpu", name: "cpu", features: [], limits: {} };
    const pools = id >= 2 ** 47 ? [] : [{ ...pool, device } as never];
    this.say({
      kind: "hello",
      id: 0,
      to: { host: 0, pool: 0 },
      from: { host: host.id ?? id, pool: 0 },
      version,
      host: { id, address: null, pools, ...host },
    });
  }

  /** The next frame that comes, its kind, id and fields; `null` if the socket has ended. */
  async frame(): Promise<{ kind: FrameKind; id: number; body: unknown } | null> {
    for (;;) {
      const message = await this.next();
      if (message === null) return null;
      if (message[0] !== BATCH) continue;
      const view = new DataView(message.buffer, 1);
      const kind = FRAME_KINDS[view.getUint8(4)] as FrameKind;
      if (kind === "pools" || kind === "hosts") continue;
      const body = message.slice(1 + HEADER_BYTES, 1 + view.getUint32(0, true));
      const text = new TextDecoder().decode(body);
      return { kind, id: view.getUint32(8, true), body: text };
    }
  }

  /** The next message; `null` if there is none any more. */
  next(): Promise<Bytes | null> {
    const message = this.#heard.shift();
    if (message !== undefined) return Promise.resolve(message);
    if (this.#socket.readyState === WebSocket.CLOSED) return Promise.resolve(null);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #take(message: Bytes): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#heard.push(message);
    else waiting(message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.ended;
  }
}

/** The bytes of a frame with any header and body. */
export function rawFrame(
  { kind, length, id = 1, from, to, body = encode([]) }: {
    readonly kind: number;
    /** Of header and body, as announced. */
    readonly length?: number;
    readonly id?: number;
    readonly from: number;
    readonly to: number;
    readonly body?: Uint8Array;
  },
): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length ?? bytes.length, true);
  view.setUint8(4, kind);
  view.setUint32(8, id, true);
  for (const [at, host] of [[16, to], [24, from]] as const) {
    view.setUint32(at, host >>> 0, true);
    view.setUint16(at + 4, host / 2 ** 32, true);
  }
  bytes.set(body, HEADER_BYTES);
  return bytes;
}
