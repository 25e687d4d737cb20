/** What one call of a kernel does: its arguments checked, its passes resolved. */

import { KernelArgumentError } from "../src/core/gpu_errors.ts";
import { ArgumentList, type CallArguments, type PassedArguments } from "./argument_list.ts";
import { type Workgroups, workgroupsFor } from "./arguments.ts";
import type { KernelOptions, KernelPass, Overrides, Threads } from "./kernel_spec.ts";
import {
  bindPass,
  checkNames,
  type KernelVariant,
  longest,
  needs,
  type PassBinding,
  type ResolvedPass,
} from "./pass_bindings.ts";
import { named } from "./program.ts";
import {
  type KernelBinding,
  type ModuleInterface,
  reflectKernel,
  reflectModule,
  type ReflectOptions,
} from "./reflection.ts";
import { MAX_WORKGROUPS, splitGrid, splitSource } from "./wgsl_split.ts";

/** One dispatch of a call. */
export interface PlannedPass {
  readonly variant: KernelVariant;
  /** From 1 to 65,535. */
  readonly workgroups: Workgroups;
  readonly bindings: readonly PassBinding[];
}

/** What calls do whose arguments have the same sizes, and that are to have as many threads. */
export interface CallShape {
  /** Bytes of each argument; -1 for what the call goes without. */
  readonly bytes: readonly number[];
  /** What the declaration's `threads` gave. */
  readonly threads: Threads | undefined;
  readonly passes: readonly PlannedPass[];
}

/** One call. */
export interface CallPlan {
  /** Everything that is passed, returned or scratch. */
  readonly checked: CallArguments;
  /** The same object for all calls of this shape that come soon after each other. */
  readonly shape: CallShape;
}

/** Shapes of calls that a plan knows at once: a kernel has few at a time. */
const KNOWN_SHAPES = 8;

/** A variant that runs in chunks. */
interface SplitVariant {
  readonly variant: KernelVariant;
  /** Its uniform for the chunk. */
  readonly chunk: KernelBinding;
}

/** Reads a kernel's declaration against its WGSL, once, and plans its calls. */
export class KernelPlan {
  readonly #name: string;
  readonly #options: KernelOptions<object>;
  /** What calls may pass, and what is sized for them. */
  readonly list: ArgumentList;
  readonly #module: ModuleInterface | null;
  readonly #variants = new Map<string, KernelVariant>();
  /** The one pass of a declaration without `passes`. */
  readonly #only: ResolvedPass | null;
  /** Shapes of a declaration without `passes`: those depend on more than sizes. */
  readonly #shapes: CallShape[] = [];
  #oldest = 0;
  readonly #split = new Map<KernelVariant, SplitVariant>();

  /**
   * @throws {KernelCompileError} When the WGSL's declarations do not parse or do not fit the kernel's.
   * @throws {TypeError} When the declaration has both `threads` and `passes`.
   */
  constructor(name: string, options: KernelOptions<object>) {
    this.#name = name;
    this.#options = options;
    const { wgsl, entry, overrides, passes } = options;
    if (passes === undefined) {
      this.#module = null;
      const variant = this.#variant(entry, overrides);
      this.#only = { where: name, pass: {}, variant };
      this.list = new ArgumentList(name, variant.interface.bindings, options);
      return;
    }
    if (options.threads !== undefined) {
      throw new TypeError(`${name}: \`threads\` belongs to each of the \`passes\``);
    }
    try {
      this.#module = reflectModule(wgsl, overrides);
    } catch (error) {
      throw named(name, wgsl, error);
    }
    this.#only = null;
    this.list = new ArgumentList(name, this.#module.bindings, options);
  }

  /** Names of what calls may pass; outputs, which the declaration sizes, are not among them. */
  get inputs(): readonly string[] {
    const { outputs = {}, scratch = {} } = this.#options;
    return this.list.bindings.map(({ name }) => name)
      .filter((name) => !Object.hasOwn(outputs, name) && !Object.hasOwn(scratch, name));
  }

  /** Names of what every call gives. */
  get results(): readonly string[] {
    const { outputs = {} } = this.#options;
    const passed = this.#module === null ? this.#written : [];
    return this.#written.filter((name) => Object.hasOwn(outputs, name) || passed.includes(name));
  }

  /** Names of what a call gives if its passes want it passed. */
  get maybe(): readonly string[] {
    const sure = this.results;
    return this.#written.filter((name) => !sure.includes(name));
  }

  get #written(): readonly string[] {
    const { scratch = {} } = this.#options;
    return this.list.bindings.filter(({ role }) => role === "storage-read-write")
      .map(({ name }) => name).filter((name) => !Object.hasOwn(scratch, name));
  }

  /** What calls are known to need; empty when that depends on overrides that only passes give. */
  get variants(): readonly KernelVariant[] {
    const { entry, overrides = {} } = this.#options;
    if (this.#module === null) return [this.#variant(entry, overrides)];
    const open = this.#module.overrides.some((one) =>
      !one.hasDefault && !Object.hasOwn(overrides, one.name)
    );
    return open ? [] : this.#module.entries.map((name) => this.#variant(name, overrides));
  }

  /**
   * Checks the arguments of one call, and says what it dispatches.
   *
   * @throws {KernelArgumentError} Naming the binding, what it is and what it got.
   * @throws {KernelCompileError} When a pass names an entry point or override that there is not.
   */
  call(args: PassedArguments): CallPlan {
    const checked = this.list.passed(args);
    if (this.#only === null) return { checked, shape: this.#shapeOf(args, checked) };
    this.list.rest(args, checked);
    this.#check(args);
    const threads = this.#options.threads?.(args as never) as Threads | undefined;
    for (const shape of this.#shapes) {
      if (isShape(shape, checked, threads)) return { checked, shape };
    }
    const passes = this.#plan(this.#only, threads, checked);
    const shape = {
      bytes: bytesOf(checked),
      threads: Array.isArray(threads) ? [...threads] as never : threads,
      passes,
    };
    this.#shapes[this.#oldest++ % KNOWN_SHAPES] = shape;
    return { checked, shape };
  }

  /** The shape of a call that says itself what its passes are. */
  #shapeOf(args: PassedArguments, checked: ReturnType<ArgumentList["passed"]>): CallShape {
    const resolved = this.#resolve(args, checked);
    this.list.rest(args, checked, needs(resolved));
    this.#check(args);
    const passes = resolved.flatMap((one) => this.#plan(one, undefined, checked));
    return { bytes: bytesOf(checked), threads: undefined, passes };
  }

  /** What the declaration itself has against the arguments. */
  #check(args: PassedArguments): void {
    const problem = this.#options.check?.(args as never);
    if (problem !== undefined) throw new KernelArgumentError(`${this.#name}: ${problem}`);
  }

  /** Finds the passes' entry points. */
  #resolve(args: PassedArguments, passed: CallArguments): ResolvedPass[] {
    const { entry, overrides, passes } = this.#options;
    let list: readonly KernelPass[];
    try {
      list = passes!(args as never);
    } catch (cause) {
      throw this.#missing(passed, cause);
    }
    if (!Array.isArray(list)) {
      throw new KernelArgumentError(`${this.#name}: \`passes\` must give a list`, "passes");
    }
    const { entries } = this.#module!;
    const usual = entry ?? (entries.length === 1 ? entries[0] : undefined);
    return list.map((pass: KernelPass, i) => {
      const merged = pass.overrides === undefined ? overrides : { ...overrides, ...pass.overrides };
      const variant = this.#variant(pass.entry ?? usual, merged);
      const where = `${this.#name} pass ${i} (${variant.interface.entry})`;
      checkNames(where, pass, variant.interface);
      return { where, pass, variant };
    });
  }

  /** What a function of the declaration threw, with what it may have looked for in vain. */
  #missing(passed: CallArguments, cause: unknown): unknown {
    const { outputs = {}, scratch = {} } = this.#options;
    const names = this.list.bindings.map(({ name }) => name)
      .filter((name, i) => passed[i] === null && !(name in outputs) && !(name in scratch));
    if (names.length === 0) return cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    const text = `${this.#name}: \`passes\` failed with "${message}"; not passed: `;
    const binding = names.length === 1 ? names[0] : "";
    return new KernelArgumentError(text + names.join(", "), binding, { cause });
  }

  #variant(entry: string | undefined, overrides: Overrides = {}): KernelVariant {
    const values = Object.entries(overrides).sort();
    const key = `${entry ?? ""} ${JSON.stringify(values)}`;
    const found = this.#variants.get(key);
    if (found !== undefined) return found;
    const { wgsl, passes } = this.#options;
    const options: ReflectOptions = {
      ...(values.length > 0 ? { overrides: Object.fromEntries(values) } : {}),
      ...(passes !== undefined ? { onlyUsed: true } : {}),
    };
    try {
      const variant = { wgsl, entry, options, interface: reflectKernel(wgsl, entry, options) };
      this.#variants.set(key, variant);
      return variant;
    } catch (error) {
      throw named(this.#name, wgsl, error);
    }
  }

  /** Binds one pass and counts its workgroups: a dispatch, several when they are too many, or none. */
  #plan(
    resolved: ResolvedPass,
    threads: Threads | undefined,
    checked: CallArguments,
  ): PlannedPass[] {
    const { where, pass, variant } = resolved;
    const bindings = bindPass(resolved, this.list, checked);
    const { workgroupSize } = variant.interface;
    if (pass.workgroups !== undefined && pass.threads !== undefined) {
      const problem = `${where}: give \`threads\` or \`workgroups\`, not both`;
      throw new KernelArgumentError(problem, "threads");
    }
    const workgroups = workgroupsFor(
      where,
      workgroupSize,
      pass.workgroups !== undefined
        ? { workgroups: pass.workgroups }
        : { threads: pass.threads ?? threads ?? longest(bindings, checked) },
    );
    if (workgroups.includes(0)) return [];
    if (workgroups.every((n) => n <= MAX_WORKGROUPS)) return [{ variant, workgroups, bindings }];
    const split = this.#splitOf(where, variant, workgroups);
    return splitGrid(workgroups, workgroupSize).map(({ workgroups, uniform }) => ({
      variant: split.variant,
      workgroups,
      bindings: [...bindings, { at: split.chunk, uniform }],
    }));
  }

  /** The variant that runs in chunks. */
  #splitOf(where: string, variant: KernelVariant, workgroups: Workgroups): SplitVariant {
    const found = this.#split.get(variant);
    if (found !== undefined) return found;
    const { wgsl, options, interface: { entry } } = variant;
    const { bindings } = reflectModule(wgsl, options.overrides);
    const source = splitSource(wgsl, entry, bindings);
    if (source === null) {
      const grid = workgroups.join(" x ");
      throw new KernelArgumentError(
        `${where}: ${grid} workgroups, WebGPU runs at most ${MAX_WORKGROUPS} in one dimension, and ` +
          "the entry point has parameters with which it cannot be split",
        "threads",
      );
    }
    const kernel = reflectKernel(source.wgsl, entry, options);
    const chunk = kernel.bindings.find(({ name }) => name === source.chunk)!;
    const split = { variant: { wgsl: source.wgsl, entry, options, interface: kernel }, chunk };
    this.#split.set(variant, split);
    return split;
  }
}

function bytesOf(checked: CallArguments): number[] {
  return checked.map((argument) => argument === null ? -1 : argument.byteLength);
}

function isShape(shape: CallShape, checked: CallArguments, threads: Threads | undefined): boolean {
  for (let i = 0; i < checked.length; i++) {
    const argument = checked[i]!;
    if (shape.bytes[i] !== (argument === null ? -1 : argument.byteLength)) return false;
  }
  const { threads: known } = shape;
  if (known === threads) return true;
  return Array.isArray(known) && Array.isArray(threads) && known.length === threads.length &&
    known.every((n, i) => n === threads[i]);
}
