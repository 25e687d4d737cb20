// deno-lint-ignore-file no-console -- the interpreter complains there, and nowhere else
/** Looks for data races inside one workgroup, by running it step by step on the CPU. */

// @ts-types="wgsl_reflect"
import { detectRaces } from "wgsl_reflect/wgsl_reflect.module.js";
import type { Overrides } from "./kernel_spec.ts";
import type { KernelInterface } from "./reflection.ts";
import { prepareSource } from "./wgsl_source.ts";

/** What was found out about one entry point. */
export type RaceReport =
  | { readonly checked: true; readonly races: readonly string[] }
  | { readonly checked: false; readonly reason: string };

/**
 * Runs the first workgroup on made-up data: arrays of zeroes, integers of uniforms as large as the
 * workgroup. Finds missing barriers on the ways that such data takes; not races between workgroups.
 *
 * wgsl_reflect's interpreter does not know all of WGSL. What it cannot run is not checked.
 */
export function findRaces(wgsl: string, kernel: KernelInterface, overrides: Overrides): RaceReport {
  const threads = kernel.workgroupSize.reduce((a, b) => a * b);
  const short = attempt(wgsl, kernel, overrides, threads);
  if (short.checked || !/array length/.test(short.reason)) return short;
  // It read past the end of an array, as kernels do that take rows of a matrix, say.
  return attempt(wgsl, kernel, overrides, threads * threads);
}

function attempt(
  wgsl: string,
  kernel: KernelInterface,
  overrides: Overrides,
  elements: number,
): RaceReport {
  const groups: Record<string, Record<string, ArrayBuffer>> = {};
  for (const { group, binding, role, fixedBytes, headerBytes, stride } of kernel.bindings) {
    const buffer = new ArrayBuffer(fixedBytes ?? headerBytes + stride * elements);
    if (role === "uniform") {
      new Uint32Array(buffer, 0, Math.floor(buffer.byteLength / 4))
        .fill(kernel.workgroupSize.reduce((a, b) => a * b));
    }
    (groups[group] ??= {})[binding] = buffer;
  }
  const code = prepareSource(wgsl, kernel.enables).compilable
    .replace(/\bconst_assert\b[^;]*;|\bdiagnostic\s*\([^;]*;/g, "");
  const constants = Object.fromEntries(
    Object.entries(overrides).map(([name, value]) => [name, Number(value)]),
  );
  const complaints: string[] = [];
  // The interpreter says on the console, and nowhere else, what it does not know.
  const { error } = console;
  console.error = (...parts) => complaints.push(parts.map(String).join(" "));
  try {
    const { races, errors } = detectRaces(code, kernel.entry, [1, 1, 1], groups, { constants });
    const [reason] = [...complaints, ...errors];
    if (reason !== undefined) {
      return { checked: false, reason: `the interpreter stopped: ${reason.split("\n")[0]}` };
    }
    const places = new Map(races.map(({ bufferId, a, b }) => {
      const lines = [a, b].map(({ kind, line }) => `${kind} in line ${line}`).join(", ");
      return [lines, `"${bufferId}": ${lines}, with no barrier between two invocations`];
    }));
    return { checked: true, races: [...places.values()] };
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    return { checked: false, reason: `the interpreter stopped: ${message}` };
  } finally {
    console.error = error;
  }
}
