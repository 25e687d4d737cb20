/** How a worker is opened, given its end of a channel, and waited for until it has answered. */
import { PoolStartError } from "../core/host_errors.ts";
import { Marks } from "../actor/marks.ts";
import { PortLink } from "../link/port.ts";
import type { PoolPermissions } from "./permissions.ts";
import type { Pool, PoolStart } from "./pool.ts";
import { WorkerPool } from "./worker_pool.ts";
import type { FromWorker, ToWorker } from "./worker_protocol.ts";

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
