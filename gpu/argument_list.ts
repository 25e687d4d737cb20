/** The arguments of one kernel: checks what calls pass, and sizes what they do not. */

import { KernelArgumentError } from "../src/core/gpu_errors.ts";
import { type CheckedArgument, checkSized, checkStorage, refuse } from "./arguments.ts";
import type { KernelBinding } from "./reflection.ts";
import { arrayNameOf } from "./typed_array.ts";

/** The part of a declaration that concerns arguments. */
export interface ArgumentRules {
  readonly outputs?: Readonly<Record<string, (args: never) => number>>;
  readonly scratch?: Readonly<Record<string, (args: never) => number>>;
}

/** What a call passes, by name. */
export type PassedArguments = Readonly<Record<string, unknown>>;

/** What stands for each binding in a call, in their order; `null` for what the call goes without. */
export type CallArguments = readonly (CheckedArgument | null)[];

/** What calls of a kernel may pass, found out once. */
export class ArgumentList {
  /** In their order. */
  readonly bindings: readonly KernelBinding[];
  readonly #kernel: string;
  readonly #rules: ArgumentRules;
  readonly #indices: ReadonlyMap<string, number>;
  /** One for each binding: to copy a list is quicker than to fill one. */
  readonly #none: readonly null[];
  /** Whether the rules are known to fit the bindings. */
  #isChecked = false;

  /** @param kernel Its name, for messages. */
  constructor(kernel: string, bindings: readonly KernelBinding[], rules: ArgumentRules) {
    this.#kernel = kernel;
    this.bindings = bindings;
    this.#rules = rules;
    this.#none = bindings.map(() => null);
    this.#indices = new Map(bindings.map(({ name }, i) => [name, i]));
  }

  /** The place of a binding among all; `undefined` if there is none of that name. */
  indexOf(name: string): number | undefined {
    return this.#indices.get(name);
  }

  /**
   * Checks what is passed.
   *
   * @throws {KernelArgumentError} For the first that is unknown, of the wrong kind or size.
   */
  passed(args: PassedArguments): (CheckedArgument | null)[] {
    this.#checkNames(args);
    if (!this.#isChecked) this.#checkRules();
    const { bindings } = this;
    const checked: (CheckedArgument | null)[] = this.#none.slice();
    for (let i = 0; i < bindings.length; i++) {
      const binding = bindings[i]!;
      const value = args[binding.name];
      if (value === undefined) continue;
      checked[i] = binding.role === "uniform"
        ? { from: "uniform", binding, byteLength: binding.type.size, value }
        : checkStorage(this.#kernel, binding, value);
    }
    return checked;
  }

  /**
   * Sizes what is not passed, as far as the declaration does: after all checks of what is passed, as
   * the functions that size may rely on arguments that are there and right.
   *
   * @param checked What is passed; what is sized is put into its place.
   * @param needed The names without which a call cannot be. @default all
   * @throws {KernelArgumentError} For the first that is needed and neither passed nor sized.
   */
  rest(
    args: PassedArguments,
    checked: (CheckedArgument | null)[],
    needed: ReadonlySet<string> | null = null,
  ): void {
    if (!checked.includes(null)) return;
    const { outputs = {}, scratch = {} } = this.#rules;
    this.bindings.forEach((binding, i) => {
      const { name } = binding;
      if (checked[i] !== null || Object.hasOwn(outputs, name) || Object.hasOwn(scratch, name)) {
        return;
      }
      const wanted = binding.role === "uniform" ? "a value" : arrayNameOf(binding.dtype);
      if (needed === null || needed.has(name)) {
        refuse(this.#kernel, binding, `it is missing, expected ${wanted}`);
      }
    });
    this.bindings.forEach((binding, i) => {
      if (checked[i] !== null) return;
      const from = Object.hasOwn(outputs, binding.name) ? "output" : "scratch";
      const size = (from === "output" ? outputs : scratch)[binding.name];
      if (size !== undefined) checked[i] = checkSized(this.#kernel, binding, from, size, args);
    });
  }

  /** Most calls name nothing that is not a binding: there are as many names as bindings that are given. */
  #checkNames(args: PassedArguments): void {
    const names = Object.keys(args);
    const { scratch } = this.#rules;
    let known = 0;
    for (let i = 0; i < this.bindings.length; i++) {
      if (args[this.bindings[i]!.name] !== undefined) known++;
    }
    if (known === names.length && scratch === undefined) return;
    for (const name of names) this.#checkName(name);
  }

  #checkName(name: string): void {
    const { scratch } = this.#rules;
    if (scratch !== undefined && Object.hasOwn(scratch, name)) {
      const problem = `${this.#kernel}: "${name}" is scratch, not an argument`;
      throw new KernelArgumentError(problem, name);
    }
    if (this.#indices.has(name)) return;
    const known = [...this.#indices.keys()].join(", ") || "none";
    const problem = `${this.#kernel}: there is no binding "${name}", only ${known}`;
    throw new KernelArgumentError(problem, name);
  }

  #checkRules(): void {
    for (const rule of ["outputs", "scratch"] as const) {
      for (const name of Object.keys(this.#rules[rule] ?? {})) {
        if (this.bindings.some((b) => b.name === name && b.role === "storage-read-write")) continue;
        throw new KernelArgumentError(
          `${this.#kernel}: ${rule} names "${name}", which is not a read_write binding of the WGSL`,
          name,
        );
      }
    }
    this.#isChecked = true;
  }
}
