import { type AdapterSelector, type GpuProvider, isNamed } from "../provider.ts";

/** Requests that may bring different adapters: Deno lists none. */
const REQUESTS: readonly GPURequestAdapterOptions[] = [
  { powerPreference: "high-performance" },
  { powerPreference: "low-power" },
  { forceFallbackAdapter: true },
];

/** Deno's own, or a browser's. */
export const denoProvider: GpuProvider = {
  name: "deno",
  // naga has subgroup operations but does not know the `enable` for them.
  strippedEnables: navigator.userAgent.startsWith("Deno/") ? ["subgroups"] : [],
  takesOffsetArrays: true, // 0.9 µs, and 2.5 µs from a list
  async adapter({ name, software }: AdapterSelector): Promise<GPUAdapter | null> {
    if (!("gpu" in navigator)) return null;
    if (software) {
      const adapter = await navigator.gpu.requestAdapter({ forceFallbackAdapter: true });
      return adapter !== null && isNamed(adapter, name) ? adapter : null;
    }
    if (name === null) return await navigator.gpu.requestAdapter();
    for (const request of REQUESTS) {
      const adapter = await navigator.gpu.requestAdapter(request);
      if (adapter !== null && isNamed(adapter, name)) return adapter;
    }
    return null;
  },
};
