import { PoolStartError } from "../src/core/host_errors.ts";
import { HangWatch, hungError, WaitMark } from "../src/pool/hang_watch.ts";
import type { Pool, PoolMaker, PoolSpec, PoolStarter } from "../src/pool/pool.ts";
import { processStarter, resolveProcessOptions } from "../src/pool/process.ts";
import { checkLabels } from "../src/pool/worker.ts";
import type { WorkerKind } from "../src/pool/worker_start.ts";
import { DEFAULT_HANG_MS } from "./hang_limit.ts";
import { NO_ADAPTER } from "./no_adapter.ts";
import type { GpuProviderName } from "./provider.ts";
import type { DeviceRequest } from "./worker_device.ts";

/**
 * How to start a gpu pool.
 *
 * @example
 * ```ts
 * import { startHost } from "@dramatis/dramatis";
 * import { gpuPool, type GpuPoolOptions } from "@dramatis/dramatis/gpu";
 *
 * const options: GpuPoolOptions = {
 *   isolation: "process", // a crash of the driver ends it alone
 *   memoryBytes: 2 ** 30,
 *   hangMs: 5000,
 * };
 * await using host = await startHost({ pools: [gpuPool(options)] });
 * console.log(host.pools().find(({ kind }) => kind === "gpu")?.device.memoryBytes);
 * ```
 */
export interface GpuPoolOptions {
  /**
   * Whether a machine without an adapter is an error. Otherwise the host starts without a gpu pool,
   * and `host.pools()` shows that there is none.
   * @default false
   */
  required?: boolean;
  /**
   * Whose WebGPU: Deno's own, or Dawn from npm's `webgpu`, which does not block the pool while a
   * kernel runs and knows adapters by name. It is loaded when it is asked for.
   * @default "deno"
   */
  provider?: GpuProviderName;
  /**
   * The adapter, by a part of its name in any case, where the machine has several. `software` is the
   * one in software, even beside a real one.
   * @default the best one
   */
  adapter?: string;
  /** Dawn's backend, such as `"vulkan"`; `"null"` computes nothing. @default the platform's own */
  backend?: string;
  /**
   * How much memory of the device the pool may use, in bytes: more is `GpuOutOfMemoryError`. WebGPU does
   * not say how much there is, so that `device({ require: { memoryBytes } })` goes by this.
   * @default as much as the device gives
   */
  memoryBytes?: number;
  /**
   * Milliseconds that a kernel may take beyond four times what it is expected to take, by its earlier
   * calls; the first ones have 8 s more. Past it the device is given up as lost; with Deno's provider,
   * where it blocks the pool, the pool is: a process is killed, the thread of a worker is left behind.
   * @default 2000
   */
  hangMs?: number;
  /**
   * Bytes of buffers that are kept for reuse when nobody needs them.
   * @default 256 MiB
   */
  idleBudgetBytes?: number;
  /**
   * Names for placement: `label("big")` finds this pool if it is one of them.
   * @default []
   */
  labels?: readonly string[];
  /**
   * Where the pool runs: in a worker of the host's process, or in a process of its own, which a crash
   * of the driver ends alone.
   * @default "worker"
   */
  isolation?: "worker" | "process";
  /**
   * Environment variables of that process: a driver takes from them which of several cards it
   * shows, so that each process has its own. Only with `isolation: "process"`.
   * @default {}
   */
  env?: Readonly<Record<string, string>>;
}

/**
 * A gpu pool for `startHost`: a worker that owns the machine's WebGPU device, hardware if there is
 * one, else a software adapter if one is installed.
 *
 * In a process of its own, it ends alone if the driver crashes, and it may be one of several, each
 * with another card: `env` says which, as its driver reads it (`VK_DRIVER_FILES`,
 * `MESA_VK_DEVICE_SELECT`).
 *
 * @throws {TypeError} if `isolation` or `provider` is something else, or `env` is given without a process.
 * @example
 * ```ts
 * import { startHost, workerPool } from "@dramatis/dramatis";
 * import { gpuPool } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 * console.log(host.pools().map(({ device }) => device.kind));
 * ```
 */
export function gpuPool(options: GpuPoolOptions = {}): PoolSpec {
  const { required = false } = options;
  const starter = starterOf(options);
  const insistent: PoolStarter = {
    ...starter,
    async start(start) {
      const pool = await starter.start(start);
      if (pool === null && required) {
        const { adapter } = options;
        const named = adapter === undefined ? "" : `there is no adapter "${adapter}", or `;
        throw new PoolStartError(`No gpu pool could be started: ${named}${NO_ADAPTER}`, "device");
      }
      return pool;
    },
  };
  return insistent;
}

/** What starts one, or finds no device for it. */
function starterOf(options: GpuPoolOptions): PoolStarter {
  const { isolation = "worker", env } = options;
  const labels = checkLabels(options.labels);
  const device = requestOf(options);
  const maker: PoolMaker = { module: import.meta.url, name: "gpuPool", options };
  if (isolation === "process") {
    return processStarter(
      {
        kind: "gpu",
        entry: new URL("./process_worker.ts", import.meta.url),
        labels,
        device,
        ...resolveProcessOptions(env === undefined ? {} : { env }),
      },
      1,
      maker,
    );
  }
  if (isolation !== "worker") {
    throw new TypeError(`isolation is "worker" or "process", got ${JSON.stringify(isolation)}`);
  }
  if (env !== undefined) {
    throw new TypeError('env takes isolation: "process": a worker has the environment of its host');
  }
  const entry = new URL("./worker_main.ts", import.meta.url);
  return {
    kind: "gpu",
    count: 1,
    labels,
    maker,
    async start(start) {
      const mark = WaitMark.memory();
      const kind: WorkerKind = { kind: "gpu", entry, labels, device, mark };
      // Loaded by hosts that start one alone, as `workerPool` does.
      const { startWorker } = await import("../src/pool/worker_start.ts");
      const pool = await startWorker(kind, start);
      if (pool !== null) endIfHung(pool, mark);
      return pool;
    },
  };
}

/** As a process does for itself. */
function endIfHung(pool: Pool, mark: SharedArrayBuffer): void {
  const watch = new HangWatch(mark, (ms) => pool.terminate(hungError(pool.description, ms)));
  void pool.down.then(() => watch.stop());
}

/** Which device it is to open. */
function requestOf(options: GpuPoolOptions): DeviceRequest {
  const { provider = "deno", adapter, backend = null } = options;
  const { idleBudgetBytes = null, memoryBytes = null, hangMs = DEFAULT_HANG_MS } = options;
  if (provider !== "deno" && provider !== "dawn") {
    throw new TypeError(`provider is "deno" or "dawn", got ${JSON.stringify(provider)}`);
  }
  if (backend !== null && provider !== "dawn") {
    throw new TypeError('backend takes provider: "dawn": with Deno, set DENO_WEBGPU_BACKEND');
  }
  for (const [name, value] of Object.entries({ idleBudgetBytes, memoryBytes, hangMs })) {
    if (value === null || value >= 0) continue;
    throw new RangeError(`${name} is a number from 0, got ${value}`);
  }
  const software = adapter === "software";
  const name = software || adapter === undefined ? null : adapter;
  const wanted = { provider, name, backend, software };
  return { adapter: wanted, idleBudgetBytes, memoryBytes, hangMs };
}
