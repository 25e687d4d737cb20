/** Runs kernels one after the other on one device, without a wait between them. */

import { argumentsOf, checkNames, type Link, linkChain, stepName } from "./chain.ts";
import type { GpuHandle } from "./device.ts";
import type { ChainDeclaration, Declaration } from "./declaration.ts";
import type { EnqueueOptions } from "./kernel_runner.ts";
import type { Runner } from "./runner.ts";
import type { GpuSlot } from "./slot.ts";
import { uploadSlot } from "./slots.ts";
import { dtypeOf, type TypedArray } from "./typed_array.ts";

/** Makes what runs a step. */
export type MakeRunner = (gpu: GpuHandle, kernel: Declaration, name: string) => Runner;

/** A chain on one device: one submit, and what is between its steps never leaves the device. */
export class ChainRunner implements Runner {
  readonly name: string;
  readonly #gpu: GpuHandle;
  readonly #chain: ChainDeclaration;
  readonly #make: MakeRunner;
  readonly #runners: readonly Runner[];
  #linked: Link | null = null;

  /** Compiles nothing yet. */
  constructor(gpu: GpuHandle, name: string, chain: ChainDeclaration, make: MakeRunner) {
    this.name = name;
    this.#gpu = gpu;
    this.#chain = chain;
    this.#make = make;
    this.#runners = chain.steps.map(({ kernel }, i) => make(gpu, kernel, stepName(chain, i)));
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

  isOn(gpu: GpuHandle): boolean {
    return this.#gpu === gpu;
  }

  on(gpu: GpuHandle): Runner {
    return new ChainRunner(gpu, this.name, this.#chain, this.#make);
  }

  /** @throws {TypeError} When its names do not fit. */
  async prepare(): Promise<void> {
    for (const runner of this.#runners) await runner.prepare();
    void this.#link;
  }

  async enqueue(args: object, options: EnqueueOptions = {}): Promise<Record<string, GpuSlot>> {
    const { consume = [], onConsumed } = options;
    const link = this.#link;
    checkNames(this.name, link, args);
    // Until all is recorded: buffers that are new have to be waited for.
    using _held = this.#gpu.lane.hold();
    const values = new Map<string, unknown>(Object.entries(args));
    /** What the steps have made, and no step has used up. */
    const made = new Map<string, GpuSlot>();
    const give = (name: string, slot: GpuSlot) => {
      made.get(name)?.release();
      made.set(name, slot);
      values.set(name, slot);
    };
    try {
      for (const name of link.shared) {
        const value = values.get(name);
        if (dtypeOf(value) === null) continue;
        give(name, await uploadSlot(this.#gpu, value as TypedArray));
      }
      for (const [i, step] of link.steps.entries()) {
        const last = new Map<string, string>(); // one binding for each name that ends here
        for (const [binding, name] of step.takes) {
          const mayUse = made.has(name) || consume.includes(name);
          if (mayUse && step.ends.has(name)) last.set(name, binding);
        }
        const names = new Map([...last].map(([name, binding]) => [binding, name]));
        const results = await this.#runners[i]!.enqueue(argumentsOf(step, values), {
          consume: [...names.keys()],
          onConsumed: (binding) => {
            const name = names.get(binding)!;
            if (!made.delete(name)) onConsumed?.(name);
          },
        });
        for (const [result, slot] of Object.entries(results)) give(step.nameOf(result), slot);
        for (const name of step.unread) {
          made.get(name)?.release();
          made.delete(name);
        }
      }
      const results: Record<string, GpuSlot> = {};
      for (const name of [...link.results, ...link.maybe]) {
        const slot = made.get(name);
        if (slot === undefined) continue;
        results[name] = slot;
        made.delete(name);
      }
      return results;
    } finally {
      for (const slot of made.values()) slot.release();
    }
  }

  get #link(): Link {
    return this.#linked ??= linkChain(this.#chain, this.#runners);
  }
}
