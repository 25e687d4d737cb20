/** What computes, as the scheduler sees it. */

/** `cpu`: one core; `gpu`: a hardware adapter; `software`: a GPU in software (llvmpipe, SwiftShader, WARP). */
export type DeviceKind = "cpu" | "gpu" | "software";

/** One device: plain data, sent to every host of the cluster. */
export interface Device {
  /** What it is. */
  readonly kind: DeviceKind;
  /** For people: the adapter's description, or `cpu`. */
  readonly name: string;
  /** WebGPU feature names; empty for a cpu. */
  readonly features: readonly string[];
  /** WebGPU limits by name; empty for a cpu. */
  readonly limits: Readonly<Record<string, number>>;
  /** How much of its memory may be used, where that was said: WebGPU does not know. */
  readonly memoryBytes?: number;
}

/** What one kernel has taken for calls of one size. */
export interface KernelTime {
  /** The kernel's name. */
  readonly kernel: string;
  /** Invocations per call: from this power of two to below the next. */
  readonly size: number;
  /** Calls. */
  readonly calls: number;
  /** Calls whose time was measured. */
  readonly measured: number;
  /** Milliseconds on the device, those of late calls above all; `NaN` if none was measured. */
  readonly ms: number;
}

/** How a gpu pool uses its device. */
export interface DeviceUse {
  /** Counts the devices of the pool from 1: more than one have been lost. */
  readonly generation: number;
  /** Bytes of its buffers that are in use. */
  readonly usedBytes: number;
  /** Bytes of its buffers that are kept for reuse. */
  readonly idleBytes: number;
  /** What its kernels have taken. */
  readonly kernels: readonly KernelTime[];
}

/** The device of a main or worker pool. */
export const CPU: Device = { kind: "cpu", name: "cpu", features: [], limits: {} };
