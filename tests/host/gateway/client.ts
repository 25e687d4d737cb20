/** A host with a gateway, and ways to ask it: by `fetch`, and by a bare socket that says what a test wants. */
import assert from "node:assert/strict";
import {
  type GatewayRefusal,
  type Host,
  type HostOptions,
  type ListenOptions,
  startHost,
} from "@dramatis/dramatis";

/** The modules whose actors can be made. */
export const MODULES: readonly string[] = [
  new URL("../../fixtures/actors.ts", import.meta.url).href,
  new URL("./fixtures/actors.ts", import.meta.url).href,
];

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Of JSON, what it says. */
  readonly body: Record<string, unknown>;
}

/** What a request may say. */
export interface Ask {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A host and its client. */
export class Stage implements AsyncDisposable {
  readonly refusals: GatewayRefusal[] = [];
  readonly #token: string | undefined;
  #host: Host | undefined;

  private constructor(token: string | undefined) {
    this.#token = token;
  }

  /** Starts one without pools, unless told. */
  static async start(options: HostOptions = {}, listen: ListenOptions = {}): Promise<Stage> {
    const stage = new Stage(options.token);
    stage.#host = await startHost({
      pools: [],
      modules: MODULES,
      ...options,
      listen: { port: 0, onRefusal: (refusal) => void stage.refusals.push(refusal), ...listen },
    });
    return stage;
  }

  get host(): Host {
    return this.#host!;
  }

  /** `http://host:port`. */
  get url(): string {
    return `http://${this.host.address}`;
  }

  /** Asks with the host's token. */
  async ask(method: string, path: string, { body, headers = {} }: Ask = {}): Promise<Answer> {
    const response = await this.send(method, path, { body, headers });
    const text = await response.text();
    const isJson = text !== "" && /json$/.test(response.headers.get("content-type") ?? "");
    return { ...pick(response), text, body: isJson ? JSON.parse(text) : {} };
  }

  /** The same, whose body is still to be read. */
  async send(
    method: string,
    path: string,
    { body, headers = {} }: Ask = {},
    signal?: AbortSignal,
  ): Promise<Response> {
    const token = this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
    const json = body === undefined ? {} : { "content-type": "application/json" };
    return await fetch(this.url + path, {
      method,
      headers: { ...token, ...json, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** Makes an actor. */
  async make(type: string, uid: string, args: readonly unknown[] = []): Promise<void> {
    const { status, text } = await this.ask("POST", "/api/v1/actors", {
      body: { type, uid, args },
    });
    assert.equal(status, 201, text);
  }

  /** Calls a method; its value. */
  async call(uid: string, method: string, ...args: unknown[]): Promise<unknown> {
    const { status, text, body } = await this.ask("POST", path(uid, method), { body: args });
    assert.equal(status, 200, text);
    return body["value"];
  }

  /** Sends text as it is; the status and headers that come back. */
  async raw(text: string): Promise<string> {
    using connection = await this.connect();
    await connection.write(new TextEncoder().encode(text));
    const decoder = new TextDecoder();
    const chunk = new Uint8Array(4096);
    let answer = "";
    while (!answer.includes("\r\n\r\n")) {
      const size = await connection.read(chunk);
      if (size === null) break;
      answer += decoder.decode(chunk.subarray(0, size), { stream: true });
    }
    return answer;
  }

  /** A connection that has said nothing yet. */
  connect(): Promise<Deno.TcpConn> {
    const { hostname, port } = new URL(this.url);
    return Deno.connect({ hostname, port: Number(port) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.stop();
  }
}

/** The path of a method. */
export function path(uid: string, method: string): string {
  return `/api/v1/actors/${encodeURIComponent(uid)}/${method}`;
}

function pick({ status, headers }: Response): Pick<Answer, "status" | "headers"> {
  return { status, headers };
}
