/** Tests that need a GPU, real or in software. */

import { type GpuHandle, openGpu } from "../../gpu/device.ts";

const HOW_TO_INSTALL =
  "no WebGPU adapter. On Debian: apt install mesa-vulkan-drivers libvulkan1, " +
  "then DENO_WEBGPU_BACKEND=vulkan XDG_RUNTIME_DIR=/tmp";

/** Opens the GPU, or fails the test if DRAMATIS_REQUIRE_GPU=1, or says why the test does nothing. */
export async function openOrSkip(name: string): Promise<GpuHandle | null> {
  if (Deno.build.os === "linux") {
    // Else the driver loader complains of every backend that it tries.
    for (const [key, value] of [["DENO_WEBGPU_BACKEND", "vulkan"], ["XDG_RUNTIME_DIR", "/tmp"]]) {
      if (!Deno.env.has(key!)) Deno.env.set(key!, value!);
    }
  }
  const gpu = await openGpu();
  if (gpu !== null) return gpu;
  if (Deno.env.get("DRAMATIS_REQUIRE_GPU") === "1") throw new Error(HOW_TO_INSTALL);
  // deno-lint-ignore no-console -- a skipped test must say so
  console.warn(`skipped "${name}": ${HOW_TO_INSTALL}`);
  return null;
}

/**
 * Registers a test that gets an open GPU and leaves nothing of it behind: no live buffer, no error
 * that nobody caught. A test that ends the device itself is not asked about its buffers.
 */
export function gpuTest(name: string, fn: (gpu: GpuHandle) => Promise<void>): void {
  Deno.test(name, async () => {
    await using gpu = await openOrSkip(name);
    if (gpu === null) return;
    await fn(gpu);
    await gpu.lane.idle();
    if (gpu.complaints.length > 0) throw new Error(`uncaptured: ${gpu.complaints.join("\n")}`);
    const { liveBytes } = gpu.buffers;
    if (liveBytes !== 0) throw new Error(`${liveBytes} bytes of buffers are still in use`);
  });
}
