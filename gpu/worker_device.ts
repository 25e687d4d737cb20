import type { WorkerDevice } from "../src/pool/worker_runtime.ts";
import { openGpu } from "./device.ts";
import { DeviceKeeper } from "./device_keeper.ts";
import { GPU_RESOURCE, GpuResource } from "./gpu_resource.ts";
import type { AdapterSelector } from "./provider.ts";
import { quietLoader } from "./quiet_loader.ts";

/** What a gpu pool is told about its device: plain data. */
export interface DeviceRequest {
  readonly adapter: AdapterSelector;
  /** Bytes of unused buffers to keep for reuse; `null`: as usual. */
  readonly idleBudgetBytes: number | null;
}

/** Opens the device that the gpu pool of this isolate owns; `null` if there is none. */
export async function openDevice(request: unknown): Promise<WorkerDevice | null> {
  quietLoader();
  const { adapter, idleBudgetBytes } = request as DeviceRequest;
  const options = { adapter, ...(idleBudgetBytes === null ? {} : { idleBudgetBytes }) };
  const gpu = await openGpu(options);
  if (gpu === null) return null;
  const keeper = new DeviceKeeper(gpu, (generation) => openGpu({ ...options, generation }));
  // Without a device the pool cannot go on: it ends as by an uncaught error, with this as the cause.
  keeper.ended.then(reportError);
  return { device: gpu.description, resources: { [GPU_RESOURCE]: new GpuResource(keeper) } };
}
