/** What a pass binds: its entry point's bindings, and the arrays and uniforms that it sees there. */

import { KernelArgumentError } from "../src/core/gpu_errors.ts";
import type { ArgumentList, CallArguments } from "./argument_list.ts";
import { boundBytes, checkBytes, elementsOf, refuse } from "./arguments.ts";
import type { KernelPass } from "./kernel_spec.ts";
import { packUniform } from "./layout.ts";
import type { KernelBinding, KernelInterface, ReflectOptions } from "./reflection.ts";

/** An entry point with values for its overrides: what is compiled into one pipeline. */
export interface KernelVariant {
  readonly wgsl: string;
  /** As it was asked for; `undefined`: the only one. */
  readonly entry: string | undefined;
  readonly options: ReflectOptions;
  readonly interface: KernelInterface;
}

/** What one pass binds at one place. */
export type PassBinding =
  | {
    readonly at: KernelBinding;
    /** The array that it sees, by its place among the arguments. */
    readonly array: number;
    /** How much of the array's buffer, from its start. */
    readonly bytes: number;
  }
  | {
    readonly at: KernelBinding;
    /** The packed value of this pass, or the place of the call's own among the arguments. */
    readonly uniform: Uint8Array | number;
  };

/** A pass whose entry point is known, and what it has in the place of the call's arguments. */
export interface ResolvedPass {
  /** For messages: the kernel, and which of its passes. */
  readonly where: string;
  readonly pass: KernelPass;
  readonly variant: KernelVariant;
}

/** The names of the arrays and uniforms that these passes need. */
export function needs(passes: readonly ResolvedPass[]): Set<string> {
  const names = new Set<string>();
  for (const { pass: { uniforms = {}, bind = {} }, variant } of passes) {
    for (const { name } of variant.interface.bindings) {
      if (!Object.hasOwn(uniforms, name)) names.add(bind[name] ?? name);
    }
  }
  return names;
}

/** What `uniforms` and `bind` name must be bindings of the entry point, of the right kind. */
export function checkNames(where: string, pass: KernelPass, { bindings }: KernelInterface): void {
  for (const [rule, uniform] of [["uniforms", true], ["bind", false]] as const) {
    for (const name of Object.keys(pass[rule] ?? {})) {
      if (bindings.some((b) => b.name === name && (b.role === "uniform") === uniform)) continue;
      const kind = uniform ? "uniform" : "storage";
      const known = bindings.filter((b) => (b.role === "uniform") === uniform)
        .map((b) => b.name).join(", ") || "none";
      throw new KernelArgumentError(
        `${where}: ${rule} names "${name}", which is no ${kind} binding of it, only ${known}`,
        name,
      );
    }
  }
}

/**
 * Finds what a pass sees at each binding of its entry point.
 *
 * @throws {KernelArgumentError} When an array does not fit its place.
 */
export function bindPass(
  { where, pass, variant }: ResolvedPass,
  list: ArgumentList,
  checked: CallArguments,
): PassBinding[] {
  const bindings = variant.interface.bindings.map((at) =>
    bindingOf(where, pass, at, list, checked)
  );
  checkAliases(where, bindings, list);
  return bindings;
}

function bindingOf(
  where: string,
  pass: KernelPass,
  at: KernelBinding,
  list: ArgumentList,
  checked: CallArguments,
): PassBinding {
  if (at.role === "uniform") {
    const given = pass.uniforms !== undefined && Object.hasOwn(pass.uniforms, at.name);
    return {
      at,
      uniform: given
        ? packUniform(where, at.name, at.type, pass.uniforms[at.name])
        : list.indexOf(at.name)!,
    };
  }
  const name = pass.bind?.[at.name] ?? at.name;
  const array = list.indexOf(name);
  const argument = array === undefined ? null : checked[array]!;
  if (argument === null || argument.from === "uniform") {
    return refuse(where, at, `bind names "${name}", which is no array of the call`);
  }
  const { byteLength } = argument;
  if (name !== at.name) {
    const { dtype, role } = argument.binding;
    if (dtype !== at.dtype) {
      refuse(where, at, `bind names "${name}", which holds ${dtype}, not ${at.dtype}`);
    }
    if (role === "storage-read" && at.role === "storage-read-write") {
      refuse(where, at, `bind names "${name}", which the WGSL declares as read, to be written`);
    }
    checkBytes(where, at, byteLength);
  }
  return { at, array: array!, bytes: boundBytes(at, byteLength) };
}

/** WebGPU refuses a dispatch that sees a buffer both as read and as read_write, or twice as the latter. */
function checkAliases(
  where: string,
  bindings: readonly PassBinding[],
  list: ArgumentList,
): void {
  const seen = new Map<number, KernelBinding>();
  for (const binding of bindings) {
    if (!("array" in binding)) continue;
    const { array, at } = binding;
    const other = seen.get(array);
    seen.set(array, at);
    if (other === undefined) continue;
    if (at.role === "storage-read" && other.role === "storage-read") continue;
    const { name } = list.bindings[array]!;
    refuse(where, at, `"${name}" is at "${other.name}" too, and one of them writes`);
  }
}

/** The number of elements of the longest array that is bound. */
export function longest(bindings: readonly PassBinding[], checked: CallArguments): number {
  let most = 0;
  for (const binding of bindings) {
    if (!("array" in binding)) continue;
    most = Math.max(most, elementsOf(binding.at, checked[binding.array]!.byteLength));
  }
  return most;
}
