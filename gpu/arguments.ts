/** Checks a call's arguments against what the WGSL binds. */

import { KernelArgumentError } from "../src/core/errors.ts";
import { formatBytes } from "./buffers.ts";
import type { ComputeLimits } from "./device_guard.ts";
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

/** WGSL counts invocations in 32 bits. */
const MAX_THREADS = 2 ** 32;

/** What WebGPU promises for one uniform, and what the lane's arena is made for. */
const MAX_UNIFORM_BYTES = 65_536;

/** What is bound to one storage binding, or the raw value for a uniform. */
export type CheckedArgument =
  | { readonly from: "array"; readonly binding: KernelBinding; readonly array: TypedArray }
  | { readonly from: "slot"; readonly binding: KernelBinding; readonly slot: GpuSlot }
  | {
    readonly from: "output" | "scratch";
    readonly binding: KernelBinding;
    readonly byteLength: number;
  }
  | { readonly from: "uniform"; readonly binding: KernelBinding; readonly value: unknown };

/** The part of a declaration that concerns arguments. */
export interface ArgumentRules {
  readonly outputs?: Readonly<Record<string, (args: never) => number>>;
  readonly scratch?: Readonly<Record<string, (args: never) => number>>;
}

/** What a call passes, by name. */
export type PassedArguments = Readonly<Record<string, unknown>>;

/** Workgroups in x, y and z. */
export type Workgroups = readonly [number, number, number];

/** Bytes of a storage argument. */
export function byteLengthOf(argument: CheckedArgument): number {
  switch (argument.from) {
    case "array":
      return argument.array.byteLength;
    case "slot":
      return argument.slot.byteLength;
    case "output":
    case "scratch":
      return argument.byteLength;
    case "uniform":
      return argument.binding.type.size;
    default:
      return argument satisfies never;
  }
}

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

/** What the declaration makes of a binding that is not passed. */
function checkSized(
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
  return { from, binding, byteLength };
}

/**
 * Checks what is passed, in the order of the bindings.
 *
 * @returns `null` for each binding that is not passed.
 * @throws {KernelArgumentError} For the first that is unknown, of the wrong kind or size.
 */
export function checkPassed(
  kernel: string,
  bindings: readonly KernelBinding[],
  rules: ArgumentRules,
  args: PassedArguments,
): (CheckedArgument | null)[] {
  for (const name of Object.keys(args)) {
    if (rules.scratch !== undefined && Object.hasOwn(rules.scratch, name)) {
      throw new KernelArgumentError(`${kernel}: "${name}" is scratch, not an argument`, name);
    }
    if (bindings.some((binding) => binding.name === name)) continue;
    const known = bindings.map((binding) => binding.name).join(", ") || "none";
    throw new KernelArgumentError(`${kernel}: there is no binding "${name}", only ${known}`, name);
  }
  for (const rule of ["outputs", "scratch"] as const) {
    for (const name of Object.keys(rules[rule] ?? {})) {
      if (bindings.some((b) => b.name === name && b.role === "storage-read-write")) continue;
      throw new KernelArgumentError(
        `${kernel}: ${rule} names "${name}", which is not a read_write binding of the WGSL`,
        name,
      );
    }
  }
  return bindings.map((binding) => {
    const value = args[binding.name];
    if (value === undefined) return null;
    if (binding.role === "uniform") return { from: "uniform", binding, value };
    return checkStorage(kernel, binding, value);
  });
}

/**
 * Sizes what is not passed, as far as the declaration does: after all checks of what is passed, as
 * the functions that size may rely on arguments that are there and right.
 *
 * @param needed Whether a call can go without a binding of this name.
 * @throws {KernelArgumentError} For the first that is needed and neither passed nor sized.
 */
export function checkRest(
  kernel: string,
  bindings: readonly KernelBinding[],
  rules: ArgumentRules,
  args: PassedArguments,
  passed: readonly (CheckedArgument | null)[],
  needed: (name: string) => boolean,
): CheckedArgument[] {
  const { outputs = {}, scratch = {} } = rules;
  bindings.forEach((binding, i) => {
    const { name } = binding;
    if (passed[i] !== null || Object.hasOwn(outputs, name) || Object.hasOwn(scratch, name)) return;
    const wanted = binding.role === "uniform" ? "a value" : arrayNameOf(binding.dtype);
    if (needed(name)) refuse(kernel, binding, `it is missing, expected ${wanted}`);
  });
  const checked: CheckedArgument[] = [];
  bindings.forEach((binding, i) => {
    const { name } = binding;
    const argument = passed[i] ?? null;
    const output = Object.hasOwn(outputs, name);
    if (argument !== null) checked.push(argument);
    else if (output) checked.push(checkSized(kernel, binding, "output", outputs[name]!, args));
    else if (Object.hasOwn(scratch, name)) {
      checked.push(checkSized(kernel, binding, "scratch", scratch[name]!, args));
    }
  });
  return checked;
}

/**
 * Checks all arguments of a kernel that needs all its bindings, in their order.
 *
 * @throws {KernelArgumentError} For the first that is missing, unknown, of the wrong kind or size.
 */
export function checkArguments(
  kernel: string,
  { bindings }: Pick<KernelInterface, "bindings">,
  rules: ArgumentRules,
  args: PassedArguments,
): CheckedArgument[] {
  const passed = checkPassed(kernel, bindings, rules, args);
  return checkRest(kernel, bindings, rules, args, passed, () => true);
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
