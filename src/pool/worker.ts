import { formatPool, type HostId, type PoolId } from "../core/address.ts";
import type { Codec } from "../core/codec.ts";
import { PoolLostError, PoolStartError } from "../core/host_errors.ts";
import { LIMITS, type PoolDescription, type RawFrame } from "../core/protocol.ts";
import { Marks } from "../actor/marks.ts";
import { CodeNames } from "../debug/code_names.ts";
import type { RunningCode } from "../debug/report.ts";
import type { Link } from "../link/link.ts";
import { PortLink } from "../link/port.ts";
import { type PoolPermissions, resolvePermissions } from "./permissions.ts";
import type { Pool, PoolSpec, PoolStart, PoolStarter } from "./pool.ts";
import type { FromWorker, ToWorker } from "./worker_protocol.ts";

/** How to start worker pools. */
export interface WorkerPoolOptions {
  /**
   * How many.
   * @default navigator.hardwareConcurrency
   */
  count?: number;
  /**
   * Names for placement: `label("io")` finds these pools if it is one of them.
   * @default []
   */
  labels?: readonly string[];
  /**
   * What actors there may do. It needs Deno's worker options: `"unstable": ["worker-options"]` in deno.json.
   * @default "inherit", as the host
   */
  permissions?: "inherit" | PoolPermissions;
}

/** What kind of worker to start, from which entry. */
export interface WorkerKind {
  readonly kind: "worker" | "gpu";
  /** The module that calls `runWorker`. */
  readonly entry: URL;
  readonly labels: readonly string[];
  /** What its actors may do; left out, all that the host may. */
  readonly permissions?: PoolPermissions;
  /** Plain data for what opens its device. */
  readonly device?: unknown;
  /** Where it writes that it waits for its device: a {@linkcode WaitMark}. */
  readonly mark?: SharedArrayBuffer;
}

/** Milliseconds in which a worker must answer: a GPU driver may take seconds to load, not half a minute. */
const START_TIMEOUT_MS = 30_000;

/**
 * Worker pools for {@linkcode startHost}: each a Deno worker with a thread of its own.
 *
 * @throws {RangeError} if the count is not a whole number from 0 to 256.
 * @throws {TypeError} if labels or permissions are none.
 * @example
 * ```ts
 * import { startHost, workerPool } from "@dramatis/dramatis";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 2 })] });
 * console.log(host.pools().length); // 3: main and two workers
 * ```
 */
export function workerPool(options: WorkerPoolOptions = {}): PoolSpec {
  const { count = navigator.hardwareConcurrency } = options;
  const labels = checkLabels(options.labels);
  const permissions = resolvePermissions(options.permissions);
  if (!Number.isInteger(count) || count < 0 || count > 256) {
    throw new RangeError(
      `Cannot make ${count} worker pools: count is a whole number from 0 to 256`,
    );
  }
  const kind: WorkerKind = {
    kind: "worker",
    entry: new URL("./worker_main.ts", import.meta.url),
    labels,
    permissions,
  };
  const starter: PoolStarter = {
    kind: "worker",
    count,
    labels,
    maker: { module: import.meta.url, name: "workerPool", options },
    start: (start) => startWorker(kind, start),
  };
  return starter;
}

/**
 * The labels of a pool.
 *
 * @throws {TypeError} if it is no list of names.
 */
export function checkLabels(labels: readonly string[] = []): readonly string[] {
  const isLabel = (label: unknown) =>
    typeof label === "string" && label !== "" && label.length <= LIMITS.nameLength;
  if (Array.isArray(labels) && labels.every(isLabel)) return [...labels];
  throw new TypeError(
    `labels is a list of names of 1 to ${LIMITS.nameLength} characters, got ${
      JSON.stringify(labels)
    }`,
  );
}

/** Starts one worker; `null` if it finds no device. */
export async function startWorker(kind: WorkerKind, start: PoolStart): Promise<Pool | null> {
  // Once it is loaded, a MessagePort fires `close` when the isolate at its other end dies: our death notice.
  await import("node:worker_threads");
  const name = `${kind.kind}-${start.address.pool}`;
  const options = await permissionsOf(kind);
  const worker = openWorker(kind.entry, name, options);
  const { port1, port2 } = new MessageChannel();
  const answered = firstMessage(worker, port1, name);
  const { address, firstId, callTimeoutMs, debug } = start;
  const message: ToWorker = {
    kind: "start",
    address,
    uplink: port2,
    firstId,
    callTimeoutMs,
    debug,
    device: kind.device,
    mark: kind.mark,
  };
  worker.postMessage(message, [port2]);
  const link = new PortLink(port1, start.codec);
  try {
    const answer = await answered;
    if (answer.kind === "ready") {
      const { labels } = kind;
      const { device } = answer;
      const description = { ...start.address, name, kind: kind.kind, labels, device, actors: 0 };
      return new WorkerPool(worker, link, start.codec, description, new Marks(answer.marks));
    }
    worker.terminate();
    link.close();
    if (answer.kind === "absent") return null;
    const phase = answer.kind === "failed" ? answer.phase : "handshake";
    const reason = "reason" in answer ? answer.reason : `it answered ${answer.kind}`;
    throw new PoolStartError(`${name} could not be started (${phase}): ${reason}`, phase);
  } catch (error) {
    worker.terminate();
    link.close();
    throw error;
  }
}

/** What a worker with these permissions is opened with. */
async function permissionsOf({ permissions = {} }: WorkerKind): Promise<WorkerOptions> {
  if (Object.values(permissions).every((one) => one === undefined)) return {};
  const [{ checkWorkerPermissions }, { workerOptions }] = await Promise.all([
    import("./process_probe.ts"),
    import("./process_permissions.ts"),
  ]);
  await checkWorkerPermissions();
  return workerOptions(permissions);
}

/**
 * The worker of a pool. Whoever opens it listens to its errors in the same turn: one that fails meanwhile
 * ends this isolate.
 *
 * @throws {PoolStartError} in phase `spawn` if it cannot have its permissions.
 */
function openWorker(entry: URL, name: string, options: WorkerOptions): Worker {
  try {
    return new Worker(entry, { type: "module", name, ...options });
  } catch (cause) {
    throw new PoolStartError(
      `${name} could not be started (spawn): ${(cause as Error).message}: of the permissions of ` +
        "a pool the host must have each itself",
      "spawn",
      { cause },
    );
  }
}

function firstMessage(worker: Worker, port: MessagePort, name: string): Promise<FromWorker> {
  return new Promise((resolve, reject) => {
    const settled = () => {
      clearTimeout(timer);
      port.removeEventListener("close", closed);
    };
    const refuse = (phase: "import" | "handshake", reason: string) => {
      settled();
      reject(new PoolStartError(`${name} could not be started (${phase}): ${reason}`, phase));
    };
    const closed = () => refuse("handshake", "it closed itself or exited");
    // A port that is not started has no events; what it brings meanwhile waits in its link.
    port.addEventListener("close", closed);
    port.start();
    const timer = setTimeout(
      () => refuse("handshake", `no answer in ${START_TIMEOUT_MS} ms`),
      START_TIMEOUT_MS,
    );
    worker.onerror = (event) => {
      event.preventDefault();
      refuse("import", event.message);
    };
    worker.onmessage = ({ data }) => {
      settled();
      resolve(data);
    };
  });
}

class WorkerPool implements Pool {
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
    worker.onmessage = ({ data }) => this.#take(data);
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
        this.#stopped();
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
