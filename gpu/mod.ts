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
export type {
  ArgumentShapes,
  KernelArgs,
  KernelArgument,
  KernelOptions,
  Threads,
} from "./kernel_spec.ts";
export type { UniformValue } from "./layout.ts";
export type { TypedArray } from "./typed_array.ts";
