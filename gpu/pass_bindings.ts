/** What a pass binds: its entry point's bindings, and the arrays and uniforms that it sees there. */

import { KernelArgumentError } from "../src/core/errors.ts";
import {
  boundBytes,
  byteLengthOf,
  checkBytes,
  type CheckedArgument,
  elementsOf,
  refuse,
} from "./arguments.ts";
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
    /** The name of the array that it sees. */
    readonly array: string;
    /** How much of the array's buffer, from its start. */
    readonly bytes: number;
  }
  | {
    readonly at: KernelBinding;
    /** The packed value of this pass; `null`: the call's own. */
    readonly uniform: Uint8Array | null;
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
  checked: readonly CheckedArgument[],
): PassBinding[] {
  const bindings = variant.interface.bindings.map((at) => bindingOf(where, pass, at, checked));
  checkAliases(where, bindings);
  return bindings;
}

function bindingOf(
  where: string,
  pass: KernelPass,
  at: KernelBinding,
  checked: readonly CheckedArgument[],
): PassBinding {
  if (at.role === "uniform") {
    const given = pass.uniforms !== undefined && Object.hasOwn(pass.uniforms, at.name);
    return {
      at,
      uniform: given ? packUniform(where, at.name, at.type, pass.uniforms[at.name]) : null,
    };
  }
  const array = pass.bind?.[at.name] ?? at.name;
  const argument = checked.find(({ binding }) => binding.name === array);
  if (argument === undefined || argument.from === "uniform") {
    return refuse(where, at, `bind names "${array}", which is no array of the call`);
  }
  const byteLength = byteLengthOf(argument);
  if (array !== at.name) {
    const { dtype, role } = argument.binding;
    if (dtype !== at.dtype) {
      refuse(where, at, `bind names "${array}", which holds ${dtype}, not ${at.dtype}`);
    }
    if (role === "storage-read" && at.role === "storage-read-write") {
      refuse(where, at, `bind names "${array}", which the WGSL declares as read, to be written`);
    }
    checkBytes(where, at, byteLength);
  }
  return { at, array, bytes: boundBytes(at, byteLength) };
}

/** WebGPU refuses a dispatch that sees a buffer both as read and as read_write, or twice as the latter. */
function checkAliases(where: string, bindings: readonly PassBinding[]): void {
  const seen = new Map<string, KernelBinding>();
  for (const binding of bindings) {
    if (!("array" in binding)) continue;
    const { array, at } = binding;
    const other = seen.get(array);
    seen.set(array, at);
    if (other === undefined) continue;
    if (at.role === "storage-read" && other.role === "storage-read") continue;
    refuse(where, at, `"${array}" is at "${other.name}" too, and one of them writes`);
  }
}

/** The number of elements of the longest array that is bound. */
export function longest(
  bindings: readonly PassBinding[],
  checked: readonly CheckedArgument[],
): number {
  let most = 0;
  for (const binding of bindings) {
    if (!("array" in binding)) continue;
    const argument = checked.find((one) => one.binding.name === binding.array)!;
    most = Math.max(most, elementsOf(binding.at, byteLengthOf(argument)));
  }
  return most;
}
