/** Checks a call's arguments against what the WGSL binds. */

import { KernelArgumentError } from "../src/core/errors.ts";
import { formatBytes } from "./buffers.ts";
import type { Threads } from "./kernel_spec.ts";
import type { KernelBinding, KernelInterface } from "./reflection.ts";
import { GpuSlot } from "./slot.ts";
import {
  arrayNameOf,
  bytesPerScalar,
  describeValue,
  dtypeOf,
  type TypedArray,
} from "./typed_array.ts";
import { roundUp, typeName } from "./wgsl_types.ts";

/** WebGPU runs nothing, and says nothing, past this many workgroups in one dimension. */
export const MAX_WORKGROUPS = 65_535;

/** What WebGPU promises for one uniform, and what the lane's arena is made for. */
const MAX_UNIFORM_BYTES = 65_536;

/** What is bound to one storage binding, or the raw value for a uniform. */
export type CheckedArgument =
  | { readonly from: "array"; readonly binding: KernelBinding; readonly array: TypedArray }
  | { readonly from: "slot"; readonly binding: KernelBinding; readonly slot: GpuSlot }
  | { readonly from: "output"; readonly binding: KernelBinding; readonly byteLength: number }
  | { readonly from: "uniform"; readonly binding: KernelBinding; readonly value: unknown };

/** The part of a declaration that concerns arguments. */
export interface ArgumentRules {
  readonly outputs?: Readonly<Record<string, (args: never) => number>>;
  readonly threads?: (args: never) => Threads;
}

/** Bytes of a storage argument. */
export function byteLengthOf(argument: CheckedArgument): number {
  switch (argument.from) {
    case "array":
      return argument.array.byteLength;
    case "slot":
      return argument.slot.byteLength;
    case "output":
      return argument.byteLength;
    case "uniform":
      return argument.binding.type.size;
    default:
      return argument satisfies never;
  }
}

function refuse(kernel: string, { name, type }: KernelBinding, problem: string): never {
  throw new KernelArgumentError(
    `${kernel}: binding "${name}" is ${typeName(type)}: ${problem}`,
    name,
  );
}

/** Bytes must be a whole number of elements, or exactly the binding's. */
function checkBytes(kernel: string, binding: KernelBinding, byteLength: number): void {
  const { stride, headerBytes, fixedBytes, type, dtype } = binding;
  if (fixedBytes !== null) {
    if (byteLength === fixedBytes) return;
    refuse(kernel, binding, `expected ${fixedBytes} bytes, got ${byteLength}`);
  }
  if (byteLength >= headerBytes && (byteLength - headerBytes) % stride === 0) return;
  const unit = bytesPerScalar(dtype);
  const element = type.kind === "array" ? type.element : null;
  const padded = element?.kind === "vector" && element.size < stride
    ? `; WGSL pads ${typeName(element)} to ${stride / unit} numbers`
    : "";
  const header = headerBytes > 0 ? `${headerBytes} bytes and then ` : "";
  refuse(
    kernel,
    binding,
    `expected ${header}a multiple of ${stride} bytes (one element is ${stride / unit} ` +
      `${dtype === "bytes" ? "bytes" : "numbers"}${padded}), got ${byteLength}`,
  );
}

function checkStorage(kernel: string, binding: KernelBinding, value: unknown): CheckedArgument {
  const expected = arrayNameOf(binding.dtype);
  if (value instanceof GpuSlot) {
    if (value.dtype !== binding.dtype) {
      refuse(kernel, binding, `expected a slot of ${binding.dtype}, got one of ${value.dtype}`);
    }
    checkBytes(kernel, binding, value.byteLength);
    return { from: "slot", binding, slot: value };
  }
  if (dtypeOf(value) !== binding.dtype) {
    refuse(kernel, binding, `expected ${expected}, got ${describeValue(value)}`);
  }
  const array = value as TypedArray;
  checkBytes(kernel, binding, array.byteLength);
  return { from: "array", binding, array };
}

function checkOutput(
  kernel: string,
  binding: KernelBinding,
  size: (args: never) => number,
  args: object,
): CheckedArgument {
  const elements = size(args as never);
  if (!Number.isSafeInteger(elements) || elements < 0) {
    refuse(
      kernel,
      binding,
      `outputs.${binding.name} must give a number of elements, got ${elements}`,
    );
  }
  const { fixedBytes, headerBytes, stride } = binding;
  const byteLength = fixedBytes ?? headerBytes + elements * stride;
  if (fixedBytes !== null && binding.type.kind === "array" && elements !== binding.type.count) {
    refuse(
      kernel,
      binding,
      `outputs.${binding.name} must give ${binding.type.count}, got ${elements}`,
    );
  }
  return { from: "output", binding, byteLength };
}

/**
 * Checks all arguments, in the order of the bindings.
 *
 * @throws {KernelArgumentError} For the first that is missing, unknown, of the wrong kind or size.
 */
export function checkArguments(
  kernel: string,
  { bindings }: KernelInterface,
  rules: ArgumentRules,
  args: Readonly<Record<string, unknown>>,
): CheckedArgument[] {
  const outputs = rules.outputs ?? {};
  for (const name of Object.keys(args)) {
    if (bindings.some((binding) => binding.name === name)) continue;
    const known = bindings.map((binding) => binding.name).join(", ") || "none";
    throw new KernelArgumentError(`${kernel}: there is no binding "${name}", only ${known}`, name);
  }
  for (const name of Object.keys(outputs)) {
    if (bindings.some((b) => b.name === name && b.role === "storage-read-write")) continue;
    throw new KernelArgumentError(
      `${kernel}: outputs names "${name}", which is not a read_write binding of the WGSL`,
      name,
    );
  }
  const passed = bindings.map((binding): CheckedArgument | null => {
    const value = args[binding.name];
    if (value !== undefined) {
      if (binding.role === "uniform") return { from: "uniform", binding, value };
      return checkStorage(kernel, binding, value);
    }
    if (Object.hasOwn(outputs, binding.name)) return null;
    const wanted = binding.role === "uniform" ? "a value" : arrayNameOf(binding.dtype);
    return refuse(kernel, binding, `it is missing, expected ${wanted}`);
  });
  // Sizes come last: their functions may rely on arguments that are there and right.
  return passed.map((argument, i) => {
    if (argument !== null) return argument;
    const binding = bindings[i]!;
    return checkOutput(kernel, binding, outputs[binding.name]!, args);
  });
}

/** Elements of a storage argument. */
function elementsOf(argument: CheckedArgument): number {
  const { binding } = argument;
  if (binding.role === "uniform") return 0;
  if (binding.type.kind === "array" && binding.fixedBytes !== null) return binding.type.count;
  if (binding.fixedBytes !== null) return 1;
  return (byteLengthOf(argument) - binding.headerBytes) / binding.stride;
}

/**
 * Workgroups in x, y, z for a call; a zero means that there is nothing to do.
 *
 * @throws {KernelArgumentError} When `threads` gives no whole numbers, or past 65,535 workgroups.
 */
export function workgroupsFor(
  kernel: string,
  { workgroupSize }: KernelInterface,
  rules: ArgumentRules,
  args: Readonly<Record<string, unknown>>,
  checked: readonly CheckedArgument[],
): readonly [number, number, number] {
  const threads = rules.threads === undefined
    ? Math.max(0, ...checked.map(elementsOf))
    : rules.threads(args as never);
  const list = typeof threads === "number" ? [threads, 1, 1] : threads;
  if (list.length !== 3 || !list.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    throw new KernelArgumentError(
      `${kernel}: threads must be a whole number or three of them, got ${JSON.stringify(threads)}`,
      "threads",
    );
  }
  const groups = list.map((n, i) => Math.ceil(n / workgroupSize[i]!));
  const over = groups.findIndex((n) => n > MAX_WORKGROUPS);
  if (over >= 0) {
    throw new KernelArgumentError(
      `${kernel}: ${list[over]} threads in ${"xyz"[over]} are ${groups[over]} workgroups of ` +
        `${
          workgroupSize[over]
        }, and WebGPU runs at most ${MAX_WORKGROUPS} in one dimension: give ` +
        "`threads` as [x, y, z], or use larger workgroups",
      "threads",
    );
  }
  return groups as unknown as readonly [number, number, number];
}

/**
 * Checks the size of a storage binding against the device's limit.
 *
 * @param name The device's name.
 * @throws {KernelArgumentError} When it is larger.
 */
export function checkLimits(
  kernel: string,
  argument: CheckedArgument,
  limits: GPUSupportedLimits,
  name: string,
): void {
  const bytes = byteLengthOf(argument);
  const uniform = argument.from === "uniform";
  const max = uniform
    ? Math.min(limits.maxUniformBufferBindingSize, MAX_UNIFORM_BYTES)
    : limits.maxStorageBufferBindingSize;
  if (roundUp(bytes, 4) <= max) return;
  refuse(
    kernel,
    argument.binding,
    `${formatBytes(bytes)} are past the ${formatBytes(max)} ` +
      `that "${name}" binds; split the data`,
  );
}
