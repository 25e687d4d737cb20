/** The errors of devices and kernels that a caller may want to catch. */
import { DramatisError } from "./errors.ts";

/**
 * No device can run this kernel and it has no `cpu` twin.
 *
 * @example
 * ```ts
 * import { GpuUnavailableError } from "@dramatis/dramatis";
 *
 * // What to tell people when a kernel found no device.
 * export function advice(error: unknown): string | undefined {
 *   return error instanceof GpuUnavailableError ? "give the kernel a `cpu` twin" : undefined;
 * }
 * ```
 */
export class GpuUnavailableError extends DramatisError {
  /** The class's name. */
  override readonly name = "GpuUnavailableError";
}

/**
 * The device was lost; its buffers are gone. Create the actor again.
 *
 * @example
 * ```ts
 * import { GpuDeviceLostError } from "@dramatis/dramatis";
 *
 * // Computes anew what was lost with the device.
 * export async function recomputed<T>(compute: () => Promise<T>): Promise<T> {
 *   try {
 *     return await compute();
 *   } catch (error) {
 *     if (error instanceof GpuDeviceLostError) return await compute();
 *     throw error;
 *   }
 * }
 * ```
 */
export class GpuDeviceLostError extends DramatisError {
  /** The class's name. */
  override readonly name = "GpuDeviceLostError";
}

/**
 * The device has no memory for this buffer. Dispose of DeviceRefs, or use smaller ones.
 *
 * @example
 * ```ts
 * import { GpuOutOfMemoryError } from "@dramatis/dramatis";
 *
 * // Half the size at a time, until it fits the device.
 * export async function inParts<T>(run: (parts: number) => Promise<T>, parts = 1): Promise<T> {
 *   try {
 *     return await run(parts);
 *   } catch (error) {
 *     if (error instanceof GpuOutOfMemoryError && parts < 64) return await inParts(run, parts * 2);
 *     throw error;
 *   }
 * }
 * ```
 */
export class GpuOutOfMemoryError extends DramatisError {
  /** The class's name. */
  override readonly name = "GpuOutOfMemoryError";
}

/** One message of the WGSL compiler. Lines and columns count from 1; 0 is unknown. */
export interface KernelDiagnostic {
  /** From 1; 0 is unknown. */
  readonly line: number;
  /** From 1; 0 is unknown. */
  readonly column: number;
  /** What is wrong. */
  readonly message: string;
}

/**
 * WGSL that does not compile; `diagnostics` has the compiler's lines.
 *
 * @example
 * ```ts
 * import { KernelCompileError } from "@dramatis/dramatis";
 *
 * // The compiler's messages as an editor wants them.
 * export function markers(error: unknown): string[] {
 *   if (!(error instanceof KernelCompileError)) return [];
 *   return error.diagnostics.map(({ line, column, message }) => `${line}:${column} ${message}`);
 * }
 * ```
 */
export class KernelCompileError extends DramatisError {
  /** The class's name. */
  override readonly name = "KernelCompileError";
  /**
   * Made by the runtime.
   *
   * @param diagnostics What the compiler said.
   */
  constructor(
    message: string,
    readonly diagnostics: readonly KernelDiagnostic[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * An argument of a kernel that does not fit its WGSL; `binding` names it.
 *
 * @example
 * ```ts
 * import { KernelArgumentError } from "@dramatis/dramatis";
 *
 * // Which argument of a kernel did not fit.
 * export function culprit(error: unknown): string | undefined {
 *   return error instanceof KernelArgumentError ? error.binding : undefined;
 * }
 * ```
 */
export class KernelArgumentError extends DramatisError {
  /** The class's name. */
  override readonly name = "KernelArgumentError";
  /**
   * Made by the runtime.
   *
   * @param binding The name of the binding.
   */
  constructor(message: string, readonly binding: string = "", options?: ErrorOptions) {
    super(message, options);
  }
}
