// deno-lint-ignore-file no-console -- the interpreter complains there, and nowhere else
/** Looks for data races inside one workgroup, by running it step by step on the CPU. */

// @ts-types="wgsl_reflect"
import { detectRaces, WorkgroupScheduler } from "wgsl_reflect/wgsl_reflect.module.js";
import type { Overrides } from "./kernel_spec.ts";
import type { KernelInterface } from "./reflection.ts";
import { prepareSource } from "./wgsl_source.ts";

/** What was found out about one entry point. */
export type RaceReport =
  | {
    readonly checked: true;
    readonly races: readonly string[];
    /** What it was not checked with, for people; `null` if nothing was left out. */
    readonly limit: string | null;
  }
  | { readonly checked: false; readonly reason: string };

/** How far to look by default: statements of all invocations together, which take some seconds. */
const STEPS = 1_000_000;

/** The content of the bindings, by group and binding. */
type Groups = Record<string, Record<string, ArrayBuffer>>;

/** The values of overrides. */
type Constants = Readonly<Record<string, number>>;

/** Enough for a loop that has a first round, a last one and others. */
const SMALL = 4;

/** The integers of uniforms: the same everywhere, but of one binding zero and that in turn: from, up to. */
interface Integers {
  readonly value: number;
  /** The binding with ranges, if there is one. */
  readonly ranges: string | null;
}

/**
 * Runs the first workgroup on made-up data: arrays of zeroes, integers of uniforms first small, then as
 * large as the workgroup. Finds missing barriers on the ways that such data takes; not races between
 * workgroups. What takes too long is given up, which the report says.
 *
 * wgsl_reflect's interpreter does not know all of WGSL. What it cannot run is not checked.
 *
 * @param steps Of a run: the most statements of all invocations together.
 */
export function findRaces(
  wgsl: string,
  kernel: KernelInterface,
  overrides: Overrides,
  steps: number = STEPS,
): RaceReport {
  const threads = kernel.workgroupSize.reduce((a, b) => a * b);
  const uniforms = kernel.bindings.filter(({ role }) => role === "uniform");
  const ranges = [null, ...uniforms.map(({ name }) => name)];
  const small = attempts(wgsl, kernel, overrides, SMALL, ranges, steps);
  if (uniforms.length === 0 || threads <= SMALL) return small;
  const large = attempts(wgsl, kernel, overrides, threads, [null], steps);
  if (!small.checked) return large;
  if (!large.checked) {
    const limit = `with integers of ${SMALL} in uniforms, not of ${threads}: ${large.reason}`;
    return { ...small, limit };
  }
  return { checked: true, races: [...new Set([...small.races, ...large.races])], limit: null };
}

/** Runs it with integers in uniforms, as ranges in each of some bindings. */
function attempts(
  wgsl: string,
  kernel: KernelInterface,
  overrides: Overrides,
  value: number,
  ranges: readonly (string | null)[],
  steps: number,
): RaceReport {
  const code = prepareSource(wgsl, kernel.enables).compilable
    .replace(/\bconst_assert\b[^;]*;|\bdiagnostic\s*\([^;]*;/g, "");
  const constants = Object.fromEntries(
    Object.entries(overrides).map(([name, value]) => [name, Number(value)]),
  );
  const races = new Set<string>();
  for (const binding of ranges) {
    const integers = { value, ranges: binding };
    const outcome = attempt(kernel, code, constants, integers, steps);
    const { problem } = outcome;
    // Ranges do not make sense in every binding: what they lead to does, as far as it goes.
    if (binding === null && problem !== null) return { checked: false, reason: problem };
    for (const race of outcome.races) races.add(race);
  }
  return { checked: true, races: [...races], limit: null };
}

/** Runs it on made-up data. */
function attempt(
  kernel: KernelInterface,
  code: string,
  constants: Constants,
  integers: Integers,
  steps: number,
): Outcome {
  const threads = kernel.workgroupSize.reduce((a, b) => a * b);
  const run = (elements: number) => {
    const groups = contentOf(kernel, elements, integers);
    return runSteps(steps, { code, entry: kernel.entry, groups, constants });
  };
  const outcome = run(threads);
  if (!/array length/.test(outcome.problem ?? "")) return outcome;
  // It read past the end of an array, as kernels do that take rows of a matrix, say.
  return run(threads * threads);
}

/** Made-up data for all bindings. */
function contentOf(
  kernel: KernelInterface,
  elements: number,
  { value, ranges }: Integers,
): Groups {
  const groups: Groups = {};
  for (const { name, group, binding, role, fixedBytes, headerBytes, stride } of kernel.bindings) {
    const buffer = new ArrayBuffer(fixedBytes ?? headerBytes + stride * elements);
    if (role === "uniform") {
      const words = new Uint32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
      for (let i = 0; i < words.length; i++) words[i] = name === ranges && i % 2 === 0 ? 0 : value;
    }
    (groups[group] ??= {})[binding] = buffer;
  }
  return groups;
}

/** One run. */
interface Run {
  readonly code: string;
  readonly entry: string;
  readonly groups: Groups;
  readonly constants: Constants;
}

/** What came of a run. */
interface Outcome {
  readonly races: readonly string[];
  /** Why it went no further. */
  readonly problem: string | null;
}

/** Runs one workgroup, statement by statement: no more of them than so many. */
function runSteps(steps: number, { code, entry, groups, constants }: Run): Outcome {
  const complaints: string[] = [];
  // The interpreter says on the console, and nowhere else, what it does not know, and takes no limit.
  const { error } = console;
  const { run } = WorkgroupScheduler.prototype;
  console.error = (...parts) => complaints.push(parts.map(String).join(" "));
  WorkgroupScheduler.prototype.run = function () {
    this.stepBudget = steps;
    run.call(this);
  };
  try {
    const { races, errors } = detectRaces(code, entry, [1, 1, 1], groups, { constants });
    const places = new Map(races.map(({ bufferId, a, b }) => {
      const lines = [a, b].map(({ kind, line }) => `${kind} in line ${line}`).join(", ");
      return [lines, `"${bufferId}": ${lines}, with no barrier between two invocations`];
    }));
    const [problem] = [...complaints, ...errors];
    return {
      races: [...places.values()],
      problem: problem === undefined ? null : wordsOf(problem),
    };
  } catch (cause) {
    return { races: [], problem: wordsOf(cause instanceof Error ? cause.message : String(cause)) };
  } finally {
    console.error = error;
    WorkgroupScheduler.prototype.run = run;
  }

  function wordsOf(problem: string): string {
    if (/step budget/.test(problem)) return `it takes more than ${steps} statements`;
    return `the interpreter stopped: ${problem.split("\n")[0]}`;
  }
}
