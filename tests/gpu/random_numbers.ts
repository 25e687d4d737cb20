/** Numbers for tests, the same in every run. */
import { elements, type ElementType } from "../../gpu/kernels/elements.ts";

/** Random words, the same in every run. */
export function words(n: number, seed = 1): Uint32Array {
  let state = seed;
  return Uint32Array.from({ length: n }, () => {
    state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return Math.imul(state ^ state >>> 13, 0x297a2d39) ^ state >>> 16;
  });
}

/** Random numbers of any size for integers, from -1 to 1 for floats. */
export function numbers(type: ElementType, n: number, seed = 1): ReturnType<typeof elements> {
  const array = elements(type, n);
  words(n, seed).forEach((word, i) => array[i] = type === "f32" ? word / 2 ** 31 - 1 : word);
  return array;
}

/** Floats whose products and sums are exact, however a device rounds. */
export function wholeFloats(n: number, seed = 1): Float32Array {
  return Float32Array.from(words(n, seed), (word) => word % 9 - 4);
}
