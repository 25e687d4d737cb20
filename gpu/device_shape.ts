/** What calls of one shape have in common on one device: found out once, not for each call. */

import { KernelArgumentError } from "../src/core/gpu_errors.ts";
import { ARENA_BYTES } from "./arena.ts";
import type { ArgumentList } from "./argument_list.ts";
import { boundBytes, checkLimits, type Workgroups } from "./arguments.ts";
import type { BoundEntry } from "./bind_groups.ts";
import { formatBytes } from "./buffers.ts";
import type { GpuHandle } from "./device.ts";
import type { CallPlan, CallShape } from "./kernel_plan.ts";
import type { KernelVariant, PassBinding } from "./pass_bindings.ts";
import type { Program } from "./program.ts";
import { roundUp } from "./wgsl_types.ts";

/** What a bind group gets at one place, by places among the arguments. */
export interface ShapeEntry extends BoundEntry {
  /** The packed value of the pass, or the place of the call's own among the arguments. */
  readonly uniform: Uint8Array | number;
}

/** One dispatch of every call. */
export interface ShapePass {
  readonly variant: KernelVariant;
  readonly workgroups: Workgroups;
  /** By group, from 0 to the highest used, what it binds. */
  readonly groups: readonly (readonly ShapeEntry[])[];
  /** `null` until it is compiled. */
  program: Program | null;
}

/** Calls of one shape on one device. */
export class DeviceShape {
  readonly shape: CallShape;
  readonly passes: readonly ShapePass[];
  /** Bytes of each array that all its bindings together cover; 0 of uniforms. */
  readonly covered: readonly number[];
  /** Places of the uniforms of the call that its passes use. */
  readonly uniforms: readonly number[];
  /** Packed values that passes have of their own, each once. */
  readonly constants: readonly Uint8Array[];
  /** Bytes that all of them take in the lane's arena. */
  readonly uniformBytes: number;
  /** All invocations of a call. */
  readonly invocations: number;
  /** One for each argument: to copy a list is quicker than to fill one. */
  readonly none: readonly null[];

  /** @throws {KernelArgumentError} When an argument is larger than the device binds. */
  constructor(gpu: GpuHandle, kernel: string, list: ArgumentList, { checked, shape }: CallPlan) {
    const { guard, lane: { arena } } = gpu;
    for (const argument of checked) {
      if (argument !== null) checkLimits(kernel, argument, guard.limits, guard.name);
    }
    this.shape = shape;
    this.none = checked.map(() => null);
    const covered = checked.map((argument) =>
      argument === null || argument.from === "uniform"
        ? 0
        : boundBytes(argument.binding, argument.byteLength)
    );
    const uniforms = new Set<number>();
    const constants = new Set<Uint8Array>();
    let invocations = 0;
    for (const { variant, workgroups: [x, y, z], bindings } of shape.passes) {
      for (const one of bindings) {
        if ("array" in one) covered[one.array] = Math.max(covered[one.array]!, one.bytes);
        else if (typeof one.uniform === "number") uniforms.add(one.uniform);
        else constants.add(one.uniform);
      }
      const [width, height, depth] = variant.interface.workgroupSize;
      invocations += x * y * z * width * height * depth;
    }
    this.covered = covered;
    this.uniforms = [...uniforms];
    this.constants = [...constants];
    this.invocations = invocations;
    this.uniformBytes =
      this.uniforms.reduce((sum, i) => sum + arena.footprint(uniformBytes(i, list)), 0) +
      this.constants.reduce((sum, value) => sum + arena.footprint(value.byteLength), 0);
    if (this.uniformBytes > ARENA_BYTES) {
      throw new KernelArgumentError(
        `${kernel}: the uniforms of ${shape.passes.length} dispatches take ` +
          `${formatBytes(this.uniformBytes)}, and one call may have ${formatBytes(ARENA_BYTES)}`,
        "passes",
      );
    }
    this.passes = shape.passes.map(({ variant, workgroups, bindings }) => (
      { variant, workgroups, groups: groupsOf(bindings, list), program: null }
    ));
  }

  /** Whether all its passes have their programs. */
  get isCompiled(): boolean {
    for (const { program } of this.passes) if (program === null) return false;
    return true;
  }
}

function groupsOf(bindings: readonly PassBinding[], list: ArgumentList): ShapeEntry[][] {
  const groups: ShapeEntry[][] = [];
  for (const one of bindings) {
    const { group, binding } = one.at;
    while (groups.length <= group) groups.push([]);
    const entry = "array" in one
      ? { binding, bytes: one.bytes, array: one.array, uniform: -1 }
      : { binding, bytes: uniformBytes(one.uniform, list), array: -1, uniform: one.uniform };
    groups[group]!.push(entry);
  }
  return groups;
}

function uniformBytes(uniform: Uint8Array | number, list: ArgumentList): number {
  const bytes = typeof uniform === "number"
    ? list.bindings[uniform]!.type.size
    : uniform.byteLength;
  return roundUp(bytes, 16);
}
