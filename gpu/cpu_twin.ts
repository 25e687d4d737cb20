/** Runs a kernel's CPU twin under the kernel's own contract. */

import { GpuUnavailableError } from "../src/core/gpu_errors.ts";
import type { PassedArguments } from "./argument_list.ts";
import { KernelPlan } from "./kernel_plan.ts";
import type { KernelArgs, KernelOptions, TwinInput } from "./kernel_spec.ts";
import { packUniform } from "./layout.ts";
import { bytesPerScalar, type TypedArray, typedArrayOf } from "./typed_array.ts";

/**
 * Runs `options.cpu` as the kernel would run on a device: the same checks of arguments, read_write
 * arrays copied, outputs allocated, every read_write binding in the result.
 *
 * @param plan The declaration, read. @default read now, which takes 0.4 ms a call
 * @returns New arrays by binding name.
 * @throws {GpuUnavailableError} When the kernel has no twin.
 * @throws {KernelArgumentError} Naming the binding, what it is and what it got.
 */
export async function runTwin<A extends object = KernelArgs>(
  name: string,
  options: KernelOptions<A>,
  args: TwinInput<A>,
  plan: KernelPlan = new KernelPlan(name, options as KernelOptions<object>),
): Promise<Record<string, TypedArray>> {
  if (options.cpu === undefined) {
    throw new GpuUnavailableError(
      `${name}: there is no GPU device to run it, and it declares no \`cpu\` twin`,
    );
  }
  const { checked } = plan.call(args as PassedArguments);
  const given: Record<string, unknown> = {};
  const results: Record<string, TypedArray> = {};
  for (const argument of checked) {
    if (argument === null) continue;
    const { binding } = argument;
    if (argument.from === "uniform") {
      packUniform(name, binding.name, binding.type, argument.value); // for its checks
      given[binding.name] = argument.value;
    } else if (argument.from === "scratch") {
      continue; // the device's own
    } else if (argument.from === "slot") {
      throw new GpuUnavailableError(
        `${name}: binding "${binding.name}" is a GpuSlot; read it before running on the CPU`,
      );
    } else if (argument.from === "array" && binding.role === "storage-read") {
      given[binding.name] = argument.value;
    } else {
      const length = argument.byteLength / bytesPerScalar(binding.dtype);
      const array = typedArrayOf(binding.dtype, length);
      if (argument.from === "array") array.set(argument.value);
      given[binding.name] = results[binding.name] = array;
    }
  }
  await options.cpu(given as A);
  return results;
}
