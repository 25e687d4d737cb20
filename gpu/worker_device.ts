import { deviceServiceUid } from "../src/actor/device_ref.ts";
import { WaitMark } from "../src/pool/hang_watch.ts";
import type { WorkerDevice } from "../src/pool/worker_runtime.ts";
import { openGpu, type OpenGpuOptions } from "./device.ts";
import { DeviceKeeper } from "./device_keeper.ts";
import { DEVICE_SERVICE_TYPE, DeviceService } from "./device_service.ts";
import { GPU_RESOURCE, GpuResource } from "./gpu_resource.ts";
import type { AdapterSelector } from "./provider.ts";
import { quietLoader } from "./quiet_loader.ts";

/** What a gpu pool is told about its device: plain data. */
export interface DeviceRequest {
  readonly adapter: AdapterSelector;
  /** Bytes of unused buffers to keep for reuse; `null`: as usual. */
  readonly idleBudgetBytes: number | null;
  /** Bytes that all its buffers may take; `null`: what the device gives. */
  readonly memoryBytes: number | null;
  /** Milliseconds that a kernel may take beyond four times what was predicted. */
  readonly hangMs: number;
}

/**
 * Opens the device that the gpu pool of this isolate owns; `null` if there is none.
 *
 * @param mark For others to see that the device is waited for.
 */
export async function openDevice(
  request: unknown,
  mark?: SharedArrayBuffer,
): Promise<WorkerDevice | null> {
  quietLoader();
  const { adapter, idleBudgetBytes, memoryBytes, hangMs } = request as DeviceRequest;
  const options: OpenGpuOptions = {
    adapter,
    hangMs,
    ...(mark === undefined ? {} : { mark: new WaitMark(mark) }),
    ...(idleBudgetBytes === null ? {} : { idleBudgetBytes }),
    ...(memoryBytes === null ? {} : { memoryBytes }),
  };
  const gpu = await openGpu(options);
  if (gpu === null) return null;
  const { times } = gpu;
  const keeper = new DeviceKeeper(gpu, (generation) => openGpu({ ...options, generation, times }));
  // Without a device the pool cannot go on: it ends as by an uncaught error, with this as the cause.
  keeper.ended.then(reportError);
  const resource = new GpuResource(keeper);
  return {
    device: gpu.description,
    resources: { [GPU_RESOURCE]: resource },
    service: {
      actor: new DeviceService(resource),
      type: DEVICE_SERVICE_TYPE,
      uid: deviceServiceUid,
    },
    use: () => {
      const { generation, buffers, times } = resource.gpu;
      const { liveBytes: usedBytes, idleBytes } = buffers;
      return { generation, usedBytes, idleBytes, kernels: times.list() };
    },
    close: () => keeper.close(),
  };
}
