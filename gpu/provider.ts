/** Who implements WebGPU: Deno, or an optional package. */

/** An implementation of WebGPU. */
export type GpuProviderName = "deno" | "dawn";

/** Which adapter is wanted: plain data, as it goes to the pool's isolate. */
export interface AdapterSelector {
  /** Whose WebGPU. */
  readonly provider: GpuProviderName;
  /** A part of the adapter's name, in any case; `null`: the best one. */
  readonly name: string | null;
  /** Dawn's backend, for example `vulkan` or `null`; `null`: the platform's own. */
  readonly backend: string | null;
  /** The software adapter even beside a real one. */
  readonly software: boolean;
}

/** An implementation of WebGPU, and what differs from the others. What its devices can do is probed. */
export interface GpuProvider {
  readonly name: GpuProviderName;
  /** Extensions that its compiler has, but whose `enable` it refuses. */
  readonly strippedEnables: readonly string[];
  /** Whether it takes the offsets of uniforms from an array of 32-bit numbers sooner than from a list. */
  readonly takesOffsetArrays: boolean;
  /** The adapter that fits; `null` if there is none: an answer, not an error. */
  adapter(selector: AdapterSelector): Promise<GPUAdapter | null>;
}

/** What nobody asked for. */
export const DEFAULT_SELECTOR: AdapterSelector = {
  provider: "deno",
  name: null,
  backend: null,
  software: false,
};

/** An adapter's name for people. */
export function adapterName({ info }: GPUAdapter): string {
  const parts = [info.vendor, info.architecture, info.device].filter((part) => part !== "");
  return info.description || parts.join(" ") || "unnamed GPU";
}

/** Whether an adapter is called so, or nothing particular is asked for. */
export function isNamed(adapter: GPUAdapter, name: string | null): boolean {
  return name === null || adapterName(adapter).toLowerCase().includes(name.toLowerCase());
}
