/** Checks a call's arguments against what the WGSL binds. */

import { KernelArgumentError } from "../src/core/gpu_errors.ts";
import { formatBytes } from "./buffers.ts";
import type { ComputeLimits } from "./device_guard.ts";
import type { Threads } from "./kernel_spec.ts";
import type { KernelBinding } from "./reflection.ts";
import { GpuSlot } from "./slot.ts";
import {
  arrayNameOf,
  bytesPerScalar,
  describeValue,
  dtypeOf,
  type TypedArray,
} from "./typed_array.ts";
import { roundUp, typeName } from "./wgsl_types.ts";

/** WGSL counts invocations in 32 bits. */
const MAX_THREADS = 2 ** 32;

/** What WebGPU promises for one uniform, and what the lane's arena is made for. */
const MAX_UNIFORM_BYTES = 65_536;

/** What stands for one binding in a call. */
interface Checked<From extends string, Value> {
  readonly from: From;
  readonly binding: KernelBinding;
  /** Bytes of the content. */
  readonly byteLength: number;
  /** What is passed; nothing for what the declaration sizes. */
  readonly value: Value;
}

/** What is bound to one storage binding, or the raw value for a uniform. All have the same fields: it is quick. */
export type CheckedArgument =
  | Checked<"array", TypedArray>
  | Checked<"slot", GpuSlot>
  | Checked<"output" | "scratch", null>
  | Checked<"uniform", unknown>;

/** Workgroups in x, y and z. */
export type Workgroups = readonly [number, number, number];

/** Says what is wrong with what a binding gets. */
export function refuse(kernel: string, { name, type }: KernelBinding, problem: string): never {
  throw new KernelArgumentError(
    `${kernel}: binding "${name}" is ${typeName(type)}: ${problem}`,
    name,
  );
}

/** Bytes that a storage binding covers: at least one element, as WebGPU has no empty bindings. */
export function boundBytes(binding: KernelBinding, byteLength: number): number {
  const { stride, headerBytes, fixedBytes } = binding;
  return roundUp(Math.max(byteLength, fixedBytes ?? headerBytes + stride, 4), 4);
}

/**
 * Bytes must be a whole number of elements, or exactly the binding's.
 *
 * @throws {KernelArgumentError} When they are not.
 */
export function checkBytes(kernel: string, binding: KernelBinding, byteLength: number): void {
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

/**
 * Checks what is passed to a storage binding.
 *
 * @throws {KernelArgumentError} When it is of the wrong kind or size.
 */
export function checkStorage(
  kernel: string,
  binding: KernelBinding,
  value: unknown,
): CheckedArgument {
  const { dtype } = binding;
  if (value instanceof GpuSlot) {
    if (value.dtype !== dtype) {
      refuse(kernel, binding, `expected a slot of ${dtype}, got one of ${value.dtype}`);
    }
    const { byteLength } = value;
    checkBytes(kernel, binding, byteLength);
    return { from: "slot", binding, byteLength, value };
  }
  if (dtypeOf(value) !== dtype) {
    refuse(kernel, binding, `expected ${arrayNameOf(dtype)}, got ${describeValue(value)}`);
  }
  const array = value as TypedArray;
  const { byteLength } = array;
  checkBytes(kernel, binding, byteLength);
  return { from: "array", binding, byteLength, value: array };
}

/**
 * What the declaration makes of a binding that is not passed.
 *
 * @throws {KernelArgumentError} When its rule gives no number of elements that fits.
 */
export function checkSized(
  kernel: string,
  binding: KernelBinding,
  from: "output" | "scratch",
  size: (args: never) => number,
  args: object,
): CheckedArgument {
  const elements = size(args as never);
  const rule = `${from === "output" ? "outputs" : from}.${binding.name}`;
  if (!Number.isSafeInteger(elements) || elements < 0) {
    refuse(kernel, binding, `${rule} must give a number of elements, got ${elements}`);
  }
  const { fixedBytes, headerBytes, stride } = binding;
  const byteLength = fixedBytes ?? headerBytes + elements * stride;
  if (fixedBytes !== null && binding.type.kind === "array" && elements !== binding.type.count) {
    refuse(kernel, binding, `${rule} must give ${binding.type.count}, got ${elements}`);
  }
  return { from, binding, byteLength, value: null };
}

/** Elements of `bytes` at a storage binding. */
export function elementsOf(binding: KernelBinding, bytes: number): number {
  if (binding.fixedBytes !== null) return binding.type.kind === "array" ? binding.type.count : 1;
  return (bytes - binding.headerBytes) / binding.stride;
}

function checkCounts(kernel: string, what: string, value: Threads): Workgroups {
  const list = typeof value === "number" ? [value, 1, 1] : value;
  if (list?.length === 3 && list.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    return list as Workgroups;
  }
  throw new KernelArgumentError(
    `${kernel}: ${what} must be a whole number or three of them, got ${JSON.stringify(value)}`,
    what,
  );
}

/**
 * Workgroups in x, y, z for a dispatch; a zero means that there is nothing to do.
 *
 * @param counts `threads` are rounded up to whole workgroups of `size`.
 * @throws {KernelArgumentError} When they are no whole numbers, or more than WGSL can count.
 */
export function workgroupsFor(
  kernel: string,
  size: Workgroups,
  counts: { readonly threads: Threads } | { readonly workgroups: Threads },
): Workgroups {
  const given = "threads" in counts
    ? checkCounts(kernel, "threads", counts.threads)
    : checkCounts(kernel, "workgroups", counts.workgroups);
  const groups = "threads" in counts ? given.map((n, i) => Math.ceil(n / size[i]!)) : given;
  const over = groups.findIndex((n, i) => n * size[i]! > MAX_THREADS);
  if (over < 0) return groups as unknown as Workgroups;
  const [what] = Object.keys(counts);
  throw new KernelArgumentError(
    `${kernel}: ${given[over]} ${what} in ${"xyz"[over]}, and WGSL counts no further than 2^32 ` +
      "invocations in one dimension",
    what,
  );
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
  limits: ComputeLimits,
  name: string,
): void {
  const bytes = argument.byteLength;
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
