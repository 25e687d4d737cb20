/**
 * The bare primitives beside the messages: the same work by plain calls in the isolate, by postMessage to
 * a worker, and by a WebSocket to another process. No order of actors, no limits, no errors. @module
 */
import { WebSocket as WebSocketClient } from "ws";

const MIB = 2 ** 20;

/** What is asked of a bare channel. */
export type BareRequest =
  | { readonly kind: "batch"; readonly items: readonly (readonly [number])[] }
  | { readonly kind: "note"; readonly k: number }
  | { readonly kind: "count" }
  | { readonly kind: "items"; readonly count: number };

/** One place's primitives. */
export interface BareMessages extends AsyncDisposable {
  /** Doubles each number over there. */
  batch(items: readonly (readonly [number])[]): Promise<unknown>;
  /** So many messages one way; resolves when all have come. */
  notes(count: number): Promise<void>;
  /** So many items back, one message each. */
  items(count: number): Promise<void>;
  /** Bytes there, and a word back. */
  copy(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Bytes there and back without a copy; `null` where that cannot be. */
  readonly move: ((bytes: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>) | null;
}

/** In the isolate: calls, and structured clones. */
export class BareCalls implements BareMessages {
  #count = 0;
  /** Some other function could be here. */
  readonly #double = (k: number) => 2 * k;

  async batch(items: readonly (readonly [number])[]): Promise<unknown> {
    return await Promise.resolve(structuredClone(items).map(([k]) => this.#double(k)));
  }

  async notes(count: number): Promise<void> {
    for (let i = 0; i < count; i++) queueMicrotask(() => this.#count++);
    await Promise.resolve();
  }

  async items(count: number): Promise<void> {
    for await (const item of numbers(count)) this.#count += item & 1;
  }

  async copy(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await Promise.resolve(structuredClone(bytes));
  }

  readonly move = async (bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> => {
    const there = structuredClone(bytes, { transfer: [bytes.buffer] });
    return await Promise.resolve(structuredClone(there, { transfer: [there.buffer] }));
  };

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

async function* numbers(count: number): AsyncGenerator<number> {
  for (let i = 0; i < count; i++) yield i;
}

/** What both channels share: one request at a time, whose answer is one message or many. */
abstract class BareChannel implements BareMessages {
  #left = 0;
  #answered: (data: unknown) => void = () => {};

  abstract readonly move: BareMessages["move"];
  abstract copy(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  abstract [Symbol.asyncDispose](): Promise<void>;
  protected abstract post(request: BareRequest): void;

  batch(items: readonly (readonly [number])[]): Promise<unknown> {
    return this.ask(1, () => this.post({ kind: "batch", items }));
  }

  async notes(count: number): Promise<void> {
    await this.ask(1, () => {
      for (let k = 0; k < count; k++) this.post({ kind: "note", k });
      this.post({ kind: "count" });
    });
  }

  async items(count: number): Promise<void> {
    await this.ask(count, () => this.post({ kind: "items", count }));
  }

  /** Sends and resolves with the last of so many answers. */
  protected ask(answers: number, send: () => void): Promise<unknown> {
    this.#left = answers;
    return new Promise((resolve) => {
      this.#answered = resolve;
      send();
    });
  }

  /** One answer has come. */
  protected answered(data: unknown): void {
    if (--this.#left === 0) this.#answered(data);
  }
}

/** By postMessage to a worker. */
export class BarePosts extends BareChannel {
  readonly #worker = new Worker(new URL("./bare_messages_worker.ts", import.meta.url), {
    type: "module",
  });
  readonly #port: MessagePort;

  constructor() {
    super();
    const { port1, port2 } = new MessageChannel();
    this.#worker.postMessage(port2, [port2]);
    this.#port = port1;
    this.#port.onmessage = ({ data }) => this.answered(data);
  }

  protected post(request: BareRequest): void {
    this.#port.postMessage(request);
  }

  async copy(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.ask(1, () => this.#port.postMessage(bytes));
  }

  readonly move = async (bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> => {
    const send = () => this.#port.postMessage({ move: bytes }, [bytes.buffer]);
    return await this.ask(1, send) as Uint8Array<ArrayBuffer>;
  };

  [Symbol.asyncDispose](): Promise<void> {
    this.#port.close();
    this.#worker.terminate();
    return Promise.resolve();
  }
}

/** By a WebSocket to another process, with JSON for what is no bytes. */
export class BareTexts extends BareChannel {
  readonly #process: Deno.ChildProcess;
  readonly #socket: WebSocketClient;
  readonly move = null;

  private constructor(process: Deno.ChildProcess, socket: WebSocketClient) {
    super();
    this.#process = process;
    this.#socket = socket;
    socket.on("message", (data) => this.answered(data));
  }

  /** Starts the other process and connects. */
  static async open(): Promise<BareTexts> {
    const server = new URL("./bare_messages_server.ts", import.meta.url).href;
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-net", server],
      stdout: "piped",
    }).spawn();
    const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value: port } = await reader.read();
    await reader.cancel();
    const socket = new WebSocketClient(`ws://127.0.0.1:${port!.trim()}`, {
      perMessageDeflate: false,
    });
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    return new BareTexts(process, socket);
  }

  protected post(request: BareRequest): void {
    this.#socket.send(JSON.stringify(request));
  }

  /** A server refuses a message of 64 MiB. */
  async copy(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.ask(bytes.length / MIB, () => {
      for (let at = 0; at < bytes.length; at += MIB) {
        this.#socket.send(bytes.subarray(at, at + MIB));
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.once("close", resolve));
    this.#socket.close();
    this.#process.kill("SIGTERM");
    await Promise.all([closed, this.#process.status]);
  }
}
