/** The entry of a gpu pool: a worker that owns one device. */
import { tmpdir } from "node:os";
import process from "node:process";
import { runWorker } from "../src/pool/worker_runtime.ts";
import { openGpu } from "./device.ts";
import { GPU_RESOURCE, GpuResource } from "./gpu_resource.ts";

runWorker(async () => {
  quiet();
  const gpu = await openGpu();
  if (gpu === null) return null;
  // Without its device the pool cannot go on: it ends as by an uncaught error, with this as the cause.
  gpu.lost.then(reportError);
  return { device: gpu.description, resources: { [GPU_RESOURCE]: new GpuResource(gpu) } };
});

/** On Linux the driver loader tries every backend and complains of each on standard error. */
function quiet(): void {
  if (process.platform !== "linux") return;
  try {
    process.env["DENO_WEBGPU_BACKEND"] ??= "vulkan";
    process.env["XDG_RUNTIME_DIR"] ??= tmpdir();
  } catch {
    // Without the permission it is loud, and works.
  }
}
