import type { Kernel } from "../kernel.ts";
import { type ScanArgs, scanKernel } from "./scan.ts";

/**
 * The sums of all elements up to each: `out[i] = x[0] + … + x[i]`. More of how in
 * {@linkcode scanKernel}.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { gpuPool, inclusiveScan } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const scanner = await host.createActor(inclusiveScan, [], { place });
 * console.log((await scanner.compute({ x: Float32Array.of(1, 2, 3) })).out); // Float32Array [ 1, 3, 6 ]
 * ```
 */
export const inclusiveScan: Kernel<ScanArgs<"f32">, "out"> = scanKernel(
  import.meta,
  "inclusiveScan",
  { type: "f32" },
);

/**
 * As {@linkcode inclusiveScan}, of signed integers, which wrap around.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { inclusiveScanI32 } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const scanner = await host.createActor(inclusiveScanI32, [], { place });
 * const { out } = await scanner.compute({ x: Int32Array.of(1, -2, 3) });
 * console.log(out); // Int32Array [ 1, -1, 2 ]
 * ```
 */
export const inclusiveScanI32: Kernel<ScanArgs<"i32">, "out"> = scanKernel(
  import.meta,
  "inclusiveScanI32",
  { type: "i32" },
);

/**
 * As {@linkcode inclusiveScan}, of unsigned integers, which wrap around.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { inclusiveScanU32 } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const scanner = await host.createActor(inclusiveScanU32, [], { place });
 * const { out } = await scanner.compute({ x: Uint32Array.of(1, 2, 3) });
 * console.log(out); // Uint32Array [ 1, 3, 6 ]
 * ```
 */
export const inclusiveScanU32: Kernel<ScanArgs<"u32">, "out"> = scanKernel(
  import.meta,
  "inclusiveScanU32",
  { type: "u32" },
);

/**
 * The sums of all elements before each: `out[i] = x[0] + … + x[i - 1]`, so that `out[0]` is 0. More of how in
 * {@linkcode scanKernel}.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { exclusiveScan, gpuPool } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const scanner = await host.createActor(exclusiveScan, [], { place });
 * console.log((await scanner.compute({ x: Float32Array.of(1, 2, 3) })).out); // Float32Array [ 0, 1, 3 ]
 * ```
 */
export const exclusiveScan: Kernel<ScanArgs<"f32">, "out"> = scanKernel(
  import.meta,
  "exclusiveScan",
  { type: "f32", exclusive: true },
);

/**
 * As {@linkcode exclusiveScan}, of signed integers, which wrap around.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { exclusiveScanI32 } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const scanner = await host.createActor(exclusiveScanI32, [], { place });
 * const { out } = await scanner.compute({ x: Int32Array.of(1, -2, 3) });
 * console.log(out); // Int32Array [ 0, 1, -1 ]
 * ```
 */
export const exclusiveScanI32: Kernel<ScanArgs<"i32">, "out"> = scanKernel(
  import.meta,
  "exclusiveScanI32",
  { type: "i32", exclusive: true },
);

/**
 * As {@linkcode exclusiveScan}, of unsigned integers, which wrap around.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { exclusiveScanU32 } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 })] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const scanner = await host.createActor(exclusiveScanU32, [], { place });
 * const { out } = await scanner.compute({ x: Uint32Array.of(1, 2, 3) });
 * console.log(out); // Uint32Array [ 0, 1, 3 ]
 * ```
 */
export const exclusiveScanU32: Kernel<ScanArgs<"u32">, "out"> = scanKernel(
  import.meta,
  "exclusiveScanU32",
  { type: "u32", exclusive: true },
);
