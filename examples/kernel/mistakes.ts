/** Four mistakes, and what is said of each. */
import { kernel } from "@dramatis/dramatis/gpu";
import wgsl from "./saxpy.wgsl" with { type: "text" };
import type { SaxpyArgs, SaxpyOut } from "./saxpy_args.ts";

/** Its last line adds an integer to a float. */
export const misspelt = kernel<SaxpyArgs, SaxpyOut>(import.meta, "misspelt", {
  wgsl: wgsl.replace("+ y[i]", "+ i"),
});

const x = Float32Array.of(1, 2, 3);
const p = { a: 2, n: 3 };

/** Arguments that do not fit. */
export const MISTAKES: readonly (readonly [what: string, args: object])[] = [
  ["a misnamed binding", { x, why: x, p }],
  ["the wrong type", { x: Int32Array.of(1, 2, 3), y: x, p }],
  ["the wrong length", { x, y: x.subarray(1), p }],
  ["a field left out", { x, y: x, p: { a: 2 } }],
];
