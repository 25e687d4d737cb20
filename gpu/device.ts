/** Opening the machine's GPU. */

import type { Device } from "../src/core/device.ts";
import type { WaitMark } from "../src/pool/hang_watch.ts";
import { BindGroupCache } from "./bind_groups.ts";
import { type BufferBudget, BufferPool } from "./buffers.ts";
import { DeviceGuard } from "./device_guard.ts";
import { DEFAULT_HANG_MS } from "./hang_limit.ts";
import { KernelTimes } from "./kernel_times.ts";
import { Lane } from "./lane.ts";
import type { HangOptions } from "./pacer.ts";
import { ProgramCache } from "./program.ts";
import {
  adapterName,
  type AdapterSelector,
  DEFAULT_SELECTOR,
  type GpuProvider,
} from "./provider.ts";
import { providerOf } from "./providers/provider_of.ts";
import { Readback } from "./readback.ts";

/** Features that kernels can use. `subgroups` is missing in Deno's adapter but can be had. */
const WANTED_FEATURES = ["shader-f16", "timestamp-query", "subgroups", "float32-filterable"];
/** The limits that matter for compute, should a device not grant all that its adapter names. */
const COMPUTE_LIMITS = /^max(Buffer|StorageBuffer|UniformBuffer|Compute|Dynamic)/;
const SOFTWARE = /llvmpipe|lavapipe|swiftshader|softpipe|warp|basic render|null-backend/i;
/** Complaints of the device outside any call that are kept for inspection. */
const KEPT_ERRORS = 16;

/** How to open the device. */
export interface OpenGpuOptions {
  /** Which adapter. @default the best one of Deno */
  readonly adapter?: Partial<AdapterSelector>;
  /** The device's number among those of its pool, for telling stale slots. @default 1 */
  readonly generation?: number;
  /** Bytes of unused buffers to keep for reuse. @default 256 MiB */
  readonly idleBudgetBytes?: number;
  /** Bytes that storage buffers may take, idle ones included. @default what the device gives */
  readonly memoryBytes?: number;
  /** Milliseconds that a kernel may take beyond four times what was predicted. @default 2000 */
  readonly hangMs?: number;
  /** Where to write that the device is waited for. @default nowhere */
  readonly mark?: WaitMark;
  /** What is known of kernels already, from the same adapter. @default nothing */
  readonly times?: KernelTimes;
}

/** One open device with its queue, buffers and compiled kernels. Close it: nothing else frees it. */
export class GpuHandle implements AsyncDisposable {
  /** What the scheduler sees: kind, name, features, limits. */
  readonly description: Device;
  /** Whether the device lives; every call checks it. */
  readonly guard: DeviceGuard;
  /** Storage buffers and their counts. */
  readonly buffers: BufferPool;
  /** Compiled kernels. */
  readonly programs: ProgramCache;
  /** Bind groups. */
  readonly bindGroups: BindGroupCache;
  /** Staging buffers. */
  readonly readback: Readback;
  /** How long kernels take here. */
  readonly times: KernelTimes;
  /** Work on its way to the queue. */
  readonly lane: Lane;
  readonly #complaints: string[] = [];

  /** Made by `openGpu`. */
  constructor(
    guard: DeviceGuard,
    provider: GpuProvider,
    description: Device,
    budget: BufferBudget,
    times: KernelTimes,
    hang: HangOptions,
  ) {
    this.guard = guard;
    this.description = description;
    this.buffers = new BufferPool(guard, budget);
    this.programs = new ProgramCache(guard, provider.strippedEnables);
    this.bindGroups = new BindGroupCache(guard);
    this.readback = new Readback(guard);
    this.times = times;
    this.lane = new Lane(guard, this.buffers, this.readback, provider, times, hang);
    guard.device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.#complaints.push((event as GPUUncapturedErrorEvent).error.message);
      if (this.#complaints.length > KEPT_ERRORS) this.#complaints.shift();
    });
  }

  /** The device's number among those of its pool. */
  get generation(): number {
    return this.guard.generation;
  }

  /** Resolves, never rejects, with the reason when the device is lost or destroyed. */
  get lost(): DeviceGuard["lost"] {
    return this.guard.lost;
  }

  /** The last errors that belong to no call; a healthy device has none. */
  get complaints(): readonly string[] {
    return this.#complaints;
  }

  /** Ends the device now: all that is pending, and every later call, gets `GpuDeviceLostError`. */
  destroy(): void {
    this.guard.lose("it was destroyed by its owner");
    this.guard.device.destroy();
  }

  /** Ends the device and waits until nothing of it is open: at most about 10 ms on Deno. */
  async close(): Promise<void> {
    this.destroy();
    await this.readback.idle();
  }

  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function numbersOf(limits: GPUSupportedLimits): Record<string, number> {
  const found: Record<string, number> = {};
  for (const name in Object.getPrototypeOf(limits)) {
    const value = (limits as unknown as Record<string, unknown>)[name];
    if (typeof value === "number") found[name] = value;
  }
  return found;
}

/** Asks for everything, then for less: what an adapter lists is not what its device grants. */
async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const all = numbersOf(adapter.limits);
  const compute = Object.fromEntries(
    Object.entries(all).filter(([name]) => COMPUTE_LIMITS.test(name)),
  );
  let features = [...WANTED_FEATURES];
  while (features.length > 0) {
    try {
      return await request(adapter, features, all);
    } catch {
      // One of these is refused; those that the adapter does not list go first.
      const listed = features.filter((name) => adapter.features.has(name as GPUFeatureName));
      features = listed.length < features.length ? listed : features.slice(0, -1);
    }
  }
  for (const limits of [all, compute]) {
    try {
      return await request(adapter, [], limits);
    } catch {
      // Refused: try fewer limits.
    }
  }
  return await adapter.requestDevice();
}

function request(
  adapter: GPUAdapter,
  features: readonly string[],
  requiredLimits: Record<string, number>,
): Promise<GPUDevice> {
  const requiredFeatures = features as readonly GPUFeatureName[] as GPUFeatureName[];
  return adapter.requestDevice({ requiredFeatures, requiredLimits });
}

function describe(adapter: GPUAdapter, device: GPUDevice, memoryBytes?: number): Device {
  const name = adapterName(adapter);
  const software = adapter.info.isFallbackAdapter || SOFTWARE.test(name);
  return {
    kind: software ? "software" : "gpu",
    name,
    features: [...device.features].sort(),
    limits: numbersOf(device.limits),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  };
}

/**
 * Opens an adapter's device with all limits that the adapter has.
 *
 * @returns `null` when there is no adapter: an answer, not an error.
 * @throws When an adapter is there but gives no device.
 */
export async function openGpu(options: OpenGpuOptions = {}): Promise<GpuHandle | null> {
  const { generation = 1, idleBudgetBytes, memoryBytes } = options;
  const hang = { hangMs: options.hangMs ?? DEFAULT_HANG_MS, mark: options.mark };
  const { times = new KernelTimes() } = options;
  const selector: AdapterSelector = { ...DEFAULT_SELECTOR, ...options.adapter };
  const provider = await providerOf(selector.provider);
  const adapter = await provider.adapter(selector);
  if (adapter === null) return null;
  const device = await requestDevice(adapter);
  const description = describe(adapter, device, memoryBytes);
  const guard = new DeviceGuard(device, generation, description.name);
  const gpu = new GpuHandle(
    guard,
    provider,
    description,
    { idleBudgetBytes, memoryBytes },
    times,
    hang,
  );
  await gpu.readback.probe();
  return gpu;
}
