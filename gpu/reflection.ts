/** What a kernel takes and gives, read from its WGSL. */

// The module's main file is CommonJS under "type": "module" and cannot be loaded; its types can.
// @ts-types="wgsl_reflect"
import { ResourceType, type VariableInfo, WgslReflect } from "wgsl_reflect/wgsl_reflect.module.js";
import { KernelCompileError } from "../src/core/gpu_errors.ts";
import type { Overrides } from "./kernel_spec.ts";
import type { Dtype } from "./typed_array.ts";
import { dtypeOfType, layoutOf, type WgslType } from "./wgsl_types.ts";
import { type OverrideDeclaration, prepareSource } from "./wgsl_source.ts";

/** How the shader uses a binding. */
export type BindingRole = "storage-read" | "storage-read-write" | "uniform";

/** One buffer that a kernel binds. */
export interface KernelBinding {
  /** The variable's name in the WGSL; arguments and results use it. */
  readonly name: string;
  readonly group: number;
  readonly binding: number;
  readonly role: BindingRole;
  readonly type: WgslType;
  /** The scalar type of all its numbers, or `bytes` when its structs mix several. */
  readonly dtype: Dtype;
  /** Bytes of one element of a run-time sized array (`array<vec3f>`: 16), else of the whole. */
  readonly stride: number;
  /** Bytes before the run-time sized array; 0 unless a struct ends in one. */
  readonly headerBytes: number;
  /** All bytes of a binding of fixed size; `null` when it is sized at run time. */
  readonly fixedBytes: number | null;
}

/** A compute entry point and everything it binds. */
export interface KernelInterface {
  readonly entry: string;
  /** Invocations of one workgroup in x, y, z; overrides that are not given have their defaults. */
  readonly workgroupSize: readonly [number, number, number];
  /** In the order of group and binding. */
  readonly bindings: readonly KernelBinding[];
  /** Names of the module's compute entry points. */
  readonly entries: readonly string[];
  /** Language extensions that the module enables, for example `f16`. */
  readonly enables: readonly string[];
  /** The module's overrides. */
  readonly overrides: readonly OverrideDeclaration[];
}

/** What to read of a kernel. */
export interface ReflectOptions {
  /** Values for the module's overrides. @default those of the WGSL */
  readonly overrides?: Overrides;
  /** Whether buffers that the entry point does not use are left out. @default if there are several */
  readonly onlyUsed?: boolean;
}

/** Everything that a module declares for its compute entry points. */
export interface ModuleInterface {
  /** Names of the compute entry points. */
  readonly entries: readonly string[];
  /** The buffers that any of them may bind, in the order of group and binding. */
  readonly bindings: readonly KernelBinding[];
  /** Its overrides. */
  readonly overrides: readonly OverrideDeclaration[];
}

/** WebGPU promises four bind groups everywhere. */
const MAX_GROUPS = 4;

function parse(source: string): WgslReflect {
  try {
    return new WgslReflect(source);
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    const line = Number(/Line:\s*(\d+)/.exec(text)?.[1] ?? 0);
    const message = text.replace(/\.?\s*Line:\s*\d+/, "");
    const where = line > 0 ? ` in line ${line}` : "";
    throw new KernelCompileError(
      `WGSL does not parse${where}: ${message}`,
      [{ line, column: 0, message }],
      { cause },
    );
  }
}

function fail(message: string): never {
  throw new KernelCompileError(message, [{ line: 0, column: 0, message }]);
}

function bindingOf(variable: VariableInfo): KernelBinding {
  const { name, group, binding, access, resourceType } = variable;
  const where = `binding "${name}"`;
  if (resourceType !== ResourceType.Storage && resourceType !== ResourceType.Uniform) {
    return fail(`${where} is a texture or sampler; kernels bind buffers only`);
  }
  const attributes = variable.attributes?.map((attribute) => attribute.name) ?? [];
  if (!attributes.includes("group") || !attributes.includes("binding")) {
    return fail(`${where} needs both @group and @binding`);
  }
  if (!(group < MAX_GROUPS)) return fail(`${where} is in group ${group}; groups are 0 to 3`);
  let type: WgslType;
  try {
    type = layoutOf(variable.type);
  } catch (cause) {
    return fail(`${where}: ${(cause as Error).message}`);
  }
  const role = resourceType === ResourceType.Uniform
    ? "uniform"
    : access === "read_write"
    ? "storage-read-write"
    : "storage-read";
  return { name, group, binding, role, type, dtype: dtypeOfType(type), ...extentOf(type) };
}

function extentOf(type: WgslType): Pick<KernelBinding, "stride" | "headerBytes" | "fixedBytes"> {
  if (type.kind === "array" && type.count === 0) {
    return { stride: type.stride, headerBytes: 0, fixedBytes: null };
  }
  const last = type.kind === "struct" ? type.fields.at(-1) : undefined;
  if (last?.type.kind === "array" && last.type.count === 0) {
    return { stride: last.type.stride, headerBytes: last.offset, fixedBytes: null };
  }
  return { stride: type.size, headerBytes: 0, fixedBytes: type.size };
}

/** Names that a function uses, through the functions it calls too. */
function reachable(uses: ReadonlyMap<string, ReadonlySet<string>>, entry: string): Set<string> {
  const found = new Set([entry]);
  for (const name of found) for (const used of uses.get(name) ?? []) found.add(used);
  return found;
}

/** A module's declarations and its compute entry points. */
function reflect(wgsl: string, overrides: Overrides) {
  const prepared = prepareSource(wgsl, [], overrides);
  const module = parse(prepared.reflectable);
  const { compute } = module.entry;
  if (compute.length === 0) fail("the WGSL has no @compute entry point");
  for (const [name, value] of Object.entries(overrides)) {
    if (typeof value !== "boolean" && !Number.isFinite(value)) {
      fail(`override "${name}": expected a finite number or a boolean, got ${String(value)}`);
    }
    if (prepared.overrides.some((one) => one.name === name)) continue;
    const known = prepared.overrides.map((one) => one.name).join(", ") || "none";
    fail(`the WGSL has no override "${name}", only ${known}`);
  }
  const all = [...module.storage, ...module.uniforms, ...module.textures, ...module.samplers];
  return { ...prepared, compute, entries: compute.map(({ name }) => name), all };
}

function bindingsOf(variables: readonly VariableInfo[]): KernelBinding[] {
  return variables.map(bindingOf).sort((a, b) => a.group - b.group || a.binding - b.binding);
}

/**
 * Reads all that a module declares. Two bindings may share a place: no entry point may use both.
 *
 * @param wgsl The module's text.
 * @param overrides Values for its overrides.
 * @throws {KernelCompileError} When its declarations do not parse, it has no compute entry point, or
 * it binds anything but buffers.
 */
export function reflectModule(wgsl: string, overrides: Overrides = {}): ModuleInterface {
  const module = reflect(wgsl, overrides);
  return { entries: module.entries, bindings: bindingsOf(module.all), overrides: module.overrides };
}

/**
 * Reads a kernel's interface from its WGSL. What functions do inside is for the compiler to check.
 * Takes about 0.4 ms for a small shader and keeps nothing: call it once per source.
 *
 * A module with one compute entry point binds all buffers that it declares; with several, each binds
 * those that it uses itself or through the functions it calls.
 *
 * @param wgsl The module's text.
 * @param entry The compute entry point. @default the only one
 * @throws {KernelCompileError} When its declarations do not parse, it has no such compute entry point
 * or several and none was chosen, or it binds anything but buffers.
 */
export function reflectKernel(
  wgsl: string,
  entry?: string,
  options: ReflectOptions = {},
): KernelInterface {
  const module = reflect(wgsl, options.overrides ?? {});
  const { compute, entries, all, uses, enables, overrides, unsized } = module;
  if (entry === undefined && entries.length > 1) {
    fail(
      `the WGSL has several compute entry points (${entries.join(", ")}): choose one by \`entry\``,
    );
  }
  const chosen = entry === undefined ? compute[0]! : compute.find((fn) => fn.name === entry);
  if (chosen === undefined) {
    return fail(`the WGSL has no compute entry point "${entry}", only ${entries.join(", ")}`);
  }
  const problem = unsized.get(chosen.name);
  if (problem !== undefined) throw problem;
  const names = reachable(uses, chosen.name);
  const onlyUsed = options.onlyUsed ?? entries.length > 1;
  const bindings = bindingsOf(onlyUsed ? all.filter(({ name }) => names.has(name)) : all);
  bindings.forEach((b, i) => {
    const next = bindings[i + 1];
    if (next !== undefined && next.group === b.group && next.binding === b.binding) {
      fail(`bindings "${b.name}" and "${next.name}" share group ${b.group}, binding ${b.binding}`);
    }
  });
  const [x = 1, y = 1, z = 1] = chosen.workgroupSize ?? [];
  const workgroupSize = [x, y, z] as const;
  if (workgroupSize.some((n) => n < 1)) {
    fail(`the workgroups of "${chosen.name}" are ${workgroupSize.join(" x ")} invocations`);
  }
  return { entry: chosen.name, workgroupSize, bindings, entries, enables, overrides };
}
