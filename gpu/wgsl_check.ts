/** What `deno task wgsl:check` says of a module. */

import { DramatisError } from "../src/core/errors.ts";
import type { GpuHandle } from "./device.ts";
import type { Overrides } from "./kernel_spec.ts";
import { named } from "./program.ts";
import { findRaces, type RaceReport } from "./race_check.ts";
import { type KernelInterface, reflectKernel, reflectModule } from "./reflection.ts";
import { typeName } from "./wgsl_types.ts";

/** What to check. */
export interface CheckOptions {
  /** For messages. */
  readonly name: string;
  readonly wgsl: string;
  readonly overrides: Overrides;
  /** Whose compiler checks it; `null`: only its declarations are read. */
  readonly gpu: GpuHandle | null;
  /** How many statements to run in search of races. @default 1,000,000 */
  readonly raceSteps?: number;
}

/** One line of a report. Errors are what keeps a kernel from working. */
export interface Finding {
  readonly level: "info" | "warning" | "error";
  readonly text: string;
}

/**
 * Compiles a module and each of its entry points, says what they bind, and looks for bindings that
 * nothing uses and for races inside a workgroup.
 */
export async function checkWgsl(options: CheckOptions): Promise<Finding[]> {
  const { name, wgsl, overrides, gpu } = options;
  const findings: Finding[] = [];
  const say = (level: Finding["level"], text: string) => findings.push({ level, text });
  if (gpu === null) say("warning", "not compiled: this machine has no WebGPU adapter");
  try {
    await gpu?.programs.compile(name, wgsl);
    const module = reflectModule(wgsl, overrides);
    const used = new Set<string>();
    for (const entry of module.entries) {
      const kernel = await checkEntry(options, entry, say);
      for (const binding of kernel?.bindings ?? []) used.add(binding.name);
    }
    for (const binding of module.bindings) {
      if (used.has(binding.name)) continue;
      say("warning", `binding "${binding.name}" is used by no entry point, unless passes bind it`);
    }
  } catch (error) {
    say("error", messageOf(options, error));
  }
  return findings;
}

async function checkEntry(
  options: CheckOptions,
  entry: string,
  say: (level: Finding["level"], text: string) => void,
): Promise<KernelInterface | null> {
  const { name, wgsl, overrides, gpu } = options;
  try {
    const settings = { overrides, onlyUsed: true };
    const kernel = reflectKernel(wgsl, entry, settings);
    await gpu?.programs.get(name, wgsl, entry, settings);
    const where = gpu === null ? "" : `compiles on ${gpu.description.name}, `;
    say("info", `${entry}: ${where}workgroups of ${kernel.workgroupSize.join(" x ")}`);
    for (const { name, group, binding, role, type } of kernel.bindings) {
      say("info", `  ${group}.${binding} ${name}: ${role} ${typeName(type)}`);
    }
    sayRaces(entry, findRaces(wgsl, kernel, overrides, options.raceSteps), say);
    return kernel;
  } catch (error) {
    say("error", messageOf(options, error));
    return null;
  }
}

function sayRaces(
  entry: string,
  report: RaceReport,
  say: (level: Finding["level"], text: string) => void,
): void {
  if (!report.checked) {
    return say("warning", `${entry}: not checked for races: ${report.reason}`);
  }
  for (const race of report.races) say("error", `${entry}: race on ${race}`);
  if (report.races.length === 0) say("info", `${entry}: no races inside a workgroup`);
  if (report.limit !== null) say("warning", `${entry}: checked for races ${report.limit}`);
}

function messageOf({ name, wgsl }: CheckOptions, error: unknown): string {
  const known = named(name, wgsl, error);
  if (known instanceof DramatisError) return known.message;
  throw error;
}
