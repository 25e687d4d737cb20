/**
 * Actors that compute on GPUs: WGSL kernels as actors, and the pools that they live in.
 *
 * @module
 */
export {
  type DeviceArray,
  DeviceRef,
  type DeviceRefData,
  type DeviceRefState,
  type DeviceRefType,
} from "../src/actor/device_ref.ts";
export type { KernelTime } from "../src/core/device.ts";
export { type BindingLayout, bindingLayout } from "./binding_layout.ts";
export { gpuPool, type GpuPoolOptions } from "./gpu_pool.ts";
export { type ArrayOptions, GpuActor, type GpuScope, type LoadedKernel } from "./gpu_actor.ts";
export { compose, type ComposeOptions, type ComposeStep } from "./compose.ts";
export type { StepUniform } from "./declaration.ts";
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
  KernelPass,
  Overrides,
  Threads,
} from "./kernel_spec.ts";
export type { Choice, KernelStats } from "./kernel_stats.ts";
export { convolve2d, type Convolve2dArgs, type Convolve2dParams } from "./kernels/convolve2d.ts";
export type { ElementArrays, ElementType } from "./kernels/elements.ts";
export { histogram, type HistogramArgs } from "./kernels/histogram.ts";
export {
  type ExpressionOptions,
  type MapArgs,
  mapKernel,
  type MapOptions,
  type NoParameters,
  type Parameters,
  type ParameterTypes,
  type ZipArgs,
  zipKernel,
  type ZipOptions,
} from "./kernels/map.ts";
export { matmul, type MatmulArgs, type MatmulSizes } from "./kernels/matmul.ts";
export {
  philox,
  type PhiloxArgs,
  type PhiloxParams,
  random,
  type RandomArgs,
} from "./kernels/philox.ts";
export {
  radixSort,
  type RadixSortArgs,
  radixSortF32,
  radixSortI32,
  radixSortKernel,
  type RadixSortOptions,
  radixSortPairs,
  type RadixSortPairsArgs,
  radixSortPairsKernel,
  type RadixSortPairsOptions,
} from "./kernels/radix_sort.ts";
export { type ReduceArgs, reduceKernel, type ReduceOptions } from "./kernels/reduce.ts";
export {
  max,
  maxI32,
  maxU32,
  min,
  minI32,
  minU32,
  sum,
  sumI32,
  sumU32,
} from "./kernels/reductions.ts";
export { type ScanArgs, scanKernel, type ScanOptions } from "./kernels/scan.ts";
export {
  exclusiveScan,
  exclusiveScanI32,
  exclusiveScanU32,
  inclusiveScan,
  inclusiveScanI32,
  inclusiveScanU32,
} from "./kernels/scans.ts";
export { transpose, type TransposeArgs, transposeKernel } from "./kernels/transpose.ts";
export type { UniformValue } from "./layout.ts";
export type { GpuProviderName } from "./provider.ts";
export type { TypedArray } from "./typed_array.ts";
