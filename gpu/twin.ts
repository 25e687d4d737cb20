/** Computes on a CPU what a kernel, or several one after the other, compute on a device. */

import { GpuUnavailableError } from "../src/core/gpu_errors.ts";
import {
  argumentsOf,
  checkNames,
  type Link,
  linkChain,
  type Signature,
  stepName,
} from "./chain.ts";
import { runTwin } from "./cpu_twin.ts";
import type { ChainDeclaration, Declaration } from "./declaration.ts";
import { KernelPlan } from "./kernel_plan.ts";
import type { KernelOptions } from "./kernel_spec.ts";
import { NO_ADAPTER } from "./no_adapter.ts";
import type { TypedArray } from "./typed_array.ts";

/** A kernel on a CPU. */
export interface Twin extends Signature {
  /** For messages. */
  readonly name: string;
  /** Computes; the results are new arrays, and the arguments stay as they are. */
  compute(args: object): Promise<Record<string, TypedArray>>;
}

/**
 * The twin of a kernel.
 *
 * @param name What it is called in messages.
 * @throws {GpuUnavailableError} When it has none.
 * @throws {KernelCompileError} When the WGSL does not parse: arguments are checked against it here too.
 * @throws {TypeError} When the names of a chain do not fit.
 */
export function twinOf(declaration: Declaration, name: string = declaration.name): Twin {
  switch (declaration.kind) {
    case "wgsl":
      return new KernelTwin(name, declaration.options);
    case "chain":
      return new ChainTwin(name, declaration);
    default:
      return declaration satisfies never;
  }
}

class KernelTwin implements Twin {
  readonly name: string;
  readonly #options: KernelOptions<object>;
  readonly #plan: KernelPlan;

  constructor(name: string, options: KernelOptions<object>) {
    if (options.cpu === undefined) {
      throw new GpuUnavailableError(
        `${name} needs a GPU: it was placed in a pool without one and has no \`cpu\` twin. ` +
          `Perhaps ${NO_ADAPTER}`,
      );
    }
    this.name = name;
    this.#options = options;
    this.#plan = new KernelPlan(name, options);
  }

  get inputs(): readonly string[] {
    return this.#plan.inputs;
  }

  get results(): readonly string[] {
    return this.#plan.results;
  }

  get maybe(): readonly string[] {
    return this.#plan.maybe;
  }

  compute(args: object): Promise<Record<string, TypedArray>> {
    return runTwin(this.name, this.#options, args, this.#plan);
  }
}

class ChainTwin implements Twin {
  readonly name: string;
  readonly #twins: readonly Twin[];
  readonly #link: Link;

  constructor(name: string, chain: ChainDeclaration) {
    this.name = name;
    this.#twins = chain.steps.map(({ kernel }, i) => twinOf(kernel, stepName(chain, i)));
    this.#link = linkChain(chain, this.#twins);
  }

  get inputs(): readonly string[] {
    return this.#link.inputs;
  }

  get results(): readonly string[] {
    return this.#link.results;
  }

  get maybe(): readonly string[] {
    return this.#link.maybe;
  }

  async compute(args: object): Promise<Record<string, TypedArray>> {
    const link = this.#link;
    checkNames(this.name, link, args);
    const values = new Map<string, unknown>(Object.entries(args));
    const made = new Map<string, TypedArray>();
    for (const [i, step] of link.steps.entries()) {
      const results = await this.#twins[i]!.compute(argumentsOf(step, values));
      for (const [result, array] of Object.entries(results)) {
        const name = step.nameOf(result);
        values.set(name, array);
        made.set(name, array);
      }
    }
    const names = [...link.results, ...link.maybe].filter((name) => made.has(name));
    return Object.fromEntries(names.map((name) => [name, made.get(name)!]));
  }
}
