/** Numbers for tests, the same in every run. */
import type { elements, ElementType } from "../../gpu/kernels/elements.ts";

/** Random words, the same in every run. */
export function words(n: number, seed = 1): Uint32Array {
  const list = new Uint32Array(n);
  let state = seed;
  for (let i = 0; i < n; i++) {
    state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
    list[i] = Math.imul(state ^ state >>> 13, 0x297a2d39) ^ state >>> 16;
  }
  return list;
}

/** Random numbers of any size for integers, from -1 to 1 for floats. */
export function numbers(type: ElementType, n: number, seed = 1): ReturnType<typeof elements> {
  const list = words(n, seed);
  if (type === "u32") return list;
  if (type === "i32") return new Int32Array(list.buffer);
  return floats(list, (word) => word / 2 ** 31 - 1);
}

/** Floats whose products and sums are exact, however a device rounds. */
export function wholeFloats(n: number, seed = 1): Float32Array {
  return floats(words(n, seed), (word) => word % 9 - 4);
}

/** As `Float32Array.from`, without an iterator. */
function floats(list: Uint32Array, of: (word: number) => number): Float32Array {
  const array = new Float32Array(list.length);
  for (let i = 0; i < array.length; i++) array[i] = of(list[i]!);
  return array;
}
