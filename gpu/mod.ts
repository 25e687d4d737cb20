/**
 * Actors that compute on GPUs: WGSL kernels as actors, and the pools that they live in.
 *
 * @module
 */
export {
  type DeviceArray,
  DeviceRef,
  type DeviceRefData,
  type DeviceRefType,
} from "../src/actor/device_ref.ts";
export { GpuHandle, openGpu, type OpenGpuOptions } from "./device.ts";
export { gpuPool, type GpuPoolOptions } from "./gpu_pool.ts";
export { type Kernel, kernel } from "./kernel.ts";
export {
  KernelActor,
  type KernelArrays,
  type KernelInputs,
  type KernelRefs,
  type Keys,
  type Owned,
} from "./kernel_actor.ts";
export { KernelRunner } from "./kernel_runner.ts";
export { runTwin } from "./cpu_twin.ts";
export type {
  ArgumentShapes,
  KernelArgs,
  KernelArgument,
  KernelInput,
  KernelOptions,
  Threads,
  TwinInput,
} from "./kernel_spec.ts";
export type { TypedArray } from "./typed_array.ts";
