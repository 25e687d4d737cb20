/** Kernels one after the other: what each takes and gives, by the names of the chain. */

import { KernelArgumentError } from "../src/core/gpu_errors.ts";
import type { ChainDeclaration, StepUniform } from "./declaration.ts";

/** What a kernel takes and gives, by name. */
export interface Signature {
  /** What calls may pass. */
  readonly inputs: readonly string[];
  /** What every call gives. */
  readonly results: readonly string[];
  /** What a call gives if its passes want it passed. */
  readonly maybe: readonly string[];
}

/** One step of a chain. */
export interface LinkedStep {
  /** What it takes: its binding, and the name in the chain. */
  readonly takes: readonly (readonly [binding: string, name: string])[];
  /** What its results are called in the chain. */
  readonly nameOf: (result: string) => string;
  /** Names of what it takes that nobody needs after it. */
  readonly ends: ReadonlySet<string>;
  /** Names of what it makes that nobody needs at all. */
  readonly unread: ReadonlySet<string>;
  readonly uniforms: Readonly<Record<string, StepUniform>>;
}

/** A chain whose names are known to fit. */
export interface Link extends Signature {
  readonly steps: readonly LinkedStep[];
  /** Arguments that more than one step takes. */
  readonly shared: ReadonlySet<string>;
}

/**
 * Finds out what goes where.
 *
 * @param parts What each step's kernel takes and gives.
 * @throws {TypeError} When a step renames what its kernel does not have, or the chain is to give what
 * no step makes.
 */
export function linkChain(chain: ChainDeclaration, parts: readonly Signature[]): Link {
  const { steps, name } = chain;
  const made = new Set<string>();
  const inputs = new Set<string>();
  const shared = new Set<string>();
  const drafts = steps.map(({ bind, uniforms, kernel }, i) => {
    const part = parts[i]!;
    const where = stepName(chain, i);
    const known = new Set([...part.inputs, ...part.results, ...part.maybe]);
    for (const one of [...Object.keys(bind), ...Object.keys(uniforms)]) {
      if (known.has(one)) continue;
      const all = [...known].join(", ");
      throw new TypeError(`${where}: ${kernel.name} has no "${one}", only ${all}`);
    }
    const nameOf = (one: string) => Object.hasOwn(bind, one) ? bind[one]! : one;
    const takes = part.inputs.filter((one) => !Object.hasOwn(uniforms, one))
      .map((one) => [one, nameOf(one)] as const);
    for (const [, one] of takes) {
      if (made.has(one)) continue;
      if (inputs.has(one)) shared.add(one);
      inputs.add(one);
    }
    const gives = part.results.map(nameOf);
    const maybe = part.maybe.map(nameOf);
    for (const one of [...gives, ...maybe]) made.add(one);
    if (new Set(gives).size < gives.length) {
      throw new TypeError(`${where}: two results have one name: ${gives.join(", ")}`);
    }
    return { takes, gives, maybe, nameOf, uniforms };
  });
  const { gives, maybe } = drafts.at(-1)!;
  const results = new Set(chain.results ?? gives);
  for (const one of results) {
    if (made.has(one)) continue;
    throw new TypeError(`${name}: no step makes "${one}", only ${[...made].join(", ")}`);
  }
  // Backwards: what is taken later lives until then.
  const needed = new Set(chain.results ?? [...gives, ...maybe]);
  const linked: LinkedStep[] = [];
  for (const { takes, gives, nameOf, uniforms } of drafts.toReversed()) {
    const unread = new Set(gives.filter((one) => !needed.delete(one)));
    const taken = takes.map(([, one]) => one);
    const ends = new Set(taken.filter((one) => !needed.has(one)));
    for (const one of taken) needed.add(one);
    linked.unshift({ takes, nameOf, ends, unread, uniforms });
  }
  return {
    inputs: [...inputs],
    results: [...results],
    maybe: chain.results === undefined ? maybe : [],
    steps: linked,
    shared,
  };
}

/** A step for people, which its kernel is called in messages. */
export function stepName({ name, steps }: ChainDeclaration, i: number): string {
  return `${name} step ${i} (${steps[i]!.kernel.name})`;
}

/** @throws {KernelArgumentError} When a name is none that a step takes. */
export function checkNames(name: string, { inputs }: Link, args: object): void {
  for (const one of Object.keys(args)) {
    if (inputs.includes(one)) continue;
    const known = inputs.join(", ") || "none";
    throw new KernelArgumentError(`${name}: there is no argument "${one}", only ${known}`, one);
  }
}

/** What a step is called with, of what there is. */
export function argumentsOf(
  { takes, uniforms }: LinkedStep,
  values: ReadonlyMap<string, unknown>,
): Record<string, unknown> {
  const args: Record<string, unknown> = {};
  for (const [binding, name] of takes) if (values.has(name)) args[binding] = values.get(name);
  for (const [binding, uniform] of Object.entries(uniforms)) {
    args[binding] = typeof uniform === "function"
      ? uniform(Object.fromEntries(values) as never)
      : uniform;
  }
  return args;
}
