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

/** The device of a main or worker pool. */
export const CPU: Device = { kind: "cpu", name: "cpu", features: [], limits: {} };
