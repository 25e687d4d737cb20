/** What a kernel takes and gives, read from its WGSL. */

// The module's main file is CommonJS under "type": "module" and cannot be loaded; its types can.
// @ts-types="wgsl_reflect"
import { ResourceType, type VariableInfo, WgslReflect } from "wgsl_reflect/wgsl_reflect.module.js";
import { KernelCompileError } from "../src/core/errors.ts";
import type { Dtype } from "./typed_array.ts";
import { dtypeOfType, layoutOf, type WgslType } from "./wgsl_types.ts";
import { prepareSource } from "./wgsl_source.ts";

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
  /** Invocations of one workgroup in x, y, z; overrides have their defaults. */
  readonly workgroupSize: readonly [number, number, number];
  /** In the order of group and binding. */
  readonly bindings: readonly KernelBinding[];
  /** Names of the module's compute entry points. */
  readonly entries: readonly string[];
  /** Language extensions that the module enables, for example `f16`. */
  readonly enables: readonly string[];
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
export function reflectKernel(wgsl: string, entry?: string): KernelInterface {
  const { reflectable, uses, enables } = prepareSource(wgsl);
  const module = parse(reflectable);
  const compute = module.entry.compute;
  const entries = compute.map((fn) => fn.name);
  if (entries.length === 0) fail("the WGSL has no @compute entry point");
  if (entry === undefined && entries.length > 1) {
    fail(
      `the WGSL has several compute entry points (${entries.join(", ")}): choose one by \`entry\``,
    );
  }
  const chosen = entry === undefined ? compute[0]! : compute.find((fn) => fn.name === entry);
  if (chosen === undefined) {
    return fail(`the WGSL has no compute entry point "${entry}", only ${entries.join(", ")}`);
  }
  const all = [...module.storage, ...module.uniforms, ...module.textures, ...module.samplers];
  const names = reachable(uses, chosen.name);
  const used = entries.length === 1 ? all : all.filter(({ name }) => names.has(name));
  const bindings = used.map(bindingOf).sort((a, b) => a.group - b.group || a.binding - b.binding);
  bindings.forEach((b, i) => {
    const next = bindings[i + 1];
    if (next !== undefined && next.group === b.group && next.binding === b.binding) {
      fail(`bindings "${b.name}" and "${next.name}" share group ${b.group}, binding ${b.binding}`);
    }
  });
  const [x = 1, y = 1, z = 1] = chosen.workgroupSize ?? [];
  return { entry: chosen.name, workgroupSize: [x, y, z], bindings, entries, enables };
}
