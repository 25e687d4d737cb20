import type { Device, KernelTime } from "../src/core/device.ts";

/** Where one call ran. */
export interface Choice {
  /** The pool's device, or the kernel's twin in the same pool. */
  readonly on: "device" | "twin";
  /** Why. */
  readonly reason: string;
}

/**
 * What the calls of one kernel actor ran on, and how long they took.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { gpuPool, type KernelStats, sum } from "@dramatis/dramatis/gpu";
 *
 * function told({ device, generation, times }: KernelStats): string {
 *   const slowest = Math.max(0, ...times.filter(({ measured }) => measured > 0).map(({ ms }) => ms));
 *   return `${device.kind} number ${generation}, ${slowest.toFixed(2)} ms at most`;
 * }
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const adder = await host.createActor(sum, [], { place });
 * await adder.compute({ x: new Float32Array(10_000) });
 * console.log(told(await adder.stats()));
 * ```
 */
export interface KernelStats {
  /** The device of its pool: a GPU, real or in software, or a CPU that runs its twin. */
  readonly device: Pick<Device, "kind" | "name">;
  /** Counts the devices of the pool from 1: more than one have been lost. */
  readonly generation: number;
  /**
   * Times on the device alone, of all kernels of this name in the pool: by its own clock where it has
   * one, of the first calls and one in some.
   */
  readonly times: readonly KernelTime[];
  /** With `device({ minWork })`: how often each was chosen; `null` without. */
  readonly choices: {
    readonly device: number;
    readonly twin: number;
    /** That of the last call. */
    readonly last: Choice | null;
    /** How long calls took with all that belongs to them, by `device` and `twin`, and by work. */
    readonly times: readonly KernelTime[];
  } | null;
}
