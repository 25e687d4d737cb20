/** The uniforms of one kernel's calls. */

import type { ArgumentList } from "./argument_list.ts";
import { type UniformPacker, uniformPacker } from "./layout.ts";
import { roundUp } from "./wgsl_types.ts";

/** Packs the values of one call after the other into the same words, from where the lane takes them. */
export class UniformBlock {
  /** The packed values; the padding is zero. */
  readonly words: Uint32Array<ArrayBuffer>;
  readonly #view: DataView;
  /** Of each argument, where it starts and ends; nothing of arrays. */
  readonly #places: readonly (Place | null)[];

  /** @param kernel Its name, for messages. */
  constructor(kernel: string, { bindings }: ArgumentList) {
    let end = 0;
    this.#places = bindings.map(({ name, role, type }) => {
      if (role !== "uniform") return null;
      const start = end;
      end += roundUp(type.size, 16);
      return { start, end, pack: uniformPacker(kernel, name, type) };
    });
    this.words = new Uint32Array(end / 4);
    this.#view = new DataView(this.words.buffer);
  }

  /**
   * Packs the value of an argument.
   *
   * @throws {KernelArgumentError} Naming the field that is missing, unknown or wrong.
   */
  pack(argument: number, value: unknown): void {
    const { start, pack } = this.#places[argument]!;
    pack(this.#view, start, value);
  }

  /** Where the value of an argument starts in the words. */
  startOf(argument: number): number {
    return this.#places[argument]!.start / 4;
  }

  /** Where it ends, with its padding. */
  endOf(argument: number): number {
    return this.#places[argument]!.end / 4;
  }
}

/** In bytes. */
interface Place {
  readonly start: number;
  readonly end: number;
  readonly pack: UniformPacker;
}
