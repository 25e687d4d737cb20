import { PoolStartError } from "../src/core/errors.ts";
import type { PoolSpec, PoolStarter } from "../src/pool/pool.ts";
import { startWorker } from "../src/pool/worker.ts";

/** How to start a gpu pool. */
export interface GpuPoolOptions {
  /**
   * Whether a machine without an adapter is an error. Otherwise the host starts without a gpu pool,
   * and `host.pools()` shows that there is none.
   * @default false
   */
  required?: boolean;
  /** A name for placement: `label("big")` finds this pool. */
  label?: string;
}

/** Why there is no gpu pool, and what to do about it. */
export const NO_ADAPTER = "this machine has no WebGPU adapter. On Debian, apt-get install " +
  "libvulkan1 and the card's driver, or mesa-vulkan-drivers for one in software";

/**
 * A gpu pool for `startHost`: a worker that owns the machine's WebGPU device, hardware if there is
 * one, else a software adapter if one is installed.
 *
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
  const { required = false, label = null } = options;
  const kind = {
    kind: "gpu",
    entry: new URL("./worker_main.ts", import.meta.url),
    label,
  } as const;
  const starter: PoolStarter = {
    kind: "gpu",
    count: 1,
    label,
    async start(start) {
      const pool = await startWorker(kind, start);
      if (pool === null && required) {
        throw new PoolStartError(`No gpu pool could be started: ${NO_ADAPTER}`, "device");
      }
      return pool;
    },
  };
  return starter;
}
