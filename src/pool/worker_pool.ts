import { formatPool, type HostId, type PoolId } from "../core/address.ts";
import type { Codec } from "../core/codec.ts";
import { PoolLostError } from "../core/host_errors.ts";
import type { PoolDescription, RawFrame } from "../core/protocol.ts";
import type { Marks } from "../actor/marks.ts";
import { CodeNames } from "../debug/code_names.ts";
import type { RunningCode } from "../debug/report.ts";
import type { Link } from "../link/link.ts";
import type { Pool } from "./pool.ts";
import { type FromWorker, isFromWorker, type ToWorker } from "./worker_protocol.ts";

/** A pool in a worker that has started, as its host sees it. */
export class WorkerPool implements Pool {
  readonly description: PoolDescription;
  readonly isKillable = false;
  readonly link: Link;
  readonly down: Promise<PoolLostError>;
  readonly #worker: Worker;
  readonly #codec: Codec;
  readonly #ended = Promise.withResolvers<PoolLostError>();
  readonly #joining = new Map<number, () => void>();
  readonly #marks: Marks;
  readonly #names = new CodeNames();
  readonly #pinging: (() => void)[] = [];
  #stopping = false;
  #over = false;

  constructor(
    worker: Worker,
    link: Link,
    codec: Codec,
    description: PoolDescription,
    marks: Marks,
  ) {
    this.#worker = worker;
    this.#marks = marks;
    this.#codec = codec;
    this.link = link;
    this.description = description;
    this.down = this.#ended.promise;
    worker.onmessage = ({ data }) => {
      if (isFromWorker(data)) this.#take(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.#end("error", event.message);
    };
  }

  open(receive: (frame: RawFrame) => void): void {
    this.link.open({
      frame: (frame) => frame.kind === "goodbye" ? this.#lastWords(frame) : receive(frame),
      closed: (error) => {
        // The link of a pool that stops ends with it, and may be faster than its last message.
        if (this.#stopping) this.#stopped();
        else this.#end("exit", error?.message ?? "it closed itself or exited");
      },
    });
  }

  async join(pool: number, port: MessagePort, id: number): Promise<void> {
    // What is posted to a worker that has ended would stay open.
    if (this.#over) return port.close();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#joining.set(pool, resolve);
    this.#post({ kind: "join", pool, port, id }, [port]);
    await Promise.race([promise, this.down]);
  }

  leave(host: HostId, pool: PoolId | null, error: Error): void {
    if (this.#over) return;
    const self = { host: this.description.host, pool: this.description.pool };
    this.link.send({ kind: "down", id: 0, to: self, from: self, host, pool, error });
  }

  ping(): Promise<void> {
    return new Promise((resolve) => {
      this.#pinging.push(resolve);
      this.#post({ kind: "ping" }, []);
    });
  }

  running(uidOf: (generation: number) => string | null): RunningCode[] {
    return this.#names.running(this.#marks.read(), uidOf);
  }

  async stop(): Promise<void> {
    if (this.#over) return;
    this.#stopping = true;
    this.#post({ kind: "stop" }, []);
    await this.down;
  }

  terminate(reason: PoolLostError): void {
    if (this.#over) return;
    this.#over = true;
    this.#worker.terminate();
    this.link.close();
    for (const resolve of this.#joining.values()) resolve();
    this.#ended.resolve(reason);
  }

  #take(message: FromWorker): void {
    switch (message.kind) {
      case "joined":
        this.#joining.get(message.pool)?.();
        this.#joining.delete(message.pool);
        return;
      case "pong":
        this.#pinging.shift()?.();
        return;
      case "typed":
        this.#names.add(message.type, message.first, message.names);
        return;
      case "stopped":
        if (this.#stopping) this.#stopped();
        return;
      case "ready":
      case "absent":
      case "failed":
        return;
      default:
        message satisfies never;
    }
  }

  /** What a worker says when an uncaught error ends it. */
  #lastWords(raw: RawFrame): void {
    const frame = this.#codec.decode(raw);
    if (frame.kind === "goodbye") this.#end("error", frame.reason, frame.error);
  }

  #stopped(): void {
    this.terminate(new PoolLostError(`${this.#name} was stopped`, "stopped"));
  }

  #end(exit: "error" | "exit", reason: string, cause?: unknown): void {
    const message = `${this.#name} is gone (${exit}): ${reason}`;
    this.terminate(new PoolLostError(message, exit, cause === undefined ? {} : { cause }));
  }

  #post(message: ToWorker, transfer: Transferable[]): void {
    this.#worker.postMessage(message, transfer);
  }

  get #name(): string {
    return `${this.description.name} (${formatPool(this.description)})`;
  }
}
